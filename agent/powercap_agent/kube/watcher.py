"""The thread that lists and watches the node's PowerBudget and passes each state of it on.

Guarantees: every state of the object that the API server ends up with reaches the main loop, however the watch
ends, also where the server's data went back to an older state; "there is no budget" is passed on only where the API
server says so. A watch that is silent for ``IDLE_SECONDS``,
without even a bookmark, is given up: the connection is taken for dead.
"""

import random
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from ..logs import Log
from .backoff import FIRST_SECONDS, WATCH_LAST_SECONDS, pause_seconds
from .client import ApiClient, ApiError, ApiRefusedError
from .paths import BUDGETS_PATH

WATCH_SECONDS: Final = 290
"""The server is asked to end a watch after this, or up to twice as long: agents whose watches began together, as after
a restart of the API server, would else end them together for ever."""
IDLE_SECONDS: Final = 70.0
"""Bookmarks come about once a minute; silence for longer than this is a dead connection."""
EARLY_SECONDS: Final = 10.0
"""A watch that ends no more than this before its time was ended by the server because its time was over, and is resumed
where it ended. One that ends sooner is followed by a list: the server may have been restarted with older data (etcd
restored from a snapshot), and a watch from a version that is not there yet receives nothing."""
WELL_AFTER_SECONDS: Final = 10.0
"""A watch that lasted this long was a good one; one that ends sooner, however politely, counts as a failure."""
GONE_AFTER: Final = 6
"""Lists in a row with the answer 404 that mean that the kind itself is gone (uninstalled); fewer may be an API
server that is still starting."""

_NOT_FOUND: Final = 404


class _ExpiredError(ApiError):
    """The watch cannot be resumed, as where its version is too old (410) or an event makes no sense: list again."""


class Watcher:
    """Lists and watches one object until the process ends."""

    def __init__(
        self,
        client: ApiClient,
        node_name: str,
        tell: Callable[[dict[str, Any] | None], None],
        log: Log,
        *,
        idle_seconds: float = IDLE_SECONDS,
        backoff_first: float = FIRST_SECONDS,
        early_seconds: float = EARLY_SECONDS,
    ) -> None:
        """``tell`` gets the object after each change, or None where there is none."""
        self._client = client
        self._selector = {"fieldSelector": f"metadata.name={node_name}"}
        self._tell = tell
        self._log = log
        self._idle_seconds = idle_seconds
        self._backoff_first = backoff_first
        self._early_seconds = early_seconds
        self._version: str | None = None
        self._failures = 0
        self._not_found = 0

    def run(self) -> None:
        """Follow the object; never returns."""
        while True:
            self.attempt()

    def attempt(self) -> None:
        """List the object where that is needed, watch it until the watch ends, and pause."""
        began, seconds, failed = time.monotonic(), watch_seconds(), False
        try:
            if self._version is None:
                self._version = self._list()
            self._watch(self._version, seconds)
            if time.monotonic() - began < seconds - self._early_seconds:
                self._version = None
        except ApiError as error:
            self._version = None
            failed = not isinstance(error, _ExpiredError)
            if failed:
                self._failed(error)
        lasted = time.monotonic() - began >= WELL_AFTER_SECONDS
        self._failures = int(failed) if lasted else self._failures + 1
        time.sleep(pause_seconds(self._failures, self._backoff_first, WATCH_LAST_SECONDS))

    def _list(self) -> str:
        found = self._client.get(f"{BUDGETS_PATH}?{urlencode(self._selector)}")
        try:
            items, version = found["items"], _version(found)
            budget = items[0] if items else None
        except (KeyError, TypeError, IndexError) as error:
            raise ApiError(f"the list of PowerBudgets makes no sense: {error!r}") from error
        if not isinstance(items, list) or not isinstance(budget, dict | None):
            raise ApiError("the list of PowerBudgets has something else in it")
        self._well()
        self._tell(budget)
        return version

    def _watch(self, version: str, seconds: int) -> None:
        query = {
            **self._selector,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(seconds),
        }
        for event in self._client.watch(f"{BUDGETS_PATH}?{urlencode(query)}", self._idle_seconds):
            self._well()
            self._see(event)

    def _see(self, event: dict[str, Any]) -> None:
        kind, seen = event.get("type"), event.get("object")
        try:
            version = _version(seen)
        except (KeyError, TypeError) as error:
            raise _ExpiredError("the watch sent something without a resourceVersion") from error
        if kind == "ERROR":
            raise _ExpiredError("the watch sent an error")
        self._version = version
        if kind in {"ADDED", "MODIFIED"}:
            self._tell(seen)
        elif kind == "DELETED":
            self._tell(None)

    def _failed(self, error: ApiError) -> None:
        status = error.status if isinstance(error, ApiRefusedError) else None
        self._not_found = self._not_found + 1 if status == _NOT_FOUND else 0
        if self._not_found == GONE_AFTER:
            self._log.warning("the cluster does not know PowerBudgets (any more)")
            self._tell(None)
        if self._log.changed("watch", status or "unreachable"):
            self._log.warning(
                "no PowerBudget from the API server, trying on", error=str(error), hint=_hint(status)
            )

    def _well(self) -> None:
        self._not_found = 0
        if self._log.changed("watch", None):
            self._log.info("the API server answers again")


def watch_seconds() -> int:
    """How long the next watch is to last, by chance."""
    return random.randrange(WATCH_SECONDS, 2 * WATCH_SECONDS)  # noqa: S311 - jitter is no secret


def _version(found: Any) -> str:
    """The resource version of an object or a list.

    Raises:
        KeyError, TypeError: it has none that could be sent back.
    """
    version = found["metadata"]["resourceVersion"]
    if not isinstance(version, str) or not version.isascii() or not version:
        raise TypeError(f"resourceVersion is {version!r}")
    return version


def _hint(status: int | None) -> str:
    return {
        401: "the token is not accepted: it is read again for each attempt",
        403: "the agent's account needs list and watch on powerbudgets",
        404: "the CustomResourceDefinition powerbudgets.powercap.dev is not installed",
    }.get(status or 0, "limits follow the budget that is known")
