"""Strategies Carbon and Renewable: clean is more power.

Carbon, by the carbon intensity of the zone's power in g CO2eq/kWh:

    cap = maxSource * (high - carbon) / (high - low)         for low < carbon < high
    cap = maxSource                                          for carbon <= low
    cap = minPower                                           for carbon >= high

Renewable, by its share of renewable power in percent, which may be above 100:

    cap = maxSource * (renewable - low) / (high - low)       for low < renewable < high
    cap = maxSource                                          for renewable >= high
    cap = minPower                                           for renewable <= low

``low`` and ``high`` are the policy's lowCarbon and highCarbon, lowRenewable and highRenewable, or percentiles of the
day's own values (``band``). Forecasts count as measured values do; the reason says which it was.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from powercap_api.markets import BiddingZone
from powercap_api.policy.strategy import PlainStrategySpec, StrategySpec

from ..market.needs import Needs
from ..market.results import Period
from .band import BandRule
from .base import Cap, Limits, Stretch, least

CARBON_UNIT: Final = "g/kWh"
RENEWABLE_UNIT: Final = "% renewable"


class CarbonStrategy:
    """Caps that fall with the carbon intensity."""

    needs: Final = Needs(carbon=True)

    def __init__(self, spec: StrategySpec | PlainStrategySpec) -> None:
        """Take the two carbon intensities or percentiles from the policy."""
        self._rule = BandRule(spec, spec.low_carbon, spec.high_carbon)

    def caps(
        self,
        periods: Sequence[Period],
        limits: Limits,
        where: BiddingZone,
        around: Sequence[Stretch] = (),
    ) -> list[Cap]:
        """One cap per period. A period without a carbon intensity gets minPower."""
        del where, around
        band = self._rule.band([period.carbon for period in periods if period.carbon is not None])
        return [
            least(limits, "no carbon intensity")
            if period.carbon is None or band is None
            else _told(period, band.falling(period.carbon, limits, CARBON_UNIT))
            for period in periods
        ]


class RenewableStrategy:
    """Caps that rise with the share of renewable power."""

    needs: Final = Needs(renewable=True)

    def __init__(self, spec: StrategySpec | PlainStrategySpec) -> None:
        """Take the two shares or percentiles from the policy."""
        self._rule = BandRule(spec, spec.low_renewable, spec.high_renewable)

    def caps(
        self,
        periods: Sequence[Period],
        limits: Limits,
        where: BiddingZone,
        around: Sequence[Stretch] = (),
    ) -> list[Cap]:
        """One cap per period. A period without a share of renewable power gets minPower."""
        del where, around
        band = self._rule.band([period.renewable for period in periods if period.renewable is not None])
        return [
            least(limits, "no share of renewable power")
            if period.renewable is None or band is None
            else _told(period, band.rising(period.renewable, limits, RENEWABLE_UNIT))
            for period in periods
        ]


def _told(period: Period, cap: Cap) -> Cap:
    return replace(cap, why=f"{cap.why} (forecast)") if period.forecast else cap
