"""The ramp: a cap is raised at once, and lowered step by step and no more often than the dwell allows. Pure.

k seconds after a slot with a lower cap began, the cap in force is
the one before less (k + 1) times the ramp, until the slot's cap is reached. A lower cap that comes within the
dwell time after the beginning of the lowering before it waits until that time is over; a raise never waits.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Ramp:
    """State of one node's ramp. Powers in microwatts, times in seconds of a monotonic clock."""

    _in_force_uw: int | None = None
    _goal_uw: int | None = None
    _from_uw: int = 0
    _began: float = 0.0
    _lowered_at: float | None = None
    _ramp_uw: int | None = None
    next_step_at: float | None = None
    """When the cap in force changes next while the target stays; None: it does not."""

    def reset(self) -> None:
        """Forget the cap: none is in force any more."""
        self._in_force_uw = self._goal_uw = self.next_step_at = None

    def step(
        self,
        target_uw: int,
        now: float,
        *,
        ramp_uw: int | None,
        dwell_seconds: int,
        standing: Callable[[], int],
    ) -> int:
        """The cap to have in force at ``now`` on the way to ``target_uw``.

        ``standing`` returns the sum of the node's limits in force; it is called where this agent has set no cap yet.
        """
        self.next_step_at = None
        if ramp_uw is None and not dwell_seconds:
            self._in_force_uw = self._goal_uw = target_uw
            return target_uw
        if self._in_force_uw is None:
            self._in_force_uw = max(standing(), 1)
            self._goal_uw = None
        if target_uw >= self._in_force_uw:
            self._in_force_uw = self._goal_uw = target_uw
            return target_uw
        if self._goal_uw is not None and self._goal_uw < target_uw:
            self._goal_uw = target_uw  # the same lowering, to a higher end
        elif target_uw != self._goal_uw and self._may_lower(now, dwell_seconds):
            self._goal_uw, self._from_uw = target_uw, self._in_force_uw
            self._began = self._lowered_at = now
        elif ramp_uw != self._ramp_uw and self._goal_uw is not None:
            # The ramp was edited on the way: the new one goes on from here.
            self._from_uw, self._began = self._in_force_uw, now
        self._ramp_uw = ramp_uw
        if self._goal_uw is not None and self._goal_uw < self._in_force_uw:
            fallen_uw = self._from_uw if ramp_uw is None else ramp_uw * (int(now - self._began) + 1)
            self._in_force_uw = max(self._goal_uw, self._from_uw - fallen_uw)
        self.next_step_at = self._next_step(target_uw, now, dwell_seconds)
        return self._in_force_uw

    def _next_step(self, target_uw: int, now: float, dwell_seconds: int) -> float | None:
        if self._goal_uw is not None and self._in_force_uw is not None and self._goal_uw < self._in_force_uw:
            return self._began + int(now - self._began) + 1
        if target_uw == self._in_force_uw or self._lowered_at is None:
            return None
        return self._lowered_at + dwell_seconds

    def _may_lower(self, now: float, dwell_seconds: int) -> bool:
        return self._lowered_at is None or now - self._lowered_at >= dwell_seconds
