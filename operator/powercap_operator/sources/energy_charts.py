"""EnergyCharts: day-ahead prices and grid data from Fraunhofer ISE, without a key. No volumes, no intraday auctions.

``GET /v2/price?bzn=FR&start=2025-10-09&end=2025-10-09`` gives ``{"data": [{"timestamp":
"2025-10-09T00:00:00+02:00", "values": {"day_ahead_price": 95.69}}, ...], "resolution": "PT15M", "bidding_zone":
"FR", "unit": "EUR / MWh", "deprecated": false, ...}``, one delivery day in the zone's own time where start and
end are the same date; a price may be null. ``GET /price`` is the way before that (``{"unix_seconds": [...],
"price": [...], "unit": "EUR / MWh", ...}``); it is asked where a site does not have the newer one. Limit: two
requests a minute. Source: https://api.energy-charts.info (OpenAPI); data under CC BY 4.0 or as ``license`` says. Grid
data is in ``energy_charts_grid``.
"""

import json
from asyncio import to_thread
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Final

from powercap_api.markets import Auction, GridData

from ..market.errors import Malformed, NotOffered, NotPublished, WrongMarket
from ..market.resample import resample
from ..market.results import Period, Query, build_market_day
from .base import FetchedDay, Spend
from .energy_charts_grid import COUNTRIES, PATHS, parse_grid
from .http_client import Answer, PoliteHttp
from .json_series import at_second, moment, number, read_series, step_minutes

URL: Final = "https://api.energy-charts.info"
_SOURCE: Final = "Energy-Charts"
_PATHS: Final = ("v2/price", "price")
"""Ways to ask, the newer first."""
_NO_SUCH_WAY: Final = {"detail": "Not Found"}
_RESOLUTIONS: Final = {"PT15M": 15, "PT30M": 30, "PT60M": 60, "PT1H": 60}
_MAX_POINTS: Final = 400
_DEPRECATED: Final = (
    "Energy-Charts calls the way it was asked deprecated: look for a newer powercap before it goes away."
)


@dataclass(frozen=True, slots=True)
class PriceAnswer:
    """What an answer holds."""

    periods: tuple[Period, ...]
    """At the query's resolution."""
    notice: str | None
    """What the source says of the way it was asked; None where it says nothing."""


class EnergyCharts:
    """Day-ahead prices of the coupled zones, in EUR; carbon intensity and renewable shares of their countries."""

    name: ClassVar[str] = "EnergyCharts"
    pause_seconds: ClassVar[float] = 30
    """Two requests a minute."""

    def __init__(self, http: PoliteHttp, url: str = URL) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._paths = list(_PATHS)

    async def fetch(self, query: Query, spend: Spend) -> FetchedDay:
        """Get the day's prices, resampled where the source's step is another.

        Raises:
            NotOffered: an intraday auction, or Great Britain.
            NotPublished: no such day (yet).
            WrongMarket: another bidding zone's prices.
            Malformed: an answer of another form.
            FetchError: as ``PoliteHttp.ask``.
        """
        if isinstance(query.market.auction, GridData):
            return await self._fetch_grid(query, query.market.auction, spend)
        answer = await self._ask(query, query.delivery_day, spend)
        prices = await to_thread(parse_answer, answer.body, query)
        return FetchedDay(
            query=query,
            day=build_market_day(prices.periods, query, needs_volume=False),
            route="api",
            fetched_at=self._http.now(),
            published_at=None,
            currency="EUR",
            notice=prices.notice,
        )

    async def fetch_range(self, query: Query, last: date, spend: Spend) -> bytes:
        """The answer with the prices of the query's day and every day up to the last, unread: one request.

        Raises:
            NotOffered, NotPublished, FetchError: as ``fetch``.
        """
        return (await self._ask(query, last, spend)).body

    async def _fetch_grid(self, query: Query, data: GridData, spend: Spend) -> FetchedDay:
        country = COUNTRIES.get(query.market.area)
        if country is None:
            raise NotOffered(f"Energy-Charts has no grid data of {query.market.area}")
        answer = await self._http.ask(
            "GET",
            f"{self._url}/{PATHS[data]}",
            spend,
            parameters={"country": country},
            headers={"Accept": "application/json"},
            also=frozenset({404}),
        )
        if answer.status == 404:
            raise NotPublished(f"Energy-Charts has nothing for {query}: not yet, or not at all")
        return FetchedDay(
            query=query,
            day=build_market_day(await to_thread(parse_grid, answer.body, query), query),
            route="api",
            fetched_at=self._http.now(),
            published_at=None,
            currency=query.market.bidding_zone.currency,
        )

    async def _ask(self, query: Query, last: date, spend: Spend) -> Answer:
        """The answer of the newest way that the site has. A site that says it lacks one is not asked for it again;
        after another 404, not in the site's own words, the older way is asked this time."""
        if query.market.auction is not Auction.SDAC or query.market.area == "GB":
            raise NotOffered(
                f"Energy-Charts has prices of the coupled day-ahead auction only, not of {query.market}"
            )
        days = {"start": query.delivery_day.isoformat(), "end": last.isoformat()}
        for path in tuple(self._paths):
            answer = await self._http.ask(
                "GET",
                f"{self._url}/{path}",
                spend,
                parameters={"bzn": query.market.area, **days},
                headers={"Accept": "application/json"},
                also=frozenset({404}),
            )
            says = await to_thread(_said, answer)
            if answer.status != 404 or says not in (None, _NO_SUCH_WAY):
                break
            if says == _NO_SUCH_WAY and len(self._paths) > 1:
                self._paths.remove(path)
        if answer.status == 404:
            raise _not_published(query)
        return answer


