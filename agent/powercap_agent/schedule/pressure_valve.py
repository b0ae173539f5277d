"""The pressure valve: lifts a cap for a while when the node's tasks wait for CPUs for too long.

The measure is CPU pressure, the part of the last minute in which at least one task waited for a CPU, in percent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .budget import PressureRule

SAMPLE_SECONDS: Final = 10.0


@dataclass(slots=True)
class PressureValve:
    """State of the valve while a cap is in force. Times are seconds of a monotonic clock."""

    read_percent: Callable[[], float | None]
    _suffering_since: float | None = None
    _sampled_at: float | None = None
    _open_until: float | None = None

    def is_open(self, rule: PressureRule, now: float) -> bool:
        """Whether the cap is lifted at ``now``."""
        if self._open_until is not None:
            if now < self._open_until:
                return True
            self._open_until = self._suffering_since = None
        if self._sampled_at is not None and now - self._sampled_at < SAMPLE_SECONDS:
            return False
        self._sampled_at = now
        percent = self.read_percent()
        if percent is None or percent < rule.some_percent:
            self._suffering_since = None
            return False
        if self._suffering_since is None:
            self._suffering_since = now
        if now - self._suffering_since < rule.for_seconds:
            return False
        self._open_until = now + rule.lift_seconds
        return True
