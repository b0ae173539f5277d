"""Writes that the API server refuses: each waits by itself, ever longer, and none holds up another."""

from collections.abc import Callable, Container, Hashable
from typing import Final

FIRST_SECONDS: Final = 5.0
LONGEST_SECONDS: Final = 300.0


class Refusals:
    """What waits, and until when. ``now`` gives seconds of a clock that only goes on."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._waits: dict[Hashable, tuple[int, float]] = {}

    def refused(self, write: Hashable) -> None:
        """It was refused, for the first time or again."""
        times = self._waits.get(write, (0, 0.0))[0] + 1
        pause = min(FIRST_SECONDS * 2 ** min(times - 1, 10), LONGEST_SECONDS)
        self._waits[write] = times, self._now() + pause

    def taken(self, write: Hashable) -> None:
        """It was not refused."""
        self._waits.pop(write, None)

    def waits(self, write: Hashable) -> bool:
        """Whether it is too early to try again."""
        return write in self._waits and self._now() < self._waits[write][1]

    def are_due(self) -> bool:
        """Whether one of them may be tried again."""
        return any(self._now() >= until for _, until in self._waits.values())

    def keep(self, wanted: Container[Hashable]) -> None:
        """Forget those that nobody wants to write any more."""
        self._waits = {write: wait for write, wait in self._waits.items() if write in wanted}
