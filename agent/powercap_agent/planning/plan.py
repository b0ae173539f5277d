"""From a node's cap to the limit of every constraint: which zones are capped, and at how much. Pure.

Guarantees: no limit above its original, none below its floor (but where the original itself is below); the
limits that count add up to the cap exactly, as far as their bounds let them; no budget is given twice.

Which zones share the cap: the packages of the first interface in ``PACKAGE_KINDS`` that has any with a readable
limit. A package of ``intel-rapl-mmio`` is the same silicon as the package of that name in ``intel-rapl``, and of
the two limits the lower one binds: it gets the same value and is not counted. ``long_term`` gets the share,
``short_term`` keeps its original ratio to it and is never below it; ``peak_power`` guards the hardware and stays.
psys, dram, core, uncore and accelerators stay as they are unless the terms name them (``subzones``).
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ..hardware.zone import RAPL, RAPL_MMIO, Constraint, Zone
from .allocation import Party, share_out
from .limits import (
    Originals,
    Terms,
    Write,
    capped_constraints,
    lead_constraint,
    lead_original,
    own_floor,
    reference,
    zone_writes,
)
from .packages import PACKAGE_KINDS, package_candidates
from .subzones import plan_apart, plan_beside, rule_zones


def managed_limits(zones: Sequence[Zone], terms: Terms | None = None) -> list[tuple[Zone, Constraint]]:
    """Every limit that a plan on these terms may change, so that its original must be known."""
    found = package_candidates(zones)
    if terms is not None:
        found += [zone for _, members in rule_zones(zones, terms) for zone in members]
    return [(zone, constraint) for zone in found for constraint in capped_constraints(zone)]


def plan_writes(
    zones: Sequence[Zone],
    originals: Originals,
    cap_uw: int,
    terms: Terms,
    excess: Mapping[str, int] = MappingProxyType({}),
) -> list[Write]:
    """The limits that make ``cap_uw`` the cap of the node; empty where nothing can be capped.

    ``excess`` has the power of zones that hold more than their share, in microwatts by key: those get no limit here,
    and the others share what is left. Zones without a usable original (unreadable, or 0, which firmware uses for
    "none") get no limit either; packages among them count as their highest power.
    """
    beside = plan_beside(zones, originals, cap_uw, terms, excess)
    packages = {zone.key for zone in package_candidates(zones)}
    left_uw = cap_uw - sum(write.power_uw for write in beside if write.counted)
    left_uw -= sum(power_uw for key, power_uw in excess.items() if key not in packages)
    on_packages = _plan_packages(zones, originals, left_uw, terms, excess)
    limits = {w.zone.key: w.power_uw for w in on_packages if w.constraint == lead_constraint(w.zone)}
    return [*on_packages, *beside, *plan_apart(zones, originals, cap_uw, terms, {**limits, **excess})]


def highest_of_unknown(zones: Sequence[Zone], originals: Originals) -> dict[str, int]:
    """What each package without a usable original counts as, in microwatts by zone key: what it may draw by its own
    data, else as much as the largest of the others."""
    packages, others = _packages(zones, originals), []
    most_uw = max((reference(package, originals) for package in packages), default=0)
    if packages:
        others = [
            zone
            for zone in package_candidates(zones)
            if zone.kind == packages[0].kind and not lead_original(zone, originals)
        ]
    leads = {zone.key: lead_constraint(zone) for zone in others}
    return {key: (lead.max_power_uw if lead is not None else 0) or most_uw for key, lead in leads.items()}


def node_reference(zones: Sequence[Zone], originals: Originals, terms: Terms) -> int:
    """What the node's original limits add up to, in microwatts: what percentages of a budget are of.

    The references of all that shares the node's cap on these terms, and what packages without a usable original count
    as. It does not depend on the floors of the terms.
    """
    writes = plan_writes(zones, originals, sum(originals.values()), terms)
    sharing = {write.zone.key: write.zone for write in writes if write.counted}
    known_uw = sum(reference(zone, originals) for zone in sharing.values())
    return known_uw + sum(highest_of_unknown(zones, originals).values())


def _packages(zones: Sequence[Zone], originals: Originals) -> list[Zone]:
    """The packages that share the cap: those of the first interface that has any with a usable original."""
    candidates = [zone for zone in package_candidates(zones) if lead_original(zone, originals)]
    for kind in PACKAGE_KINDS:
        packages = [zone for zone in candidates if zone.kind == kind]
        if packages:
            return packages
    return []


def _plan_packages(
    zones: Sequence[Zone], originals: Originals, cap_uw: int, terms: Terms, excess: Mapping[str, int]
) -> list[Write]:
    packages = _packages(zones, originals)
    twins = [z for z in package_candidates(zones) if z.kind == RAPL_MMIO and lead_original(z, originals)]
    cap_uw -= sum(highest_of_unknown(zones, originals).values())
    cap_uw -= sum(excess.get(package.key, 0) for package in packages)
    weight = {p.key: 1 if terms.even else reference(p, originals) for p in packages}
    node_floor_uw, total = max(terms.min_power_uw, terms.hard_floor_uw), sum(weight.values())
    sharing = [package for package in packages if package.key not in excess]
    parties = []
    for package in sharing:
        high_uw = lead_original(package, originals)
        share_uw = node_floor_uw * weight[package.key] // total
        low_uw = min(high_uw, max(own_floor(package, originals, terms), share_uw))
        parties.append(Party(weight[package.key], low_uw, high_uw))
    writes: list[Write] = []
    for package, party, share in zip(sharing, parties, share_out(cap_uw, parties), strict=True):
        floor_uw, power_uw = party.low_uw, share.power_uw
        writes += zone_writes(package, originals, power_uw, floor_uw, clamped=share.bound, counted=True)
        for twin in twins:
            if package.kind == RAPL and twin.name == package.name:
                bound_uw = min(power_uw, lead_original(twin, originals))
                lowered = bound_uw < power_uw
                writes += zone_writes(twin, originals, bound_uw, floor_uw, clamped=lowered, counted=False)
    return writes
