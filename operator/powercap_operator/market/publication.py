"""When to ask for a market day: once when it should be there, then at growing intervals, a limited number of times, and
in time for midnight. Pure.

A good day costs one request. Where results are late or missing, the waits double, from what the last answer
suggests (``errors.MarketError.patience``) up to four hours, with jitter so that clusters do not ask in step.
Enough requests are kept for one last call before the day (or, for an auction of the day itself, its half)
begins; what is left after that is spent over the delivery day, for half a day of results is better than none.

The times from which results should be there are those of the table of what is offered (``powercap_api.markets``): some
ten minutes after the auction gives them, for so long the site takes to show them. Forecasts of wind and sun, from which
carbon intensity and the share of renewable power are forecast, are published by 18:00 of the day before at the latest
(Regulation (EU) 543/2013, article 14).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from powercap_api.markets import offer_of

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
"""Time before the day or its half begins."""
LAST_CALL_GAP: Final = timedelta(minutes=5)
"""An attempt that was made so shortly before was the last call."""
FIRST_SPREAD: Final = timedelta(minutes=5)
"""The first request comes up to so much later, by jitter."""

_DEFAULT_RESULTS: Final = time(23)
"""Where nothing is known of an auction."""


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
    product = query.market.product
    return _at(query, _DEFAULT_RESULTS if product is None else product.results_at)


def known_from(query: Query) -> datetime:
    """From when those who take part in the auction know its results, in UTC."""
    offer = offer_of(query.market.area, query.market.auction)
    return _at(query, _DEFAULT_RESULTS if offer is None else offer.known_at)


def _at(query: Query, clock: time) -> datetime:
    day = query.delivery_day - timedelta(days=0 if is_half_day(query.market) else 1)
    return datetime.combine(day, clock, tzinfo=query.market.bidding_zone.zone).astimezone(UTC)


def last_call_at(query: Query) -> datetime:
    """When to ask for the last time before the results begin to count, in UTC."""
    begin, _ = day_bounds(query.delivery_day, query.market.bidding_zone.zone)
    if is_half_day(query.market):
        half = datetime.combine(
            query.delivery_day, time(query.market.from_hour), tzinfo=query.market.bidding_zone.zone
        )
        return half.astimezone(begin.tzinfo) - LAST_CALL
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
    first = results_expected_at(query) + FIRST_SPREAD * jitter
    asked = history.last_request_at
    if asked is None:
        return max(now, first)
    wait = min(history.patience * 2 ** min(max(history.failures - 1, 0), 10), LONGEST_WAIT)
    at = max(asked + wait * (0.75 + 0.5 * jitter), first)
    call = last_call_at(query)
    if asked < call - LAST_CALL_GAP:
        spent = history.requests >= daily_limit - LAST_CALL_RESERVE
        if at > call or spent:
            at = call
    at = max(at, history.not_before or at, now)
    return at if at < end or now >= end else None
