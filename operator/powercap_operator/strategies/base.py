"""What every strategy takes and gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

from powercap_api.markets import BiddingZone
from powercap_api.units import format_watts

from ..market.results import Period


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of every cap, in microwatts: minPower and maxSource of the policy."""

    min_uw: int
    max_uw: int


@dataclass(frozen=True, slots=True)
class Cap:
    """One period's cap in microwatts, and why it is that, for a person."""

    power_uw: int
    why: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """Periods in a row, and since when their values are known; None: for long enough not to matter."""

    periods: Sequence[Period]
    known_at: datetime | None = None


class Strategy(Protocol):
    """A rule that turns a day's periods into caps."""

    @property
    def needs_volume(self) -> bool:
        """Whether the rule makes no sense without volumes."""
        ...

    @property
    def needs_price(self) -> bool:
        """Whether the rule makes no sense without prices."""
        ...

    @property
    def needs_market(self) -> bool:
        """Whether the rule looks at market results at all; where not, the day's periods come without values."""
        ...

    def caps(
        self,
        periods: Sequence[Period],
        limits: Limits,
        where: BiddingZone,
        around: Sequence[Stretch] = (),
    ) -> list[Cap]:
        """One cap per period, in the same order, each within the limits.

        ``periods`` are those of one delivery day, with the price paid where there is a tariff; ``where`` gives the
        clock that the day follows and the currency of its prices. ``around`` are the days known, this one among them,
        for a rule that looks over midnight. Never raises for what the periods hold.
        """
        ...


def bounded(wanted_uw: int, limits: Limits, why: str) -> Cap:
    """The wanted power within the limits; where a limit changed it, the reason says so."""
    if wanted_uw < limits.min_uw:
        return Cap(limits.min_uw, f"{why}, raised to minPower {format_watts(limits.min_uw)} W")
    if wanted_uw > limits.max_uw:
        return Cap(limits.max_uw, f"{why}, cut off at maxSource {format_watts(limits.max_uw)} W")
    return Cap(wanted_uw, why)


def full(limits: Limits, because: str) -> Cap:
    """The most there is, and the reason."""
    return Cap(limits.max_uw, f"{because}: maxSource {format_watts(limits.max_uw)} W")


def least(limits: Limits, because: str) -> Cap:
    """The least there is, and the reason."""
    return Cap(limits.min_uw, f"{because}: minPower {format_watts(limits.min_uw)} W")


def percent(share: Decimal) -> str:
    """A share for people, rounded to whole percent: ``63 %``."""
    return f"{(share * 100).quantize(Decimal(1), ROUND_HALF_UP)} %"
