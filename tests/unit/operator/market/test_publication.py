"""When a day is asked for: once on a good day, patiently on a bad one, never too often, in time for
midnight."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powercap_api.markets import Auction, Market
from powercap_operator.market.delivery_day import day_bounds
from powercap_operator.market.errors import (
    Blocked,
    DayIncomplete,
    DisclaimerShown,
    Forbidden,
    Malformed,
    MarketError,
    NotPublished,
    RateLimited,
    TimedOut,
    Unavailable,
)
from powercap_operator.market.publication import (
    DAILY_LIMIT,
    LONGEST_WAIT,
    History,
    last_call_at,
    next_attempt,
    results_expected_at,
)
from powercap_operator.market.results import Query
from tests.support.market_month import Answer, fetch_day, fetch_month

DAY = date(2025, 10, 9)
IDA1 = Market("FR", Auction.IDA1)
QUERY = Query(IDA1, DAY)
MONTH = [date(2025, 10, 1) + timedelta(days=number) for number in range(31)]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("market", "day", "expected", "last_call"),
    [
        (Market("FR", Auction.SDAC), DAY, "2025-10-08T13:05+02:00", "2025-10-08T23:50+02:00"),
        (Market("FR", Auction.SDAC, 60), DAY, "2025-10-08T13:40+02:00", "2025-10-08T23:50+02:00"),
        (IDA1, DAY, "2025-10-08T15:30+02:00", "2025-10-08T23:50+02:00"),
        (Market("FR", Auction.IDA2), DAY, "2025-10-08T22:30+02:00", "2025-10-08T23:50+02:00"),
        (Market("FR", Auction.IDA3), DAY, "2025-10-09T10:30+02:00", "2025-10-09T11:50+02:00"),
        (Market("GB", Auction.IDA1, 30), DAY, "2025-10-08T19:10+02:00", "2025-10-08T23:50+02:00"),
        (Market("GB", Auction.SDAC, 30), DAY, "2025-10-08T16:55+02:00", "2025-10-08T23:50+02:00"),
        (Market("CH", Auction.IDA2, 60), DAY, "2025-10-09T11:40+02:00", "2025-10-09T11:50+02:00"),
        (Market("GB", Auction.IDA2, 30), DAY, "2025-10-09T10:30+02:00", "2025-10-09T11:50+02:00"),
        (IDA1, date(2025, 10, 27), "2025-10-26T15:30+01:00", "2025-10-26T23:50+01:00"),
        (Market("FR", Auction.IDA3), date(2025, 10, 26), "2025-10-26T10:30+01:00", "2025-10-26T11:50+01:00"),
    ],
    ids=str,
)
def test_each_auction_has_its_times(market: Market, day: date, expected: str, last_call: str) -> None:
    query = Query(market, day)
    assert results_expected_at(query) == moment(expected)
    assert last_call_at(query) == moment(last_call)


def test_the_first_request_waits_for_the_results() -> None:
    first = next_attempt(QUERY, moment("2025-10-08T00:00+02:00"), History(), jitter=0)
    assert first == moment("2025-10-08T15:30+02:00")
    late = next_attempt(QUERY, moment("2025-10-08T00:00+02:00"), History(), jitter=1)
    assert late == moment("2025-10-08T15:35+02:00")


@pytest.mark.parametrize(
    "now", ["2025-10-08T16:00+02:00", "2025-10-09T09:00+02:00", "2025-11-01T00:00+01:00"]
)
def test_what_is_late_is_asked_for_at_once(now: str) -> None:
    assert next_attempt(QUERY, moment(now), History()) == moment(now)


def test_nothing_is_asked_for_again_once_the_rate_budget_is_gone() -> None:
    now = moment("2025-10-08T16:00+02:00")
    assert next_attempt(QUERY, now, History(requests=DAILY_LIMIT, failures=3, last_request_at=now)) is None


@pytest.mark.parametrize(
    ("failures", "low", "high"), [(1, 7.5, 12.5), (2, 15, 25), (3, 30, 50), (4, 60, 100), (5, 120, 200)]
)
def test_waits_double_with_jitter(failures: int, low: float, high: float) -> None:
    asked = moment("2025-10-08T15:40+02:00")
    for jitter, minutes in ((0.0, low), (1.0, high)):
        history = History(requests=failures, failures=failures, last_request_at=asked)
        assert next_attempt(QUERY, asked, history, jitter=jitter) == asked + timedelta(minutes=minutes)


def test_a_source_that_says_how_long_is_believed() -> None:
    asked = moment("2025-10-08T15:40+02:00")
    until = asked + timedelta(hours=11)
    assert next_attempt(QUERY, asked, History(1, 1, asked, not_before=until)) == until


def test_the_last_call_is_made_whatever_happened_before() -> None:
    call = moment("2025-10-08T23:50+02:00")
    asked = moment("2025-10-08T20:30+02:00")
    assert next_attempt(QUERY, asked, History(requests=6, failures=6, last_request_at=asked)) == call
    spent = History(requests=DAILY_LIMIT - 4, failures=2, last_request_at=moment("2025-10-08T16:00+02:00"))
    assert next_attempt(QUERY, moment("2025-10-08T16:01+02:00"), spent) == call


def test_a_day_that_never_comes_is_given_up_at_its_end() -> None:
    asked = moment("2025-10-09T22:00+02:00")
    assert next_attempt(QUERY, asked, History(requests=9, failures=9, last_request_at=asked)) is None


def test_a_day_of_the_past_is_asked_for_a_few_times_only() -> None:
    query = Query(IDA1, date(2025, 1, 1))
    cost = fetch_day(query, lambda *_: (NotPublished("no"), 1), moment("2025-10-09T12:00+02:00"))
    assert cost.requests == 4


# What the source does -------------------------------------------------------------------------------------------


def good(query: Query, now: datetime) -> Answer:
    return (None, 1) if now >= results_expected_at(query) else (NotPublished("not yet"), 1)


def three_hours_late(query: Query, now: datetime) -> Answer:
    return (
        (None, 1) if now >= results_expected_at(query) + timedelta(hours=3) else (NotPublished("not yet"), 1)
    )


def never(query: Query, now: datetime) -> Answer:
    del query, now
    return NotPublished("never"), 1


def down_in_the_afternoon(query: Query, now: datetime) -> Answer:
    del query
    return (Unavailable("down"), 1) if now.hour < 18 else (None, 1)


def only_conditions(query: Query, now: datetime) -> Answer:
    del query, now
    return DisclaimerShown("shell"), 4


def refusing(query: Query, now: datetime) -> Answer:
    del query, now
    return Forbidden("403"), 1


def limiting(query: Query, now: datetime) -> Answer:
    del query, now
    return RateLimited("429", retry_after=timedelta(hours=2)), 1


def flaky(query: Query, now: datetime) -> Answer:
    """Every kind of trouble, by the minute."""
    troubles: list[Answer] = [
        (Unavailable("down"), 1),
        (TimedOut("slow"), 2),
        (DisclaimerShown("shell"), 4),
        (DayIncomplete("a gap"), 1),
        (Malformed("broken"), 1),
        (Blocked("go away"), 1),
        (NotPublished("not yet"), 3),
        (None, 1),
    ]
    return troubles[(now.minute + query.delivery_day.day) % len(troubles)]


@pytest.mark.parametrize("auction", Auction)
@pytest.mark.parametrize("area", ["FR", "GB"])
def test_a_good_day_costs_one_request(area: str, auction: Auction) -> None:
    for cost in fetch_month(Market(area, auction), good, MONTH):
        assert cost.requests == 1
        assert cost.complete_at is not None
        assert cost.complete_at < results_expected_at(cost.query) + timedelta(minutes=6)


@pytest.mark.parametrize(
    ("source", "auction"),
    [
        *((never, auction) for auction in Auction),
        *(
            (source, Auction.IDA1)
            for source in (
                three_hours_late,
                down_in_the_afternoon,
                only_conditions,
                refusing,
                limiting,
                flaky,
            )
        ),
    ],
)
def test_no_day_costs_more_than_twelve(source: object, auction: Auction) -> None:
    assert callable(source)
    for cost in fetch_month(Market("FR", auction), source, MONTH):
        assert cost.requests <= 12
        for earlier, later in zip(cost.attempts, cost.attempts[1:], strict=False):
            assert later - earlier > timedelta(minutes=3, seconds=40)
        assert cost.attempts[-1] < day_bounds(cost.query.delivery_day, cost.query.market.bidding_zone.zone)[1]


@pytest.mark.parametrize("source", [never, only_conditions, refusing])
def test_there_is_always_a_last_call_before_midnight(source: object) -> None:
    assert callable(source)
    for market in (IDA1, Market("FR", Auction.SDAC), Market("FR", Auction.IDA2), Market("FR", Auction.IDA3)):
        for cost in fetch_month(market, source, MONTH):
            call = last_call_at(cost.query)
            assert any(abs(at - call) <= timedelta(minutes=5) for at in cost.attempts)


@pytest.mark.parametrize("source", [three_hours_late, down_in_the_afternoon])
def test_late_results_are_there_before_midnight(source: object) -> None:
    assert callable(source)
    for cost in fetch_month(IDA1, source, MONTH):
        assert cost.complete_at is not None
        assert cost.complete_at < day_bounds(cost.query.delivery_day, IDA1.bidding_zone.zone)[0]


def test_clusters_do_not_ask_in_step() -> None:
    minutes = Counter(
        cost.attempts[0].replace(second=0, microsecond=0)
        for seed in range(100)
        for cost in fetch_month(IDA1, good, [DAY], seed)
    )
    assert len(minutes) == 5
    assert max(minutes.values()) < 40


@given(
    now=st.timedeltas(timedelta(days=-2), timedelta(days=2)).map(
        lambda ago: moment("2025-10-09T00:00+02:00") + ago
    ),
    ago=st.timedeltas(timedelta(), timedelta(days=2)) | st.none(),
    requests=st.integers(0, 15),
    failures=st.integers(0, 1000),
    patience=st.timedeltas(timedelta(seconds=1), timedelta(days=1)),
    wait=st.timedeltas(timedelta(), timedelta(days=1)) | st.none(),
    jitter=st.floats(0, 1),
    market=st.sampled_from([IDA1, Market("FR", Auction.IDA3), Market("GB", Auction.SDAC, 60)]),
)
def test_never_before_now_never_before_the_source_allows(
    now: datetime,
    ago: timedelta | None,
    requests: int,
    failures: int,
    patience: timedelta,
    wait: timedelta | None,
    jitter: float,
    market: Market,
) -> None:
    asked = None if ago is None else now - ago
    until = None if asked is None or wait is None else asked + wait
    history = History(requests, failures, asked, patience, until)
    at = next_attempt(Query(market, DAY), now, history, jitter=jitter)
    if requests >= DAILY_LIMIT:
        assert at is None
    if at is None:
        return
    assert at >= now
    assert at >= results_expected_at(Query(market, DAY))
    if until is not None:
        assert at >= until
    if asked is not None:
        first = results_expected_at(Query(market, DAY)) + timedelta(minutes=5)
        assert at <= max(
            now, until or now, last_call_at(Query(market, DAY)), asked + LONGEST_WAIT * 1.25, first
        )


def test_every_error_has_some_patience() -> None:
    def family(kind: type[MarketError]) -> list[type[MarketError]]:
        return [kind, *(one for child in kind.__subclasses__() for one in family(child))]

    assert all(timedelta(minutes=5) <= kind.patience <= timedelta(days=1) for kind in family(MarketError))
