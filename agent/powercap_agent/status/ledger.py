"""The ledger of energy counters: what each zone drew, and packages and accelerators each together. Pure.

Guarantees: what is not known is not counted, neither its energy nor its time. A reading that fails is made up for by
the next one, as counters go on meanwhile. A counter that was set back, may have wrapped more than once, or tells more
than its zone can draw makes the time since its last reading unknown. Some AMD processors show one package's energy on
each of its dies: such dies are found by their counters, which stay next to each other in most samples, and counted
once.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from powercap_api.reasons import DeviceDriver

from ..hardware.zone import Zone
from ..planning.meaning import highest_draw_uw, is_package, silicon

SAMPLE_SECONDS: Final = 10.0
"""Counters wrap after minutes at the soonest (65 kJ at 200 W: 5 min)."""
OLD_SECONDS: Final = 30.0
"""A power measured longer ago says nothing of now."""
SHORTEST_SECONDS: Final = 5.0
"""A shorter measurement is not reported: counters are updated once a millisecond."""
MIRRORED_WITHIN_UJ: Final = 1_000_000
"""Dies of a package whose counters are less than 1 J apart are one counter, read some microseconds apart."""
_SHORTEST_STEP_SECONDS: Final = 0.05
"""Readings closer together are left out."""
_LATE_SECONDS: Final = 1.0
"""A counter may be read so long after the moment that its sample is dated with."""
_HEADROOM: Final = 1.5
"""A zone may draw more than its highest limit, for seconds by no more than this factor."""


class Part(StrEnum):
    """What is told apart."""

    PACKAGES = "packages"
    ACCELERATORS = "accelerators"


@dataclass(frozen=True, slots=True)
class Interval:
    """What all zones of a part drew together until the last sample."""

    part: Part
    seconds: float
    uj: int


@dataclass(frozen=True, slots=True)
class Draw:
    """Average and peak power, in microwatts."""

    average_uw: int
    peak_uw: int


@dataclass(frozen=True, slots=True)
class NodeDraw:
    """What the node drew over a stretch of time."""

    seconds: float
    """How much of it was measured."""
    total: Draw
    """All parts together, and other zones that share the cap."""
    parts: Mapping[Part, Draw]
    zones: tuple[tuple[Zone, Draw], ...]


@dataclass(slots=True)
class _Counter:
    zone: Zone
    reading_uj: int
    at: float
    uj: int = 0
    seconds: float = 0.0
    """Known in all."""
    power_uw: int | None = None
    gaps: int = 0
    """How often it could not be told what was drawn since the reading before."""
    near: int = 0
    """In how many samples it was next to the counter of another die."""
    samples: int = 0
    marked: tuple[int, float] = (0, 0.0)
    """Energy and time when the measurement under way began."""
    peak_uw: int = 0

    @property
    def mirror(self) -> bool:
        """One sample may be skewed, and counters that part from each other are next to each other at first only."""
        return 2 * self.near > self.samples

    @property
    def drawn(self) -> Draw | None:
        """Since the mark."""
        seconds = self.seconds - self.marked[1]
        return Draw(round((self.uj - self.marked[0]) / seconds), self.peak_uw) if seconds > 0 else None


@dataclass(slots=True)
class _Sum:
    at: float
    uj: Mapping[str, int]
    """What the counters of its members said in all at ``at``, by key."""
    gaps: int
    drawn_uj: int = 0
    seconds: float = 0.0
    peak_uw: int = 0
    power_uw: int | None = None


@dataclass(slots=True)
class Ledger:
    """Takes in samples. Times are seconds of a monotonic clock."""

    highest_uw: Callable[[Zone], int] = lambda zone: highest_draw_uw(zone, ())
    """More than this a zone does not draw for seconds."""
    beside: Collection[str] = frozenset()
    """Keys of other zones that share the cap: memory."""
    _counters: dict[str, _Counter] = field(default_factory=dict)
    _sums: dict[Part, _Sum] = field(default_factory=dict)
    _last: float | None = None
    _began: float | None = None
    _peak_uw: int = 0

    @property
    def readings(self) -> dict[str, int]:
        """The last reading of each counter, in microjoules by zone key."""
        return {key: counter.reading_uj for key, counter in self._counters.items()}

    @property
    def parts(self) -> list[Part]:
        """The parts that have counters."""
        return list(self._sums)

    def due(self, now: float) -> bool:
        """Whether it is time for a sample."""
        return self._last is None or now - self._last >= SAMPLE_SECONDS

    def enough(self, now: float) -> bool:
        """Whether the measurement under way is at least ``SHORTEST_SECONDS`` old."""
        return self._began is not None and now - self._began >= SHORTEST_SECONDS

    def power_uw(self, keys: Iterable[str], now: float) -> int | None:
        """What these zones drew together by their last two samples, in microwatts; None where that is not known, or
        old."""
        counters = [self._counters[key] for key in keys if key in self._counters]
        powers = [one.power_uw for one in counters if not one.mirror and now - one.at <= OLD_SECONDS]
        known = [uw for uw in powers if uw is not None]
        return sum(known) if known and len(known) == sum(not one.mirror for one in counters) else None

    def recall(self, readings: Mapping[str, int], zones: Iterable[Zone], at: float) -> None:
        """Go on from what an earlier agent read at ``at``, where every counter there is has such a reading."""
        self._counters = {z.key: _Counter(z, readings[z.key], at) for z in zones if z.key in readings}
        for part in Part:
            self._sum(part, at, ())

    def sample(
        self, now: float, readings: Mapping[str, tuple[Zone, int]], absent: Iterable[Zone] = ()
    ) -> list[Interval]:
        """Take in the counters of one moment, in microjoules by zone key; ``absent`` are zones whose counters could not
        be read. What each part drew, where all of its zones tell, since it was told last."""
        waiting = {zone.key: zone for zone in absent}
        for key in self._counters.keys() - readings.keys() - waiting.keys():
            del self._counters[key]
        near = _mirrored(readings)
        for key, (zone, uj) in readings.items():
            self._take(zone, now, uj, near=key in near)
        self._last = now
        self._began = now if self._began is None else self._began
        told = [self._sum(part, now, waiting.values()) for part in Part]
        if any(told):
            self._note_peak(now)
        return [interval for interval in told if interval is not None]

    def close(self) -> NodeDraw | None:
        """What was drawn since the last ``close``; None where nothing is known of it."""
        sums = {part: one for part, one in self._sums.items() if one.seconds > 0}
        parts = {p: Draw(round(one.drawn_uj / one.seconds), one.peak_uw) for p, one in sums.items()}
        counters = [one for _, one in sorted(self._counters.items()) if not one.mirror]
        zones = tuple((one.zone, drawn) for one in counters if (drawn := one.drawn) is not None)
        beside = [drawn for zone, drawn in zones if self._is_beside(zone)]
        found = None
        if parts:
            average_uw = sum(drawn.average_uw for drawn in (*parts.values(), *beside))
            seconds = min(one.seconds for one in sums.values())
            found = NodeDraw(seconds, Draw(average_uw, max(self._peak_uw, average_uw)), parts, zones)
        for one in self._sums.values():
            one.drawn_uj, one.seconds, one.peak_uw = 0, 0.0, 0
        for counter in self._counters.values():
            counter.marked, counter.peak_uw = (counter.uj, counter.seconds), 0
        self._began, self._peak_uw = self._last, 0
        return found

    def _take(self, zone: Zone, now: float, uj: int, *, near: bool) -> None:
        counter = self._counters.get(zone.key)
        if counter is None:
            counter = self._counters[zone.key] = _Counter(zone, uj, now)
        elif now - counter.at < _SHORTEST_STEP_SECONDS:
            return
        else:
            seconds = now - counter.at
            delta_uj = energy_since(zone, counter.reading_uj, uj, seconds, self.highest_uw(zone))
            if delta_uj is None:
                counter.gaps += 1
                counter.power_uw = None
            else:
                counter.uj += delta_uj
                counter.seconds += seconds
                counter.power_uw = round(delta_uj / seconds)
                counter.peak_uw = max(counter.peak_uw, counter.power_uw)
            counter.zone, counter.reading_uj, counter.at = zone, uj, now
        counter.samples += 1
        counter.near += near

    def _sum(self, part: Part, now: float, absent: Iterable[Zone]) -> Interval | None:
        members = {k: c for k, c in self._counters.items() if part_of(c.zone) is part and not self._again(c)}
        if any(part_of(zone) is part and zone.key not in members for zone in absent):
            return None
        if not members:
            self._sums.pop(part, None)
            return None
        before = self._sums.get(part)
        if any(counter.at != now for counter in members.values()) or (
            before is not None and before.at == now
        ):
            return None
        uj = {key: counter.uj for key, counter in members.items()}
        gaps = sum(counter.gaps for counter in members.values())
        if before is None:
            self._sums[part] = _Sum(now, uj, gaps)
            return None
        known = before.uj.keys() == uj.keys() and before.gaps == gaps
        seconds = now - before.at
        drawn_uj = sum(uj[key] - before.uj[key] for key in uj if not members[key].mirror) if known else 0
        before.at, before.uj, before.gaps, before.power_uw = now, uj, gaps, None
        if not known:
            return None
        before.drawn_uj += drawn_uj
        before.seconds += seconds
        before.power_uw = round(drawn_uj / seconds)
        before.peak_uw = max(before.peak_uw, before.power_uw)
        return Interval(part, seconds, drawn_uj)

    def _again(self, counter: _Counter) -> bool:
        """Whether an earlier counter shows the same package, on another interface."""
        same = (key for key, one in self._counters.items() if silicon(one.zone) == silicon(counter.zone))
        return next(same) != counter.zone.key

    def _note_peak(self, now: float) -> None:
        powers = [one.power_uw for one in self._sums.values()]
        powers += [one.power_uw for one in self._counters.values() if self._is_beside(one.zone)]
        if None not in powers and all(one.at == now for one in self._sums.values()):
            self._peak_uw = max(self._peak_uw, sum(uw for uw in powers if uw is not None))

    def _is_beside(self, zone: Zone) -> bool:
        return zone.key in self.beside and part_of(zone) is None


def part_of(zone: Zone) -> Part | None:
    """What the zone's energy belongs to; None for parts of packages, memory and the whole platform."""
    if zone.kind in set(DeviceDriver):
        return Part.ACCELERATORS
    return Part.PACKAGES if is_package(zone) else None


