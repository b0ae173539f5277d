"""Zones and accelerators that are capped only where the policy names them. Pure.

What a rule means depends on where its zones stand towards the packages:

- dram and accelerators draw beside the packages. A share of the node's cap goes to all of a kind together, in
  proportion to their original limits, and the packages share the rest: the sum stays the cap.
- psys contains the packages. A share of the node's cap limits it, and takes nothing from them.
- core and uncore lie within a package. A share of that package's limit limits them.

A cap of its own limits each zone of the rule by itself and takes nothing from the packages.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ..hardware.zone import RAPL, Zone
from .allocation import Party, share_out, weights_of
from .limits import BESIDE, Rule, Terms, Write, zone_writes
from .meaning import PSYS, Originals, is_psys, lead_constraint, lead_original, own_floor, reference

WITHIN: Final = frozenset({"core", "uncore"})


def rule_zones(zones: Iterable[Zone], terms: Terms) -> list[tuple[Rule, list[Zone]]]:
    """Each rule with the zones or devices that it is about and that have a limit."""
    limited = [zone for zone in zones if lead_constraint(zone) is not None]
    named = [(rule, [zone for zone in limited if _is_named(zone, rule.name)]) for rule in terms.zones]
    return named + [(rule, [z for z in limited if z.kind == rule.name]) for rule in terms.devices]


def _is_named(zone: Zone, name: str) -> bool:
    return zone.kind == RAPL and (zone.name == name or (name == PSYS and is_psys(zone)))


def plan_beside(
    zones: Sequence[Zone], originals: Originals, cap_uw: int, terms: Terms, excess: Mapping[str, int]
) -> list[Write]:
    """Limits of what takes a share of the node's cap beside the packages; ``excess`` as ``plan_writes`` has it."""
    writes: list[Write] = []
    for rule, usable in _usable(zones, originals, terms):
        if rule.share_percent is None or not (rule in terms.devices or rule.name in BESIDE):
            continue
        members = [zone for zone in usable if zone.key not in excess]
        left_uw = cap_uw * rule.share_percent // 100 - sum(excess.get(zone.key, 0) for zone in usable)
        highs = [lead_original(zone, originals) for zone in members]
        references = [reference(zone, originals) for zone in members]
        floors = [
            own_floor(zone, reference_uw, originals, terms.floor_percent)
            for zone, reference_uw in zip(members, references, strict=True)
        ]
        weights = weights_of(references)
        parties = [Party(*party) for party in zip(weights, floors, highs, strict=True)]
        shares = share_out(left_uw, parties)
        for zone, floor_uw, share in zip(members, floors, shares, strict=True):
            writes += zone_writes(
                zone, originals, share.power_uw, floor_uw, clamped=share.bound, counted=True
            )
    return writes


def plan_apart(
    zones: Sequence[Zone], originals: Originals, cap_uw: int, terms: Terms, packages: Mapping[str, int]
) -> list[Write]:
    """Limits of what takes nothing from the packages, whose limits are ``packages`` by zone key."""
    writes: list[Write] = []
    for rule, members in _usable(zones, originals, terms):
        for zone in members:
            wanted_uw = rule.cap_uw
            if rule.share_percent is not None and rule.name == PSYS:
                wanted_uw = cap_uw * rule.share_percent // 100
            elif rule.share_percent is not None and rule.name in WITHIN:
                package_uw = packages.get(zone.key.rsplit("/", 1)[0])
                wanted_uw = None if package_uw is None else package_uw * rule.share_percent // 100
            if wanted_uw is None:
                continue
            floor_uw = own_floor(zone, reference(zone, originals), originals, terms.floor_percent)
            power_uw = min(lead_original(zone, originals), max(floor_uw, wanted_uw))
            writes += zone_writes(
                zone, originals, power_uw, floor_uw, clamped=power_uw != wanted_uw, counted=False
            )
    return writes


def _usable(zones: Sequence[Zone], originals: Originals, terms: Terms) -> list[tuple[Rule, list[Zone]]]:
    return [
        (rule, [zone for zone in members if lead_original(zone, originals)])
        for rule, members in rule_zones(zones, terms)
    ]