def parse_answer(body: bytes, query: Query) -> PriceAnswer:
    """An answer of either way.

    Raises:
        Malformed: no such JSON (TooLarge says more), another unit, or times in no even steps.
        WrongMarket: another bidding zone's. NotPublished: no prices in it.
    """
    answer, points = read_series(body, _SOURCE, lambda answer: (answer, _points(answer)))
    unit = str(answer.get("unit") or "")
    if "".join(unit.split()).upper() not in ("", "EUR/MWH"):
        raise Malformed(f"Energy-Charts gave prices in {unit[:40]!r}, EUR/MWh was expected")
    zone = answer.get("bidding_zone") or query.market.area
    if zone != query.market.area:
        raise WrongMarket(
            f"Energy-Charts gave prices of {str(zone)[:20]!r} when asked for {query}", differs=("area",)
        )
    if len(points) > _MAX_POINTS:
        raise Malformed("Energy-Charts gave more prices than a day has")
    periods = [period for period in points if period.price is not None]
    if not periods:
        raise _not_published(query)
    said = _RESOLUTIONS.get(str(answer.get("resolution")))
    minutes = step_minutes([period.start for period in points], _SOURCE, said)
    return PriceAnswer(
        resample(periods, minutes, query.market.resolution_minutes),
        _DEPRECATED if answer.get("deprecated") is True else None,
    )


def _points(answer: Mapping[str, Any]) -> list[Period]:
    """Starts and prices in the answer's order; no points where a list is null or not there."""
    if "data" in answer.keys():  # noqa: SIM118 - a list or a text has no keys: it is refused
        return [
            Period(moment(point["timestamp"]), price=number(point["values"].get("day_ahead_price")))
            for point in answer["data"] or ()
        ]
    times, prices = answer.get("unix_seconds"), answer.get("price")
    if times is None or prices is None:
        return []
    return [
        Period(at_second(second), price=number(price)) for second, price in zip(times, prices, strict=True)
    ]


def _said(answer: Answer) -> object:
    """What a 404 says; None where it is no JSON, and so not of the site."""
    try:
        return json.loads(answer.body) if answer.status == 404 else None
    except (ValueError, RecursionError):
        return None


def _not_published(query: Query) -> NotPublished:
    return NotPublished(f"Energy-Charts has no prices for {query}: not yet, or not at all")
