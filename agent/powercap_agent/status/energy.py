"""The power that the node drew, from its zones' energy counters, sampled every few seconds. Pure.

Counters wrap around at a range of their own. Some AMD processors show one package's energy on each of its dies:
such dies are found by their counters, which stay next to each other, and counted once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ..hardware.zone import RAPL_MMIO, Zone
from ..planning.packages import is_package

SAMPLE_SECONDS: Final = 10.0
"""Counters wrap after minutes at the soonest (65 kJ at 200 W: 5 min)."""
SHORTEST_SECONDS: Final = 5.0
"""A shorter measurement is not reported: counters are updated once a millisecond."""
MIRRORED_WITHIN_UJ: Final = 1_000_000
"""Dies of a package whose counters are less than 1 J apart are one counter, read some microseconds apart."""
ABSURD_UW: Final = 100_000_000_000
"""More than this is a counter that was reset (by suspend and resume), not power."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Average and peak power of one zone, or of the node's packages together, in microwatts."""

    average_uw: int
    peak_uw: int


@dataclass(frozen=True, slots=True)
class NodeDraw:
    """What the node drew over a stretch of time."""

    seconds: float
    total: Draw
    """All packages together, mirrored dies once."""
    zones: tuple[tuple[Zone, Draw], ...]


@dataclass(slots=True)
class _Counter:
    zone: Zone
    reading_uj: int
    drawn_uj: int = 0
    peak_uw: int = 0


@dataclass(slots=True)
class DrawMeter:
    """Sums up samples. Times are seconds of a monotonic clock."""

    _began: float | None = None
    _last: float = 0.0
    _counters: dict[str, _Counter] = field(default_factory=dict)
    _mirrors: set[str] = field(default_factory=set)
    _total_peak_uw: int = 0

    def due(self, now: float) -> bool:
        """Whether it is time for a sample."""
        return self._began is None or now - self._last >= SAMPLE_SECONDS

    def enough(self, now: float) -> bool:
        """Whether the time measured is at least ``SHORTEST_SECONDS``."""
        return self._began is not None and now - self._began >= SHORTEST_SECONDS

    def sample(self, now: float, readings: Mapping[str, tuple[Zone, int]]) -> None:
        """Take in the counters, in microjoules by zone key, of one moment."""
        mirrors = mirrored(readings)
        if self._began is None or now <= self._last:
            self._begin(now, readings, mirrors)
            return
        seconds, total_uw = now - self._last, 0
        self._mirrors &= mirrors
        for key, counter in list(self._counters.items()):
            after_uj = readings[key][1] if key in readings else None
            delta_uj = (
                None
                if after_uj is None
                else energy_since(counter.reading_uj, after_uj, counter.zone.max_energy_uj, seconds)
            )
            if after_uj is None or delta_uj is None:
                del self._counters[key]
                continue
            power_uw = _average(delta_uj, seconds)
            counter.drawn_uj += delta_uj
            counter.reading_uj = after_uj
            counter.peak_uw = max(counter.peak_uw, power_uw)
            if self._counts(counter.zone):
                total_uw += power_uw
        self._total_peak_uw = max(self._total_peak_uw, total_uw)
        self._last = now

    def close(self) -> NodeDraw | None:
        """What was drawn since the beginning or the last ``close``; None where nothing was measured."""
        counters = [self._counters[key] for key in sorted(self._counters)]
        seconds = 0.0 if self._began is None else self._last - self._began
        draw = None
        if counters and seconds > 0:
            total_uj = sum(counter.drawn_uj for counter in counters if self._counts(counter.zone))
            zones = [
                (counter.zone, Draw(_average(counter.drawn_uj, seconds), counter.peak_uw))
                for counter in counters
                if counter.zone.key not in self._mirrors
            ]
            total = Draw(_average(total_uj, seconds), self._total_peak_uw)
            draw = NodeDraw(seconds, total, tuple(zones))
        self._began = None
        return draw

    def _begin(self, now: float, readings: Mapping[str, tuple[Zone, int]], mirrors: set[str]) -> None:
        self._began = self._last = now
        self._total_peak_uw = 0
        self._mirrors = mirrors
        self._counters = {key: _Counter(zone, reading) for key, (zone, reading) in readings.items()}

    def _counts(self, zone: Zone) -> bool:
        return is_counted(zone) and zone.key not in self._mirrors


def is_counted(zone: Zone) -> bool:
    """Whether the zone's energy belongs to the node's total: packages, each interface's twins once."""
    return is_package(zone) and zone.kind != RAPL_MMIO


def binds(draw_uw: int, cap_uw: int) -> bool:
    """Whether a draw came within 5 % of the cap, or above it."""
    return 100 * draw_uw >= 95 * cap_uw


def _average(drawn_uj: int, seconds: float) -> int:
    """Microjoules a second are microwatts."""
    return round(drawn_uj / seconds)


def energy_since(before_uj: int, after_uj: int, wraps_at_uj: int | None, seconds: float) -> int | None:
    """Energy between two readings in microjoules, over one wrap at most; None where it cannot be."""
    delta_uj = after_uj - before_uj
    if delta_uj < 0:
        delta_uj += wraps_at_uj or 0
    return delta_uj if 0 <= delta_uj <= ABSURD_UW * seconds else None


def mirrored(readings: Mapping[str, tuple[Zone, int]]) -> set[str]:
    """Keys of dies that show the counter of another die of their package."""
    mirrors = set()
    first: dict[str, list[int]] = {}
    for key in sorted(readings):
        zone, reading = readings[key]
        package, die, _ = zone.name.partition("-die-")
        if not die:
            continue
        others = first.setdefault(f"{zone.kind}/{package}", [])
        if any(abs(reading - other) < MIRRORED_WITHIN_UJ for other in others):
            mirrors.add(key)
        else:
            others.append(reading)
    return mirrors
