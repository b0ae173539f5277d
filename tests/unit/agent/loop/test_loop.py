"""The main loop, turn by turn, on a fake tree and with a clock that the test moves."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dev.lab.fake_sysfs import NO_POWERCAP, ONE_SOCKET, PACKAGE, set_limit
from powercap_agent.loop import START_GRACE_SECONDS
from powercap_agent.mailbox import BudgetSeen, Event, Stop
from powercap_agent.schedule.budget import read_budget
from powercap_agent.schedule.directive import Action, directive_at
from powercap_api.schedule import pack_shares
from tests.support.agent_parts import BOUNDS, NOON, QUARTER, Machine, Rehearsal, budget_body
from tests.support.turns import WATT, at, condition, nothing, package_watts, seconds_pass, seen


def test_a_day_by_the_clock(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    steps: list[Callable[[], None] | Event] = [
        seen([40, 30]),
        nothing,
        at(node, QUARTER),
        at(node, 2 * QUARTER),
    ]
    assert rehearsal.run(steps) == 0
    assert package_watts(rehearsal) == [65, 40, 30, 10]
    assert node.limits() == node.original
    assert [(condition(status), status["current"]["cap"]) for status in rehearsal.sink.statuses] == [
        (("True", "Applied"), "40 W"),
        (("True", "Applied"), "30 W"),
        (("False", "Expired"), "10 W"),
        (("False", "Stopped"), "10 W"),
    ]


@pytest.mark.parametrize(
    ("spec", "watts", "ready"),
    [
        ({"suspend": True}, 65, ("True", "Suspended")),
        ({"dryRun": True}, 65, ("True", "DryRun")),
        ({"schedule": [], "onExpiry": "Release"}, 65, ("True", "Expired")),
        ({"schedule": [], "onExpiry": "MinPower"}, 10, ("True", "Expired")),
        ({"schedule": [], "onExpiry": "Hold"}, 40, ("True", "Holding")),
        ({"validUntil": "2025-10-09T11:00:00Z", "onExpiry": "Release"}, 65, ("False", "Expired")),
        ({"validUntil": "2025-10-09T11:00:00Z", "onExpiry": "Hold"}, 40, ("False", "Holding")),
    ],
)
def test_a_changed_spec_is_followed_at_once(
    node: Machine, spec: dict[str, Any], watts: float, ready: tuple[str, str]
) -> None:
    rehearsal = Rehearsal(node)
    rehearsal.run([seen([40]), seen([40], **spec), nothing])
    assert package_watts(rehearsal)[-1] == watts
    assert condition(rehearsal.sink.statuses[-2]) == ready


def in_percent(shares: list[int], **spec: Any) -> BudgetSeen:
    body = budget_body([40] * len(shares), **spec)
    body["spec"]["schedule"][0]["shares"] = pack_shares(shares)
    del body["spec"]["maxSourceMicrowatts"]
    return BudgetSeen(body)


def test_a_percentage_is_of_this_nodes_own_limits(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    budget = in_percent([10_000, 5_000, 100], maxSourcePercent=80)
    rehearsal.run([budget, nothing, at(node, QUARTER), at(node, 2 * QUARTER)])
    # Of 65 W; the third is raised to minPower.
    assert package_watts(rehearsal) == [65, 52, 26, 10]
    current = rehearsal.sink.statuses[0]["current"]
    assert (current["cap"], current["applied"]) == ("52 W", "52 W")
    assert current["why"] == "100 % of 52 W (80 % of this node's 65 W), test"


def test_a_percentage_is_of_the_originals_after_a_restart_too(node: Machine) -> None:
    Rehearsal(node).run([in_percent([10_000], maxSourcePercent=50), nothing])
    enforcer = node.enforcer()
    enforcer.enforce(20_000_000, BOUNDS)
    rehearsal = Rehearsal(node)
    rehearsal.run([in_percent([10_000], maxSourcePercent=50), nothing])
    assert package_watts(rehearsal)[1] == 32.5


def test_a_budget_that_goes_takes_its_caps_along(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    rehearsal.run([seen([40]), BudgetSeen(None), nothing])
    assert package_watts(rehearsal) == [65, 40, 65]
    assert not (node.state / "budget.json").exists()


def test_an_invalid_spec_leaves_the_last_good_one_in_force(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    broken = budget_body([40, 30], minPowerMicrowatts=-1)
    broken["metadata"]["generation"] = 2
    rehearsal.run([seen([40, 30]), BudgetSeen(broken), nothing, at(node, QUARTER)])
    assert package_watts(rehearsal) == [65, 40, 40, 30]
    told = rehearsal.sink.statuses[-2]
    assert condition(told) == ("False", "InvalidSpec")
    assert "minPowerMicrowatts" in told["conditions"][1]["message"]
    assert told["observedGeneration"] == 2


def test_an_invalid_spec_and_nothing_before_it(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    rehearsal.run([seen([40], onExpiry="Explode"), nothing])
    assert package_watts(rehearsal) == [65, 65]
    assert condition(rehearsal.sink.statuses[-1]) == ("False", "InvalidSpec")


def test_an_invalid_spec_after_a_restart_goes_by_the_good_one_kept(node: Machine) -> None:
    Rehearsal(node).run([seen([40]), nothing])
    rehearsal = Rehearsal(node)
    rehearsal.run([seen([40], onExpiry="Explode"), nothing])
    assert package_watts(rehearsal) == [65, 40]


def test_without_api_a_kept_budget_is_followed_after_a_moment(node: Machine) -> None:
    Rehearsal(node).run([seen([40, 30]), nothing])
    rehearsal = Rehearsal(node)
    rehearsal.run([nothing, seconds_pass(node, START_GRACE_SECONDS), nothing])
    assert package_watts(rehearsal) == [65, 40, 40]


def test_without_api_and_kept_budget_standing_originals_are_put_back_after_a_moment(node: Machine) -> None:
    node.enforcer().store.add({"intel-rapl/package-0:long_term": 65 * WATT})
    set_limit(node.root, PACKAGE, 20 * WATT)
    rehearsal = Rehearsal(node)
    rehearsal.run([nothing, seconds_pass(node, START_GRACE_SECONDS), nothing])
    assert package_watts(rehearsal) == [20, 65, 65]


def test_drift_is_mended_at_the_next_check_and_not_before(node: Machine) -> None:
    rehearsal = Rehearsal(node)

    def meddle() -> None:
        set_limit(node.root, PACKAGE, 55 * WATT)

    def wait() -> None:
        node.time.pass_by(timedelta(seconds=100))

    rehearsal.run([seen([40], stabilisationSeconds=300), nothing, meddle, wait, wait, wait, nothing])
    assert package_watts(rehearsal) == [65, 40, 55, 55, 55, 40, 40]
    assert rehearsal.sink.statuses[-2]["reapplied"] == 1


def test_nothing_new_is_nothing_told(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    body = budget_body([40], stabilisationSeconds=1)

    def wait() -> None:
        node.time.pass_by(timedelta(seconds=2))

    def echo() -> None:
        body["status"] = rehearsal.sink.statuses[0]
        body["metadata"]["resourceVersion"] = "2"

    rehearsal.run([BudgetSeen(body), nothing, echo, BudgetSeen(body), wait, BudgetSeen(body), wait, wait])
    assert len(rehearsal.sink.statuses) == 2


def test_a_restarted_agent_that_finds_its_status_says_nothing_anew(node: Machine) -> None:
    first = Rehearsal(node)
    first.run([seen([40]), nothing])
    body = budget_body([40]) | {"status": first.sink.statuses[0]}
    second = Rehearsal(node)
    second.run([BudgetSeen(body), nothing])
    assert [condition(status)[1] for status in second.sink.statuses] == ["Stopped"]


def test_an_object_made_anew_is_told_anew(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    anew = budget_body([40])
    anew["metadata"]["uid"] = "uid-2"
    rehearsal.run([seen([40]), BudgetSeen(anew), nothing])
    assert len(rehearsal.sink.statuses) == 3


def test_a_node_without_power_capping(tmp_path: Path) -> None:
    node = Machine(tmp_path, NO_POWERCAP)
    rehearsal = Rehearsal(node)
    rehearsal.run([seen([40, 30]), nothing, at(node, QUARTER)])
    assert condition(rehearsal.sink.statuses[0]) == ("False", "Unsupported")


def test_a_thread_that_died_ends_the_agent_in_good_order(node: Machine) -> None:
    assert Rehearsal(node).run([seen([40]), nothing, Stop("watcher died", exit_code=1)]) == 1
    assert node.limits() == node.original


def test_originals_are_back_after_a_defect_too(node: Machine) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Rehearsal(node).run([seen([40]), nothing, fail])
    assert node.limits() == node.original


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=40,
    deadline=None,
)
@given(
    caps=st.lists(st.integers(10, 65), min_size=1, max_size=8),
    readings=st.lists(st.integers(-3600, 4 * 3600) | st.just(365 * 86_400), min_size=1, max_size=12),
    on_expiry=st.sampled_from(["MinPower", "Release"]),
)
def test_whatever_the_clock_does_the_files_hold_what_the_slot_says(
    tmp_path_factory: pytest.TempPathFactory, caps: list[int], readings: list[int], on_expiry: str
) -> None:
    node = Machine(tmp_path_factory.mktemp("node"), ONE_SOCKET)
    rehearsal = Rehearsal(node)
    body = budget_body(caps, onExpiry=on_expiry)
    rehearsal.run([BudgetSeen(body), *(at(node, timedelta(seconds=reading)) for reading in readings)])
    budget = read_budget(body)
    for reading, limits in zip(readings, rehearsal.seen[1:], strict=True):
        order = directive_at(budget, NOON + timedelta(seconds=reading))
        expected = node.original[PACKAGE] if order.action is Action.RELEASE else order.cap_uw
        assert limits[PACKAGE] == expected
    assert node.limits() == node.original
