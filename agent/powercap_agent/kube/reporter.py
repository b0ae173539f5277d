"""The thread that writes the status: the newest one only, until it is written or replaced.

When it is written depends on what it says (``Urgency``): at once, within a second, or in the node's turn.
"""

import random
import threading
import time
import zlib
from typing import Any, Final

from powercap_api.names import AGENT_FIELD_MANAGER

from ..logs import Log
from ..status.publisher import Urgency
from .backoff import FIRST_SECONDS, STATUS_LAST_SECONDS, pause_seconds
from .client import REQUEST_SECONDS, ApiClient, ApiError, ApiRefusedError
from .paths import budget_path

SETTLE_SECONDS: Final = 1.0
"""Longest random delay of a status that says something new. An edit concerns all nodes in the same instant: limits are
written first, and the reports of a cluster are spread over this time."""
SPREAD_SECONDS: Final = 60.0
"""Over this time the routine statuses of a cluster are spread, as at a new market period: each node has its own delay,
which is always the same. 5,000 nodes then write 83 statuses a second."""
_FINAL: Final = frozenset({400, 405, 415, 422})
"""Answers that the same patch would get again: it is given up. 404 and 409 are not among them: an API server that is
starting, or whose kinds are just being installed, answers so for a while."""


class Reporter:
    """Sends status patches for one object. ``submit`` never waits for the API server."""

    def __init__(
        self,
        client: ApiClient,
        node_name: str,
        log: Log,
        *,
        settle: float = SETTLE_SECONDS,
        spread: float = SPREAD_SECONDS,
        backoff_first: float = FIRST_SECONDS,
    ) -> None:
        self._client = client
        self._path = f"{budget_path(node_name)}/status?fieldManager={AGENT_FIELD_MANAGER}"
        self._log = log
        self._settle = settle
        self._turn = turn_seconds(node_name, spread)
        self._due = float("inf")
        self._backoff_first = backoff_first
        self._changed = threading.Condition()
        self._latest: dict[str, Any] | None = None
        self._serial = 0
        self._timeout = REQUEST_SECONDS
        self._closing = False
        self._idle = True

    def submit(self, status: dict[str, Any], urgency: Urgency = Urgency.SOON) -> None:
        """Queue a status; a newer one replaces it, and is written no later than it would have been. Returns at once."""
        with self._changed:
            self._due = min(self._due, time.monotonic() + delay_seconds(urgency, self._turn, self._settle))
            self._latest = status
            self._serial += 1
            self._idle = False
            self._changed.notify_all()

    def drop(self) -> None:
        """Discard the queued status: the object is gone."""
        with self._changed:
            self._latest = None
            self._due = float("inf")
            self._serial += 1
            self._changed.notify_all()

    def close(self, seconds: float) -> bool:
        """Send the queued status, within ``seconds``; whether it was written."""
        with self._changed:
            self._closing = True
            self._timeout = seconds
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._idle, timeout=seconds)

    def run(self) -> None:
        """Send statuses until ``close``."""
        failures = 0
        while True:
            with self._changed:
                if self._latest is None:
                    self._idle = True
                    self._changed.notify_all()
                    if self._closing:
                        return
                    self._changed.wait_for(lambda: self._latest is not None or self._closing)
                    continue
                wait = self._due - time.monotonic()
                if wait > 0 and not self._closing:
                    self._changed.wait(wait)
                    continue
                status, serial, timeout = self._latest, self._serial, self._timeout
                self._due = float("inf")
            try:
                self._client.merge_patch(self._path, {"status": status}, timeout=timeout)
            except ApiError as error:
                failures += 1
                final = isinstance(error, ApiRefusedError) and error.status in _FINAL
                kind = str(error.status) if isinstance(error, ApiRefusedError) else "unreachable"
                if self._log.changed("status", kind):
                    self._log.warning("status not written", error=str(error), again=not final)
            else:
                failures, final = 0, True
                self._log.changed("status", None)
            with self._changed:
                if final and serial == self._serial:
                    self._latest = None
                elif failures:
                    self._due = 0.0
                    pause = pause_seconds(failures, self._backoff_first, STATUS_LAST_SECONDS)
                    self._changed.wait_for(lambda: self._closing, timeout=pause)
                    if self._closing and failures > 1:
                        return


def delay_seconds(urgency: Urgency, turn: float, settle: float = SETTLE_SECONDS) -> float:
    """How long a status waits before it is sent, on a node whose own delay is ``turn``."""
    if urgency is Urgency.ROUTINE:
        return turn
    return random.uniform(settle / 4, settle) if urgency is Urgency.SOON else 0.0  # noqa: S311 - spread, no secret


def turn_seconds(node_name: str, spread: float = SPREAD_SECONDS) -> float:
    """A node's own delay, from 0 to ``spread``: always the same for a name, and even over many names."""
    return zlib.crc32(node_name.encode()) / 2**32 * spread
