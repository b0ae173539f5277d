"""The thread that writes the status: the latest only, tried until it is there or superseded."""

import random
import threading
from typing import Any, Final

from powercap_api.names import AGENT_FIELD_MANAGER

from ..logs import Log
from .client import REQUEST_SECONDS, ApiClient, ApiError, ApiRefusedError
from .watcher import budget_path

SETTLE_SECONDS: Final = 1.0
"""A status waits up to so long, by chance, before it is sent. An edit or a new market period concerns all nodes in the
same instant: limits come first, reports after them, and not all at once."""
BACKOFF_FIRST_SECONDS: Final = 0.5
BACKOFF_LAST_SECONDS: Final = 60.0
_FINAL: Final = frozenset({400, 404, 405, 409, 415, 422})
"""Answers that the same patch would get again."""


class Reporter:
    """Sends status patches for one object. A slow or dead API server never holds up who submits."""

    def __init__(
        self,
        client: ApiClient,
        node_name: str,
        log: Log,
        *,
        settle: float = SETTLE_SECONDS,
        backoff_first: float = BACKOFF_FIRST_SECONDS,
    ) -> None:
        self._client = client
        self._path = f"{budget_path(node_name)}/status?fieldManager={AGENT_FIELD_MANAGER}"
        self._log = log
        self._settle = settle
        self._backoff_first = backoff_first
        self._changed = threading.Condition()
        self._latest: dict[str, Any] | None = None
        self._serial = 0
        self._timeout = REQUEST_SECONDS
        self._closing = False
        self._idle = True

    def submit(self, status: dict[str, Any]) -> None:
        """Have ``status`` written in place of whatever still waits. Returns at once."""
        with self._changed:
            self._latest = status
            self._serial += 1
            self._idle = False
            self._changed.notify_all()

    def drop(self) -> None:
        """Forget what waits: the object is gone."""
        with self._changed:
            self._latest = None
            self._serial += 1
            self._changed.notify_all()

    def close(self, seconds: float) -> bool:
        """Send what waits, for at most ``seconds``; whether that worked."""
        with self._changed:
            self._closing = True
            self._timeout = seconds
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._idle, timeout=seconds)

    def run(self) -> None:
        """Send statuses until ``close``."""
        failures = 0
        trouble: str | None = None
        while True:
            with self._changed:
                if self._latest is None:
                    self._idle = True
                    self._changed.notify_all()
                    if self._closing:
                        return
                    self._changed.wait_for(lambda: self._latest is not None or self._closing)
                    self._changed.wait_for(lambda: self._closing, timeout=self._settling())
                    continue
                status, serial, timeout = self._latest, self._serial, self._timeout
            try:
                self._client.merge_patch(self._path, {"status": status}, timeout=timeout)
            except ApiError as error:
                failures += 1
                final = isinstance(error, ApiRefusedError) and error.status in _FINAL
                kind = str(error.status) if isinstance(error, ApiRefusedError) else "unreachable"
                if kind != trouble:
                    trouble = kind
                    self._log.warning("status not written", error=str(error), again=not final)
            else:
                failures, trouble, final = 0, None, True
            with self._changed:
                if final and serial == self._serial:
                    self._latest = None
                elif failures:
                    self._changed.wait_for(lambda: self._closing, timeout=self._pause(failures))
                    if self._closing and failures > 1:
                        return

    def _settling(self) -> float:
        return random.uniform(self._settle / 4, self._settle)  # noqa: S311 - not all nodes at once

    def _pause(self, failures: int) -> float:
        bound = min(BACKOFF_LAST_SECONDS, self._backoff_first * 2 ** min(failures, 10))
        return random.uniform(bound / 2, bound)  # noqa: S311 - jitter
