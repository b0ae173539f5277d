"""Which market days are asked for now: once for each market and day, one at a time for each source."""

from datetime import date, timedelta

import pytest

from powercap_api.marketday import MarketDay, MarketFetch, MarketSource
from powercap_operator.market.errors import Forbidden, MarketError, RateLimited, RequestBudgetSpent
from powercap_operator.market.known_days import KnownDays
from powercap_operator.market.publication import DAILY_LIMIT
from powercap_operator.planning.due_days import DayGroup, after_failure, is_due, last_route, next_groups
from powercap_operator.planning.marketday_status import with_copy, with_failure, with_request
from powercap_operator.planning.resolved_policy import resolve
from powercap_operator.planning.wanted_days import is_pending
from tests.support.objects import after, make_policy, moment, new_day, whole_day

DAY = date(2025, 10, 9)
NOW = moment("2025-10-09T07:00Z")
SOURCE = MarketSource(fetched_at=NOW, route="page")


def now_due(*days: MarketDay, busy: str = "") -> dict[str, DayGroup]:
    return dict(next_groups(days, NOW, lambda provider: provider != busy))


def test_one_day_at_a_time_today_first_and_the_past_last() -> None:
    days = [new_day(DAY - timedelta(days=back)) for back in range(40)]
    chosen = now_due(*reversed(days))
    assert {provider: group.key.day for provider, group in chosen.items()} == {"EPEX": DAY}
    past = now_due(*days[1:])
    assert past["EPEX"].key.day == DAY - timedelta(days=1)


def test_a_source_that_is_being_asked_is_left_alone_and_others_are_not() -> None:
    other = new_day(DAY, name="other", provider="ENTSOE", auction="SDAC")
    assert set(now_due(new_day(DAY), other, busy="EPEX")) == {"ENTSOE"}


def test_days_of_one_market_are_one_group_whatever_their_names() -> None:
    group = now_due(*(new_day(DAY, name=name) for name in "abcde"))["EPEX"]
    assert [day.metadata.name for day in group.days] == ["a", "b", "c", "d", "e"]
    assert group.behind == ()


def test_what_was_asked_under_one_name_counts_for_all() -> None:
    spent = new_day(DAY, name="spent")
    spent = after(spent, with_request(spent, DAILY_LIMIT, None, NOW))
    spent = after(spent, with_failure(spent, RequestBudgetSpent("12"), None, NOW))
    fresh = new_day(DAY, name="fresh")
    group = now_due(spent, fresh)["EPEX"]
    assert group.first.metadata.name == "spent"
    assert [day.metadata.name for day in group.behind] == ["fresh"]
    assert now_due(spent, after(fresh, with_copy(fresh, spent, NOW))) == {}


def test_results_reach_a_day_under_another_name_without_a_request() -> None:
    whole = whole_day(new_day(DAY), SOURCE, NOW)
    failed = new_day(DAY, name="by-hand")
    failed = after(failed, with_failure(failed, Forbidden("403"), NOW, NOW))
    group = now_due(whole, failed)["EPEX"]
    assert (group.first, [day.metadata.name for day in group.behind]) == (whole, ["by-hand"])
    assert now_due(whole, after(failed, with_copy(failed, whole, NOW))) == {}


def test_days_that_a_person_gives_are_never_asked_for() -> None:
    assert now_due(new_day(DAY, provider="Static")) == {}


def test_a_new_day_is_due_when_it_is_published_and_a_complete_one_never() -> None:
    day = new_day(DAY)
    assert not is_due(day, moment("2025-10-08T13:29Z"))
    assert is_due(day, moment("2025-10-08T13:36Z"))
    assert not is_due(whole_day(new_day(DAY), SOURCE, NOW), NOW)


def test_a_process_that_dies_before_the_answer_waits_too() -> None:
    day = new_day(DAY)
    counted = after(day, with_request(day, 1, NOW + timedelta(minutes=10), NOW))
    assert counted.status.conditions[0].status == "Unknown"
    assert not is_due(counted, NOW + timedelta(minutes=9))
    assert is_due(counted, NOW + timedelta(minutes=10))


def test_after_the_last_attempt_nothing_is_due_any_more() -> None:
    day = new_day(DAY)
    spent = after(day, with_request(day, DAILY_LIMIT, NOW, NOW))
    over = after(spent, with_failure(spent, RequestBudgetSpent("12"), None, NOW))
    assert not is_due(over, NOW + timedelta(days=2))


