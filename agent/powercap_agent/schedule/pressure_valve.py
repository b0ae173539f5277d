"""The pressure valve: lifts a cap for a while when it harms the node's work for too long.

It opens where two things are true without a break for the rule's time: tasks wait for CPUs (CPU pressure, the part of
the last minute in which at least one task waited for a CPU), and the limit binds (the power drawn is at the limit in
force). Pressure alone is load, not harm: a node whose processors draw less than they may is not slowed down by its cap.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .budget import PressureRule

SAMPLE_SECONDS: Final = 10.0
_GAP_SECONDS: Final = 3 * SAMPLE_SECONDS
"""After a longer time without a sample nothing is known of what was before."""
_BLIND_SECONDS: Final = 60.0
"""A draw that is not known for so long is told: the first samples take a while."""
NO_PRESSURE: Final = "the kernel has no pressure stall information (PSI)"
NO_DRAW: Final = "the power drawn cannot be measured"


@dataclass(slots=True)
class PressureValve:
    """State of the valve while a cap is in force. Times are seconds of a monotonic clock."""

    read_percent: Callable[[], float | None]
    limit_binds: Callable[[], bool | None]
    """Whether the draw is at the limit in force; None where the draw is not known."""
    trouble: str | None = None
    """Why the valve cannot open, where it cannot."""
    _blind_since: float | None = None
    _suffering_since: float | None = None
    _sampled_at: float | None = None
    _open_until: float | None = None

    def reset(self) -> None:
        """Forget what was: no cap is in force any more, and what comes under the next one is new."""
        self._suffering_since = self._sampled_at = self._open_until = None
        self._blind_since = self.trouble = None

    def is_open(self, rule: PressureRule, now: float) -> bool:
        """Whether the cap is lifted at ``now``."""
        if self._open_until is not None:
            if now < self._open_until:
                return True
            self._open_until = self._suffering_since = None
        if self._sampled_at is not None and now - self._sampled_at < SAMPLE_SECONDS:
            return False
        if self._sampled_at is not None and now - self._sampled_at > _GAP_SECONDS:
            self._suffering_since = None
        self._sampled_at = now
        percent, binds = self.read_percent(), self.limit_binds()
        self._note_trouble(percent, binds, now)
        if percent is not None and percent >= rule.some_percent and binds is None:
            return False  # not known: neither a break nor a reason
        if percent is None or percent < rule.some_percent or not binds:
            self._suffering_since = None
            return False
        if self._suffering_since is None:
            self._suffering_since = now
        if now - self._suffering_since < rule.for_seconds:
            return False
        self._open_until = now + rule.lift_seconds
        return True

    def _note_trouble(self, percent: float | None, binds: bool | None, now: float) -> None:
        if binds is not None:
            self._blind_since = None
        elif self._blind_since is None:
            self._blind_since = now
        self.trouble = None
        if percent is None:
            self.trouble = NO_PRESSURE
        elif self._blind_since is not None and now - self._blind_since >= _BLIND_SECONDS:
            self.trouble = NO_DRAW
