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
    """Made-up days: volumes with a morning and an evening peak, prices that dip at noon, now and then below
    zero."""

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
    """The day's periods: volumes about 30 to 120 MWh an hour's quarter, prices about -20 to 160 per MWh.

    Of grid data, forecasts: carbon intensities about 20 to 90 g CO2eq/kWh, shares of renewable power about 15 to 70 %.
    """
    zone = query.market.bidding_zone.zone
    scale = query.market.resolution_minutes / 15
    sunny = _noise(query, "sun")
    periods = []
    for start in covered_starts(query):
        local = start.astimezone(zone)
        hour = local.hour + local.minute / 60
        peaks = math.exp(-(((hour - 8.5) / 2.5) ** 2)) + 1.2 * math.exp(-(((hour - 19) / 2.5) ** 2))
        noon = math.exp(-(((hour - 13.5) / 3) ** 2))
        wobble = _noise(query, start.isoformat())
        if query.market.auction is GridData.CARBON:
            carbon = Decimal(f"{45 + 30 * peaks - 30 * noon * sunny + 4 * (wobble - 0.5):.1f}")
            periods.append(Period(start, carbon=carbon, forecast=True))
            continue
        if query.market.auction is GridData.RENEWABLE:
            share = Decimal(f"{25 - 6 * peaks + 45 * noon * sunny + 4 * (wobble - 0.5):.1f}")
            periods.append(Period(start, renewable=share, forecast=True))
            continue
        volume = scale * (42 + 35 * peaks + 22 * noon * sunny + 12 * (wobble - 0.5))
        price = 62 + 55 * peaks - 110 * noon * sunny + 10 * (wobble - 0.5)
        periods.append(Period(start, Decimal(f"{volume:.1f}"), Decimal(f"{price:.2f}")))
    return tuple(periods)


def _noise(query: Query, what: str) -> float:
    """A number from 0 to 1 that depends on market, day and ``what`` only."""
    digest = hashlib.sha256(f"{query}/{what}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32
