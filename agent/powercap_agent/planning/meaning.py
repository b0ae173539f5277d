"""What a limit means: whether it is one, which of several binds, and what percentages, floors and shares are of. Pure.

All that is known of a limit's meaning is here; nothing else looks at the highest power that the hardware names.

*No limit.* Firmware writes "no limit" as a number: 4095.875, 4090, 3409.25, 3408.25, 1200 or 999 W are found. A limit
is none where it is above what any part of its kind draws, or more than ``MOST_TIMES_NAMED`` times the power that the
part names. That power (PL1's maximum, the thermal design power) is a label and no bound: makers run parts of 6 W at
20 W, of 15 W at 44 W, of 35 W at 100 W and of 125 W at 253 W. Nor is a long_term above its own short_term meant, where
it is above what the part names: 200 W beside a short_term of 64, 160 or 30 W are found on parts of 28 and 55 W.

*Binding.* Interfaces (MSR, MMIO, TPMI) show one package each in its own way, and the lowest of their limits is in
force. An interface that is disabled beside an enabled one limits nothing: it counts for nothing and stays as it is.
psys limits all packages together, short_term binds where it is below long_term.

*Reference.* What a package has by itself: the lowest original of its interfaces, or where that is none the power that
the part names. Without either there is no reference, and nothing that is a part of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..hardware.zone import LONG_TERM, RAPL, RAPL_MMIO, SHORT_TERM, Constraint, Zone, limit_key

PACKAGE_KINDS: Final = (RAPL, RAPL_MMIO, "arm_scmi_powercap", "dtpm", "amd_hsmp_hwmon")
"""Interfaces that cap packages; the first one with a usable limit is the one that counts."""
PSYS: Final = "psys"
MOST_TIMES_NAMED: Final = 5
"""Between what limits that are meant reach (20 W on parts of 6 W: 3.3 times) and what "no limit" begins with (90 W on
parts of 15 W: 6 times)."""
_MOST_UW: Final = {"dram": 500_000_000, PSYS: 4_000_000_000}
_MOST_OF_A_PACKAGE_UW: Final = 900_000_000
"""No package draws more: the largest are specified with 500 W, and short-term limits with 1.2 times that. Memory of one
package draws less than 16 modules of 25 W; psys has a register up to 4095.875 W."""
FAR_BELOW_PERCENT: Final = 50
"""A package whose limit is found at less than this part of what it names is told. Makers set packages to somewhat less
than their maximum power, not to less than half of it."""

Originals = Mapping[str, int]
"""Limits found before the first write, in microwatts, by ``limit_key``."""


@dataclass(frozen=True, slots=True)
class Package:
    """One package, as one interface or more show it."""

    zones: tuple[Zone, ...]
    """Those with a usable original that are enabled, or where none is, all. The first one counts; the others are its
    twins."""
    reference_uw: int | None


def is_package(zone: Zone) -> bool:
    """Whether the zone is a whole package on some interface; twins are, too."""
    return (
        zone.kind in PACKAGE_KINDS
        and zone.top
        and (zone.name.startswith("package-") or zone.kind not in {RAPL, RAPL_MMIO})
    )


def is_psys(zone: Zone) -> bool:
    """Whether the zone is the whole platform, which contains the packages. Its one register is that of the master
    package, after which the driver names the zone: ``psys``, or ``psys-1`` on package 1."""
    return zone.kind in {RAPL, RAPL_MMIO} and zone.name.partition("-")[0] == PSYS


def silicon(zone: Zone) -> str:
    """What the zone limits: the same for a package on each of its interfaces."""
    return zone.name if zone.top and zone.kind in {RAPL, RAPL_MMIO} else zone.key


def lead_constraint(zone: Zone) -> Constraint | None:
    """The constraint that takes a zone's share: long_term, or the only one where there is no such name."""
    return zone.constraint(LONG_TERM) or (zone.constraints[0] if len(zone.constraints) == 1 else None)


def capped_constraints(zone: Zone) -> list[Constraint]:
    """The constraints that capping the zone changes: the lead one, and short_term beside it."""
    found = (lead_constraint(zone), zone.constraint(SHORT_TERM))
    return list(dict.fromkeys(constraint for constraint in found if constraint is not None))


def lead_original(zone: Zone, originals: Originals) -> int:
    """The original of the zone's lead constraint in microwatts; 0 where it has none that can be used."""
    lead = lead_constraint(zone)
    return 0 if lead is None else originals.get(limit_key(zone, lead.name), 0)


def package_candidates(zones: Iterable[Zone]) -> list[Zone]:
    """The packages that have a limit, twins included."""
    return [zone for zone in zones if is_package(zone) and lead_constraint(zone) is not None]


def packages_of(zones: Iterable[Zone], originals: Originals) -> list[Package]:
    """The packages that share the node's cap: those of the first interface that has any with a usable original."""
    usable = [zone for zone in package_candidates(zones) if lead_original(zone, originals)]
    usable.sort(key=lambda zone: PACKAGE_KINDS.index(zone.kind))
    found: dict[str, list[Zone]] = {}
    for zone in usable:
        if {zone.kind, usable[0].kind} <= {RAPL, RAPL_MMIO} or zone.kind == usable[0].kind:
            found.setdefault(silicon(zone), []).append(zone)
    in_force = ([zone for zone in own if zone.enabled is not False] or own for own in found.values())
    return [Package(tuple(members), _reference(members, originals)) for members in in_force]


