"""The terms on which a cap is divided, and the writes that a zone's share comes to. Pure."""

from dataclasses import dataclass
from typing import Final

from ..hardware.zone import SHORT_TERM, Constraint, Zone, limit_key
from .meaning import Originals, lead_constraint, lead_original, short_term_uw

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
    def leads(self) -> bool:
        """Whether it is the lead limit of its zone."""
        return self.constraint == lead_constraint(self.zone)

    @property
    def key(self) -> str:
        """The limit's name."""
        return limit_key(self.zone, self.constraint.name)


def zone_writes(
    zone: Zone, originals: Originals, lead_uw: int, floor_uw: int, *, clamped: bool, counted: bool
) -> list[Write]:
    """The zone's limits where its lead constraint gets ``lead_uw``."""
    lead = lead_constraint(zone)
    if lead is None:
        return []
    lead_original_uw = lead_original(zone, originals)
    floor_uw = min(floor_uw, lead_original_uw)
    writes = [Write(zone, lead, lead_original_uw, floor_uw, lead_uw, clamped, counted)]
    short, short_uw = zone.constraint(SHORT_TERM), short_term_uw(zone, originals, lead_uw)
    if short is not None and short != lead and short_uw is not None:
        original_uw = originals[limit_key(zone, SHORT_TERM)]
        short_floor_uw = min(floor_uw, original_uw)
        writes.append(Write(zone, short, original_uw, short_floor_uw, short_uw, clamped, counted=False))
    return writes
