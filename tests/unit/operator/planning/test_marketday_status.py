"""The status of a MarketDay after requests, failures and results."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from dev.lab.exchange.pages import sample_periods
from powercap_api.marketday import MarketDay, MarketSource
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
from powercap_operator.market.results import build_market_day
from powercap_operator.planning.marketday_status import (
    fetch_of,
    with_copy,
    with_failure,
    with_request,
    with_results,
)
from powercap_operator.planning.wanted_days import query_of
from tests.support.objects import after, moment, new_day, whole_day

DAY = date(2025, 10, 9)
NOW = moment("2025-10-09T07:00Z")
SOURCE = MarketSource(fetched_at=NOW, route="page")


def complete_day() -> MarketDay:
    return whole_day(new_day(DAY), SOURCE, NOW)


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
    assert error.told_as == reason


def test_a_failure_says_what_happened_and_what_comes_next() -> None:
    day = new_day(DAY)
    later = NOW + timedelta(hours=1)
    message = with_failure(day, Forbidden("the site answered 403"), later, NOW).conditions[0].message
    assert message == "forbidden: the site answered 403. Next attempt at 2025-10-09T08:00:00Z."
    message = with_failure(day, Forbidden("the site answered 403"), None, NOW).conditions[0].message
    assert message.endswith("No further attempt will be made.")


def test_an_incomplete_day_keeps_what_there_is_and_is_not_complete() -> None:
    day = new_day(DAY)
    data = build_market_day(sample_periods(query_of(day))[:90], query_of(day))
    status = with_results(day, data, SOURCE, NOW + timedelta(hours=1), NOW)
    assert len(status.periods) == 90
    assert status.conditions[0].reason == "Incomplete"
    assert "6 of 96 periods missing" in status.conditions[0].message
    assert status.fetch is not None
    assert status.fetch.failures == 1


def test_what_one_day_knows_is_taken_over_with_the_others_own_generation() -> None:
    other = new_day(DAY, name="by-hand")
    other = other.model_copy(update={"metadata": other.metadata.model_copy(update={"generation": 7})})
    status = with_copy(other, complete_day(), NOW)
    assert status.periods == complete_day().status.periods
    assert [(one.type, one.status, one.observed_generation) for one in status.conditions] == [
        ("Complete", "True", 7),
        ("Ready", "True", 7),
    ]


def test_results_that_are_here_stay_where_the_other_day_has_none() -> None:
    partly = build_market_day(sample_periods(query_of(new_day(DAY)))[:90], query_of(new_day(DAY)))
    here = after(new_day(DAY), with_results(new_day(DAY), partly, SOURCE, NOW, NOW))
    failed = after(new_day(DAY), with_failure(new_day(DAY), Forbidden("403"), NOW, NOW))
    status = with_copy(here, failed, NOW)
    assert len(status.periods) == 90
    assert (status.fetch, status.conditions[0].reason) == (failed.status.fetch, "Refused")


def test_failures_are_counted_one_by_one_and_end_with_the_whole_day() -> None:
    day, counts = new_day(DAY), []
    for _ in range(3):
        day = after(day, with_failure(day, Forbidden("403"), NOW, NOW))
        counts.append(fetch_of(day).failures)
    assert counts == [1, 2, 3]
    assert fetch_of(day).last_error == "forbidden: 403"
    whole = fetch_of(whole_day(day, SOURCE, NOW))
    assert (whole.failures, whole.last_error, whole.next_attempt_at) == (0, None, None)


def test_what_is_missing_is_the_last_error() -> None:
    day = new_day(DAY)
    data = build_market_day(sample_periods(query_of(day))[:90], query_of(day))
    fetch = with_results(day, data, SOURCE, NOW, NOW).fetch
    assert fetch is not None
    assert fetch.last_error == data.why
    assert fetch.next_attempt_at == NOW


def test_a_whole_days_summary_and_words() -> None:
    day = whole_day(new_day(DAY), SOURCE.model_copy(update={"notice": "Deprecated."}), NOW)
    volumes = [Decimal(str(period.volume)) for period in day.status.periods]
    prices = [Decimal(str(period.price)) for period in day.status.periods]
    summary = day.status.summary
    assert summary is not None
    assert Decimal(str(summary.total_volume)) == sum(volumes)
    assert abs(Decimal(str(summary.mean_price)) - sum(prices, Decimal(0)) / 96) < Decimal("0.01")
    assert summary.price_range == f"{min(prices)}..{max(prices)}"
    assert {one.message for one in day.status.conditions} == {
        "FR IDA1 of 2025-10-09: all 96 periods are there. Deprecated."
    }
    assert {one.observed_generation for one in day.status.conditions} == {day.metadata.generation}
    assert day.status.observed_generation == day.metadata.generation


def test_conditions_name_the_generation_that_they_were_made_from() -> None:
    day = new_day(DAY)
    day = day.model_copy(update={"metadata": day.metadata.model_copy(update={"generation": 7})})
    status = with_request(day, 1, NOW, NOW)
    assert {
        (one.type, one.status, one.reason, one.message, one.observed_generation) for one in status.conditions
    } == {
        (kind, "Unknown", "Fetching", "the results are being fetched.", 7) for kind in ("Complete", "Ready")
    }
