"""What every strategy takes and gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Protocol, Self

from powercap_api.markets import BiddingZone
from powercap_api.units import MICROWATTS_PER_WATT, Power, format_watts, format_watts_short

from ..market.needs import Needs
from ..market.results import Period

_HUNDRED_WATTS: Final = 100 * MICROWATTS_PER_WATT


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of every cap, in microwatts: minPower and maxSource of the policy.

    Where maxSource is a percentage, and it is not known of which node, powers are those of a node whose original limits
    add up to 100 W: one watt for each percent. ``text`` writes them as percentages.
    """

    min_uw: int
    """0 where minPower is in another form than maxSource: only the node's agent can tell how much that is."""
    max_uw: int
    in_percent: bool = False
    """Whether a microwatt stands for a millionth of a percent."""
    min_text: str = ""
    """minPower as the policy has it, where ``min_uw`` is 0 for that reason."""
    node_uw: int = _HUNDRED_WATTS
    """What the node's original limits add up to."""

    @classmethod
    def of(cls, min_power: Power, max_source: Power, node_uw: int | None = None) -> Self:
        """The bounds on a node whose original limits add up to ``node_uw``; None: nothing is known of it.

        minPower never exceeds maxSource, whoever wrote the policy.
        """
        if node_uw is not None:
            max_uw = max_source.on(node_uw)
            return cls(min(min_power.on(node_uw), max_uw), max_uw, node_uw=node_uw)
        in_percent = max_source.percent is not None
        max_uw = max_source.on(_HUNDRED_WATTS)
        if (min_power.percent is not None) != in_percent:
            return cls(0, max_uw, in_percent, str(min_power))
        return cls(min(min_power.on(_HUNDRED_WATTS), max_uw), max_uw, in_percent)

    def power_uw(self, power: Power) -> int:
        """A power that the policy names, in the form that maxSource has."""
        return power.on(self.node_uw)

    def text(self, power_uw: int) -> str:
        """A power for people: ``25.25 W``, or ``50.5 %`` of a node's original limits."""
        return f"{format_watts(power_uw)} {'%' if self.in_percent else 'W'}"

    def short_text(self, power_uw: int) -> str:
        """A power for tables, to one decimal."""
        shown = format_watts_short(power_uw)
        return f"{shown.removesuffix('W')}%" if self.in_percent else shown

    def cap_text(self, power_uw: int) -> str:
        """A cap for tables; where only agents know how much minPower is, minPower is named too."""
        shown = self.short_text(power_uw)
        return f"{shown}, at least {self.min_text}" if self.min_text else shown

    @property
    def least_text(self) -> str:
        """minPower for people."""
        return self.min_text or self.text(self.min_uw)

    @property
    def whole_text(self) -> str:
        """maxSource for people, as what a share is of."""
        return f"maxSource {self.text(self.max_uw)}" if self.in_percent else self.text(self.max_uw)


@dataclass(frozen=True, slots=True)
class Cap:
    """One period's cap in microwatts, and why it is that, for a person."""

    power_uw: int
    why: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """Periods in a row, and what is known of their past."""

    periods: Sequence[Period]
    known_at: datetime | None = None
    """Since when their values are known; None: for long enough not to matter."""
    was_full: Mapping[datetime, bool | None] | None = None
    """By their starts, the periods that have begun and whether maxSource was in force in them; None for one: nobody
    knows any more. None for all: there is no past, as in a plan on paper."""


@dataclass(frozen=True, slots=True)
class Day:
    """What a strategy sees of a delivery day."""

    periods: Sequence[Period]
    """With the price paid where there is a tariff."""
    limits: Limits
    where: BiddingZone
    """The clock that the day follows and the currency of its prices."""
    around: Sequence[Stretch] = ()
    """The days known, this one among them, for a rule that looks over midnight."""


class Strategy(Protocol):
    """A rule that turns a day's periods into caps."""

    @property
    def needs(self) -> Needs:
        """What the rule makes no sense without."""
        ...

    def caps(self, day: Day) -> list[Cap]:
        """One cap per period, in the same order, each within the limits. Never raises for what the periods hold."""
        ...


def bounded(wanted_uw: int, limits: Limits, why: str) -> Cap:
    """The wanted power within the limits; where a limit changed it, the reason says so."""
    if wanted_uw < limits.min_uw:
        return Cap(limits.min_uw, f"{why}, raised to minPower {limits.least_text}")
    if wanted_uw > limits.max_uw:
        return Cap(limits.max_uw, f"{why}, cut off at maxSource {limits.text(limits.max_uw)}")
    return Cap(wanted_uw, why)


def full(limits: Limits, because: str) -> Cap:
    """The most there is, and the reason."""
    return Cap(limits.max_uw, f"{because}: maxSource {limits.text(limits.max_uw)}")


def least(limits: Limits, because: str) -> Cap:
    """The least there is, and the reason."""
    return Cap(limits.min_uw, f"{because}: minPower {limits.least_text}")


def percent(share: Decimal) -> str:
    """A share for people, rounded to whole percent: ``63 %``."""
    return f"{(share * 100).quantize(Decimal(1), ROUND_HALF_UP)} %"
