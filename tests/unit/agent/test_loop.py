"""The main loop, turn by turn, on a fake tree and with a clock that the test moves."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from powercap_agent.loop import START_GRACE_SECONDS
from powercap_agent.mailbox import BudgetSeen, Event, Stop
from powercap_agent.schedule.budget import read_budget
from powercap_agent.schedule.schedule import Action, directive_at
from powercap_agent.status.status import Status
from powercap_api.schedule import pack_shares
from tests.support.agent_parts import BOUNDS, NOON, QUARTER, Machine, Rehearsal, budget_body
from tests.support.energy_history import columns_of
from tests.support.fake_sysfs import NO_POWERCAP, ONE_SOCKET, set_limit

WATT = 1_000_000
PACKAGE = "intel-rapl/intel-rapl:0/long_term"


@pytest.fixture
def node(tmp_path: Path) -> Machine:
    return Machine(tmp_path, ONE_SOCKET)


def nothing() -> None:
    """A turn in which nothing happens."""


def package_watts(rehearsal: Rehearsal) -> list[float]:
    return [limits[PACKAGE] / WATT for limits in rehearsal.seen]


def condition(status: Status, kind: str = "Ready") -> tuple[str, str]:
    (found,) = [c for c in status["conditions"] if c["type"] == kind]
    return found["status"], found["reason"]


def seen(caps: list[int], **spec: Any) -> BudgetSeen:
    return BudgetSeen(budget_body(caps, **spec))


def at(node: Machine, offset: timedelta) -> Callable[[], None]:
    def move() -> None:
        node.time.wall = NOON + offset

    return move


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

    def wait() -> None:
        node.time.pass_by(timedelta(seconds=START_GRACE_SECONDS))

    rehearsal.run([nothing, wait, nothing])
    assert package_watts(rehearsal) == [65, 40, 40]


def test_without_api_and_kept_budget_standing_originals_are_put_back_after_a_moment(node: Machine) -> None:
    node.enforcer().store.add({"intel-rapl/package-0:long_term": 65 * WATT})
    set_limit(node.root, PACKAGE, 20 * WATT)
    rehearsal = Rehearsal(node)

    def wait() -> None:
        node.time.pass_by(timedelta(seconds=START_GRACE_SECONDS))

    rehearsal.run([nothing, wait, nothing])
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


def seconds_pass(node: Machine, seconds: float) -> Callable[[], None]:
    return lambda: node.time.pass_by(timedelta(seconds=seconds))


def test_a_ramp_lowers_step_by_step_and_raises_at_once(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    steps = [seconds_pass(node, 1)] * 4
    rehearsal.run([seen([40, 65], rampMicrowattsPerSecond=10 * WATT), nothing, *steps, at(node, QUARTER)])
    assert package_watts(rehearsal) == [65, 55, 45, 40, 40, 40, 65]
    told = [(condition(status)[1], status["current"]["applied"]) for status in rehearsal.sink.statuses]
    assert told == [("Lowering", "55 W"), ("Applied", "40 W"), ("Applied", "65 W"), ("Stopped", None)]


def test_a_dwell_holds_a_lower_cap_back(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    rehearsal.run(
        [
            seen([40, 30, 20], dwellSeconds=1000),
            nothing,
            seconds_pass(node, 900),
            seconds_pass(node, 99),
            seconds_pass(node, 1),
        ]
    )
    assert package_watts(rehearsal) == [65, 40, 40, 40, 30]


def test_waiting_for_a_dwell_is_no_polling(node: Machine) -> None:
    rehearsal = Rehearsal(node, longest_wait=3600.0)
    budget = seen([40, 30, 20], dwellSeconds=1000, stabilisationSeconds=3000)
    rehearsal.run([budget, nothing, seconds_pass(node, 900), nothing, seconds_pass(node, 60)])
    assert package_watts(rehearsal)[-3:] == [40, 40, 40]
    assert rehearsal.waits[-4:-1] == [100.0, 100.0, 40.0]


def test_an_agent_that_is_restarted_lowers_from_where_the_limit_is(node: Machine) -> None:
    node.enforcer().enforce(50 * WATT, BOUNDS)
    rehearsal = Rehearsal(node)
    rehearsal.run([seen([40], rampMicrowattsPerSecond=5 * WATT), nothing, seconds_pass(node, 1)])
    assert package_watts(rehearsal) == [50, 45, 40]


def test_a_node_found_not_ready_is_lifted_until_then(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    lift = "2025-10-09T12:05:00Z"
    rehearsal.run(
        [seen([40]), seen([40], liftUntil=lift), nothing, seconds_pass(node, 299), seconds_pass(node, 1)]
    )
    assert package_watts(rehearsal) == [65, 40, 65, 65, 40]
    assert [condition(status) for status in rehearsal.sink.statuses][:3] == [
        ("True", "Applied"),
        ("False", "Lifted"),
        ("True", "Applied"),
    ]


PRESSURE = {"somePercent": 90, "forSeconds": 60, "liftSeconds": 120}


def test_a_node_under_pressure_for_long_is_lifted_for_a_while(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    node.pressure = 97.0
    rehearsal.run([seen([40], pressure=PRESSURE), nothing, *[draws(node, 39, 10)] * 20])
    assert package_watts(rehearsal) == [65, *[40] * 8, *[65] * 12, 40]
    assert condition(rehearsal.sink.statuses[1]) == ("False", "Lifted")


def test_a_busy_node_whose_limit_does_not_bind_stays_capped(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    node.pressure = 99.0
    rehearsal.run([seen([40], pressure=PRESSURE), nothing, *[draws(node, 20, 10)] * 30])
    assert package_watts(rehearsal) == [65, *[40] * 31]


def test_pressure_from_before_a_suspend_does_not_count(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    node.pressure = 99.0
    bound = [draws(node, 39, 10)] * 6
    suspended = seen([40], pressure=PRESSURE, suspend=True)
    again: list[Callable[[], None] | Event] = [seen([40], pressure=PRESSURE), nothing, *bound]
    before: list[Callable[[], None] | Event] = [seen([40], pressure=PRESSURE), nothing, *bound, suspended]
    rehearsal.run([*before, draws(node, 39, 10), *again])
    assert package_watts(rehearsal)[-6:] == [40] * 6


def test_a_kernel_without_pressure_information_is_told(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    rehearsal.run([seen([40], pressure=PRESSURE), nothing])
    ready = next(c for c in rehearsal.sink.statuses[0]["conditions"] if c["type"] == "Ready")
    assert "no pressure stall information (PSI)" in ready["message"]


def test_the_draw_during_a_dwell_is_compared_with_the_cap_that_stayed(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    budget = seen([60, 30, 60], dwellSeconds=1000)
    rehearsal.run([budget, nothing, *[draws(node, 40, 450)] * 5])
    # The cap of 60 W stays for the first 100 s of the quarter of an hour of 30 W.
    told = [status["draw"] for status in rehearsal.sink.statuses if status["draw"]]
    assert (told[0]["capMicrowatts"], told[0]["binds"]) == (60_000_000, False)
    assert told[-1]["capMicrowatts"] == 45_000_000


def test_a_dry_run_compares_the_draw_with_no_cap(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    rehearsal.run([seen([40, 30], dryRun=True), nothing, *[draws(node, 39, 450)] * 3])
    told = [status["draw"] for status in rehearsal.sink.statuses if status["draw"]]
    assert (told[0]["averageMicrowatts"], told[0]["capMicrowatts"], told[0]["binds"]) == (
        39_000_000,
        None,
        None,
    )


def test_pressure_without_a_rule_lifts_nothing(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    node.pressure = 100.0
    rehearsal.run([seen([40]), nothing, *[seconds_pass(node, 100)] * 8])
    assert package_watts(rehearsal) == [65, *[40] * 9]


def test_the_draw_of_a_slot_is_told_in_the_next(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    energy = node.root / "intel-rapl/intel-rapl:0/energy_uj"

    def draw(watts: int) -> None:
        energy.write_text(f"{int(energy.read_text()) + watts * 450 * WATT}\n", encoding="ascii")
        node.time.pass_by(timedelta(seconds=450))

    rehearsal.run([seen([40, 30]), nothing, lambda: draw(30), lambda: draw(39), nothing])
    told = rehearsal.sink.statuses[1]
    assert told["current"]["draw"] == "34.5 W"
    assert told["draw"]["seconds"] == 900
    assert (told["draw"]["averageMicrowatts"], told["draw"]["peakMicrowatts"]) == (34_500_000, 39_000_000)
    assert (told["draw"]["capMicrowatts"], told["draw"]["binds"]) == (40_000_000, False)
    zones = {zone["name"]: zone for zone in told["zones"]}
    assert list(zones) == ["package-0", "core", "uncore"]
    assert {name: len(zone["limits"]) for name, zone in zones.items()} == {
        "package-0": 2,
        "core": 0,
        "uncore": 0,
    }
    assert (zones["package-0"]["averageMicrowatts"], zones["package-0"]["peakMicrowatts"]) == (
        34_500_000,
        39_000_000,
    )


def draws(node: Machine, watts: int, seconds: int) -> Callable[[], None]:
    """Time passes, the package drawing so much."""
    energy = node.root / "intel-rapl/intel-rapl:0/energy_uj"

    def step() -> None:
        energy.write_text(f"{int(energy.read_text()) + watts * seconds * WATT}\n", encoding="ascii")
        node.time.pass_by(timedelta(seconds=seconds))

    return step


def test_energy_alone_is_told_once_an_hour(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    steady = seen([40] * 24)
    rehearsal.run([steady, nothing, *[draws(node, 30, 300)] * 30])
    told = [status["energy"] for status in rehearsal.sink.statuses]
    assert [energy["until"][11:16] for energy in told] == ["12:00", "13:00", "14:00", "14:30"]
    assert [energy["joules"] for energy in told] == [0, 108_000, 216_000, 270_000]
    (line,) = told[1]["history"]
    assert columns_of(line) == {
        "policy": "default",
        "start": "2025-10-09T12:00:00Z",
        "joules": [27_000] * 4,
    }


def test_energy_goes_on_over_a_restart_of_the_agent(node: Machine) -> None:
    Rehearsal(node).run([seen([40] * 4), nothing, draws(node, 30, 300)])
    draws(node, 65, 100)()
    again = Rehearsal(node)
    again.run([seen([40] * 4), nothing, draws(node, 38, 300)])
    energy = again.sink.statuses[-1]["energy"]
    assert energy["joules"] == 30 * 300 + 65 * 100 + 38 * 300
    assert energy["since"] == "2025-10-09T12:00:00Z"
    assert columns_of(energy["history"][0])["boundSeconds"] == [300]


def test_energy_goes_on_over_a_reboot_from_what_the_status_told(node: Machine) -> None:
    first = Rehearsal(node)
    first.run([seen([40] * 4), nothing, draws(node, 30, 300)])
    (node.state / "energy.json").unlink()
    body = seen([40] * 4).body
    assert body is not None
    body["status"] = first.sink.statuses[-1]
    again = Rehearsal(node)
    again.run([BudgetSeen(body), nothing, draws(node, 30, 300)])
    energy = again.sink.statuses[-1]["energy"]
    assert energy["joules"] == 18_000
    assert columns_of(energy["history"][0])["joules"] == [18_000]


@pytest.mark.parametrize("kept", ["{", "{}", '{"bootId": "boot-1", "account": {"since": 5}}', "[]"])
def test_energy_that_was_kept_and_cannot_be_read_begins_anew(node: Machine, kept: str) -> None:
    node.state.mkdir(exist_ok=True)
    (node.state / "energy.json").write_text(kept, encoding="utf-8")
    rehearsal = Rehearsal(node)
    rehearsal.run([seen([40] * 4), nothing, draws(node, 30, 300)])
    assert rehearsal.sink.statuses[-1]["energy"]["joules"] == 9_000
    assert "the energy kept from before cannot be read: counting begins anew" in node.logged.getvalue()


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
