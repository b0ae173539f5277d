"""Strategy Solar: power follows the sun's way over the day, without any market results.

    cap = maxSource * sin(pi/16 * (t - 4)) ** alpha    for 4 <= t <= 20
    cap = minPower                                     for every other t

t is the local time of day in hours at which the period begins (10.25 is 10:15), in the market's zone: the curve is
0 at 4 and at 20 o'clock and 1 at noon. Source: the rule of powercap's predecessor, with its ALPHA; the larger alpha,
the narrower the day. Never below minPower. Whole microwatts, rounded down; the sine is taken to nine decimals, so
that the mathematical libraries of two machines cannot disagree.
"""

import math
from datetime import datetime
from decimal import Decimal
from typing import Final

from powercap_api.policy.strategy import DEFAULT_ALPHA, PlainStrategySpec, StrategySpec

from ..market.needs import Needs
from .base import Cap, Day, Limits, bounded, least, percent

RISE_HOUR: Final = 4
SET_HOUR: Final = 20


class SolarStrategy:
    """Caps by the time of day."""

    needs: Final = Needs()

    def __init__(self, spec: StrategySpec | PlainStrategySpec) -> None:
        self._alpha = DEFAULT_ALPHA if spec.alpha is None else spec.alpha

    def caps(self, day: Day) -> list[Cap]:
        """One cap per period, by the clock alone: both passes of a repeated hour get the same."""
        zone = day.where.wall_clock
        return [self._cap(period.start.astimezone(zone), day.limits) for period in day.periods]

    def _cap(self, local: datetime, limits: Limits) -> Cap:
        hour = local.hour + local.minute / 60
        if not RISE_HOUR <= hour <= SET_HOUR:
            return least(limits, f"solar curve: no sun before {RISE_HOUR} and after {SET_HOUR} h")
        share = solar_share(hour, self._alpha)
        why = f"solar curve at {local:%H:%M}: {percent(share)} of {limits.whole_text}"
        return bounded(int(share * limits.max_uw), limits, why)


def solar_share(hour: float, alpha: int) -> Decimal:
    """The curve at a local time in hours from 4 to 20: a share from 0 to 1, to nine decimals."""
    sine = math.sin(math.pi / (SET_HOUR - RISE_HOUR) * (hour - RISE_HOUR))
    return Decimal(f"{max(sine, 0.0) ** alpha:.9f}")
