"""Strategy Price: cheap is more power.

    cap = maxSource * (high - price) / (high - low)    for low < price < high
    cap = maxSource                                    for price <= low, and for every price below 0
    cap = minPower                                     for price >= high

``price`` is the price paid: what the policy's tariff, where it has one, makes of the market's. ``low`` and ``high`` are
the policy's lowPrice and highPrice, or percentiles of the day's own prices paid, interpolated linearly between
neighbours in order (definition 7 of R. J. Hyndman and Y. Fan, "Sample Quantiles in Statistical Packages", The American
Statistician 50, 1996). Where the percentiles are one price, as on a day of one price, that
price and every lower one gets maxSource and every higher one minPower: a day without cheaper hours gives no reason
to wait for them. Never below minPower. Exact decimals; whole microwatts, rounded down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from powercap_api.markets import BiddingZone
from powercap_api.policy.strategy import (
    DEFAULT_HIGH_PERCENTILE,
    DEFAULT_LOW_PERCENTILE,
    PlainStrategySpec,
    StrategySpec,
)

from ..market.results import Period
from ..market.tariff import short_price
from .base import Cap, Limits, Stretch, bounded, full, least, percent


@dataclass(frozen=True, slots=True)
class PriceBand:
    """The prices, per MWh, between which the cap falls, and how they are named."""

    low: Decimal
    high: Decimal
    low_text: str
    high_text: str


class PriceStrategy:
    """Caps that fall with the price."""

    needs_volume = False
    needs_price = True
    needs_market = True

    def __init__(self, spec: StrategySpec | PlainStrategySpec) -> None:
        """Take the two prices or percentiles from the policy."""
        low, high = spec.low_percentile, spec.high_percentile
        self._percentiles = (
            DEFAULT_LOW_PERCENTILE if low is None else low,
            DEFAULT_HIGH_PERCENTILE if high is None else high,
        )
        self._prices: tuple[Decimal, Decimal] | None = None
        if spec.low_price is not None and spec.high_price is not None:
            self._prices = (Decimal(spec.low_price), Decimal(spec.high_price))

    def caps(
        self,
        periods: Sequence[Period],
        limits: Limits,
        where: BiddingZone,
        around: Sequence[Stretch] = (),
    ) -> list[Cap]:
        """One cap per period. A period without a price gets minPower."""
        del around
        band = self._band([period.price for period in periods if period.price is not None])
        return [self._cap(period.price, band, limits, f"{where.currency}/MWh") for period in periods]

    def _band(self, prices: Sequence[Decimal]) -> PriceBand | None:
        if self._prices is not None:
            low, high = self._prices
            return PriceBand(low, high, f"{low:f}", f"{high:f}")
        if not prices:
            return None
        ordered = sorted(prices)
        low, high = (percentile(ordered, rank) for rank in self._percentiles)
        low_rank, high_rank = self._percentiles
        return PriceBand(low, high, f"{low:.2f} (P{low_rank})", f"{high:.2f} (P{high_rank})")

    def _cap(self, price: Decimal | None, band: PriceBand | None, limits: Limits, unit: str) -> Cap:
        if price is None or band is None:
            return least(limits, "no price")
        if price < 0:
            return full(limits, f"negative price {short_price(price)} {unit}")
        if price <= band.low:
            return full(limits, f"{short_price(price)} {unit}, at or below {band.low_text}")
        if price >= band.high:
            return least(limits, f"{short_price(price)} {unit}, at or above {band.high_text}")
        share = (band.high - price) / (band.high - band.low)
        between = f"{short_price(price)} {unit} between {band.low_text} and {band.high_text}"
        why = f"{between}: {percent(share)} of {limits.whole_text}"
        # multiplied before divided: exact, so that a higher price never gets a microwatt more
        wanted = (band.high - price) * limits.max_uw / (band.high - band.low)
        return bounded(int(wanted), limits, why)


def percentile(ordered: Sequence[Decimal], rank: int) -> Decimal:
    """The percentile of values in ascending order, at least one; ``rank`` from 0 (the least) to 100 (the largest)."""
    place = Decimal(rank) * (len(ordered) - 1) / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
