"""From a node's cap to the limit of every constraint: which zones are capped, and at how much.

Guarantees: no limit above its original, none below its floor (but where the original itself is below); the
limits of the packages add up to the cap exactly, as far as their bounds let them; no budget is given twice.

Which zones share the cap: the packages of the first interface in ``PACKAGE_KINDS`` that has any with a readable
limit. A package of ``intel-rapl-mmio`` is the same silicon as the package of that name in ``intel-rapl``, and of
the two limits the lower one binds: it gets the same value and is not counted. ``long_term`` gets the share,
``short_term`` keeps its original ratio to it and is never below it; ``peak_power`` guards the hardware and stays.
psys (which contains the packages), dram, core and uncore stay as they are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .share import Party, share_out
from .zones import LONG_TERM, SHORT_TERM, Constraint, Zone, limit_key

RAPL: Final = "intel-rapl"
RAPL_MMIO: Final = "intel-rapl-mmio"
PACKAGE_KINDS: Final = (RAPL, RAPL_MMIO, "arm_scmi_powercap", "dtpm", "amd_hsmp_hwmon")

Originals = Mapping[str, int]
"""Limits found before the first write, in microwatts, by ``limit_key``."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What no cap may go below, and how a cap is divided."""

    min_power_uw: int
    """The policy's minPower for the node."""
    hard_floor_uw: int
    """The agent's own floor for the node."""
    floor_percent: int
    """The agent's own floor for each limit, in percent of its original."""
    even: bool = False
    """True: equal shares for packages; False: in proportion to their original limits."""


@dataclass(frozen=True, slots=True)
class Write:
    """A limit that is to be in force."""

    zone: Zone
    constraint: Constraint
    original_uw: int
    floor_uw: int
    power_uw: int
    clamped: bool
    """True where a bound decided instead of the cap."""
    counted: bool
    """True where the limit is a part of the node's cap; False for short_term and for twins."""

    @property
    def key(self) -> str:
        """The limit's name."""
        return limit_key(self.zone, self.constraint)


def lead_constraint(zone: Zone) -> Constraint | None:
    """The constraint that takes a zone's share: long_term, or the only one where there is no such name."""
    return zone.constraint(LONG_TERM) or (zone.constraints[0] if len(zone.constraints) == 1 else None)


def package_candidates(zones: Iterable[Zone]) -> list[Zone]:
    """All zones that stand for a whole package on some interface, twins included."""
    return [
        zone
        for zone in zones
        if zone.kind in PACKAGE_KINDS
        and zone.top
        and (zone.name.startswith("package-") or zone.kind not in {RAPL, RAPL_MMIO})
        and lead_constraint(zone) is not None
    ]


def looked_after(zones: Iterable[Zone]) -> list[tuple[Zone, Constraint]]:
    """Every limit that a plan may change, so that its original must be known."""
    limits: list[tuple[Zone, Constraint]] = []
    for zone in package_candidates(zones):
        lead = lead_constraint(zone)
        short = zone.constraint(SHORT_TERM)
        limits.extend((zone, constraint) for constraint in (lead, short) if constraint is not None)
    return limits


def plan_writes(zones: Sequence[Zone], originals: Originals, cap_uw: int, bounds: Bounds) -> list[Write]:
    """The limits that make ``cap_uw`` the cap of the node; empty where nothing can be capped.

    Zones without a usable original (unreadable, or 0, which firmware uses for "none") are left out.
    """
    candidates = [zone for zone in package_candidates(zones) if _lead_original(zone, originals)]
    packages: list[Zone] = []
    for kind in PACKAGE_KINDS:
        packages = [zone for zone in candidates if zone.kind == kind]
        if packages:
            break
    twins = [
        zone
        for zone in candidates
        if zone.kind == RAPL_MMIO
        and packages
        and packages[0].kind == RAPL
        and zone.name in {package.name for package in packages}
    ]
    writes = []
    share_of = {}
    highs = [_lead_original(package, originals) for package in packages]
    weights = [1 if bounds.even else high for high in highs]
    floors = _floors(highs, weights, bounds)
    parties = [Party(*party) for party in zip(weights, floors, highs, strict=True)]
    for package, floor_uw, share in zip(packages, floors, share_out(cap_uw, parties), strict=True):
        share_of[package.name] = (share.power_uw, floor_uw)
        writes += _zone_writes(
            package, originals, share.power_uw, floor_uw, clamped=share.bound, counted=True
        )
    for twin in twins:
        power_uw, floor_uw = share_of[twin.name]
        bound_uw = min(power_uw, _lead_original(twin, originals))
        writes += _zone_writes(
            twin, originals, bound_uw, floor_uw, clamped=bound_uw < power_uw, counted=False
        )
    return writes


def _lead_original(zone: Zone, originals: Originals) -> int:
    """The original of the zone's lead constraint in microwatts; 0 where it has none that can be used."""
    lead = lead_constraint(zone)
    return 0 if lead is None else originals.get(limit_key(zone, lead), 0)


def _floors(originals_uw: Sequence[int], weights: Sequence[int], bounds: Bounds) -> list[int]:
    """The least that each package may get: the highest of the three floors, but never above its original."""
    node_floor_uw = max(bounds.min_power_uw, bounds.hard_floor_uw)
    total = sum(weights)
    return [
        min(original, max(1, node_floor_uw * weight // total, -(-original * bounds.floor_percent // 100)))
        for original, weight in zip(originals_uw, weights, strict=True)
    ]


def _zone_writes(
    zone: Zone, originals: Originals, lead_uw: int, floor_uw: int, *, clamped: bool, counted: bool
) -> list[Write]:
    lead = lead_constraint(zone)
    if lead is None:
        return []
    lead_original = _lead_original(zone, originals)
    writes = [Write(zone, lead, lead_original, min(floor_uw, lead_original), lead_uw, clamped, counted)]
    short = zone.constraint(SHORT_TERM)
    if (
        short is not None
        and lead.name != SHORT_TERM
        and (short_original := originals.get(limit_key(zone, short)))
    ):
        in_ratio = max(lead_uw, short_original * lead_uw // lead_original)
        short_uw = min(short_original, in_ratio)
        writes.append(
            Write(
                zone, short, short_original, min(floor_uw, short_original), short_uw, clamped, counted=False
            )
        )
    return writes


def in_order(due: Sequence[tuple[Write, int]]) -> list[Write]:
    """The writes in the order that keeps short_term at or above long_term and the node's sum low.

    Zone by zone; those whose lead limit goes down before those whose lead limit goes up. Within a zone that goes
    up short_term is written first, within one that goes down long_term.
    """
    raised: dict[str, bool] = {}
    for write, reading_uw in due:
        if write.constraint == lead_constraint(write.zone):
            raised[write.zone.key] = write.power_uw > reading_uw
    for write, reading_uw in due:
        raised.setdefault(write.zone.key, write.power_uw > reading_uw)

    def place(item: tuple[Write, int]) -> tuple[bool, str, bool]:
        write, _ = item
        up = raised[write.zone.key]
        is_lead = write.constraint == lead_constraint(write.zone)
        return up, write.zone.key, is_lead if up else not is_lead

    return [write for write, _ in sorted(due, key=place)]
