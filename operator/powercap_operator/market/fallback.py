"""Which results stand for a delivery day: its own, or an earlier day's, mapped by local time of day. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from powercap_api.markets import Market
from powercap_api.schedule import Schedule

from .delivery_day import day_bounds, period_starts
from .known_days import DayResults, KnownDays, ResultsRequest
from .results import Period

HISTORY_DAYS = 60
"""No results older than this are ever looked for."""


def find_results(
    request: ResultsRequest, days: KnownDays, day: date, previous_days: int
) -> DayResults | None:
    """The day's own results, or those of the nearest of the ``previous_days`` before it; None where there are none.

    Where no results are needed, the day's bare periods, whatever MarketDays there are.
    """
    if not request.needs.market:
        return _with_beside(bare_day(request.market, day), request, days)
    for back in range(previous_days + 1):
        found = days.own_results(request, day - timedelta(days=back))
        if found is not None:
            found = found if back == 0 else stand_in(found, day, request.market)
            return _with_beside(found, request, days)
    return None


def _with_beside(found: DayResults, request: ResultsRequest, days: KnownDays) -> DayResults:
    """The results with the day's carbon intensity and renewable share, where the request names sources for them."""
    beside = None if request.beside is None else days.own_results(request.beside, found.day)
    if beside is None:
        return found
    grid = {period.start: period for period in beside.periods}
    periods = tuple(
        replace(
            period,
            carbon=grid[period.start].carbon,
            renewable=grid[period.start].renewable,
            forecast=grid[period.start].forecast,
        )
        for period in found.periods
    )
    return replace(found, periods=Schedule(periods, found.periods.until), names=(*found.names, *beside.names))


def bare_day(market: Market, day: date) -> DayResults:
    """The day's periods by the calendar alone, without values."""
    zone = market.bidding_zone.zone
    return DayResults(
        day=day,
        source_day=day,
        periods=Schedule(
            tuple(Period(start) for start in period_starts(day, zone, market.resolution_minutes)),
            day_bounds(day, zone)[1],
        ),
        names=(),
        currency=None,
    )


def latest_results(request: ResultsRequest, days: KnownDays, before: date) -> DayResults | None:
    """The most recent day's own results before a day; None where there are none."""
    for back in range(1, HISTORY_DAYS + 1):
        found = days.own_results(request, before - timedelta(days=back))
        if found is not None:
            return found
    return None


def stand_in(source: DayResults, day: date, market: Market) -> DayResults:
    """An earlier day's results as if they were ``day``'s, period for period by local time of day.

    In the hour that repeats in autumn both passes take the earlier day's one; in spring the missing hour's results
    are left out. A day whose own repeated hour is the source gives the first pass to an ordinary day.
    """
    zone = market.bidding_zone.zone
    by_local = _by_local_time(source.periods, zone)
    periods = []
    for start in period_starts(day, zone, market.resolution_minutes):
        local = start.astimezone(zone)
        period = by_local.get((local.hour, local.minute, local.fold)) or by_local.get(
            (local.hour, local.minute, 0)
        )
        if period is None:  # the source day lacks this local hour: the clocks went forward over it
            period = by_local[(local.hour + 1, local.minute, 0)]
        periods.append(replace(period, start=start))
    return replace(source, day=day, periods=Schedule(tuple(periods), day_bounds(day, zone)[1]))


def _by_local_time(periods: Sequence[Period], zone: ZoneInfo) -> dict[tuple[int, int, int], Period]:
    by_local = {}
    for period in periods:
        local = period.start.astimezone(zone)
        by_local[(local.hour, local.minute, local.fold)] = period
    return by_local
