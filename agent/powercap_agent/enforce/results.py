"""Results of limit writes: one for each limit, one report for the node. Pure.

Of a package's two interfaces (intel-rapl and intel-rapl-mmio) the lower limit is the one in force.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from powercap_api.reasons import ZoneReason
from powercap_api.units import format_watts_short

from ..hardware.zone import SHORT_TERM, LimitError, Zone, limit_key
from ..planning.limits import Write
from ..planning.meaning import is_package, silicon

HELD: Final = frozenset(
    {
        ZoneReason.APPLIED,
        ZoneReason.CLAMPED,
        ZoneReason.MMIO_LOWER,
        ZoneReason.PSYS_LOWER,
        ZoneReason.SHORT_TERM_LOWER,
        ZoneReason.LOWER_BY_OTHER,
        ZoneReason.RELEASED,
        ZoneReason.DRY_RUN,
    }
)
"""Reasons of limits that hold what was asked for, or less."""


@dataclass(frozen=True, slots=True)
class ZoneResult:
    """Result of one limit. Powers in microwatts."""

    zone: Zone
    constraint: str
    reason: ZoneReason
    original_uw: int | None = None
    requested_uw: int | None = None
    read_back_uw: int | None = None
    message: str | None = None
    counted: bool = False
    """True where the limit is part of the node's cap."""
    assumed_uw: int | None = None
    """What the limit counts as in the node's sum where it cannot be read."""

    @property
    def failed(self) -> bool:
        """Whether the limit does not hold what was asked for."""
        return self.reason not in HELD


@dataclass(frozen=True, slots=True)
class LowOriginal:
    """A package whose limit was found far below what it may draw. Powers in microwatts."""

    zone: Zone
    original_uw: int
    most_uw: int


@dataclass(frozen=True, slots=True)
class Report:
    """Results of all limits."""

    results: tuple[ZoneResult, ...] = ()
    applied_uw: int | None = None
    """Sum of what binds on each package; None where nothing is capped."""
    clamped: bool = False
    """True where the cap lies outside the node's bounds."""
    psys_uw: int | None = None
    """The limit of the whole platform that is in force, but for the policy's own; None where there is none."""
    low_originals: tuple[LowOriginal, ...] = ()
    """Packages whose originals may not be those of the machine."""
    reenabled: tuple[Zone, ...] = ()
    """Zones that were found enabled, that something disabled under a cap, and that were enabled again: the kernel sets
    the clamp bits with that, and has no file to clear them."""

    @property
    def passing_fault(self) -> bool:
        """Whether something failed that may pass within seconds, such as an input/output error."""
        return any(result.reason is ZoneReason.FAILED for result in self.results)


def result_of(write: Write, reason: ZoneReason, reading_uw: int | None) -> ZoneResult:
    """The result of a limit that reads ``reading_uw``."""
    asked = (write.original_uw, write.power_uw, reading_uw)
    return ZoneResult(write.zone, write.constraint.name, reason, *asked, counted=write.counted)


def good(write: Write, reading_uw: int) -> ZoneResult:
    """The result of a limit that reads back ``reading_uw``, as was asked for."""
    return result_of(write, ZoneReason.CLAMPED if write.clamped else ZoneReason.APPLIED, reading_uw)


def failed(write: Write, problem: LimitError, reading_uw: int | None) -> ZoneResult:
    """The result of a limit that is not in force, with what reads back instead."""
    found = result_of(write, problem.reason, reading_uw)
    return replace(found, message=problem.message, assumed_uw=write.original_uw)


def clamped(writes: Iterable[Write]) -> bool:
    """Whether a bound decided a share of the node's cap."""
    return any(write.clamped and write.counted for write in writes)


def mark_binding(results: Sequence[ZoneResult], psys_uw: int | None) -> list[ZoneResult]:
    """The results, with a message on each package whose limit is not what binds: its other interface, psys (which holds
    ``psys_uw``) or its short_term is lower."""
    lowest = _lowest(results)
    total_uw = sum(uw for uw in (lowest.get(_place(r)) for r in results if r.counted) if uw is not None)
    if psys_uw is not None and psys_uw >= total_uw:
        psys_uw = None
    return [_marked(result, lowest, psys_uw) for result in results]


def _marked(result: ZoneResult, lowest: Mapping[tuple[str, str], int], psys_uw: int | None) -> ZoneResult:
    own_uw, place = result.read_back_uw, _place(result)
    if own_uw is None or result.reason not in {ZoneReason.APPLIED, ZoneReason.CLAMPED}:
        return result
    below_uw = own_uw - result.zone.tolerance_uw
    if lowest[place] < below_uw:
        shown = format_watts_short(lowest[place])
        message = f"the package's other interface holds a lower limit, {shown}, which binds"
        return replace(result, reason=ZoneReason.MMIO_LOWER, message=message)
    if psys_uw is not None and result.counted and is_package(result.zone):
        message = f"psys holds {format_watts_short(psys_uw)} for the whole platform, which binds"
        return replace(result, reason=ZoneReason.PSYS_LOWER, message=message)
    short_uw = lowest.get((place[0], SHORT_TERM), own_uw) if result.counted else own_uw
    if short_uw < below_uw:
        message = f"short_term holds {format_watts_short(short_uw)}, which may bind"
        return replace(result, reason=ZoneReason.SHORT_TERM_LOWER, message=message)
    return result


def report(results: Sequence[ZoneResult], *, clamped: bool, psys_uw: int | None = None) -> Report:
    """The report on ``results``, under a limit of the whole platform of ``psys_uw`` (None: there is none). Of two
    results for one limit the later one counts."""
    results = list({limit_key(result.zone, result.constraint): result for result in results}.values())
    lowest = _lowest(results)
    applied = [lowest.get(_place(result), result.assumed_uw) for result in results if result.counted]
    known = [power_uw for power_uw in applied if power_uw is not None]
    applied_uw = sum(known) if known and len(known) == len(applied) else None
    if applied_uw is not None and psys_uw is not None:
        applied_uw = min(applied_uw, psys_uw)
    return Report(tuple(results), applied_uw, clamped, psys_uw)


def in_force(result: ZoneResult, results: Collection[ZoneResult]) -> int | None:
    """The limit that binds where ``result`` does, in microwatts: its own or its twin's; None where neither can be
    read."""
    return _lowest(results).get(_place(result))


def _place(result: ZoneResult) -> tuple[str, str]:
    """What the limit is about: the same for a package's limit and its twin's."""
    return silicon(result.zone), result.constraint


def _lowest(results: Collection[ZoneResult]) -> dict[tuple[str, str], int]:
    """The lowest limit in force at each place, in microwatts."""
    lowest: dict[tuple[str, str], int] = {}
    for result in results:
        if result.read_back_uw is not None:
            place = _place(result)
            lowest[place] = min(result.read_back_uw, lowest.get(place, result.read_back_uw))
    return lowest