@pytest.mark.parametrize(("requests", "due"), [(1, True), (DAILY_LIMIT - 1, True), (DAILY_LIMIT, False)])
def test_a_day_that_was_whole_and_is_not_any_more_is_asked_for_again(requests: int, due: bool) -> None:
    """Somebody emptied its conditions, or they could not be read; what was asked for it counts on."""
    whole = whole_day(new_day(DAY), SOURCE, NOW)
    fetch = MarketFetch(requests=requests, last_request_at=NOW)
    emptied = after(whole, whole.status.model_copy(update={"conditions": [], "fetch": fetch}))
    assert is_due(emptied, NOW + timedelta(hours=1)) is due
    policy = resolve(make_policy())
    assert is_pending(policy, KnownDays([emptied]), NOW, DAY) is due, "nobody waits for what nobody asks for"


def test_the_way_in_that_worked_last_is_remembered() -> None:
    old = whole_day(new_day(DAY), SOURCE, NOW)
    status = old.status.model_copy(
        update={"source": MarketSource(fetched_at=NOW + timedelta(1), route="ajax")}
    )
    newer = old.model_copy(update={"status": status})
    assert last_route({"old": old, "newer": newer, "none": new_day(DAY)}, "EPEX") == "ajax"
    assert last_route({"old": old}, "ENTSOE") is None


def test_of_days_that_were_asked_for_alike_the_one_asked_last_knows_most() -> None:
    days = []
    for name, minutes in (("early", 0), ("late", 20)):
        day = new_day(DAY, name=name)
        days.append(after(day, with_request(day, 2, NOW, NOW + timedelta(minutes=minutes))))
    group = now_due(*days)["EPEX"]
    assert (group.first.metadata.name, group.requests) == ("late", 2)


def test_tomorrow_comes_before_yesterday_and_today_before_tomorrow() -> None:
    late = moment("2025-10-09T14:00Z")
    chosen = []
    days = {ahead: new_day(DAY + timedelta(days=ahead)) for ahead in (-1, 1, 0)}
    while days:
        (group,) = next_groups(days.values(), late, lambda _: True).values()
        chosen.append((group.key.day - DAY).days)
        del days[chosen[-1]]
    assert chosen == [0, 1, -1]


def test_first_requests_of_clusters_are_spread_over_five_minutes() -> None:
    opens = moment("2025-10-08T13:30Z")
    waits = []
    for number in range(200):
        day = new_day(DAY)
        day = day.model_copy(update={"metadata": day.metadata.model_copy(update={"uid": f"uid-{number}"})})
        waits.append(next(second for second in range(310) if is_due(day, opens + timedelta(seconds=second))))
    assert min(waits) < 20
    assert max(waits) > 280


@pytest.mark.parametrize(
    ("requests", "failures", "error", "least", "most"),
    [
        (1, 0, Forbidden("403"), 0.75, 1.25),
        (1, 2, Forbidden("403"), 3.0, 5.0),
    ],
)
def test_after_a_failure_the_wait_is_the_errors_patience_doubled_for_each(
    requests: int, failures: int, error: MarketError, least: float, most: float
) -> None:
    day = new_day(DAY)
    day = after(day, with_request(day, requests, NOW, NOW))
    for _ in range(failures):
        day = after(day, with_failure(day, error, NOW, NOW))
    for _ in range(20):
        again = after_failure(day, error, NOW + timedelta(seconds=2))
        assert again is not None
        assert min(least * error.patience, timedelta(hours=4)) <= again - NOW <= most * error.patience


def test_what_the_source_asks_for_is_waited_for_from_the_request_on() -> None:
    day = new_day(DAY)
    day = after(day, with_request(day, 1, NOW, NOW))
    error = RateLimited("429", retry_after=timedelta(hours=5))
    assert after_failure(day, error, NOW + timedelta(minutes=3)) == NOW + timedelta(hours=5)


def test_no_attempt_comes_within_a_second_of_the_one_before_nor_after_the_last() -> None:
    day = new_day(DAY)
    asked_long_ago = after(day, with_request(day, 1, NOW, NOW - timedelta(hours=6)))
    assert after_failure(asked_long_ago, Forbidden("403"), NOW) == NOW + timedelta(seconds=1)
    spent = after(day, with_request(day, DAILY_LIMIT, NOW, NOW))
    assert after_failure(spent, Forbidden("403"), NOW) is None


def test_a_new_day_whose_results_cannot_be_there_is_asked_for_later() -> None:
    never_asked = new_day(DAY)
    again = after_failure(never_asked, Forbidden("403"), NOW)
    assert again is not None
    assert again > NOW


def test_a_day_that_was_never_asked_for_is_due_whatever_its_status_says_of_that() -> None:
    day = new_day(DAY)
    empty = after(day, day.status.model_copy(update={"fetch": MarketFetch()}))
    assert empty.status.fetch == MarketFetch()
    assert is_due(empty, moment("2025-10-08T13:36Z"))
    assert not is_due(empty, moment("2025-10-08T13:29Z"))