def reference(zone: Zone, originals: Originals) -> int | None:
    """What floors, shares and ratios of a zone by itself refer to, in microwatts; None where nothing tells."""
    return _reference([zone], originals)


def _reference(zones: Sequence[Zone], originals: Originals) -> int | None:
    lowest = min(zones, key=lambda zone: lead_original(zone, originals))
    original_uw = lead_original(lowest, originals)
    short_uw = originals.get(limit_key(lowest, SHORT_TERM)) or original_uw
    meant = original_uw <= max(short_uw, named_uw(lowest) or original_uw)
    if meant and is_limit(lowest, original_uw):
        return original_uw
    named = [uw for uw in map(named_uw, zones) if uw is not None]
    return min(*named, original_uw) if named and original_uw else None


def is_limit(zone: Zone, power_uw: int) -> bool:
    """Whether ``power_uw`` as a limit of the zone is one: not 0, and not "no limit"."""
    if zone.kind not in {RAPL, RAPL_MMIO}:
        return power_uw > 0
    named = named_uw(zone)
    return 0 < power_uw < _most_uw(zone) and (named is None or power_uw <= MOST_TIMES_NAMED * named)


def named_uw(zone: Zone) -> int | None:
    """The power that the hardware names for the zone, in microwatts; None where it names none that can be."""
    lead = lead_constraint(zone)
    named = 0 if lead is None else lead.max_power_uw
    return named if 0 < named < _most_uw(zone) else None


def far_below_named(zone: Zone, originals: Originals) -> int | None:
    """The power that a package names, in microwatts, where its original is far below that: it may not be the machine's
    own."""
    named, original_uw = named_uw(zone), lead_original(zone, originals)
    far = named is not None and original_uw and 100 * original_uw < FAR_BELOW_PERCENT * named
    return named if far and is_package(zone) else None


def highest_draw_uw(zone: Zone, limits_uw: Iterable[int]) -> int:
    """More than this a zone does not draw for seconds, in microwatts: the highest of the limits that were in force and
    of those that the hardware names. Where one of them is none it is peak_power, which is always enforced; without
    that, what no part of its kind draws."""
    limits = [uw for uw in limits_uw if uw]
    named_most_uw = max((constraint.max_power_uw for constraint in zone.constraints), default=0)
    # Some firmware counts peak_power in amperes, and a kernel was seen to leave 0.125 W there.
    peak_uw = zone.peak_uw if 0 < 2 * (named_uw(zone) or 0) <= zone.peak_uw < _most_uw(zone) else 0
    if zone.kind in {RAPL, RAPL_MMIO} and not (
        limits and zone.enabled is not False and all(is_limit(zone, uw) for uw in limits)
    ):
        return max(peak_uw, named_most_uw) if peak_uw else _most_uw(zone)
    return max([*limits, named_most_uw, peak_uw]) or _most_uw(zone)


def _most_uw(zone: Zone) -> int:
    return _MOST_UW.get(zone.name.partition("-")[0], _MOST_OF_A_PACKAGE_UW)


def highest_of_unknown(zones: Sequence[Zone], originals: Originals) -> dict[str, int]:
    """What each package without a usable original counts as, in microwatts by zone key: what it names itself, else as
    much as the largest of the others."""
    known = packages_of(zones, originals)
    if not known:
        return {}
    kind = known[0].zones[0].kind
    there = {silicon(zone) for package in known for zone in package.zones}
    most_uw = max((package.reference_uw or 0 for package in known), default=0)
    return {
        zone.key: named_uw(zone) or most_uw
        for zone in package_candidates(zones)
        if zone.kind == kind and silicon(zone) not in there
    }


def own_floor(zone: Zone, reference_uw: int | None, originals: Originals, floor_percent: int) -> int:
    """The least for a zone by itself: a part of its reference or what its hardware takes, not above the original."""
    lead = lead_constraint(zone)
    share_uw = -(-(reference_uw or 0) * floor_percent // 100)
    least_uw = 0 if lead is None else lead.min_power_uw
    return min(lead_original(zone, originals), max(1, share_uw, least_uw))


def short_term_uw(zone: Zone, originals: Originals, lead_uw: int) -> int | None:
    """The zone's short_term where its lead constraint gets ``lead_uw``, in microwatts; None where it has none that can
    be used. It keeps the ratio of its original to long_term's (or to what long_term's stands for, where that is "no
    limit"), is never below the lead limit, and never above its own original. An original that is no limit has no ratio:
    short_term is the lead limit then."""
    short, lead_original_uw = zone.constraint(SHORT_TERM), lead_original(zone, originals)
    original_uw = 0 if short is None else originals.get(limit_key(zone, SHORT_TERM), 0)
    if short is None or not original_uw:
        return None
    if lead_uw >= lead_original_uw:
        return original_uw
    base_uw = reference(zone, originals) or lead_original_uw
    # Beside a long_term that is no limit, short_term is none by the same rule; beside one that is, only by its size.
    meant = is_limit(zone, original_uw) if base_uw < lead_original_uw else original_uw < _most_uw(zone)
    in_ratio_uw = original_uw * lead_uw // base_uw if meant else lead_uw
    return min(original_uw, max(lead_uw, short.min_power_uw, in_ratio_uw))
