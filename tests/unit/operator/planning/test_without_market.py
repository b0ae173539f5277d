"""Policies whose strategy looks at no market: budgets by the calendar alone, and nothing fetched or missed."""

from datetime import date, timedelta
from typing import Any

import pytest

from powercap_api.reasons import PolicyReason
from powercap_api.schedule import unpack_shares
from powercap_operator.market.delivery_day import day_bounds
from powercap_operator.market.known_days import KnownDays, market_of
from powercap_operator.planning.budget_spec import budget_spec, plan
from powercap_operator.planning.decision import decide
from powercap_operator.planning.resolved_policy import resolve
from tests.support.objects import make_day, make_node, make_policy, make_world, moment

NOON = moment("2025-10-09T10:00Z")
WATT = 1_000_000
WINDOW = {"start": "22:00", "end": "06:00", "power": "40"}
WITHOUT_MARKET: list[dict[str, Any]] = [
    {"type": "Fixed"},
    {"type": "Solar"},
    {"type": "Schedule", "windows": [WINDOW], "otherwise": {"type": "Fixed", "power": "20"}},
]


@pytest.mark.parametrize("strategy", WITHOUT_MARKET)
def test_today_and_tomorrow_are_planned_without_any_market_day(strategy: dict[str, Any]) -> None:
    planned = plan(resolve(make_policy(strategy=strategy)), KnownDays([]), NOON)
    assert planned.data == PolicyReason.NOT_NEEDED
    assert len(planned.periods) == 192
    assert planned.periods.until == moment("2025-10-10T22:00Z")
    assert planned.market_days == ()


@pytest.mark.parametrize(("day", "quarters"), [(date(2025, 10, 26), 100), (date(2026, 3, 29), 92)])
def test_clock_change_days_have_their_own_length(day: date, quarters: int) -> None:
    policy = make_policy(strategy={"type": "Solar"})
    begin, end = day_bounds(day, market_of(policy.spec.market).bidding_zone.zone)
    periods = plan(resolve(policy), KnownDays([]), begin).periods
    assert sum(begin <= period.start < end for period in periods) == quarters


def test_a_schedule_has_no_more_steps_than_its_changes_need() -> None:
    def segments(strategy: dict[str, Any]) -> list[tuple[str, int, list[int]]]:
        policy = make_policy(strategy=strategy)
        spec = budget_spec(resolve(policy), plan(resolve(policy), KnownDays([]), NOON), None, NOON)
        return [
            (one["start"], one["stepSeconds"] // 3600, list(unpack_shares(one["shares"])))
            for one in spec["schedule"]
        ]

    assert segments({"type": "Fixed"}) == [("2025-10-08T22:00:00Z", 48, [10_000])]
    day = [10_000, 10_000, 10_000, *[5_000] * 8, 10_000]
    assert segments(WITHOUT_MARKET[2]) == [("2025-10-08T22:00:00Z", 2, day * 2)]


@pytest.mark.parametrize("strategy", WITHOUT_MARKET)
def test_a_budget_is_written_once_a_day(strategy: dict[str, Any]) -> None:
    policy = make_policy(strategy=strategy)
    begin = moment("2025-10-08T22:00Z")
    spec, writes = None, 0
    for quarter in range(3 * 96):
        now = begin + timedelta(minutes=15 * quarter)
        new = budget_spec(resolve(policy), plan(resolve(policy), KnownDays([]), now), spec, now)
        writes += new != spec
        spec = new
    assert writes == 3


def test_no_day_is_fetched_and_the_policy_is_ready() -> None:
    world = make_world([make_policy(strategy={"type": "Solar"})], nodes=[make_node("a")])
    decision = decide(world, NOON, timedelta(days=14))
    assert decision.create_days == {}
    assert [write.node.name for write in decision.write_budgets] == ["a"]
    status = decision.policy_statuses["default"]
    assert status["market"] == "not needed"
    (data,) = [one for one in status["conditions"] if one["type"] == "MarketData"]
    assert (data["status"], data["reason"]) == ("True", "NotNeeded")
    assert data["message"] == "strategy Solar looks at no market results."


def test_a_schedule_over_a_market_follows_it_between_the_windows() -> None:
    policy = make_policy(strategy={"type": "Schedule", "windows": [WINDOW]})
    world = make_world([policy], nodes=[make_node("a")])
    assert "epex-fr-ida1-2025-10-09" in decide(world, NOON, timedelta(days=14)).create_days
    days = KnownDays([make_day(date(2025, 10, 9))])
    whys = [period.why for period in plan(resolve(policy), days, NOON).periods]
    assert whys[0] == "window daily 22:00–06:00: 40 W"
    assert "MWh of" in whys[40]


def test_a_source_without_volumes_is_named_with_the_strategy_that_needs_them() -> None:
    policy = make_policy(market={"providers": ["ENTSOE"]}, strategy={"type": "Schedule", "windows": [WINDOW]})
    status = decide(make_world([policy], nodes=[make_node("a")]), NOON, timedelta(days=14)).policy_statuses
    (data,) = [one for one in status["default"]["conditions"] if one["type"] == "MarketData"]
    assert (
        "ENTSOE is not asked: it has no volumes, which strategy Schedule over Volume needs."
        in data["message"]
    )
