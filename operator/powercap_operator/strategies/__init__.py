"""The rules by which a market day becomes a day of caps: a small file each, all pure.

A strategy sees the periods of one delivery day and the limits of the policy, and gives one cap per period. What
it returns is always within the limits: ``bounded`` sees to that in one place.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from powercap_api.policy.strategy import PlainStrategySpec, StrategySpec, StrategyType

from .band import BandStrategy
from .base import Cap, Day, Limits, Strategy, Stretch
from .cheapest_hours import CheapestHoursStrategy
from .fixed import FixedStrategy
from .solar import SolarStrategy
from .volume import VolumeStrategy
from .weekly_schedule import ScheduleStrategy

__all__ = ["Cap", "Day", "Limits", "Strategy", "Stretch", "counts_hours", "create", "describe"]

_PLAIN: Final[dict[str, Callable[[StrategySpec | PlainStrategySpec], Strategy]]] = {
    StrategyType.VOLUME: VolumeStrategy,
    StrategyType.SOLAR: SolarStrategy,
    StrategyType.PRICE: partial(BandStrategy, "price"),
    StrategyType.CHEAPEST_HOURS: CheapestHoursStrategy,
    StrategyType.CARBON: partial(BandStrategy, "carbon"),
    StrategyType.RENEWABLE: partial(BandStrategy, "renewable"),
    StrategyType.FIXED: FixedStrategy,
}


def create(spec: StrategySpec) -> Strategy:
    if spec.type == StrategyType.SCHEDULE:
        otherwise = _otherwise(spec)
        return ScheduleStrategy(spec.windows or (), _PLAIN[otherwise.type](otherwise))
    return _PLAIN[spec.type](spec)


def counts_hours(spec: StrategySpec) -> bool:
    """Whether the strategy gives so many hours at maxSource, of which those that are over count."""
    kind = _otherwise(spec).type if spec.type == StrategyType.SCHEDULE else spec.type
    return kind == StrategyType.CHEAPEST_HOURS


def describe(spec: StrategySpec) -> str:
    """The strategy's name for people: ``Volume``, ``Schedule over Price``."""
    return f"{spec.type} over {_otherwise(spec).type}" if spec.type == StrategyType.SCHEDULE else spec.type


def _otherwise(spec: StrategySpec) -> PlainStrategySpec:
    return spec.otherwise or PlainStrategySpec()
