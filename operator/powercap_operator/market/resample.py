"""The same results in longer or shorter periods, only where that is exact. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from .results import Period


def resample(periods: Sequence[Period], from_minutes: int, to_minutes: int) -> tuple[Period, ...]:
    """The same results in longer or shorter periods, exactly: Decimals are divided by 2 and 4 only.

    Longer: volumes are summed, everything else averaged (what the exchange's "60min index" is); a hole in any part
    makes a hole in the whole, and a longer period of which a part is missing is left out. Shorter: the volume
    is split evenly, everything else repeated.

    Raises:
        ValueError: neither length divides the other.
    """
    if from_minutes == to_minutes:
        return tuple(periods)
    if from_minutes % to_minutes == 0:
        parts = from_minutes // to_minutes
        step = timedelta(minutes=to_minutes)
        return tuple(
            replace(
                period,
                start=period.start + step * part,
                volume=None if period.volume is None else period.volume / parts,
            )
            for period in periods
            for part in range(parts)
        )
    if to_minutes % from_minutes:
        raise ValueError(f"{from_minutes} and {to_minutes} minutes do not fit into each other")
    return _lengthen(periods, from_minutes, to_minutes)


def _lengthen(periods: Sequence[Period], from_minutes: int, to_minutes: int) -> tuple[Period, ...]:
    parts = to_minutes // from_minutes
    groups: dict[datetime, list[Period]] = {}
    for period in periods:
        past = timedelta(minutes=period.start.minute % to_minutes)
        groups.setdefault(period.start - past, []).append(period)
    whole = []
    for start, group in sorted(groups.items()):
        if len({period.start for period in group}) != parts or len(group) != parts:
            continue
        volumes = [period.volume for period in group if period.volume is not None]
        whole.append(
            Period(
                start,
                sum(volumes, Decimal(0)) if len(volumes) == parts else None,
                _mean([period.price for period in group]),
                _mean([period.carbon for period in group]),
                _mean([period.renewable for period in group]),
                any(period.forecast for period in group),
            )
        )
    return tuple(whole)


def _mean(values: Sequence[Decimal | None]) -> Decimal | None:
    """The mean of two or four values; None where one of them is."""
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) / len(values) if len(known) == len(values) else None
