"""Reads the energy counters in a thread of their own: a counter that hangs holds up no limit."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from .hardware.worker import Worker
from .hardware.zone import RAPL, RAPL_MMIO, LimitError, Zone

_KEPT: Final = 64
"""Samples that nobody took; older ones are dropped."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The counters that could be read at one moment."""

    now: datetime
    """By the wall clock."""
    moment: float
    """By a monotonic clock, in seconds."""
    readings: Mapping[str, tuple[Zone, int]]
    """Microjoules by zone key."""
    absent: tuple[Zone, ...] = ()
    """The zones whose counters could not be read."""


class Measuring:
    """Takes samples when asked to."""

    def __init__(self, now: Callable[[], datetime], monotonic: Callable[[], float], worker: Worker) -> None:
        self._now = now
        self._monotonic = monotonic
        self._worker = worker
        self._samples: deque[Sample] = deque(maxlen=_KEPT)
        self.zones: tuple[Zone, ...] = ()
        """The zones whose counters are read."""

    def ask(self) -> None:
        """Have a sample taken, unless one is being taken. Returns at once."""
        self._worker.offer(self._sample)

    def taken(self) -> list[Sample]:
        """The samples since the last call, the oldest first."""
        return [self._samples.popleft() for _ in range(len(self._samples))]

    def _sample(self) -> None:
        readings, absent = {}, []
        shown = {zone.name for zone in self.zones if zone.kind == RAPL and zone.energy is not None}
        for zone in self.zones:
            # intel-rapl-mmio shows the counters of intel-rapl again.
            if zone.energy is not None and not (zone.kind == RAPL_MMIO and zone.name in shown):
                try:
                    readings[zone.key] = (zone, zone.device.energy_uj())
                except LimitError:
                    absent.append(zone)
        self._samples.append(Sample(self._now(), self._monotonic(), readings, tuple(absent)))