def counters_of(zone: Zone, zones: Collection[Zone]) -> list[str]:
    """Keys of the zones whose energy counters tell what a capped zone draws.

    That is the zone's own, or the same package's on another interface. AMD's sockets are capped by hwmon, which names
    them by their package, and counted by RAPL, on each die.
    """
    metered = [one for one in zones if one.energy is not None]
    own = [one.key for one in metered if silicon(one) == silicon(zone)]
    if own or part_of(zone) is not Part.PACKAGES:
        return own[:1]
    return [one.key for one in metered if is_package(one) and one.name.partition("-die-")[0] == zone.name]


def binds(draw_uw: int, cap_uw: int) -> bool:
    """Whether a draw came within 5 % of the cap, or above it."""
    return 100 * draw_uw >= 95 * cap_uw


def energy_since(zone: Zone, before_uj: int, after_uj: int, seconds: float, highest_uw: int) -> int | None:
    """Energy between two readings of the zone's counter in microjoules, over one wrap at most; None where it is not
    known: the counter was set back, may have wrapped twice, or tells more than the zone can draw."""
    most_uj = _HEADROOM * highest_uw * (seconds + _LATE_SECONDS)
    if zone.max_energy_uj is not None and highest_uw * seconds >= zone.max_energy_uj:
        return None
    delta_uj = after_uj - before_uj
    if delta_uj < 0:
        delta_uj += zone.max_energy_uj or 0
    return delta_uj if 0 <= delta_uj <= most_uj else None


def _mirrored(readings: Mapping[str, tuple[Zone, int]]) -> set[str]:
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
