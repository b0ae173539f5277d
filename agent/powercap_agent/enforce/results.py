"""Results of limit writes: one for each limit, one report for the node. Pure.

Of a package's two interfaces (intel-rapl and intel-rapl-mmio) the lower limit is the one in force.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from powercap_api.reasons import ZoneReason

from ..hardware.zone import RAPL, RAPL_MMIO, LimitError, Zone, limit_key
from ..planning.limits import Write

HELD: Final = frozenset(
    {
        ZoneReason.APPLIED,
        ZoneReason.CLAMPED,
        ZoneReason.MMIO_LOWER,
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
    low_originals: tuple[LowOriginal, ...] = ()
    """Packages whose originals may not be those of the machine."""
    reenabled: tuple[Zone, ...] = ()
    """Zones that were found enabled, that something disabled under a cap, and that were enabled again: the kernel sets
    the clamp bits with that, and has no file to clear them."""

    @property
    def passing_fault(self) -> bool:
        """Whether something failed that may pass within seconds, such as an input/output error."""
        return any(result.reason is ZoneReason.FAILED for result in self.results)


def good(write: Write, reading_uw: int) -> ZoneResult:
    """The result of a limit that reads back ``reading_uw``, as was asked for."""
    return ZoneResult(
        write.zone,
        write.constraint.name,
        ZoneReason.CLAMPED if write.clamped else ZoneReason.APPLIED,
        write.original_uw,
        write.power_uw,
        reading_uw,
        counted=write.counted,
    )


def failed(write: Write, problem: LimitError, reading_uw: int | None) -> ZoneResult:
    """The result of a limit that is not in force, with what reads back instead."""
    return ZoneResult(
        write.zone,
        write.constraint.name,
        problem.reason,
        write.original_uw,
        write.power_uw,
        reading_uw,
        problem.message,
        write.counted,
        write.original_uw,
    )


def lower_by_other(write: Write, reading_uw: int | None) -> ZoneResult:
    """The result of a limit that something else set lower than was asked for, and that is left so."""
    message = "another manager or firmware has set this limit lower: it is left as it is"
    reason = ZoneReason.LOWER_BY_OTHER
    return failed(write, LimitError(reason, message), reading_uw)


def failures(results: Iterable[ZoneResult]) -> list[ZoneResult]:
    """The results of limits that could not be put back."""
    return [result for result in results if result.reason is not ZoneReason.RELEASED]


def clamped(writes: Iterable[Write]) -> bool:
    """Whether a bound decided a share of the node's cap."""
    return any(write.clamped and write.counted for write in writes)


def mark_lower_twins(results: Sequence[ZoneResult]) -> list[ZoneResult]:
    """The results, where a twin's lower limit is what binds on a package, with a message on the package."""
    lowest = _lowest(results)
    told = []
    for result in results:
        binding_uw = lowest.get(_place(result))
        if (
            binding_uw is not None
            and result.read_back_uw is not None
            and result.reason in {ZoneReason.APPLIED, ZoneReason.CLAMPED}
            and binding_uw < result.read_back_uw - result.zone.tolerance_uw
        ):
            message = f"the package's other interface holds a lower limit, {binding_uw} µW, which binds"
            told.append(replace(result, reason=ZoneReason.MMIO_LOWER, message=message))
        else:
            told.append(result)
    return told


def report(results: Sequence[ZoneResult], *, clamped: bool) -> Report:
    """The report on ``results``. Of two results for one limit the later one counts."""
    results = list({limit_key(result.zone, result.constraint): result for result in results}.values())
    lowest = _lowest(results)
    applied = [lowest.get(_place(result), result.assumed_uw) for result in results if result.counted]
    known = [power_uw for power_uw in applied if power_uw is not None]
    return Report(tuple(results), sum(known) if known and len(known) == len(applied) else None, clamped)


def in_force(result: ZoneResult, results: Collection[ZoneResult]) -> int | None:
    """The limit that binds where ``result`` does, in microwatts: its own or its twin's; None where neither can be
    read."""
    return _lowest(results).get(_place(result))


def _place(result: ZoneResult) -> tuple[str, str]:
    """What the limit is about: the same for a package's limit and its twin's."""
    zone = result.zone
    return (zone.name if zone.top and zone.kind in {RAPL, RAPL_MMIO} else zone.key), result.constraint


def _lowest(results: Collection[ZoneResult]) -> dict[tuple[str, str], int]:
    """The lowest limit in force at each place, in microwatts."""
    lowest: dict[tuple[str, str], int] = {}
    for result in results:
        if result.read_back_uw is not None:
            place = _place(result)
            lowest[place] = min(result.read_back_uw, lowest.get(place, result.read_back_uw))
    return lowest
