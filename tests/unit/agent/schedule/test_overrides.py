"""What PowerOverrides in a budget do on the node, by its clock alone."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev.lab.fake_sysfs import ONE_SOCKET, PACKAGE
from powercap_agent.mailbox import BudgetSeen
from powercap_agent.schedule.budget import read_budget
from powercap_agent.schedule.directive import Action, Phase, directive_at, overridden
from powercap_api.clock import format_time
from powercap_api.schedule import FULL_SHARE
from tests.support.agent_parts import NOON, QUARTER, SCALE_W, Machine, Rehearsal, budget_body
from tests.support.turns import WATT, nothing

SECOND = timedelta(seconds=1)


def window(start: timedelta, end: timedelta, **limit: Any) -> dict[str, Any]:
    """A window at times after noon; without a limit it is a release."""
    return {
        "start": format_time(NOON + start),
        "end": format_time(NOON + end),
        "basis": "PowerOverride evening: the grid asks",
        **limit,
    }


def watts(node: Machine, offset: timedelta, body: dict[str, Any]) -> float:
    """The node's package limit by a newly started agent at that time."""
    node.time.wall = NOON + offset
    rehearsal = Rehearsal(node)
    rehearsal.run([BudgetSeen(body), lambda: None])
    return rehearsal.seen[-1][PACKAGE] / WATT


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ({"capMicrowatts": 25 * WATT}, 25),
        ({"capMicrowatts": 60 * WATT}, 40),  # the schedule's own cap is lower
        ({"capMicrowatts": 3 * WATT}, 10),  # never under minPower
        ({"share": 300}, 30),
        ({"share": 300, "capMicrowatts": 25 * WATT}, 25),
        ({"share": 200, "capMicrowatts": 25 * WATT}, 20),
        ({}, 65),  # released: the original limit
    ],
)
def test_an_override_holds_from_its_first_second_to_its_last(
    node: Machine, limit: dict[str, Any], expected: float
) -> None:
    begin, end = timedelta(minutes=3, seconds=17), timedelta(minutes=9, seconds=1)
    body = budget_body([40, 30], overrides=[window(begin, end, **limit)])
    assert watts(node, begin - SECOND, body) == 40
    assert watts(node, begin, body) == expected
    assert watts(node, end - SECOND, body) == expected
    assert watts(node, end, body) == 40


def test_the_loop_wakes_for_the_begin_and_the_end_and_says_why(node: Machine) -> None:
    begin, end = timedelta(minutes=3), timedelta(minutes=9)
    rehearsal = Rehearsal(node)

    def at(offset: timedelta) -> Any:
        return lambda: setattr(node.time, "wall", NOON + offset)

    body = budget_body([40, 30], overrides=[window(begin, end, capMicrowatts=25 * WATT)])
    rehearsal.run([BudgetSeen(body), nothing, at(begin), at(end)])
    assert [limits[PACKAGE] / WATT for limits in rehearsal.seen] == [65, 40, 25, 40]
    during = rehearsal.sink.statuses[1]
    assert during["current"]["why"] == "25 W at most, PowerOverride evening: the grid asks"
    assert during["current"]["period"] == "12:03-12:09 UTC"
    assert during["current"]["cap"] == "25 W"
    (ready,) = [one for one in during["conditions"] if one["type"] == "Ready"]
    assert (ready["status"], ready["reason"]) == ("True", "Applied")
    assert ready["message"] == "The cap of 25 W is in force, by PowerOverride evening: the grid asks."


