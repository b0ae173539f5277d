"""Mock: a made-up, plausible day, the same for the same market and day, for trying things out. Asks
nobody."""

import hashlib
import math
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from powercap_api.markets import GridData

from ..market.results import Period, Query, build_market_day, covered_starts
from .base import FetchedDay, Spend


class Mock:
    """Made-up days of a real day's shape: at noon, when the sun shines, much is traded at low prices, on many days
    below zero; prices peak in the morning and highest in the evening, when little more is traded than at night."""

    name: ClassVar[str] = "Mock"
    pause_seconds: ClassVar[float] = 0

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    async def fetch(self, query: Query, spend: Spend) -> FetchedDay:
        """Make up the day; always complete, and ``spend`` is never called."""
        del spend
        return FetchedDay(
            query=query,
            day=build_market_day(made_up_periods(query), query),
            route="mock",
            fetched_at=self._now(),
            published_at=None,
            currency=query.market.bidding_zone.currency,
        )


def made_up_periods(query: Query) -> tuple[Period, ...]:
    """The day's periods: volumes about 45 to 95 MWh an hour's quarter, prices about -50 to 110 per MWh.

    Within a day volume and price have a mean correlation of about -0.57, as on 129 French days of the day-ahead auction
    from June to October 2025, and a positive one on few days.

    Of grid data, forecasts: carbon intensities about 20 to 90 g CO2eq/kWh, shares of renewable power about 15 to 70 %.
    """
    zone = query.market.bidding_zone.zone
    scale = query.market.resolution_minutes / 15
    sun = _noise(query, "sun") ** 0.6
    periods = []
    for start in covered_starts(query):
        local = start.astimezone(zone)
        hour = local.hour + local.minute / 60
        demand = 0.7 * _bump(hour, 8.5, 2) + _bump(hour, 19.5, 2.2)
        noon = sun * _bump(hour, 13.5, 3)
        wobble = _noise(query, start.isoformat()) - 0.5
        if query.market.auction is GridData.CARBON:
            carbon = Decimal(f"{45 + 30 * demand - 30 * noon + 4 * wobble:.1f}")
            periods.append(Period(start, carbon=carbon, forecast=True))
        elif query.market.auction is GridData.RENEWABLE:
            share = Decimal(f"{25 - 6 * demand + 45 * noon + 4 * wobble:.1f}")
            periods.append(Period(start, renewable=share, forecast=True))
        else:
            volume = Decimal(f"{scale * (50 + 4 * demand + 38 * noon + 14 * wobble):.1f}")
            price = Decimal(f"{52 + 55 * demand - 95 * noon + 10 * wobble:.2f}")
            periods.append(Period(start, volume, price))
    return tuple(periods)


def _bump(hour: float, at: float, width: float) -> float:
    """1 at an hour of the day, and less and less before and after it."""
    return math.exp(-(((hour - at) / width) ** 2))


def _noise(query: Query, what: str) -> float:
    """A number from 0 to 1 that depends on market, day and ``what`` only."""
    digest = hashlib.sha256(f"{query}/{what}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32
