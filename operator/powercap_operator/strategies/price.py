"""Strategy Price: cheap is more power.

    cap = maxSource * (high - price) / (high - low)    for low < price < high
    cap = maxSource                                    for price <= low, and for every price below 0
    cap = minPower                                     for price >= high

``price`` is the price paid: what the policy's tariff, where it has one, makes of the market's. ``low`` and ``high`` are
the policy's lowPrice and highPrice, or percentiles of the day's own prices paid (``band``).
"""

from collections.abc import Sequence
from typing import Final

from powercap_api.markets import BiddingZone
from powercap_api.policy.strategy import PlainStrategySpec, StrategySpec

from ..market.needs import Needs
from ..market.results import Period
from ..market.tariff import short_price
from .band import Band, BandRule
from .base import Cap, Limits, Stretch, full, least


class PriceStrategy:
    """Caps that fall with the price."""

    needs: Final = Needs(price=True)

    def __init__(self, spec: StrategySpec | PlainStrategySpec) -> None:
        """Take the two prices or percentiles from the policy."""
        self._rule = BandRule(spec, spec.low_price, spec.high_price)

    def caps(
        self,
        periods: Sequence[Period],
        limits: Limits,
        where: BiddingZone,
        around: Sequence[Stretch] = (),
    ) -> list[Cap]:
        """One cap per period. A period without a price gets minPower."""
        del around
        band = self._rule.band([period.price for period in periods if period.price is not None])
        return [_cap(period, band, limits, f"{where.currency}/MWh") for period in periods]


def _cap(period: Period, band: Band | None, limits: Limits, unit: str) -> Cap:
    if period.price is None or band is None:
        return least(limits, "no price")
    if period.price < 0:
        return full(limits, f"negative price {short_price(period.price)} {unit}")
    return band.falling(period.price, limits, unit)
