"""Strategy Volume: much trade, much power.

    cap = volume of the period / reference volume of the day * maxSource

The reference is the day's largest volume (``Max``: the rule that powercap grew from) or its mean (``Average``:
half of the day or so runs at maxSource). Never below minPower, never above maxSource. Whole microwatts, rounded
down.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from powercap_api.policy.strategy import PlainStrategySpec, Reference, StrategySpec

from ..market.needs import Needs
from .base import Cap, Day, Limits, bounded, least, percent

_NOTHING: Final = Decimal(0)


class VolumeStrategy:
    """Caps in proportion to the traded volume."""

    needs: Final = Needs(volume=True)

    def __init__(self, spec: StrategySpec | PlainStrategySpec) -> None:
        self._reference = spec.reference or Reference.MAX

    def caps(self, day: Day) -> list[Cap]:
        """One cap per period. A period without a volume, or a day on which nothing was traded, gets minPower."""
        volumes = [period.volume for period in day.periods if period.volume is not None]
        reference = self._reference_volume(volumes)
        return [self._cap(period.volume, reference, day.limits) for period in day.periods]

    def _reference_volume(self, volumes: Sequence[Decimal]) -> Decimal:
        if not volumes:
            return _NOTHING
        if self._reference == Reference.AVERAGE:
            return sum(volumes, start=_NOTHING) / len(volumes)
        return max(volumes)

    def _cap(self, volume: Decimal | None, reference: Decimal, limits: Limits) -> Cap:
        if volume is None:
            return least(limits, "no volume")
        if reference <= 0:
            return least(limits, "no volume all day")
        share = volume / reference
        named = f"{volume:f} MWh of {_short(reference)} MWh"
        why = f"{named}: {percent(share)} of {limits.whole_text}"
        # multiplied before divided: the period with the reference volume gets maxSource to the microwatt
        return bounded(int(volume * limits.max_uw / reference), limits, why)


def _short(volume: Decimal) -> str:
    """A mean has many digits; people need one."""
    exponent = volume.as_tuple().exponent
    return f"{volume:.1f}" if isinstance(exponent, int) and exponent < -3 else f"{volume:f}"
