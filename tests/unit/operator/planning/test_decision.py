"""The one big decision: from a world and a time to the differences, by tables."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from powercap_api.marketday import MarketDay, MarketDaySpec
from powercap_api.names import EXEMPT_LABEL, MANAGED_BY_LABEL, OPERATOR_FIELD_MANAGER
from powercap_api.policy.status import PowerPolicyStatus
from powercap_api.powerpolicy import PowerPolicy
from powercap_operator.planning.decision import Decision, decide
from powercap_operator.world.snapshot import BudgetView, KnownSpec, World
from tests.support.objects import in_vain, make_day, make_node, make_policy, make_world, moment

HISTORY = timedelta(days=14)
TODAY = date(2025, 10, 9)
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
MORNING = moment("2025-10-09T07:07Z")
EVENING = moment("2025-10-09T18:07Z")


def managed(day: MarketDay) -> MarketDay:
    labels = {MANAGED_BY_LABEL: OPERATOR_FIELD_MANAGER}
    return day.model_copy(update={"metadata": day.metadata.model_copy(update={"labels": labels})})


def carried_out(world: World, decision: Decision) -> World:
    """The world after everything decided was written, with agents that report success."""
    budgets = {name: view for name, view in world.budgets.items() if name not in decision.delete_budgets}
    for write in decision.write_budgets:
        budgets[write.node.name] = BudgetView(
            name=write.node.name,
            uid="uid",
            spec=KnownSpec(write.spec),
            policy_label=write.policy,
            owner_uid=write.node.uid,
            ready=True,
            reason="Applied",
            message="",
        )
    policies = dict(world.policies)
    for name, status in decision.policy_statuses.items():
        read = PowerPolicyStatus.model_validate(status)
        policies[name] = policies[name].model_copy(update={"status": read})
    days = {name: day for name, day in world.days.items() if name not in decision.delete_days}
    for name, spec in decision.create_days.items():
        body = {"metadata": {"name": name}, "kind": "MarketDay", "spec": spec.to_wire()}
        days[name] = MarketDay.from_wire(body)
    return replace(world, budgets=budgets, policies=policies, days=days)


def settled(world: World, now: datetime) -> World:
    """The world once nothing is left to decide; a few passes, for statuses follow budgets."""
    for _ in range(4):
        decision = decide(world, now, HISTORY)
        if not decision:
            return world
        world = carried_out(world, decision)
    raise AssertionError(f"still deciding: {decide(world, now, HISTORY)}")


def wanted(policies: Iterable[PowerPolicy], days: Iterable[MarketDay], now: datetime) -> list[str]:
    return sorted(decide(make_world(policies, days), now, HISTORY).create_days)


def test_an_empty_cluster_needs_nothing() -> None:
    assert not decide(World(), MORNING, HISTORY)


def test_everything_decided_once_is_enough() -> None:
    world = make_world(
        [make_policy(), make_policy("night", nodeSelector={"pool": "b"}, priority=3)],
        [make_day(TODAY)],
        [make_node("a"), make_node("b", pool="b"), make_node("c", **{EXEMPT_LABEL: "true"})],
    )
    world = settled(world, MORNING)
    assert set(world.budgets) == {"a", "b"}
    assert not decide(world, MORNING + timedelta(seconds=50), HISTORY)


@pytest.mark.parametrize(
    ("now", "there", "made"),
    [
        (MORNING, [], [TODAY]),
        (MORNING, [TODAY], []),
        (EVENING, [TODAY], [TOMORROW]),
        (EVENING, [], [TODAY, TOMORROW]),
        (EVENING, [TODAY, TOMORROW], []),
    ],
)
def test_days_are_wanted_once_they_are_published(now: datetime, there: list[date], made: list[date]) -> None:
    days = [make_day(day) for day in there]
    assert wanted([make_policy()], days, now) == [f"epex-fr-ida1-{day}" for day in made]


def test_policies_share_days_and_markets_have_their_own() -> None:
    policies = [
        make_policy("a"),
        make_policy("b"),
        make_policy("c", market={"area": "DE-LU", "auction": "SDAC", "resolutionMinutes": 60}),
        make_policy("d", market={"area": "AT"}, suspend=True),
    ]
    names = ["epex-de-lu-sdac-60min-2025-10-09", "epex-fr-ida1-2025-10-09"]
    assert wanted(policies, [], MORNING) == names


def test_a_half_day_auction_needs_the_one_before_it() -> None:
    policy = make_policy(market={"auction": "IDA3"})
    assert wanted([policy], [], MORNING) == ["epex-fr-ida2-2025-10-09"]
    assert wanted([policy], [], EVENING) == ["epex-fr-ida2-2025-10-09", "epex-fr-ida3-2025-10-09"]


def test_a_day_under_another_name_counts() -> None:
    day = make_day(TODAY)
    renamed = day.model_copy(update={"metadata": day.metadata.model_copy(update={"name": "mine"})})
    assert wanted([make_policy()], [renamed], MORNING) == []


def test_the_next_provider_is_asked_when_one_fails() -> None:
    policy = make_policy(market={"providers": ["EPEX", "Mock"]}, fallback={"previousDays": 0})
    assert wanted([policy], [], MORNING) == ["epex-fr-ida1-2025-10-09"]
    assert wanted([policy], [in_vain(TODAY)], MORNING) == ["mock-fr-ida1-2025-10-09"]


def test_a_provider_without_volumes_is_not_asked_for_volumes() -> None:
    policy = make_policy(market={"providers": ["EnergyCharts", "EPEX"]})
    assert wanted([policy], [], MORNING) == ["epex-fr-ida1-2025-10-09"]
    world = settled(make_world([policy], [make_day(TODAY)], [make_node("a")]), MORNING)
    assert world.policies["default"].status.market_days == ["epex-fr-ida1-2025-10-09"]


def test_days_that_may_stand_in_are_wanted_only_when_today_has_failed() -> None:
    policy = make_policy(fallback={"previousDays": 2})
    assert wanted([policy], [], MORNING) == [f"epex-fr-ida1-{TODAY}"]
    days = [in_vain(TODAY)]
    assert wanted([policy], days, MORNING) == [f"epex-fr-ida1-{YESTERDAY}"]
    days.append(in_vain(YESTERDAY))
    assert wanted([policy], days, MORNING) == ["epex-fr-ida1-2025-10-07"]
    days.append(in_vain(date(2025, 10, 7)))
    assert wanted([policy], days, MORNING) == []


def test_only_the_operators_own_old_days_are_cleared_away() -> None:
    old, recent = date(2025, 9, 1), date(2025, 9, 30)
    own = [managed(make_day(old)), managed(make_day(recent))]
    mine = make_day(old - timedelta(days=1))
    assert decide(make_world(days=[*own, mine]), MORNING, HISTORY).delete_days == ("epex-fr-ida1-2025-09-01",)


def test_no_budget_is_made_while_the_first_try_is_on_its_way() -> None:
    world = make_world([make_policy()], [], [make_node("a")])
    decision = decide(world, MORNING, HISTORY)
    assert not decision.write_budgets
    status = decision.policy_statuses["default"]
    assert {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]} == {
        "Ready": ("False", "Pending"),
        "MarketData": ("Unknown", "Pending"),
    }


def test_a_budget_in_force_is_left_alone_meanwhile() -> None:
    world = settled(
        make_world([make_policy()], [make_day(YESTERDAY)], [make_node("a")]), moment("2025-10-08T12:00Z")
    )
    policy = make_policy(fallback={"previousDays": 0})
    world = replace(world, days={}, policies={"default": policy})
    assert not decide(world, MORNING, HISTORY).write_budgets
    assert not decide(world, MORNING, HISTORY).delete_budgets


def test_suspending_needs_no_market_data() -> None:
    world = make_world([make_policy(suspend=True)], [], [make_node("a")])
    (write,) = decide(world, MORNING, HISTORY).write_budgets
    assert write.spec["suspend"] is True


@pytest.mark.parametrize("change", ["deleted", "unselected", "node gone", "exempt"])
def test_a_budget_that_nothing_asks_for_goes(change: str) -> None:
    world = settled(make_world([make_policy()], [make_day(TODAY)], [make_node("a")]), MORNING)
    if change == "deleted":
        world = replace(world, policies={})
    elif change == "unselected":
        world = replace(world, policies={"default": make_policy(nodeSelector={"pool": "x"})})
    elif change == "node gone":
        world = replace(world, nodes={})
    else:
        world = replace(world, nodes={"a": make_node("a", **{EXEMPT_LABEL: "true"})})
    assert decide(world, MORNING, HISTORY).delete_budgets == ("a",)


def test_a_node_made_anew_owns_its_budget_anew() -> None:
    world = settled(make_world([make_policy()], [make_day(TODAY)], [make_node("a")]), MORNING)
    world = replace(world, nodes={"a": replace(make_node("a"), uid="another")})
    (write,) = decide(world, MORNING, HISTORY).write_budgets
    assert write.metadata["ownerReferences"][0]["uid"] == "another"


def conditions(world: World, name: str = "default") -> dict[str, tuple[str, str, str]]:
    found: list[Any] = world.policies[name].status.conditions
    return {one.type: (one.status, one.reason, one.message) for one in found}


def test_the_status_tells_what_holds() -> None:
    world = settled(make_world([make_policy()], [make_day(TODAY)], [make_node("a"), make_node("b")]), MORNING)
    assert conditions(world) == {
        "Ready": ("True", "Active", "2 nodes follow their budget."),
        "MarketData": ("True", "Current", "FR IDA1: today's results (epex-fr-ida1-2025-10-09)."),
    }
    status = world.policies["default"].status
    assert (status.nodes, status.nodes_ready, status.market) == (2, 2, "FR IDA1")
    assert status.current is not None
    assert status.current.share.endswith(" %")


def test_a_node_that_cannot_be_capped_does_not_make_the_policy_unready() -> None:
    world = settled(
        make_world([make_policy()], [make_day(TODAY)], [make_node("a"), make_node("vm")]), MORNING
    )
    view = replace(world.budgets["vm"], ready=False, reason="Unsupported")
    world = settled(replace(world, budgets={**world.budgets, "vm": view}), MORNING)
    assert conditions(world)["Ready"] == (
        "True",
        "Active",
        "1 node follows its budget. 1 more has nothing to cap.",
    )
    assert world.policies["default"].status.nodes_ready == 1


def test_nodes_that_do_not_follow_are_named_with_their_reason() -> None:
    nodes = [make_node(f"n{index}") for index in range(6)]
    world = settled(make_world([make_policy()], [make_day(TODAY)], nodes), MORNING)
    view = replace(world.budgets["n3"], ready=False, reason="WriteFailed")
    world = settled(replace(world, budgets={**world.budgets, "n3": view}), MORNING)
    assert conditions(world)["Ready"][1:] == (
        "NodesNotReady",
        "5 of 6 nodes follow their budget; not: n3 (WriteFailed).",
    )


def test_a_node_that_cannot_be_capped_is_not_counted_among_those_that_follow() -> None:
    nodes = [make_node(f"n{index}") for index in range(3)]
    world = settled(make_world([make_policy()], [make_day(TODAY)], nodes), MORNING)
    failed = replace(world.budgets["n0"], ready=False, reason="WriteFailed")
    bare = replace(world.budgets["n1"], ready=False, reason="Unsupported")
    world = settled(replace(world, budgets={**world.budgets, "n0": failed, "n1": bare}), MORNING)
    assert conditions(world)["Ready"][2] == (
        "1 of 2 nodes follow their budget; not: n0 (WriteFailed). 1 more has nothing to cap."
    )


def test_transition_times_stay_while_the_status_is_the_same() -> None:
    world = settled(make_world([make_policy()], [make_day(TODAY)], [make_node("a")]), MORNING)
    before = world.policies["default"].status.conditions
    later = settled(world, MORNING + timedelta(hours=3))
    after = later.policies["default"].status.conditions
    assert [one.last_transition_time for one in after] == [one.last_transition_time for one in before]
    assert later.policies["default"].status.current != world.policies["default"].status.current


def test_days_on_which_another_stood_in_are_counted_once_each() -> None:
    failures = [in_vain(day) for day in (TODAY, TOMORROW)]
    days = [make_day(YESTERDAY), *failures]
    policy = make_policy(fallback={"previousDays": 7})
    world = settled(make_world([policy], days, [make_node("a")]), MORNING)
    world = settled(world, EVENING)
    fallbacks = world.policies["default"].status.fallbacks
    assert fallbacks is not None
    assert (fallbacks.days, fallbacks.last_day) == (1, "2025-10-09")
    world = settled(world, EVENING + timedelta(days=1))
    world = settled(replace(world, days={"today": make_day(date(2025, 10, 11))}), EVENING + timedelta(days=2))
    fallbacks = world.policies["default"].status.fallbacks
    assert fallbacks is not None
    assert (fallbacks.days, fallbacks.last_day) == (2, "2025-10-10")


@pytest.mark.parametrize(
    "decision",
    [
        Decision(create_days={"a": MarketDaySpec(delivery_date=TODAY)}),
        Decision(delete_days=("a",)),
        Decision(delete_budgets=("a",)),
        Decision(policy_statuses={"a": {}}),
        Decision(day_statuses={"a": {}}),
    ],
)
def test_anything_to_do_is_something_to_do(decision: Decision) -> None:
    assert decision
    assert not Decision()


def test_a_suspended_policy_keeps_no_other_from_its_days() -> None:
    suspended, other = make_policy("a", suspend=True), make_policy("b", market={"area": "DE-LU"})
    assert {name.split("-2025")[0] for name in wanted([suspended, other], [], MORNING)} == {"epex-de-lu-ida1"}


def test_the_share_is_that_of_max_source() -> None:
    policy = make_policy(strategy={"type": "Fixed", "power": "20"})
    current = settled(make_world([policy], [], [make_node("a")]), MORNING).policies["default"].status.current
    assert current is not None
    assert (current.share, current.cap_microwatts) == ("50 %", 20_000_000)


@pytest.mark.parametrize(
    ("count", "words"),
    [(1, "1 more selected node is governed by b."), (2, "2 more selected nodes are governed by b.")],
)
def test_nodes_that_another_policy_governs_are_counted(count: int, words: str) -> None:
    policies = [make_policy("a"), make_policy("b", priority=1, nodeSelector={"pool": "b"})]
    nodes = [make_node("own"), *(make_node(f"lost-{index}", pool="b") for index in range(count))]
    world = settled(make_world(policies, [make_day(TODAY)], nodes), MORNING)
    assert words in conditions(world, "a")["Ready"][2]
