"""From a node's cap to the limit of every constraint: which zones are capped, and at how much. Pure.

Guarantees: no limit above its original, none below its floor (but where the original itself is below); the
limits that count add up to the cap exactly, as far as their bounds let them; no budget is given twice.

Which zones share the cap: the packages of the first interface in ``PACKAGE_KINDS`` that has any with a readable
limit. Where more interfaces show a package, all get the same value, and one is counted. ``long_term`` gets the share,
``short_term`` keeps its original ratio to it and is never below it; ``peak_power`` guards the hardware and stays.
psys, dram, core, uncore and accelerators stay as they are unless the terms name them (``subzones``).
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ..hardware.zone import Constraint, Zone
from .allocation import Party, share_out, weights_of
from .limits import Terms, Write, zone_writes
from .meaning import (
    Originals,
    Package,
    capped_constraints,
    highest_of_unknown,
    lead_original,
    own_floor,
    package_candidates,
    packages_of,
    reference,
)
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
    limits = {w.zone.key: w.power_uw for w in on_packages if w.leads}
    return [*on_packages, *beside, *plan_apart(zones, originals, cap_uw, terms, {**limits, **excess})]


def references(zones: Sequence[Zone], originals: Originals, terms: Terms) -> list[tuple[Zone, int | None]]:
    """Each zone that shares the node's cap on these terms with its reference in microwatts; None where it has none.
    They do not depend on the floors of the terms."""
    found = [(package.zones[0], package.reference_uw) for package in packages_of(zones, originals)]
    beside = plan_beside(zones, originals, sum(originals.values()), terms, {})
    sharing = {write.zone.key: write.zone for write in beside if write.counted}
    return found + [(zone, reference(zone, originals)) for zone in sharing.values()]


def node_reference(zones: Sequence[Zone], originals: Originals, terms: Terms) -> int | None:
    """What the node's original limits add up to, in microwatts: what percentages of a budget are of, packages without a
    usable original among them. None where something that shares the cap has no reference."""
    parts = [uw for _, uw in references(zones, originals, terms)]
    parts += [uw or None for uw in highest_of_unknown(zones, originals).values()]
    known = [uw for uw in parts if uw is not None]
    return sum(known) if known and len(known) == len(parts) else None


def _plan_packages(
    zones: Sequence[Zone], originals: Originals, cap_uw: int, terms: Terms, excess: Mapping[str, int]
) -> list[Write]:
    packages = packages_of(zones, originals)
    cap_uw -= sum(highest_of_unknown(zones, originals).values())
    cap_uw -= sum(excess.get(package.zones[0].key, 0) for package in packages)
    weights = [1] * len(packages)
    if not terms.even:
        weights = weights_of([package.reference_uw for package in packages])
    node_floor_uw, total = max(terms.min_power_uw, terms.hard_floor_uw), sum(weights)
    sharing: list[tuple[Package, Party]] = []
    for package, weight in zip(packages, weights, strict=True):
        first = package.zones[0]
        if first.key not in excess:
            high_uw = lead_original(first, originals)
            own_uw = own_floor(first, package.reference_uw, originals, terms.floor_percent)
            low_uw = min(high_uw, max(own_uw, node_floor_uw * weight // total))
            sharing.append((package, Party(weight, low_uw, high_uw)))
    shares = share_out(cap_uw, [party for _, party in sharing])
    writes: list[Write] = []
    for (package, party), share in zip(sharing, shares, strict=True):
        whole = share.power_uw == package.reference_uw
        for zone in package.zones:
            original_uw = lead_original(zone, originals)
            # All that a package had is what was found: its interfaces stay as they are, also those that do not bind.
            power_uw = (
                original_uw if whole and _binds(package, originals) else min(share.power_uw, original_uw)
            )
            writes += zone_writes(
                zone,
                originals,
                power_uw,
                party.low_uw,
                clamped=share.bound if zone is package.zones[0] else power_uw < share.power_uw,
                counted=zone is package.zones[0],
            )
    return writes


def _binds(package: Package, originals: Originals) -> bool:
    """Whether one of the package's own limits is its reference, and not the power that it names."""
    return any(lead_original(zone, originals) == package.reference_uw for zone in package.zones)