def test_a_release_is_told_as_such(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    rehearsal.run([BudgetSeen(budget_body([40], overrides=[window(-QUARTER, QUARTER)])), lambda: None])
    (ready,) = [one for one in rehearsal.sink.statuses[0]["conditions"] if one["type"] == "Ready"]
    assert (ready["status"], ready["reason"]) == ("True", "Overridden")
    assert ready["message"] == "The original limits are in force, by PowerOverride evening: the grid asks."
    assert rehearsal.sink.statuses[0]["current"]["cap"] is None


@pytest.mark.parametrize(
    ("on_expiry", "before", "after"),
    [("MinPower", 10, 10), ("Hold", 40, 25), ("Release", 65, 25)],
)
def test_a_limit_holds_also_where_the_schedule_has_ended(
    node: Machine, on_expiry: str, before: float, after: float
) -> None:
    hours = timedelta(hours=3), timedelta(hours=5)
    body = budget_body([40], onExpiry=on_expiry, overrides=[window(*hours, capMicrowatts=25 * WATT)])
    assert watts(node, hours[0] - SECOND, body) == before
    assert watts(node, hours[0], body) == after
    assert watts(node, hours[1], body) == before


def test_a_cap_that_is_kept_comes_back_after_an_override(node: Machine) -> None:
    """fallback Hold without a schedule: the cap that stood before the override is kept, not the override's."""
    rehearsal = Rehearsal(node)

    def at(offset: timedelta) -> Any:
        return lambda: setattr(node.time, "wall", NOON + offset)

    override = window(timedelta(minutes=3), timedelta(minutes=9), capMicrowatts=25 * WATT)
    nothing_known = budget_body([], onExpiry="Hold", overrides=[override])
    rehearsal.run(
        [
            BudgetSeen(budget_body([40])),
            BudgetSeen(nothing_known),
            nothing,
            at(180 * SECOND),
            at(540 * SECOND),
        ]
    )
    assert [limits[PACKAGE] / WATT for limits in rehearsal.seen] == [65, 40, 40, 25, 40]


def test_an_override_leaves_nothing_behind_where_no_cap_is_known_to_keep(node: Machine) -> None:
    override = window(timedelta(minutes=3), timedelta(minutes=9), capMicrowatts=25 * WATT)
    body = budget_body([], onExpiry="Hold", overrides=[override])
    rehearsal = Rehearsal(node)

    def at(offset: timedelta) -> Any:
        return lambda: setattr(node.time, "wall", NOON + offset)

    rehearsal.run([BudgetSeen(body), nothing, at(timedelta(minutes=3)), at(timedelta(minutes=9))])
    assert [limits[PACKAGE] / WATT for limits in rehearsal.seen] == [65, 65, 25, 65]


@pytest.mark.parametrize("spec", [{"suspend": True}, {"dryRun": True}])
def test_a_suspended_budget_and_a_dry_run_write_nothing(node: Machine, spec: dict[str, Any]) -> None:
    body = budget_body([40], overrides=[window(-QUARTER, QUARTER, capMicrowatts=25 * WATT)], **spec)
    assert watts(node, timedelta(0), body) == 65


def ready_of(rehearsal: Rehearsal) -> tuple[str, str, str]:
    (found,) = [one for one in rehearsal.sink.statuses[0]["conditions"] if one["type"] == "Ready"]
    return found["status"], found["reason"], found["message"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"floor": {"microwatts": 50 * WATT, "basis": "pod batch/job"}}, 50),
        ({"floor": {"microwatts": 30 * WATT, "basis": "pod batch/job"}}, 40),
        ({"floor": {"basis": "pod batch/job"}}, 65),
        ({"minPowerMicrowatts": 55 * WATT, "floor": {"microwatts": 50 * WATT, "basis": "p"}}, 55),
        # above maxSource too: 30 W here
        ({"maxSourceMicrowatts": 30 * WATT, "floor": {"microwatts": 45 * WATT, "basis": "p"}}, 45),
        ({"suspend": True, "floor": {"microwatts": 45 * WATT, "basis": "p"}}, 65),
    ],
)
def test_a_pod_s_floor_holds_over_schedule_and_limits(
    node: Machine, spec: dict[str, Any], expected: float
) -> None:
    assert watts(node, timedelta(0), budget_body([40], **spec)) == expected
    limit = window(-QUARTER, QUARTER, capMicrowatts=20 * WATT)
    over_limit = 30 if expected == 40 else expected
    assert watts(node, timedelta(0), budget_body([40], overrides=[limit], **spec)) == over_limit


def test_a_pod_s_floor_says_whose_it_is(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    floor = {"microwatts": 50 * WATT, "basis": "pod batch/job"}
    rehearsal.run([BudgetSeen(budget_body([40], floor=floor)), nothing])
    assert "raised to 50 W for pod batch/job" in rehearsal.sink.statuses[0]["current"]["why"]
    exempt = Rehearsal(Machine(node.folder / "other", ONE_SOCKET))
    exempt.run([BudgetSeen(budget_body([40], floor={"basis": "pod batch/job"})), nothing])
    said = "The original limits are in force, by pod batch/job."
    assert ready_of(exempt) == ("True", "Overridden", said)


@given(
    st.lists(st.tuples(st.integers(0, 7200), st.integers(0, 7200)), max_size=6),
    st.lists(st.none() | st.integers(1, 100), min_size=6, max_size=6),
    st.integers(0, 7200),
    st.sampled_from(["MinPower", "Hold", "Release"]),
)
def test_what_holds_is_the_lower_of_schedule_and_limit(
    bounds: list[tuple[int, int]], limits: list[int | None], at: int, on_expiry: str
) -> None:
    cuts = sorted({second for pair in bounds for second in pair})
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    windows = [
        window(begin * SECOND, end * SECOND, **({} if watts_ is None else {"capMicrowatts": watts_ * WATT}))
        for (begin, end), watts_ in zip(pairs, limits, strict=False)
    ]
    budget = read_budget(budget_body([40, 30], onExpiry=on_expiry, overrides=windows))
    now = NOON + at * SECOND
    base = directive_at(budget, now)
    got = overridden(budget, base, now)
    held = next((w for (begin, end), w in zip(pairs, limits, strict=False) if begin <= at < end), "no window")
    if held == "no window":
        assert (got.action, got.cap_uw, got.phase) == (base.action, base.cap_uw, base.phase)
    elif held is None:
        assert (got.action, got.phase) == (Action.RELEASE, Phase.OVERRIDDEN)
    else:
        assert got.action is Action.CAP
        wanted = max(int(held) * WATT, budget.min_power_uw)
        base_uw = base.cap_uw if base.action is Action.CAP else None
        assert got.cap_uw == (wanted if base_uw is None else min(base_uw, wanted))
    later = [NOON + second * SECOND for pair in pairs for second in pair if second > at]
    ends = [end for end in (base.end, *later) if end is not None]
    assert got.end == min(ends, default=None)


def test_a_share_is_of_max_source() -> None:
    budget = read_budget(budget_body([40], overrides=[window(-QUARTER, QUARTER, share=FULL_SHARE // 2)]))
    (only,) = budget.overrides
    assert only.limit_uw(0, budget.max_source_uw) == SCALE_W * WATT // 2
    assert isinstance(only.start, datetime)
