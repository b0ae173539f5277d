"""Strategy Fixed: the same power all day, without any market results.

    cap = power                    (default: maxSource)

Never below minPower, never above maxSource. It is what a node under no market is given, and what a Schedule stands
on where nothing but its windows is to count.
"""

from typing import Final

from powercap_api.policy.strategy import PlainStrategySpec, StrategySpec
from powercap_api.units import Power

from ..market.needs import Needs
from .base import Cap, Day, Limits, bounded, full


class FixedStrategy:
    """One cap for every period."""

    needs: Final = Needs()

    def __init__(self, spec: StrategySpec | PlainStrategySpec) -> None:
        self._power = None if spec.power is None else Power.parse(spec.power)

    def caps(self, day: Day) -> list[Cap]:
        return [self._cap(day.limits)] * len(day.periods)

    def _cap(self, limits: Limits) -> Cap:
        if self._power is None:
            return full(limits, "fixed")
        return bounded(limits.power_uw(self._power), limits, f"fixed: {self._power}")
