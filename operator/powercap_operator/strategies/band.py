"""Strategies Price, Carbon and Renewable: cheap or clean is more power, on a line between a low and a high value. Pure.

Price and Carbon fall, by the price paid (what the policy's tariff, where it has one, makes of the market's) and by the
carbon intensity of the zone's power in g CO2eq/kWh:

    cap = maxSource * (high - value) / (high - low)    for low < value < high
    cap = maxSource                                    for value <= low, and for every price below 0
    cap = minPower                                     for value >= high

Renewable rises, by the zone's share of renewable power in percent, which may be above 100:

    cap = maxSource * (value - low) / (high - low)     for low < value < high
    cap = maxSource                                    for value >= high
    cap = minPower                                     for value <= low

``low`` and ``high`` are a policy's own, such as lowPrice and highPrice, or percentiles of the day's values,
interpolated linearly between neighbours in order (definition 7 of R. J. Hyndman and Y. Fan, "Sample Quantiles in
Statistical Packages", The American Statistician 50, 1996). Where the percentiles are one value, as on a day of one
value, that value and every better one gets maxSource, and every worse one minPower: a day without better hours gives
no reason to wait for them. Never below minPower. Exact decimals; whole microwatts, rounded down. Forecasts of the
grid's data count as measured values do; the reason says which it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from powercap_api.policy.strategy import (
    DEFAULT_HIGH_PERCENTILE,
    DEFAULT_LOW_PERCENTILE,
    PlainStrategySpec,
    StrategySpec,
)

from ..market.needs import Needs
from ..market.tariff import short_price
from .base import Cap, Day, Limits, bounded, full, least, percent

_WHAT: Final = {
    "price": ("no price", "{currency}/MWh"),
    "carbon": ("no carbon intensity", "g/kWh"),
    "renewable": ("no share of renewable power", "% renewable"),
}
"""What is looked at: a column of the periods, what is said where it has no value, and its unit."""


@dataclass(frozen=True, slots=True)
class Band:
    """The values between which the cap falls or rises, and how they are named."""

    low: Decimal
    high: Decimal
    low_text: str
    high_text: str

    def falling(self, value: Decimal, limits: Limits, unit: str) -> Cap:
        """maxSource at ``low`` or below it, minPower at ``high`` or above it."""
        if value <= self.low:
            return full(limits, self._at(value, unit, "below", self.low_text))
        if value >= self.high:
            return least(limits, self._at(value, unit, "above", self.high_text))
        return self._between(value, self.high - value, limits, unit)

    def rising(self, value: Decimal, limits: Limits, unit: str) -> Cap:
        """maxSource at ``high`` or above it, minPower at ``low`` or below it."""
        if value >= self.high:
            return full(limits, self._at(value, unit, "above", self.high_text))
        if value <= self.low:
            return least(limits, self._at(value, unit, "below", self.low_text))
        return self._between(value, value - self.low, limits, unit)

    def _at(self, value: Decimal, unit: str, side: str, text: str) -> str:
        return f"{short_price(value)} {unit}, at or {side} {text}"

    def _between(self, value: Decimal, distance: Decimal, limits: Limits, unit: str) -> Cap:
        share = distance / (self.high - self.low)
        between = f"{short_price(value)} {unit} between {self.low_text} and {self.high_text}"
        why = f"{between}: {percent(share)} of {limits.whole_text}"
        # multiplied before divided: exact, so that a worse value never gets a microwatt more
        return bounded(int(distance * limits.max_uw / (self.high - self.low)), limits, why)


class BandStrategy:
    """Caps that fall with the price or the carbon intensity, or rise with the share of renewable power."""

    def __init__(self, column: str, spec: StrategySpec | PlainStrategySpec) -> None:
        """``column`` is what is looked at; the policy's own two values count, or else its percentiles."""
        self.needs: Final = Needs(**{column: True})
        self._column = column
        self._percentiles = (
            DEFAULT_LOW_PERCENTILE if spec.low_percentile is None else spec.low_percentile,
            DEFAULT_HIGH_PERCENTILE if spec.high_percentile is None else spec.high_percentile,
        )
        low, high = getattr(spec, f"low_{column}"), getattr(spec, f"high_{column}")
        self._fixed: Band | None = None
        if low is not None and high is not None:
            self._fixed = Band(Decimal(low), Decimal(high), f"{Decimal(low):f}", f"{Decimal(high):f}")

    def caps(self, day: Day) -> list[Cap]:
        """One cap per period. A period without a value gets minPower."""
        lacking, unit = _WHAT[self._column]
        unit = unit.format(currency=day.where.currency)
        values: list[Decimal | None] = [getattr(period, self._column) for period in day.periods]
        band = self._band([value for value in values if value is not None])
        caps = [
            least(day.limits, lacking)
            if value is None or band is None
            else self._cap(value, band, day.limits, unit)
            for value in values
        ]
        if self._column == "price":
            return caps
        return [
            replace(cap, why=f"{cap.why} (forecast)") if period.forecast and value is not None else cap
            for period, value, cap in zip(day.periods, values, caps, strict=True)
        ]

    def _cap(self, value: Decimal, band: Band, limits: Limits, unit: str) -> Cap:
        if self._column == "price" and value < 0:
            return full(limits, f"negative price {short_price(value)} {unit}")
        return (band.rising if self._column == "renewable" else band.falling)(value, limits, unit)

    def _band(self, values: Sequence[Decimal]) -> Band | None:
        """The band of a day of values; None where it has none and the policy names none."""
        if self._fixed is not None or not values:
            return self._fixed
        ordered = sorted(values)
        low, high = (percentile(ordered, rank) for rank in self._percentiles)
        low_rank, high_rank = self._percentiles
        return Band(low, high, f"{low:.2f} (P{low_rank})", f"{high:.2f} (P{high_rank})")


def percentile(ordered: Sequence[Decimal], rank: int) -> Decimal:
    """The percentile of values in ascending order, at least one; ``rank`` from 0 (the least) to 100 (the largest)."""
    place = Decimal(rank) * (len(ordered) - 1) / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
