"""The status of a MarketDay after requests, failures and results."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from powercap_api.marketday import MarketDay, MarketSource
from powercap_operator.fetcher import is_due, last_route
from powercap_operator.market.errors import (
    Blocked,
    DayIncomplete,
    Forbidden,
    Malformed,
    MarketError,
    NotPublished,
    RateLimited,
    RequestBudgetSpent,
    WrongMarket,
)
from powercap_operator.market.publication import DAILY_LIMIT
from powercap_operator.market.results import build_market_day
from powercap_operator.planning.marketday_status import reason_of, with_failure, with_request, with_results
from powercap_operator.planning.wanted_days import query_of
from tests.support.objects import make_day, moment
from tests.support.pages import sample_periods

DAY = date(2025, 10, 9)
NOW = moment("2025-10-09T07:00Z")
SOURCE = MarketSource(fetched_at=NOW, route="page")


def new_day(day: date = DAY) -> MarketDay:
    body = make_day(day).to_wire()
    del body["status"]
    return MarketDay.from_wire(body)


def after(day: MarketDay, status: object) -> MarketDay:
    """The object with the status as it comes back from the API."""
    return MarketDay.from_wire({**day.to_wire(), "status": status.to_wire()})  # type: ignore[attr-defined]


def complete_day() -> MarketDay:
    day = new_day()
    data = build_market_day(sample_periods(query_of(day)), query_of(day))
    return after(day, with_results(day, data, SOURCE, None, NOW))


def test_a_whole_day_is_complete_and_summed_up() -> None:
    status = complete_day().status
    assert [(one.type, one.status, one.reason) for one in status.conditions] == [
        ("Complete", "True", "Complete"),
        ("Ready", "True", "Complete"),
    ]
    assert status.summary is not None
    assert (status.summary.periods, status.summary.expected_periods) == (96, 96)
    assert status.summary.volume_range == f"{status.periods[0].volume}..{status.periods[-1].volume}"
    assert (status.currency, status.time_zone) == ("EUR", "Europe/Paris")
    assert Decimal(str(status.summary.max_volume)) == Decimal(str(status.periods[-1].volume))


@pytest.mark.parametrize(
    "error", [Malformed("damaged"), WrongMarket("another country"), Blocked("no"), RateLimited("slow down")]
)
def test_a_bad_answer_never_replaces_a_good_day(error: MarketError) -> None:
    day = complete_day()
    status = with_failure(day, error, NOW, NOW)
    assert status.periods == day.status.periods
    assert status.summary == day.status.summary


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NotPublished("not yet"), "NotPublished"),
        (DayIncomplete("gaps"), "Incomplete"),
        (Blocked("captcha"), "Refused"),
        (Forbidden("403"), "Refused"),
        (RateLimited("429"), "Unreachable"),
        (RequestBudgetSpent("12"), "RequestsSpent"),
        (Malformed("?"), "Invalid"),
        (WrongMarket("LV"), "Invalid"),
    ],
)
def test_every_failure_has_a_reason(error: MarketError, reason: str) -> None:
    assert reason_of(error) == reason


def test_a_failure_says_what_happened_and_what_comes_next() -> None:
    day = new_day()
    later = NOW + timedelta(hours=1)
    message = with_failure(day, Forbidden("the site answered 403"), later, NOW).conditions[0].message
    assert message == "forbidden: the site answered 403. Next attempt at 2025-10-09T08:00:00Z."
    message = with_failure(day, Forbidden("the site answered 403"), None, NOW).conditions[0].message
    assert message.endswith("No further attempt will be made.")


def test_an_incomplete_day_keeps_what_there_is_and_is_not_complete() -> None:
    day = new_day()
    data = build_market_day(sample_periods(query_of(day))[:90], query_of(day))
    status = with_results(day, data, SOURCE, NOW + timedelta(hours=1), NOW)
    assert len(status.periods) == 90
    assert status.conditions[0].reason == "Incomplete"
    assert "6 of 96 periods missing" in status.conditions[0].message
    assert status.fetch is not None
    assert status.fetch.failures == 1


def test_a_new_day_is_due_when_it_is_published_and_a_complete_one_never() -> None:
    day = new_day()
    assert not is_due(day, moment("2025-10-08T13:29Z"))
    assert is_due(day, moment("2025-10-08T13:36Z"))
    assert not is_due(complete_day(), NOW)


def test_a_process_that_dies_before_the_answer_waits_too() -> None:
    day = new_day()
    counted = after(day, with_request(day, 1, NOW + timedelta(minutes=10), NOW))
    assert counted.status.conditions[0].status == "Unknown"
    assert not is_due(counted, NOW + timedelta(minutes=9))
    assert is_due(counted, NOW + timedelta(minutes=10))


def test_after_the_last_attempt_nothing_is_due_any_more() -> None:
    day = new_day()
    spent = after(day, with_request(day, DAILY_LIMIT, NOW, NOW))
    over = after(spent, with_failure(spent, RequestBudgetSpent("12"), None, NOW))
    assert not is_due(over, NOW + timedelta(days=2))


def test_the_way_in_that_worked_last_is_remembered() -> None:
    old = complete_day()
    status = old.status.model_copy(
        update={"source": MarketSource(fetched_at=NOW + timedelta(1), route="ajax")}
    )
    newer = old.model_copy(update={"status": status})
    assert last_route({"old": old, "newer": newer, "none": new_day()}, "EPEX") == "ajax"
    assert last_route({"old": old}, "ENTSOE") is None
