"""Days that a person gives: MarketDays of provider Static, with the results as CSV in ``spec.csv``. Pure.

Nobody is asked for such a day and the operator never makes one. Its CSV is read once for each edit; an edit that
cannot be read, or that lacks periods, is refused with the line where it goes wrong, and what was read before stays.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from powercap_api.marketday import MarketDay, MarketDayStatus, MarketSource
from powercap_api.markets import Market, market_day_name
from powercap_api.powerpolicy import Provider

from ..market import csv_format
from ..market.errors import CsvError, DayIncomplete, MarketError
from ..market.known_days import is_of_another_clock
from ..market.results import DayData, Query, build_market_day
from . import marketday_status
from .wanted_days import query_of

_ROUTE = "csv"


def read_static_days(days: Iterable[MarketDay], now: datetime) -> dict[str, dict[str, Any]]:
    """New statuses in wire form, by name, of the Static days that were made or edited since they were read."""
    return {
        day.metadata.name: read_static_day(day, now).to_wire()
        for day in days
        if day.spec.provider == Provider.STATIC
        and day.metadata.deletion_timestamp is None
        and (
            not day.status.conditions
            or day.status.observed_generation != day.metadata.generation
            or is_of_another_clock(day)
        )
    }


def read_static_day(day: MarketDay, now: datetime) -> MarketDayStatus:
    try:
        data = parse_static(day.spec.csv or "", query_of(day))
    except MarketError as error:
        return marketday_status.with_refusal(day, error, now)
    source = MarketSource(fetched_at=now, route=_ROUTE)
    return marketday_status.with_results(day, data, source, None, now)


def parse_static(text: str, query: Query) -> DayData:
    """The whole day in a CSV text. A column without a single value is taken as one that the person does not have.

    Raises:
        CsvError: it cannot be read as that market and day; the message has the line's number.
        DayIncomplete: it lacks periods or values.
    """
    try:
        periods = csv_format.from_csv(text, query)
    except CsvError as error:
        minutes = _resolution(text)
        if minutes in (None, query.market.resolution_minutes):
            raise
        raise CsvError(
            f"the periods have {minutes} minutes and resolutionMinutes is {query.market.resolution_minutes}: make the"
            f" MarketDay, and let the policy follow a market, with resolutionMinutes: {minutes}"
        ) from error
    has_volume = any(period.volume is not None for period in periods)
    has_price = any(period.price is not None for period in periods)
    data = build_market_day(
        periods, query, needs_volume=has_volume or not has_price, needs_price=has_price or not has_volume
    )
    if not data.complete:
        raise DayIncomplete(data.why)
    return data


def how_to_give(market: Market, day: date) -> str:
    """What a person has to make where a Static day is missing, by name and example."""
    name = market_day_name(Provider.STATIC, market, day)
    head = ",".join(csv_format.head(Query(market, day)))
    return (
        f"Static is given by hand: make MarketDay {name} with spec {{provider: Static, area: {market.area},"
        f" auction: {market.auction}, resolutionMinutes: {market.resolution_minutes}, deliveryDate: {day},"
        f' csv: "{head}\\n00:00-{_first_end(market)},68.2,95.69\\n..."}}; kubectl describe marketday says where'
        " one that is there cannot be read."
    )


def _resolution(text: str) -> int | None:
    try:
        return csv_format.csv_resolution(text)
    except CsvError:
        return None


def _first_end(market: Market) -> str:
    return f"{market.resolution_minutes // 60:02}:{market.resolution_minutes % 60:02}"
