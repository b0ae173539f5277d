"""State of one limit: what is in force by our last write, which values were refused, who else changes it."""

from dataclasses import dataclass, field
from typing import Final

from powercap_api.reasons import ZoneReason

from ..hardware.zone import LimitError

RETRY_SECONDS: Final = (0.0, 60.0, 600.0, 3600.0)
"""Pauses before a refused value is tried again, at the next check after that: none at first, as the fault may have
passed, then ever longer, as each try on a locked limit may be a line in the kernel's log."""
LOCKED_VALUES: Final = 2
LOCKED_SECONDS: Final = 600.0
"""Of a locked limit this many new values are tried within this time: a ramp has a new value every second."""
FIGHT_WINDOW_SECONDS: Final = 7200.0
FIGHT_PAUSE_SECONDS: Final = 3600.0
"""Pause before the same value is written again to a limit that something else keeps changing."""
MAX_FIGHTS: Final = 5
"""This many changes by something else within ``FIGHT_WINDOW_SECONDS`` are a fight."""
_MAX_REFUSALS: Final = 16
_MAX_CHANGES: Final = 64


@dataclass(slots=True)
class Refusal:
    """One value that was refused."""

    problem: LimitError
    first_at: float
    failures: int
    retry_at: float


@dataclass(slots=True)
class LimitState:
    """State of one limit. Powers in microwatts, times in seconds of a monotonic clock."""

    read_back_uw: int | None = None
    """What read back after the last write that succeeded."""
    requested_uw: int | None = None
    """What that write asked for."""
    last_problem: LimitError | None = None
    """Why the last write did not succeed."""
    refusals: dict[int, Refusal] = field(default_factory=dict)
    """By value; empty after a write that succeeded."""
    changes: list[float] = field(default_factory=list)
    """When the limit was found raised by something else."""
    written_at: float = 0.0
    """When the limit was last written with success."""

    def blocked(self, power_uw: int, now: float) -> LimitError | None:
        """Why ``power_uw`` may not be tried yet; None where it may. A value that was not refused before may."""
        refusal = self.refusals.get(power_uw)
        if refusal is not None:
            return refusal.problem if now < refusal.retry_at else None
        locked = [
            r
            for r in self.refusals.values()
            if r.problem.reason is ZoneReason.FIRMWARE_LOCKED and now - r.first_at < LOCKED_SECONDS
        ]
        return locked[-1].problem if len(locked) >= LOCKED_VALUES else None

    def refused(self, power_uw: int, problem: LimitError, now: float) -> None:
        """Count a write that did not succeed."""
        known = self.refusals.pop(power_uw, None)
        failures = 0 if known is None else known.failures
        retry_at = now + RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
        first_at = now if known is None else known.first_at
        self.refusals[power_uw] = Refusal(problem, first_at, failures + 1, retry_at)
        if len(self.refusals) > _MAX_REFUSALS:
            del self.refusals[next(iter(self.refusals))]
        self.last_problem = problem

    def accepted(self, power_uw: int, read_back_uw: int, now: float) -> None:
        """Note a write that succeeded."""
        self.written_at = now
        self.requested_uw, self.read_back_uw = power_uw, read_back_uw
        self.last_problem = None
        self.refusals.clear()

    def changed(self, now: float) -> None:
        """Count a change of the limit by something else, once for each check."""
        if now not in self.changes:
            self.changes = [*self.changes[1 - _MAX_CHANGES :], now]

    def fought(self, now: float) -> bool:
        """Whether something else changed the limit again and again before ``now``."""
        return sum(now - FIGHT_WINDOW_SECONDS < at < now for at in self.changes) >= MAX_FIGHTS

    def pauses(self, now: float) -> bool:
        """Whether it is too soon to write the same value again, because of a fight."""
        return self.fought(now) and now - self.written_at < FIGHT_PAUSE_SECONDS
