"""From a node's cap to the limit of every constraint: which zones are capped, and at how much. Pure.

Guarantees: no limit above its original, none below its floor (but where the original itself is below); the
limits that count add up to the cap exactly, as far as their bounds let them; no budget is given twice.

Which zones share the cap: the packages of the first interface in ``PACKAGE_KINDS`` that has any with a readable
limit. A package of ``intel-rapl-mmio`` is the same silicon as the package of that name in ``intel-rapl``, and of
the two limits the lower one binds: it gets the same value and is not counted. ``long_term`` gets the share,
``short_term`` keeps its original ratio to it and is never below it; ``peak_power`` guards the hardware and stays.
psys, dram, core, uncore and accelerators stay as they are unless the terms name them (``subzones``).
"""

from collections.abc import Sequence

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


def plan_writes(zones: Sequence[Zone], originals: Originals, cap_uw: int, terms: Terms) -> list[Write]:
    """The limits that make ``cap_uw`` the cap of the node; empty where nothing can be capped.

    Zones without a usable original (unreadable, or 0, which firmware uses for "none") are left out.
    """
    beside = plan_beside(zones, originals, cap_uw, terms)
    left_uw = cap_uw - sum(write.power_uw for write in beside if write.counted)
    on_packages = _plan_packages(zones, originals, left_uw, terms)
    limits = {w.zone.key: w.power_uw for w in on_packages if w.constraint == lead_constraint(w.zone)}
    return [*on_packages, *beside, *plan_apart(zones, originals, cap_uw, terms, limits)]


def _plan_packages(zones: Sequence[Zone], originals: Originals, cap_uw: int, terms: Terms) -> list[Write]:
    candidates = [zone for zone in package_candidates(zones) if lead_original(zone, originals)]
    packages: list[Zone] = []
    for kind in PACKAGE_KINDS:
        packages = [zone for zone in candidates if zone.kind == kind]
        if packages:
            break
    highs = [lead_original(package, originals) for package in packages]
    weights = [1 if terms.even else reference(package, originals) for package in packages]
    node_floor_uw = max(terms.min_power_uw, terms.hard_floor_uw)
    floors = [
        min(high, max(own_floor(package, originals, terms), node_floor_uw * weight // sum(weights)))
        for package, high, weight in zip(packages, highs, weights, strict=True)
    ]
    parties = [Party(*party) for party in zip(weights, floors, highs, strict=True)]
    writes: list[Write] = []
    for package, floor_uw, share in zip(packages, floors, share_out(cap_uw, parties), strict=True):
        writes += zone_writes(package, originals, share.power_uw, floor_uw, clamped=share.bound, counted=True)
        for twin in candidates:
            if package.kind == RAPL and twin.kind == RAPL_MMIO and twin.name == package.name:
                bound_uw = min(share.power_uw, lead_original(twin, originals))
                lowered = bound_uw < share.power_uw
                writes += zone_writes(twin, originals, bound_uw, floor_uw, clamped=lowered, counted=False)
    return writes
