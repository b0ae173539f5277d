"""The rules by which a market day becomes a day of caps: one small file each, all pure.

A strategy sees the periods of one delivery day and the limits of the policy, and gives one cap per period. What
it returns is always within the limits: ``bounded`` sees to that in one place.
"""

from collections.abc import Callable
from typing import Final

from powercap_api.powerpolicy import StrategySpec, StrategyType

from .base import Cap, Limits, Strategy
from .volume import VolumeStrategy

__all__ = ["Cap", "Limits", "Strategy", "create"]

_STRATEGIES: Final[dict[str, Callable[[StrategySpec], Strategy]]] = {
    StrategyType.VOLUME: VolumeStrategy,
}


def create(spec: StrategySpec) -> Strategy:
    """The strategy that the policy names."""
    return _STRATEGIES[spec.type](spec)
