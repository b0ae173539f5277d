"""Requests per market and day in a simulated month with outages, by the schedule that the operator follows."""

from collections import Counter
from datetime import date, datetime, timedelta
from statistics import mean

from dev.bench.report import Figure
from powercap_api.markets import Auction, Market
from powercap_operator.market.errors import DisclaimerShown, Forbidden, MarketError, NotPublished, Unavailable
from powercap_operator.market.publication import DAILY_LIMIT, results_expected_at
from powercap_operator.market.results import Query
from tests.support.market_month import Answer, fetch_month

MONTH = [date(2025, 11, 1) + timedelta(days=day) for day in range(30)]
MARKETS = [Market("FR", auction) for auction in Auction]


def measure() -> list[Figure]:
    """A month without trouble, and one in which every third day has some."""
    good = [cost.requests for market in MARKETS for cost in fetch_month(market, _always, MONTH)]
    bad = [cost for market in MARKETS for cost in fetch_month(market, _troubled, MONTH)]
    quiet = [cost.requests for cost in bad if cost.query.delivery_day.day % 3]
    troubled = [cost.requests for cost in bad if not cost.query.delivery_day.day % 3]
    missed = sum(cost.complete_at is None for cost in bad)
    what = f"{len(MARKETS)} auctions × {len(MONTH)} days by the real schedule and a made-up source"
    spread = ", ".join(f"{times}×{requests}" for requests, times in sorted(Counter(troubled).items()))
    return [
        Figure("requests on a good day", f"{mean(good):.2f}, at most {max(good)}", "1", what),
        Figure(
            "requests in a month with outages",
            f"good days {mean(quiet):.2f}, bad days {mean(troubled):.1f} and at most {max(troubled)};"
            f" {missed} days never came",
            f"at most {DAILY_LIMIT}",
            f"{what}: every third day late for hours, refused, down, behind a form, or never there; {spread}",
        ),
    ]


def _always(_query: Query, _now: datetime) -> Answer:
    return None, 1


def _troubled(query: Query, now: datetime) -> Answer:
    """Every third day has one of five troubles, of which the last never ends."""
    late = now - results_expected_at(query)
    trouble = query.delivery_day.day // 3 % 5
    if query.delivery_day.day % 3:
        return None, 1
    troubles: list[tuple[MarketError, timedelta, int]] = [
        (NotPublished("later"), timedelta(hours=3), 1),
        (Forbidden("no"), timedelta(hours=9), 1),
        (Unavailable("down"), timedelta(hours=5), 1),
        (DisclaimerShown("form"), timedelta(hours=2), 4),
        (NotPublished("never"), timedelta(days=9), 1),
    ]
    error, lasts, requests = troubles[trouble]
    return (error, requests) if late < lasts else (None, 1)
