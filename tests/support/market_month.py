"""A month of a market, fetched by the schedule alone: how many requests each day costs, and when it is there.

Time passes in jumps from attempt to attempt; what the source answers is a function of the query and the
moment.
"""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from dev.lab.exchange.facts import day_bounds
from powercap_api.markets import Market
from powercap_operator.market.errors import MarketError, RequestBudgetSpent
from powercap_operator.market.publication import DAILY_LIMIT, History, next_attempt
from powercap_operator.market.results import Query

Answer = tuple[MarketError | None, int]
"""What an attempt comes to (None: the whole day), and how many requests it would like to make."""
Source = Callable[[Query, datetime], Answer]


@dataclass(frozen=True)
class DayCost:
    """How one delivery day went."""

    query: Query
    requests: int
    attempts: tuple[datetime, ...]
    complete_at: datetime | None


def fetch_day(query: Query, source: Source, since: datetime, seed: int = 0) -> DayCost:
    """One market day from ``since`` until it is there or given up."""
    draw = random.Random(f"{seed}/{query}")
    now, history = since, History()
    attempts: list[datetime] = []
    while (at := next_attempt(query, now, history, jitter=draw.random())) is not None:
        assert at >= now, "the schedule went back in time"
        error, wanted = source(query, at)
        made = min(wanted, DAILY_LIMIT - history.requests)
        if made < wanted:
            error = RequestBudgetSpent("no more today")
        attempts.append(at)
        requests = history.requests + made
        if error is None:
            return DayCost(query, requests, tuple(attempts), at)
        history = History(
            requests=requests,
            failures=history.failures + 1,
            last_request_at=at,
            patience=error.patience,
            not_before=None if error.retry_after is None else at + error.retry_after,
        )
        now = at + timedelta(seconds=1)
        assert len(attempts) <= 100, "the schedule never ends"
    return DayCost(query, history.requests, tuple(attempts), None)


def fetch_month(market: Market, source: Source, days: Iterable[date], seed: int = 0) -> list[DayCost]:
    """Every day of ``days``, each looked for from the beginning of the day before."""
    return [
        fetch_day(Query(market, day), source, day_bounds(day - timedelta(days=1))[0], seed) for day in days
    ]
