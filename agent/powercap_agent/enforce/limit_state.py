"""State of one limit: what is in force by our last write, what stands in the way, and when to try again."""

from dataclasses import dataclass
from typing import Final

from powercap_api.reasons import ZoneReason

from ..hardware.zone import LimitError

FIRST_PAUSE_SECONDS: Final = 60.0
LAST_PAUSE_SECONDS: Final = 3600.0
"""The same value is tried again after a pause that doubles from the one to the other."""
FREE_REFUSALS: Final = 1
"""Refusals without a pause after them, as the fault may have passed. Another value is tried at once, but where
the limit is locked: that refuses all values, and each try may be a line in the kernel's log."""
FREE_CHANGES: Final = 5
"""Number of changes by something else without a pause after them; more are a conflict."""
FORGET_SECONDS: Final = 1440.0
"""One change by something else is forgotten after this time: five of them are two hours."""
_MOST_STRIKES: Final = 16


@dataclass(slots=True)
class LimitState:
    """State of one limit. Powers in microwatts, times in seconds of a monotonic clock."""

    read_back_uw: int | None = None
    """What read back after the last write that succeeded."""
    requested_uw: int | None = None
    """What that write asked for."""
    problem: LimitError | None = None
    """Why the last write did not succeed."""
    refused_uw: int | None = None
    """What that write asked for."""
    retry_at: float = 0.0
    """The same value is not tried before."""
    _strikes: int = 0
    _struck_at: float = 0.0
    _noticed: bool = False
    """Whether the change since the last write is counted."""

    def blocked(self, power_uw: int, now: float) -> LimitError | None:
        """Why ``power_uw`` may not be tried yet; None where it may."""
        locked = self.problem is not None and self.problem.reason is ZoneReason.FIRMWARE_LOCKED
        same = power_uw == self.refused_uw or locked
        return self.problem if same and now < self.retry_at else None

    def refused(self, power_uw: int, problem: LimitError, now: float) -> None:
        """Count a write that did not succeed."""
        locked = problem.reason is ZoneReason.FIRMWARE_LOCKED
        if self.problem is None or not (locked or power_uw == self.refused_uw):
            self._strikes = 0
        self.problem, self.refused_uw = problem, power_uw
        self._strike(now, FREE_REFUSALS)

    def accepted(self, power_uw: int, read_back_uw: int) -> None:
        """Note a write that succeeded."""
        if self.problem is not None:
            self._strikes = 0
        self.requested_uw, self.read_back_uw = power_uw, read_back_uw
        self.problem, self.refused_uw, self._noticed = None, None, False

    def changed(self, now: float) -> None:
        """Count a change of the limit by something else, once after each write."""
        if not self._noticed:
            self._noticed = True
            self._strikes = self._left(now)
            self._strike(now, FREE_CHANGES)

    def fought(self, now: float) -> bool:
        """Whether something else changes the limit again and again."""
        return self.problem is None and self._left(now) > FREE_CHANGES

    def _strike(self, now: float, free: int) -> None:
        self._strikes, self._struck_at = min(self._strikes + 1, _MOST_STRIKES), now
        pause = FIRST_PAUSE_SECONDS * 2 ** (self._strikes - free - 1)
        self.retry_at = now if self._strikes <= free else now + min(pause, LAST_PAUSE_SECONDS)

    def _left(self, now: float) -> int:
        """The changes that are not forgotten."""
        return max(self._strikes - int((now - self._struck_at) // FORGET_SECONDS), 0)
