"""CarbonIntensity: carbon intensity of Great Britain's power from the National Energy System Operator, without a key.

``GET /intensity/2026-08-03T23:00Z/2026-08-04T23:00Z`` gives ``{"data": [{"from": "2026-08-03T22:30Z", "to":
"2026-08-03T23:00Z", "intensity": {"forecast": 146, "actual": null, "index": "low"}}, ...]}``: g CO2/kWh in half hours,
the first of them one before the time asked for; ``actual`` is null from now on. Forecasts reach 48 hours ahead. The
index is not read: what it calls low changes from year to year. No shares of renewable power. Source:
https://carbon-intensity.github.io/api-definitions; data under CC BY 4.0. No limit of requests is published.
"""

from asyncio import to_thread
from datetime import timedelta
from typing import Any, ClassVar, Final

from powercap_api.markets import GridData

from ..market.delivery_day import day_bounds
from ..market.errors import Malformed, NotOffered, NotPublished
from ..market.resample import resample
from ..market.results import Period, Query, build_market_day
from .base import FetchedDay, Spend
from .http_client import PoliteHttp
from .json_series import moment, number, read_series

URL: Final = "https://api.carbonintensity.org.uk"
_SOURCE: Final = "The Carbon Intensity API"
_MINUTES: Final = 30
_MAX_PERIODS: Final = 200
_MOST: Final = 2_000
"""Above so many g CO2/kWh no value is believed."""


class CarbonIntensity:
    """Carbon intensity of Great Britain."""

    name: ClassVar[str] = "CarbonIntensity"
    pause_seconds: ClassVar[float] = 1

    def __init__(self, http: PoliteHttp, url: str = URL) -> None:
        self._http = http
        self._url = url.rstrip("/")

    async def fetch(self, query: Query, spend: Spend) -> FetchedDay:
        """Get the day's carbon intensities, measured where they are, else forecast.

        Raises:
            NotOffered: anything but Great Britain's carbon intensity.
            NotPublished: no such day (yet).
            Malformed: an answer of another form.
            FetchError: as ``PoliteHttp.ask``.
        """
        if query.market.area != "GB" or query.market.auction is not GridData.CARBON:
            raise NotOffered(f"{_SOURCE} has carbon intensities of GB only, not {query.market}")
        begin, end = day_bounds(query.delivery_day, query.market.bidding_zone.zone)
        answer = await self._http.ask(
            "GET",
            f"{self._url}/intensity/{begin:%Y-%m-%dT%H:%MZ}/{end:%Y-%m-%dT%H:%MZ}",
            spend,
            headers={"Accept": "application/json"},
            also=frozenset({404}),
        )
        if answer.status == 404:
            raise _not_published(query)
        return FetchedDay(
            query=query,
            day=build_market_day(await to_thread(parse_intensity, answer.body, query), query),
            route="api",
            fetched_at=self._http.now(),
            published_at=None,
            currency=query.market.bidding_zone.currency,
        )


def parse_intensity(body: bytes, query: Query) -> tuple[Period, ...]:
    """The delivery day's carbon intensities in an answer, at the query's resolution.

    Raises:
        Malformed: no such JSON (TooLarge says more), values that cannot be, or other periods than half hours.
        NotPublished: no value of the day in it.
    """
    begin, end = day_bounds(query.delivery_day, query.market.bidding_zone.zone)
    found = read_series(body, _SOURCE, _periods)
    if len(found) > _MAX_PERIODS:
        raise Malformed(f"{_SOURCE} gave more periods than were asked for")
    inside = [period for period in found if begin <= period.start < end and period.carbon is not None]
    if not inside:
        raise _not_published(query)
    if not all(0 <= (period.carbon or 0) <= _MOST for period in inside):
        raise Malformed(f"{_SOURCE} gave carbon intensities that cannot be")
    return resample(inside, _MINUTES, query.market.resolution_minutes)


def _periods(answer: Any) -> list[Period]:
    periods = []
    for slot in answer["data"]:
        start, intensity = moment(slot["from"]), slot["intensity"]
        if moment(slot["to"]) - start != timedelta(minutes=_MINUTES) or start.minute % _MINUTES:
            raise ValueError("no half hour")
        actual, expected = number(intensity["actual"]), number(intensity["forecast"])
        carbon = expected if actual is None else actual
        periods.append(Period(start, carbon=carbon, forecast=actual is None and carbon is not None))
    return periods


def _not_published(query: Query) -> NotPublished:
    return NotPublished(f"{_SOURCE} has nothing for {query}: not yet, or not at all")
