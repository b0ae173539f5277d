"""The safety valve: a cap that makes the node's tasks wait for CPUs for too long is lifted for a while.

The measure is the kernel's pressure stall information, ``some avg60`` in ``/proc/pressure/cpu``: the part of the
last minute in which at least one task waited for a CPU, in percent (Documentation/accounting/psi.rst). Containers
see the host's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..hardware.files import Files
from .budget import PressureRule

SAMPLE_SECONDS: Final = 10.0


@dataclass(slots=True)
class Valve:
    """Watches the pressure while a cap is in force. Times are seconds of a clock that only goes on."""

    read_percent: Callable[[], float | None]
    _suffering_since: float | None = None
    _sampled_at: float | None = None
    _open_until: float | None = None

    def left_open(self, rule: PressureRule | None, now: float) -> float | None:
        """Seconds for which the cap is still lifted; None where it is not."""
        if rule is None:
            self._suffering_since = self._open_until = None
            return None
        if self._open_until is not None:
            if now < self._open_until:
                return self._open_until - now
            self._open_until = self._suffering_since = None
        if self._sampled_at is not None and now - self._sampled_at < SAMPLE_SECONDS:
            return None
        self._sampled_at = now
        percent = self.read_percent()
        if percent is None or percent < rule.some_percent:
            self._suffering_since = None
            return None
        if self._suffering_since is None:
            self._suffering_since = now
        if now - self._suffering_since < rule.for_seconds:
            return None
        self._open_until = now + rule.lift_seconds
        return float(rule.lift_seconds)


def read_cpu_pressure(files: Files, path: str) -> float | None:
    """``some avg60`` in percent; None where the kernel has no PSI (CONFIG_PSI, or psi=0)."""
    try:
        text = files.read(path)
    except OSError:
        return None
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["some"]:
            for word in words[1:]:
                name, _, value = word.partition("=")
                if name == "avg60" and value.replace(".", "", 1).isdecimal():
                    return float(value)
    return None
