"""Days that do not come: what stands in for them and from when, which are asked for, which are kept."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from powercap_api.marketday import MarketDay
from powercap_api.names import MANAGED_BY_LABEL, OPERATOR_FIELD_MANAGER
from powercap_api.powerbudget import PowerBudgetSpec
from powercap_api.powerpolicy import PowerPolicy
from powercap_api.reasons import PolicyReason
from powercap_api.schedule import read_segments
from powercap_operator.market.known_days import KnownDays
from powercap_operator.planning.budget_spec import budget_spec, plan
from powercap_operator.planning.decision import decide
from powercap_operator.planning.resolved_policy import resolve
from powercap_operator.world.silence import Jump
from powercap_operator.world.snapshot import KnownSpecs, World, view_budget
from tests.support.objects import in_vain, make_day, make_node, make_policy, make_world, moment

HISTORY = timedelta(days=14)
TODAY = date(2025, 10, 9)
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
MORNING = moment("2025-10-09T07:07Z")
EVENING = moment("2025-10-09T18:07Z")
MIDNIGHT = moment("2025-10-09T22:00Z")


def untried(day: date) -> MarketDay:
    """A day that the operator made and has not asked for yet."""
    made = make_day(day)
    return made.model_copy(update={"status": type(made.status)()})


def without_volumes(day: date, provider: str) -> MarketDay:
    made = make_day(day, provider=provider)
    periods = [period.model_copy(update={"volume": None}) for period in made.status.periods]
    return made.model_copy(update={"status": made.status.model_copy(update={"periods": periods})})


def budget(policy: PowerPolicy, days: list[MarketDay], now: datetime) -> dict[str, object]:
    return budget_spec(resolve(policy), plan(resolve(policy), KnownDays(days), now), None, now)


def bases(spec: dict[str, object]) -> list[str]:
    segments = PowerBudgetSpec.model_validate(spec).schedule
    found = [slot.basis or "" for slot in read_segments([segment.plain() for segment in segments])]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("back", [1, 7])
def test_todays_results_stand_in_for_tomorrow_before_midnight(back: int) -> None:
    policy = make_policy(fallback={"previousDays": back})
    days = [make_day(TODAY), in_vain(TOMORROW)]
    spec = budget(policy, days, EVENING)
    assert spec["validUntil"] == "2025-10-10T22:00:00Z"
    for later in (MIDNIGHT - timedelta(minutes=1), MIDNIGHT, MIDNIGHT + timedelta(hours=9)):
        planned = plan(resolve(policy), KnownDays(days), later)
        assert budget_spec(resolve(policy), planned, spec, later) == spec, "midnight writes nothing"


def test_a_stand_in_is_not_older_than_the_policy_allows() -> None:
    days = [make_day(YESTERDAY), in_vain(TODAY), in_vain(TOMORROW)]
    ends = {
        back: budget(make_policy(fallback={"previousDays": back}), days, EVENING)["validUntil"]
        for back in (0, 1, 2)
    }
    assert ends == {0: "2025-10-08T22:00:00Z", 1: "2025-10-09T22:00:00Z", 2: "2025-10-10T22:00:00Z"}


def test_tomorrows_own_results_replace_the_stand_in_whenever_they_come() -> None:
    policy = make_policy()
    before = budget(policy, [make_day(TODAY), in_vain(TOMORROW)], EVENING)
    assert bases(before) == ["FR IDA1 of 2025-10-09: Volume"]
    there = KnownDays([make_day(TODAY), make_day(TOMORROW, seed=3)])
    for now, begin in ((EVENING, TODAY), (MIDNIGHT + timedelta(hours=1), TODAY)):
        spec = budget_spec(resolve(policy), plan(resolve(policy), there, now), before, now)
        assert bases(spec) == [f"FR IDA1 of {begin}: Volume", f"FR IDA1 of {TOMORROW}: Volume"]


@pytest.mark.parametrize(
    ("days", "now", "laid"),
    [
        ([], MORNING, False),  # nobody expects tomorrow's yet
        ([untried(TOMORROW)], EVENING, False),  # they may come at the first try
        ([], EVENING, False),
        ([in_vain(TOMORROW)], EVENING, True),
        ([untried(TOMORROW)], MIDNIGHT - timedelta(minutes=31), False),
        ([untried(TOMORROW)], MIDNIGHT - timedelta(minutes=30), True),
        ([], MIDNIGHT - timedelta(minutes=30), True),
    ],
)
def test_it_is_laid_as_soon_as_tomorrow_was_asked_for_in_vain(
    days: list[MarketDay], now: datetime, laid: bool
) -> None:
    planned = plan(resolve(make_policy()), KnownDays([make_day(TODAY), *days]), now)
    assert planned.stand_in_day == (TODAY if laid else None)
    assert planned.periods.until == MIDNIGHT + timedelta(days=laid)


def test_it_is_laid_where_only_a_person_gives_days() -> None:
    policy = make_policy(market={"providers": ["Static"]})
    planned = plan(resolve(policy), KnownDays([make_day(TODAY, provider="Static")]), EVENING)
    assert planned.stand_in_day == TODAY


def test_the_policy_says_what_stands_in_for_tomorrow() -> None:
    world = make_world([make_policy()], [make_day(TODAY), in_vain(TOMORROW)], [make_node("a")])
    status = decide(world, EVENING, HISTORY).policy_statuses["default"]
    said = next(one for one in status["conditions"] if one["type"] == "MarketData")
    assert (said["status"], said["reason"]) == ("True", "Current")
    assert said["message"] == (
        "FR IDA1: today's results (epex-fr-ida1-2025-10-09). Tomorrow's are not there yet: those of 2025-10-09"
        " stand in until they come."
    )


@pytest.mark.parametrize("today", [[], [untried(TODAY)]])
def test_after_a_restart_past_midnight_the_first_request_is_waited_for(today: list[MarketDay]) -> None:
    world = make_world([make_policy()], [make_day(YESTERDAY), *today], [make_node("a")])
    decision = decide(world, MORNING, HISTORY)
    (write,) = decision.write_budgets
    assert bases(dict(write.spec)) == ["FR IDA1 of 2025-10-08: Volume"], "a new node has what would stand in"
    status = decision.policy_statuses["default"]
    assert {one["reason"] for one in status["conditions"]} == {PolicyReason.PENDING}
    assert "current" not in status
    assert "fallbacks" not in status
    asked = replace(world, days={**world.days, "today": in_vain(TODAY)})
    (write,) = decide(asked, MORNING, HISTORY).write_budgets
    assert bases(dict(write.spec)) == ["FR IDA1 of 2025-10-08: Volume"]


def told(status: Mapping[str, Any], **spec: Any) -> PowerPolicy:
    """The policy with the status that was decided for it."""
    policy = make_policy(**spec)
    return type(policy).from_wire({**policy.to_wire(), "status": status})


def test_nothing_waits_for_today_for_more_than_ten_minutes() -> None:
    """For instance for a day that nobody asks for, as it is being deleted and a finalizer holds it."""
    stuck = untried(TODAY)
    gone = stuck.metadata.model_copy(update={"deletion_timestamp": MORNING})
    world = make_world(
        [make_policy()], [make_day(YESTERDAY), stuck.model_copy(update={"metadata": gone})], [make_node("a")]
    )
    status = decide(world, MORNING, HISTORY, MORNING).policy_statuses["default"]

    def reason(now: datetime, seen_since: datetime) -> Any:
        later = replace(world, policies={"default": told(status)})
        found = decide(later, now, HISTORY, seen_since).policy_statuses.get("default", status)
        return next(one["reason"] for one in found["conditions"] if one["type"] == "MarketData")

    minute = timedelta(minutes=1)
    assert reason(MORNING + 9 * minute, MORNING) == PolicyReason.PENDING
    assert reason(MORNING + 10 * minute, MORNING) == PolicyReason.FALLBACK
    assert reason(MORNING + 10 * minute, MORNING + 5 * minute) == PolicyReason.PENDING, (
        "another has taken over"
    )
    assert reason(MORNING + 15 * minute, MORNING + 5 * minute) == PolicyReason.FALLBACK
    status = decide(
        replace(world, policies={"default": told(status)}), MORNING + 10 * minute, HISTORY, MORNING
    ).policy_statuses["default"]
    assert reason(MORNING + 11 * minute, MORNING) == PolicyReason.FALLBACK, "and stays so"
    (said,) = [one["message"] for one in status["conditions"] if one["type"] == "MarketData"]
    assert "MarketDay epex-fr-ida1-2025-10-09 is being deleted, and something keeps it." in said


def test_while_today_is_waited_for_edits_are_followed_and_the_schedule_stays() -> None:
    world = make_world([make_policy()], [make_day(TODAY)], [make_node("a")])
    (before,) = decide(world, MORNING, HISTORY).write_budgets
    spec = json.loads(json.dumps(before.spec))
    metadata = {"name": "a", "uid": "b", **before.metadata}
    held = view_budget({"metadata": metadata, "spec": spec}, KnownSpecs())
    policy = make_policy(maxSource="80", stabilisationSeconds=7, hardware={"rampWattsPerSecond": 5})
    waiting = make_world([policy], [untried(TODAY)], [make_node("a")], [held])
    (write,) = decide(waiting, MORNING, HISTORY).write_budgets
    assert write.spec["maxSourceMicrowatts"] == 80_000_000
    assert write.spec["rampMicrowattsPerSecond"] == 5_000_000
    assert write.spec["stabilisationSeconds"] == 7
    assert (write.spec["schedule"], write.spec["validUntil"]) == (spec["schedule"], spec["validUntil"])
    same = make_world([make_policy()], [untried(TODAY)], [make_node("a")], [held])
    assert not decide(same, MORNING, HISTORY).write_budgets


def test_the_latest_day_of_a_market_is_kept_whatever_the_clock_says() -> None:
    own = {MANAGED_BY_LABEL: OPERATOR_FIELD_MANAGER}
    days = [make_day(TODAY - timedelta(days=back)) for back in range(3)]
    days = [
        day.model_copy(update={"metadata": day.metadata.model_copy(update={"labels": own})}) for day in days
    ]
    world = make_world([make_policy(fallback={"previousDays": 1, "then": "Hold"})], days)
    later = MORNING + timedelta(days=40)
    assert sorted(decide(world, later, HISTORY).delete_days) == [
        "epex-fr-ida1-2025-10-07",
        "epex-fr-ida1-2025-10-08",
    ]
    jumped = replace(world, jump=Jump(MORNING, later + timedelta(minutes=2)))
    assert decide(jumped, later, HISTORY).delete_days == ()
    assert len(decide(jumped, later + timedelta(minutes=2), HISTORY).delete_days) == 2
    assert decide(world, later, HISTORY, later).delete_days == (), "just begun"
    assert len(decide(world, later, HISTORY, later - timedelta(minutes=3)).delete_days) == 2
    assert len(decide(replace(world, policies={}), later, HISTORY).delete_days) == 3, (
        "a market that nobody follows"
    )


def wanted(policy: PowerPolicy, days: list[MarketDay], now: datetime) -> list[str]:
    return sorted(decide(make_world([policy], days), now, HISTORY).create_days)


def test_a_day_without_what_the_strategy_needs_is_no_whole_day_for_it() -> None:
    policy = make_policy(market={"providers": ["Static", "EPEX"]})
    prices = without_volumes(TODAY, "Static")
    assert wanted(policy, [prices], MORNING) == ["epex-fr-ida1-2025-10-09"]
    world = make_world([policy], [prices, make_day(TODAY)], [make_node("a")])
    (write,) = decide(world, MORNING, HISTORY).write_budgets
    assert bases(dict(write.spec)) == ["FR IDA1 of 2025-10-09: Volume"]
    by_price = make_policy(market={"providers": ["Static", "EPEX"]}, strategy={"type": "Price"})
    assert wanted(by_price, [prices], MORNING) == []


def test_days_that_may_stand_in_are_wanted_where_todays_lacks_what_is_needed() -> None:
    policy = make_policy(market={"providers": ["EPEX"]})
    assert wanted(policy, [without_volumes(TODAY, "EPEX")], MORNING) == ["epex-fr-ida1-2025-10-08"]


def test_days_that_a_policy_looks_back_to_are_kept_whatever_the_history() -> None:
    """Else they are made, fetched and deleted again for ever."""
    policy = make_policy(fallback={"previousDays": 7})
    labels = {MANAGED_BY_LABEL: OPERATOR_FIELD_MANAGER}
    days = [
        day.model_copy(update={"metadata": day.metadata.model_copy(update={"labels": labels})})
        for day in (in_vain(TODAY - timedelta(days=back)) for back in range(12))
    ]
    world = make_world([policy], days)
    decision = decide(world, MORNING, timedelta(days=2))
    gone = [f"epex-fr-ida1-{TODAY - timedelta(days=back)}" for back in range(9, 12)]
    assert list(decision.delete_days) == gone
    after = replace(world, days={name: day for name, day in world.days.items() if name not in gone})
    again = decide(after, MORNING, timedelta(days=2))
    assert (again.create_days, again.delete_days) == ({}, ())
    assert decide(World(days=after.days), MORNING, timedelta(days=2)).delete_days
