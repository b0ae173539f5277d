"""What is paid for power at a market price. Pure.

    price paid = (market price × priceFactor + fees + fees of the window) × taxFactor

The window is the first of the tariff's windows that holds when the period begins, on the clock of the market's zone;
where none holds it adds nothing. All prices are per MWh in the market's currency. Exact decimals. A price paid may be
above 0 where the market's is below, and is the market's own where a policy has no tariff.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, Self
from zoneinfo import ZoneInfo

from powercap_api.policy.tariff import TariffSpec

from .results import Period
from .weekly_window import WeeklyWindow

_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Tariff:
    """A tariff in numbers. ``Tariff()`` is none: the price paid is the market's."""

    price_factor: Decimal = Decimal(1)
    fees: Decimal = Decimal(0)
    windows: tuple[tuple[WeeklyWindow, Decimal], ...] = ()
    """Windows with the fees that they add, in order of precedence."""
    tax_factor: Decimal = Decimal(1)

    @classmethod
    def of(cls, spec: TariffSpec | None) -> Self:
        if spec is None:
            return cls()
        windows = tuple((WeeklyWindow.of(window), Decimal(window.fees)) for window in spec.windows)
        return cls(Decimal(spec.price_factor), Decimal(spec.fees), windows, Decimal(spec.tax_factor))

    def __bool__(self) -> bool:
        """Whether it changes any price."""
        return self != Tariff()

    def price_paid(self, price: Decimal, start: datetime, zone: ZoneInfo) -> Decimal:
        """What is paid per MWh in the period that begins at ``start``, where the market's price is ``price``."""
        if not self:
            return price
        local = start.astimezone(zone)
        window_fees = next((fees for window, fees in self.windows if window.holds(local)), Decimal(0))
        return (price * self.price_factor + self.fees + window_fees) * self.tax_factor

    def prices_paid(self, periods: Iterable[Period], zone: ZoneInfo) -> list[Decimal | None]:
        """The price paid in each period; None where the market has none."""
        return [
            None if period.price is None else self.price_paid(period.price, period.start, zone)
            for period in periods
        ]

    def applied(self, periods: Sequence[Period], zone: ZoneInfo) -> Sequence[Period]:
        """The same periods with the price paid in place of the market's."""
        if not self:
            return periods
        paid = self.prices_paid(periods, zone)
        return [replace(period, price=price) for period, price in zip(periods, paid, strict=True)]


def short_price(price: Decimal) -> str:
    """A price for people, with the digits that it has and no more than two decimals: ``95.69``, ``150.83``."""
    exponent = price.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -2:
        price = price.quantize(_CENT, ROUND_HALF_EVEN)
    return f"{price:f}"
