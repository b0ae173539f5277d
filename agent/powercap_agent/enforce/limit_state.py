"""State of one limit since it was last written, and when it may be written again."""

from dataclasses import dataclass
from typing import Final

from ..hardware.zone import LimitError

RETRY_SECONDS: Final = (0.0, 60.0, 600.0, 3600.0)
"""Pauses before a refused limit is tried again, at the next check after that: none at first, as the fault may have
passed, then ever longer, as each try on a locked limit may be a line in the kernel's log."""
FIGHT_PAUSE_SECONDS: Final = 3600.0
"""Pause before a limit that something else keeps changing is written again."""
MAX_FIGHTS: Final = 5
"""This many checks in a row that find a limit changed by something else are a fight."""


@dataclass(slots=True)
class LimitState:
    """State of one limit. Powers in microwatts, times in seconds of a monotonic clock."""

    requested_uw: int
    read_back_uw: int | None = None
    problem: LimitError | None = None
    """Why the last write did not succeed."""
    failures: int = 0
    fights: int = 0
    """Checks in a row that found the limit changed."""
    retry_at: float = 0.0

    def waits(self, now: float) -> bool:
        """Whether it is too soon for another try."""
        return now < self.retry_at

    def fought(self, now: float) -> None:
        """Count a change of the limit by something else."""
        self.fights += 1
        if self.fights >= MAX_FIGHTS:
            self.retry_at = now + FIGHT_PAUSE_SECONDS

    def refused(self, problem: LimitError, now: float) -> None:
        """Count a write that did not succeed."""
        self.problem = problem
        self.retry_at = now + RETRY_SECONDS[min(self.failures, len(RETRY_SECONDS) - 1)]
        self.failures += 1

    def rewritten(self, power_uw: int) -> "LimitState":
        """The state with which the limit is written (again)."""
        if self.requested_uw == power_uw:
            return LimitState(power_uw, failures=self.failures, fights=self.fights, retry_at=self.retry_at)
        return LimitState(power_uw, failures=self.failures)
