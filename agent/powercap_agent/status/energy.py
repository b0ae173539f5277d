"""The power that the node drew, from its zones' energy counters, sampled every few seconds. Pure.

Guarantees: what is not known is not told. A reading that is missing is made up for by the next one, as counters go on
meanwhile; a counter that was set back, or more than its zone can draw, makes the measurement unknown. Counters wrap
around at a range of their own. Some AMD processors show one package's energy on each of its dies: such dies are found
by their counters, which stay next to each other in most samples, and counted once.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from ..hardware.zone import RAPL_MMIO, Zone
from ..planning.meaning import is_package

SAMPLE_SECONDS: Final = 10.0
"""Counters wrap after minutes at the soonest (65 kJ at 200 W: 5 min)."""
OLD_SECONDS: Final = 30.0
"""A power measured longer ago says nothing of now."""
SHORTEST_SECONDS: Final = 5.0
"""A shorter measurement is not reported: counters are updated once a millisecond."""
MIRRORED_WITHIN_UJ: Final = 1_000_000
"""Dies of a package whose counters are less than 1 J apart are one counter, read some microseconds apart."""
_HEADROOM: Final = 2
"""A zone may draw more than the highest power that it states, for seconds by no more than this factor."""
_UNKNOWN_UW: Final = 500_000_000
"""Most power of a zone that does not say what it may draw."""
_UNKNOWN_PSYS_UW: Final = 4_096_000_000
"""The same for psys, which spans all packages: the most that its register can limit."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Average and peak power of one zone, or of the node, in microwatts."""

    average_uw: int
    peak_uw: int


@dataclass(frozen=True, slots=True)
class NodeDraw:
    """What the node drew over a stretch of time."""

    seconds: float
    total: Draw
    """All packages and what shares the cap with them, mirrored dies once."""
    zones: tuple[tuple[Zone, Draw], ...]
    complete: bool = True
    """Whether everything that shares the cap has a counter."""


@dataclass(slots=True)
class _Counter:
    zone: Zone
    reading_uj: int
    at: float
    drawn_uj: int = 0
    peak_uw: int = 0
    known: bool = True
    """False where it was set back, or told more than the zone can draw."""
    mirrored: int = 0
    """In how many samples it was next to the counter of another die."""


