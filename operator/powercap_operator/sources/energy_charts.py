"""EnergyCharts: day-ahead prices from Fraunhofer ISE, without a key. No volumes, no intraday auctions.

``GET /price?bzn=FR&start=2025-10-09&end=2025-10-09`` gives ``{"unix_seconds": [...], "price": [...], "unit":
"EUR / MWh", ...}``, one delivery day in the zone's own time where start and end are the same date; a price
may be null. Source: https://api.energy-charts.info (OpenAPI), data under CC BY 4.0 or as ``license_info``
says.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any, ClassVar, Final

from powercap_api.markets import RESOLUTIONS_MINUTES, Auction

from ..market.errors import Malformed, NotOffered, NotPublished, TooLarge
from ..market.resample import resample
from ..market.results import Period, Query, build_market_day
from .base import FetchedDay, Spend
from .http_client import PoliteHttp

URL: Final = "https://api.energy-charts.info"
_MAX_POINTS: Final = 400
_MAX_BYTES: Final = 1_000_000
"""A day's answer has about 3 KB."""


class EnergyCharts:
    """Day-ahead prices of the coupled zones, in EUR."""

    name: ClassVar[str] = "EnergyCharts"
    gives_volume: ClassVar[bool] = False

    def __init__(self, http: PoliteHttp, url: str = URL) -> None:
        self._http = http
        self._url = url.rstrip("/")

    async def fetch(self, query: Query, spend: Spend) -> FetchedDay:
        """Get the day's prices, resampled where the source's step is another.

        Raises:
            NotOffered: an intraday auction, or Great Britain.
            NotPublished: no such day (yet).
            Malformed: an answer of another form.
            FetchError: as ``PoliteHttp.ask``.
        """
        if query.market.auction is not Auction.SDAC or query.market.area == "GB":
            raise NotOffered(
                f"Energy-Charts has prices of the coupled day-ahead auction only, not of {query.market}"
            )
        day = query.delivery_day.isoformat()
        answer = await self._http.ask(
            "GET",
            f"{self._url}/price",
            spend,
            parameters={"bzn": query.market.area, "start": day, "end": day},
            headers={"Accept": "application/json"},
            also=frozenset({404}),
        )
        if answer.status == 404:
            raise NotPublished(f"Energy-Charts has no prices for {query}: not yet, or not at all")
        return FetchedDay(
            query=query,
            day=build_market_day(parse_answer(answer.body, query), query, needs_volume=False),
            route="api",
            fetched_at=self._http.now(),
            published_at=None,
            currency="EUR",
        )


def parse_answer(body: bytes, query: Query) -> tuple[Period, ...]:
    """The periods of an answer, at the query's resolution.

    Raises:
        Malformed: no such JSON (TooLarge says more), another unit, or times in no even steps.
        NotPublished: no prices in it.
    """
    if len(body) > _MAX_BYTES:
        raise TooLarge(f"Energy-Charts gave {len(body) / 1e6:.1f} MB for one day")
    try:
        answer: Any = json.loads(body, parse_float=Decimal)
        times, prices = answer["unix_seconds"], answer["price"]
        unit = str(answer.get("unit", ""))
        points = [
            (datetime.fromtimestamp(int(second), UTC), None if price is None else Decimal(price))
            for second, price in zip(times, prices, strict=True)
        ]
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        OSError,
        InvalidOperation,
    ) as error:
        raise Malformed("Energy-Charts gave something else than a list of times and prices") from error
    except RecursionError as error:
        raise Malformed("Energy-Charts gave nested data that no price list is") from error
    if "".join(unit.split()).upper() not in ("", "EUR/MWH"):
        raise Malformed(f"Energy-Charts gave prices in {unit[:40]!r}, EUR/MWh was expected")
    if len(points) > _MAX_POINTS or not all(price is None or _is_price(price) for _, price in points):
        raise Malformed("Energy-Charts gave more prices than a day has, or some that are no numbers")
    points = [point for point in points if point[1] is not None]
    if not points:
        raise NotPublished(f"Energy-Charts has no prices for {query}: not yet, or not at all")
    steps = {int((later - earlier).total_seconds()) for (earlier, _), (later, _) in pairwise(points)}
    step = min(steps, default=0)
    if step <= 0 or step % 60 or step // 60 not in RESOLUTIONS_MINUTES:
        raise Malformed("Energy-Charts gave prices in steps that no market has")
    periods = [Period(start, None, price) for start, price in points]
    return resample(periods, step // 60, query.market.resolution_minutes)


def _is_price(value: Decimal) -> bool:
    """A number that can be printed: JSON allows 1e999999999 and NaN."""
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and -9 < exponent < 7 and value.adjusted() < 7
