"""Whether a day of results can be what an auction gave, and how much its volumes say. Pure.

Sources have published days of zeros or of one price and corrected them hours later. Such a day is told and used where
there is no better one; nothing is changed in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import StatisticsError, correlation, median
from typing import Final

from powercap_api.markets import GridData
from powercap_api.reasons import MarketDayReason

from .needs import Needs
from .results import DayData, Period

ORDERS: Final = 100
"""A day's volume so many times above or below the usual is none."""
THIN_MW: Final = Decimal(100)
"""Below so many MWh an hour on the mean of a day a market is thin: one power station's block makes so much, and one
company's orders are then the course of the day. IDA1 of July 2026: CH 0.1 to 3, BE 45 to 57, AT 63 to 87, GB 1,040; FR
262 on a day in 2025."""

CONCERNS: Final = {
    MarketDayReason.ONE_PRICE: Needs(price=True),
    MarketDayReason.ZERO_VOLUMES: Needs(volume=True),
    MarketDayReason.VOLUMES_OFF: Needs(volume=True),
    MarketDayReason.SAME_AS_DAY_BEFORE: Needs(price=True, volume=True),
}
"""Which column each doubt is of."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a day is not plausible."""

    reason: MarketDayReason
    message: str
    """One line for a person."""


def doubt(data: DayData, before: Sequence[Period], totals: Sequence[Decimal]) -> Doubt | None:
    """What speaks against a day; None: nothing does, or it is no auction's.

    ``before`` are the periods of the day before from the same source, ``totals`` the volumes of days before.
    """
    prices = [period.price for period in data.periods if period.price is not None]
    volumes = [period.volume for period in data.periods if period.volume is not None]
    if isinstance(data.query.market.auction, GridData):
        return None
    if len(prices) > 1 and len(set(prices)) == 1:
        return Doubt(
            MarketDayReason.ONE_PRICE, f"the price is {prices[0]:f} in all of its {len(prices)} periods"
        )
    if [_values(period) for period in before] == [_values(period) for period in data.periods] and prices:
        return Doubt(MarketDayReason.SAME_AS_DAY_BEFORE, "every value is that of the day before")
    if volumes and not any(volumes):
        return Doubt(MarketDayReason.ZERO_VOLUMES, f"the volume is 0 in all of its {len(volumes)} periods")
    usual, total = median(totals) if totals else Decimal(0), sum(volumes, Decimal(0))
    if volumes and usual and not usual / ORDERS < total < usual * ORDERS:
        message = f"the volumes add up to {total:f} MWh, those of the days before to {usual:f} MWh"
        return Doubt(MarketDayReason.VOLUMES_OFF, message)
    return None


def _values(period: Period) -> tuple[Decimal | None, Decimal | None]:
    return period.volume, period.price


def price_correlation(periods: Sequence[Period]) -> float | None:
    """Pearson's correlation of volume and price over the periods that have both; None where one does not vary."""
    both = [
        (float(one.volume), float(one.price))
        for one in periods
        if one.volume is not None and one.price is not None
    ]
    try:
        return correlation([volume for volume, _ in both], [price for _, price in both])
    except StatisticsError:
        return None


def mean_over_max(volumes: Sequence[Decimal]) -> Decimal | None:
    """The mean over the largest; None where that is 0, or all are alike."""
    if len(set(volumes)) < 2:
        return None
    return sum(volumes, Decimal(0)) / len(volumes) / max(volumes)


def mean_power(volumes: Sequence[Decimal], minutes: int) -> Decimal | None:
    """The volumes of periods of so many minutes in MWh an hour, on the mean; None without any."""
    return sum(volumes, Decimal(0)) / len(volumes) * 60 / minutes if volumes else None
