"""The terms on which a cap is divided, and the limits of one zone from its share. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..hardware.zone import LONG_TERM, SHORT_TERM, Constraint, Zone, limit_key

NO_LIMIT_UW: Final = 4_095_000_000
"""The top of the register's 15-bit field (4095.875 W), by which firmware says that there is no limit."""

Originals = Mapping[str, int]
"""Limits found before the first write, in microwatts, by ``limit_key``."""


BESIDE: Final = frozenset({"dram"})
"""Zones that draw beside the packages, as devices do: a share of the node's cap for them is taken from the
packages'."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A cap for zones or devices that are left alone otherwise: one of the two powers is given."""

    name: str
    """Name of the zones, or kind of the devices."""
    share_percent: int | None = None
    """Their part of the node's cap (core and uncore: of their package's)."""
    cap_uw: int | None = None
    """The limit of each, whatever the node's cap."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Floors, and how a cap is divided."""

    min_power_uw: int
    """The policy's minPower for the node."""
    hard_floor_uw: int
    """The agent's own floor for the node."""
    floor_percent: int
    """The agent's own floor for each limit, in percent of its original."""
    even: bool = False
    """True: equal shares for packages; False: in proportion to their original limits."""
    zones: tuple[Rule, ...] = ()
    """Zones other than packages that are capped too."""
    devices: tuple[Rule, ...] = ()
    """Accelerators that are capped too."""


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
    """True where the limit is a part of the node's cap; False for short_term, for twins, and for zones that
    contain others or lie within them."""

    @property
    def key(self) -> str:
        """The limit's name."""
        return limit_key(self.zone, self.constraint.name)


def lead_constraint(zone: Zone) -> Constraint | None:
    """The constraint that takes a zone's share: long_term, or the only one where there is no such name."""
    return zone.constraint(LONG_TERM) or (zone.constraints[0] if len(zone.constraints) == 1 else None)


def lead_original(zone: Zone, originals: Originals) -> int:
    """The original of the zone's lead constraint in microwatts; 0 where it has none that can be used."""
    lead = lead_constraint(zone)
    return 0 if lead is None else originals.get(limit_key(zone, lead.name), 0)


def reference(zone: Zone, originals: Originals) -> int:
    """What floors, shares, ramps and ratios of the zone refer to, in microwatts: the original of its lead constraint,
    or what the hardware may draw where that is less. Firmware often leaves PL1 at 4095.875 W, which means "no limit".
    0 where the zone has no original that can be used."""
    lead, original_uw = lead_constraint(zone), lead_original(zone, originals)
    most_uw = 0 if lead is None else lead.max_power_uw
    return min(original_uw, most_uw) if most_uw else original_uw


def capped_constraints(zone: Zone) -> list[Constraint]:
    """The constraints that capping the zone changes: the lead one, and short_term beside it."""
    found = (lead_constraint(zone), zone.constraint(SHORT_TERM))
    return list(dict.fromkeys(constraint for constraint in found if constraint is not None))


def own_floor(zone: Zone, originals: Originals, terms: Terms) -> int:
    """The least for a zone by itself: a part of its reference or what its hardware takes, not above the original."""
    lead = lead_constraint(zone)
    share_uw = -(-reference(zone, originals) * terms.floor_percent // 100)
    least_uw = 0 if lead is None else lead.min_power_uw
    return min(lead_original(zone, originals), max(1, share_uw, least_uw))


def zone_writes(
    zone: Zone, originals: Originals, lead_uw: int, floor_uw: int, *, clamped: bool, counted: bool
) -> list[Write]:
    """The zone's limits where its lead constraint gets ``lead_uw``. short_term keeps the ratio of its original to the
    zone's reference, is never below the lead limit, and never above its own original. An original of
    ``NO_LIMIT_UW`` or more has no meaningful ratio: short_term is the lead limit then."""
    lead = lead_constraint(zone)
    if lead is None:
        return []
    lead_original_uw = lead_original(zone, originals)
    floor_uw = min(floor_uw, lead_original_uw)
    writes = [Write(zone, lead, lead_original_uw, floor_uw, lead_uw, clamped, counted)]
    for short in capped_constraints(zone)[1:]:
        if short_original_uw := originals.get(limit_key(zone, short.name)):
            in_ratio_uw = short_original_uw * lead_uw // reference(zone, originals)
            if short_original_uw >= NO_LIMIT_UW and lead_uw < lead_original_uw:
                in_ratio_uw = lead_uw
            short_uw = min(short_original_uw, max(lead_uw, short.min_power_uw, in_ratio_uw))
            short_floor_uw = min(floor_uw, short_original_uw)
            writes.append(
                Write(zone, short, short_original_uw, short_floor_uw, short_uw, clamped, counted=False)
            )
    return writes
