"""When to ask for a market day: once when it should be there, then at growing intervals, a limited number of times, and
in time for midnight. Pure.

A good day costs one request. Where results are late or missing, the waits double, from what the last answer
suggests (``errors.MarketError.patience``) up to four hours, with jitter so that clusters do not ask in step.
Enough requests are kept for one last call before the day (or, for an auction of the day itself, its half)
begins; what is left after that is spent over the delivery day, for half a day of results is better than none.

Times: SDAC results about 12:55 of the day before, IDA1 15:20, IDA2 22:20, IDA3 10:20 of the day itself;
market time, which is the bidding zone's. The hourly index of the SDAC follows its quarters (seen at 13:30).
Ten minutes are added, for the site shows results some minutes after the auction gives them. Forecasts of wind and sun,
from which carbon intensity and the share of renewable power are forecast, are published by 18:00 of the day before at
the latest (Regulation (EU) 543/2013, article 14).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from powercap_api.markets import Auction, GridData

from .delivery_day import day_bounds
from .errors import MarketError
from .results import Query, is_half_day

DAILY_LIMIT: Final = 12
"""Requests for one market and delivery day, all of them together."""
LAST_CALL_RESERVE: Final = 4
"""Requests kept for the last call: as many as the longest way in needs."""
PAST_DAY_LIMIT: Final = 4
"""Requests for a day that is over, which nobody but a person wants."""
LONGEST_WAIT: Final = timedelta(hours=4)
LAST_CALL: Final = timedelta(minutes=10)
"""So long before the day or its half begins."""
_LAST_CALL_GAP: Final = timedelta(minutes=5)
"""An attempt that was made so shortly before was the last call."""
_SPREAD: Final = timedelta(minutes=5)
"""The first request comes up to so much later, by jitter."""

_RESULTS: Final = {
    Auction.SDAC: time(13, 5),
    Auction.IDA1: time(15, 30),
    Auction.IDA2: time(22, 30),
    GridData.CARBON: time(18, 15),
    GridData.RENEWABLE: time(18, 15),
}
_KNOWN: Final = {
    **_RESULTS,
    Auction.SDAC: time(13, 0),
    Auction.IDA1: time(15, 20),
    Auction.IDA2: time(22, 20),
}
"""When the results are known to those who take part."""
_HALF_DAY_KNOWN: Final = time(10, 20)
_HOURLY_INDEX: Final = time(13, 40)
_HALF_DAY_RESULTS: Final = time(10, 30)


@dataclass(frozen=True, slots=True)
class History:
    """What was asked for one market day so far."""

    requests: int = 0
    """Requests that left, over all attempts and restarts."""
    failures: int = 0
    """Attempts in a row that did not give the whole day."""
    last_request_at: datetime | None = None
    patience: timedelta = MarketError.patience
    """Shortest wait after the last failure: the error's ``patience``."""
    not_before: datetime | None = None
    """What the source itself asked for: the last request's time plus the error's ``retry_after``."""


def results_expected_at(query: Query) -> datetime:
    """From when the results should be on the site, in UTC."""
    if is_half_day(query.market):
        return _at(query, query.delivery_day, _HALF_DAY_RESULTS)
    at = _RESULTS[query.market.auction]
    if query.market.auction is Auction.SDAC and query.market.resolution_minutes == 60:
        at = _HOURLY_INDEX
    return _at(query, query.delivery_day - timedelta(days=1), at)


def known_from(query: Query) -> datetime:
    """From when those who take part in the auction know its results, in UTC."""
    if is_half_day(query.market):
        return _at(query, query.delivery_day, _HALF_DAY_KNOWN)
    return _at(query, query.delivery_day - timedelta(days=1), _KNOWN[query.market.auction])


def _at(query: Query, day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, tzinfo=query.market.bidding_zone.zone).astimezone(UTC)


def last_call_at(query: Query) -> datetime:
    """When to ask for the last time before the results begin to count, in UTC."""
    begin, _ = day_bounds(query.delivery_day, query.market.bidding_zone.zone)
    if is_half_day(query.market):
        noon = datetime.combine(query.delivery_day, time(12), tzinfo=query.market.bidding_zone.zone)
        return noon.astimezone(begin.tzinfo) - LAST_CALL
    return begin - LAST_CALL


def next_attempt(
    query: Query, now: datetime, history: History, *, jitter: float = 0.5, daily_limit: int = DAILY_LIMIT
) -> datetime | None:
    """When to ask (again): ``now`` or later, in UTC; None: never.

    ``jitter`` is a random number from 0 to 1, drawn by the caller. Call it once after every attempt and keep
    the answer; calling it again with another ``now`` never gives an earlier moment.
    """
    _, end = day_bounds(query.delivery_day, query.market.bidding_zone.zone)
    limit = daily_limit if now < end else min(daily_limit, PAST_DAY_LIMIT)
    if history.requests >= limit:
        return None
    first = results_expected_at(query) + _SPREAD * jitter
    asked = history.last_request_at
    if asked is None:
        return max(now, first)
    wait = min(history.patience * 2 ** min(max(history.failures - 1, 0), 10), LONGEST_WAIT)
    at = max(asked + wait * (0.75 + 0.5 * jitter), first)
    call = last_call_at(query)
    if asked < call - _LAST_CALL_GAP:
        spent = history.requests >= daily_limit - LAST_CALL_RESERVE
        if at > call or spent:
            at = call
    at = max(at, history.not_before or at, now)
    return at if at < end or now >= end else None