@dataclass(slots=True)
class DrawMeter:
    """Sums up samples. Times are seconds of a monotonic clock."""

    beside: Collection[str] = frozenset()
    """Keys of the zones that share the cap with the packages."""
    _began: float | None = None
    _last: float = 0.0
    _samples: int = 0
    _counters: dict[str, _Counter] = field(default_factory=dict)
    _powers_uw: dict[str, int] = field(default_factory=dict)
    _total_peak_uw: int = 0
    _came_late: bool = False
    """Whether a zone that counts was not there from the beginning."""

    def due(self, now: float) -> bool:
        """Whether it is time for a sample."""
        return self._began is None or now - self._last >= SAMPLE_SECONDS

    def enough(self, now: float) -> bool:
        """Whether the time measured is at least ``SHORTEST_SECONDS``."""
        return self._began is not None and now - self._began >= SHORTEST_SECONDS

    def power_uw(self, key: str, now: float) -> int | None:
        """What the zone drew between the last two samples, in microwatts; None where that is not known, or old."""
        return self._powers_uw.get(key) if now - self._last <= OLD_SECONDS else None

    def sample(self, now: float, readings: Mapping[str, tuple[Zone, int]]) -> None:
        """Take in the counters, in microjoules by zone key, of one moment."""
        mirrors = mirrored(readings)
        if self._began is None or now <= self._last:
            self._begin(now, readings, mirrors)
            return
        self._samples += 1
        for key, counter in self._counters.items():
            if key in readings:
                self._take(counter, now, readings[key][1], mirrored=key in mirrors)
            else:
                self._powers_uw.pop(key, None)
        late = [zone for key, (zone, _) in readings.items() if key not in self._counters]
        self._came_late = self._came_late or any(self._counts(zone) for zone in late)
        powers_uw = [self._powers_uw.get(counter.zone.key) for counter in self._counted()]
        known_uw = [power_uw for power_uw in powers_uw if power_uw is not None]
        if len(known_uw) == len(powers_uw):
            self._total_peak_uw = max(self._total_peak_uw, sum(known_uw))
        self._last = now

    def close(self) -> NodeDraw | None:
        """What was drawn since the beginning or the last ``close``; None where that is not known."""
        seconds = 0.0 if self._began is None else self._last - self._began
        self._began = None
        counted = self._counted()
        if not counted or seconds <= 0 or self._came_late or not all(map(self._is_known, counted)):
            return None
        zones = [
            (counter.zone, Draw(_average(counter.drawn_uj, seconds), counter.peak_uw))
            for _, counter in sorted(self._counters.items())
            if self._is_known(counter) and not self._is_mirror(counter)
        ]
        total_uj = sum(counter.drawn_uj for counter in counted)
        total = Draw(_average(total_uj, seconds), self._total_peak_uw)
        return NodeDraw(seconds, total, tuple(zones), complete=set(self.beside) <= self._counters.keys())

    def _begin(self, now: float, readings: Mapping[str, tuple[Zone, int]], mirrors: set[str]) -> None:
        self._began = self._last = now
        self._total_peak_uw, self._samples, self._came_late = 0, 1, False
        self._counters = {
            key: _Counter(zone, reading, now, mirrored=int(key in mirrors))
            for key, (zone, reading) in readings.items()
        }
        self._powers_uw = {key: uw for key, uw in self._powers_uw.items() if key in readings}

    def _take(self, counter: _Counter, now: float, after_uj: int, *, mirrored: bool) -> None:
        delta_uj = energy_since(counter.zone, counter.reading_uj, after_uj, now - counter.at)
        if delta_uj is None:
            counter.known = False
            self._powers_uw.pop(counter.zone.key, None)
        else:
            power_uw = _average(delta_uj, now - counter.at)
            counter.drawn_uj += delta_uj
            counter.peak_uw = max(counter.peak_uw, power_uw)
            self._powers_uw[counter.zone.key] = power_uw
        counter.mirrored += mirrored
        counter.reading_uj, counter.at = after_uj, now

    def _counted(self) -> list[_Counter]:
        """The counters that make up the total."""
        return [one for one in self._counters.values() if self._counts(one.zone) and not self._is_mirror(one)]

    def _counts(self, zone: Zone) -> bool:
        return is_counted(zone) or zone.key in self.beside

    def _is_known(self, counter: _Counter) -> bool:
        return counter.known and counter.at == self._last

    def _is_mirror(self, counter: _Counter) -> bool:
        """One sample may be skewed, and counters that part from each other are next to each other at first only."""
        return 2 * counter.mirrored > self._samples


def is_counted(zone: Zone) -> bool:
    """Whether the zone's energy belongs to the node's total: packages, each interface's twins once."""
    return is_package(zone) and zone.kind != RAPL_MMIO


def binds(draw_uw: int, cap_uw: int) -> bool:
    """Whether a draw came within 5 % of the cap, or above it."""
    return 100 * draw_uw >= 95 * cap_uw


def _average(drawn_uj: int, seconds: float) -> int:
    """Microjoules a second are microwatts."""
    return round(drawn_uj / seconds)


def energy_since(zone: Zone, before_uj: int, after_uj: int, seconds: float) -> int | None:
    """Energy between two readings of the zone's counter in microjoules, over one wrap at most; None where it is not
    known: the counter was set back, may have wrapped twice, or tells more than the zone can draw."""
    most_uj = most_power_uw(zone) * seconds
    if zone.max_energy_uj is not None and most_uj >= zone.max_energy_uj:
        return None
    delta_uj = after_uj - before_uj
    if delta_uj < 0:
        delta_uj += zone.max_energy_uj or 0
    return delta_uj if 0 <= delta_uj <= most_uj else None


def most_power_uw(zone: Zone) -> int:
    """More than this a zone does not draw for seconds, in microwatts."""
    stated_uw = max((constraint.max_power_uw for constraint in zone.constraints), default=0)
    return stated_uw * _HEADROOM or (_UNKNOWN_PSYS_UW if zone.name.startswith("psys") else _UNKNOWN_UW)


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
