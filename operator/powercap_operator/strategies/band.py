"""A cap on a line between a low and a high value of what a strategy looks at. Pure.

    falling: maxSource * (high - value) / (high - low)
    rising:  maxSource * (value - low) / (high - low)

The two values are a policy's own, or percentiles of the day's, interpolated linearly between neighbours in order
(definition 7 of R. J. Hyndman and Y. Fan, "Sample Quantiles in Statistical Packages", The American Statistician 50,
1996). Where the percentiles are one value, as on a day of one value, that value and every better one gets maxSource,
and every worse one minPower: a day without better hours gives no reason to wait for them. Never below minPower. Exact
decimals; whole microwatts, rounded down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from powercap_api.policy.strategy import (
    DEFAULT_HIGH_PERCENTILE,
    DEFAULT_LOW_PERCENTILE,
    PlainStrategySpec,
    StrategySpec,
)

from ..market.tariff import short_price
from .base import Cap, Limits, bounded, full, least, percent


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


class BandRule:
    """How a policy says where the band is."""

    def __init__(self, spec: StrategySpec | PlainStrategySpec, low: str | None, high: str | None) -> None:
        """``low`` and ``high`` are the policy's own values; without both of them its percentiles count."""
        self._percentiles = (
            DEFAULT_LOW_PERCENTILE if spec.low_percentile is None else spec.low_percentile,
            DEFAULT_HIGH_PERCENTILE if spec.high_percentile is None else spec.high_percentile,
        )
        self._fixed: Band | None = None
        if low is not None and high is not None:
            self._fixed = Band(Decimal(low), Decimal(high), f"{Decimal(low):f}", f"{Decimal(high):f}")

    def band(self, values: Sequence[Decimal]) -> Band | None:
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
