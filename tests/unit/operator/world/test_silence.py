"""Agents that do not report: found by what is due, told on budget and policy, and taken back when they report."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from powercap_api.clock import format_time
from powercap_api.names import SILENT_SINCE, WRITTEN_AT
from powercap_api.schema.model import Condition
from powercap_operator.planning.decision import Decision, decide
from powercap_operator.planning.events import budget_events, condition_events
from powercap_operator.world.silence import GRACE, Jump, Passage, Reporting, silent_since
from powercap_operator.world.snapshot import KnownSpecs, World, view_budget
from tests.support.objects import make_day, make_node, make_policy, make_world, moment

HISTORY = timedelta(days=14)
NOW = moment("2025-10-09T10:07Z")
LONG_AGO = NOW - timedelta(days=1)
MINUTE = timedelta(minutes=1)


def reporting(
    end: datetime | None = None, observed: int | None = 3, written: datetime | None = None
) -> Reporting:
    return Reporting(generation=3, observed_generation=observed, written_at=written, slot_end=end)


@pytest.mark.parametrize(
    ("found", "due"),
    [
        (reporting(NOW + MINUTE), None),  # its slot goes on
        (reporting(None), None),  # there is no slot: it reports when the spec changes
        (reporting(NOW), NOW),
        (reporting(NOW - MINUTE), NOW - MINUTE),
        (reporting(NOW + MINUTE, observed=2, written=NOW - 7 * MINUTE), NOW - 7 * MINUTE),
        (reporting(None, observed=None, written=NOW - 7 * MINUTE), NOW - 7 * MINUTE),  # it never reported
        (reporting(NOW - MINUTE, observed=2, written=NOW - 7 * MINUTE), NOW - 7 * MINUTE),
        (reporting(None, observed=2), None),  # written by an operator that did not note when
        (Reporting(), None),
    ],
)
def test_when_a_report_is_due(found: Reporting, due: datetime | None) -> None:
    assert found.due_since(NOW) == due


@pytest.mark.parametrize(
    ("end", "seen_since", "silent"),
    [
        (NOW - 10 * MINUTE, LONG_AGO, True),
        (NOW - 9 * MINUTE, LONG_AGO, False),
        (NOW - timedelta(hours=9), NOW - 10 * MINUTE, True),
        (NOW - timedelta(hours=9), NOW - 9 * MINUTE, False),  # nobody could have seen it before
        (NOW - timedelta(hours=9), None, False),
    ],
)
def test_ten_minutes_after_it_was_due_and_seen_to_be_the_agent_is_silent(
    end: datetime, seen_since: datetime | None, silent: bool
) -> None:
    assert silent_since(reporting(end), None, NOW, NOW, seen_since) == (end if silent else None)


def test_a_silent_agent_stays_so_until_nothing_is_due() -> None:
    """A spec that is written meanwhile does not begin the time anew, nor does a restart of the operator."""
    since = NOW - timedelta(hours=5)
    newly_written = reporting(None, observed=2, written=NOW - MINUTE)
    assert silent_since(newly_written, since, NOW, NOW, None) == since
    assert silent_since(reporting(NOW + MINUTE), since, NOW, NOW, LONG_AGO) is None


def test_a_silent_agent_is_taken_back_by_the_moment_itself() -> None:
    """Also while others are judged by an earlier one: what a fresh operator would not take back stays."""
    since, before = NOW - timedelta(hours=5), NOW - timedelta(hours=3)
    due_only_now = reporting(NOW - timedelta(hours=1))
    assert silent_since(due_only_now, since, NOW, before, LONG_AGO) == since
    assert silent_since(due_only_now, None, NOW, before, LONG_AGO) is None
    assert silent_since(reporting(NOW + MINUTE), since, NOW, before, LONG_AGO) is None


def body(status: dict[str, Any], annotations: dict[str, str], spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": "a", "uid": "u", "generation": 1, "annotations": annotations}
    owners = [{"kind": "Node", "uid": "uid-a"}]
    labels = {"powercap.dev/policy": "default"}
    return {
        "metadata": {**metadata, "labels": labels, "ownerReferences": owners},
        "spec": spec,
        "status": status,
    }


def status(end: datetime | None, observed: int = 1) -> dict[str, Any]:
    ready = {"type": "Ready", "status": "True", "reason": "Applied", "message": "m"}
    current = {"capMicrowatts": 20_000_000, **({} if end is None else {"end": format_time(end)})}
    return {"observedGeneration": observed, "conditions": [ready], "current": current}


@pytest.fixture
def world() -> World:
    """A policy with one node, whose budget is written and whose agent reports the slot until 10:15."""
    world = make_world([make_policy()], [make_day(date(2025, 10, 9))], [make_node("a")])
    (write,) = decide(world, NOW, HISTORY, LONG_AGO).write_budgets
    written = body(status(NOW + 8 * MINUTE), write.metadata["annotations"], dict(write.spec))
    return replace(world, budgets={"a": view_budget(written, KnownSpecs())})


def carried_out(world: World, decision: Decision, state: dict[str, Any]) -> World:
    (write,) = decision.write_budgets
    written = body(state, write.metadata["annotations"], dict(write.spec))
    return replace(world, budgets={"a": view_budget(written, KnownSpecs())})


def ready_of(decision: Decision) -> dict[str, Any]:
    return next(one for one in decision.policy_statuses["default"]["conditions"] if one["type"] == "Ready")


def test_budget_policy_and_events_tell_of_a_silent_agent(world: World) -> None:
    later = NOW + 8 * MINUTE + 10 * MINUTE
    assert not decide(world, later - MINUTE, HISTORY, LONG_AGO).write_budgets
    decision = decide(world, later, HISTORY, LONG_AGO)
    (write,) = decision.write_budgets
    assert write.metadata["annotations"] == {
        WRITTEN_AT: "2025-10-09T10:07:00Z",
        SILENT_SINCE: "2025-10-09T10:15:00Z",
    }
    assert write.spec == world.budgets["a"].spec, "only the annotation is new"
    after = carried_out(world, decision, status(NOW + 8 * MINUTE))
    (event,) = budget_events(world.budgets, after.budgets)
    assert (event.warning, event.reason) == (True, "AgentSilent")
    assert "has not reported since 2025-10-09T10:15:00Z" in event.message
    told = decide(after, later, HISTORY, LONG_AGO)
    assert not told.write_budgets, "said once"
    ready = ready_of(told)
    assert (ready["status"], ready["reason"]) == ("Unknown", "AgentSilent")
    assert ready["message"] == "0 of 1 nodes follow their budget; not: a (AgentSilent)."
    (warning,) = [
        one
        for one in condition_events("PowerPolicy", "default", "u", [], [Condition.model_validate(ready)])
        if one.reason == "AgentSilent"
    ]
    assert warning.warning


def test_time_that_was_skipped_is_noticed_and_ends_when_agents_have_had_their_turn() -> None:
    passage = Passage()
    assert [passage.look(NOW), passage.look(NOW + MINUTE), passage.jump] == [False, False, None]
    ahead = NOW + timedelta(hours=6)
    assert passage.look(ahead)
    assert passage.jump == Jump(NOW + MINUTE, ahead + GRACE)
    assert passage.look(ahead + timedelta(hours=1)), "again, before all have had their turn"
    assert passage.jump == Jump(NOW + MINUTE, ahead + timedelta(hours=1) + GRACE)
    second = timedelta(seconds=1)
    for seconds in range(int(GRACE / second)):
        passage.look(ahead + timedelta(hours=1) + seconds * second)
        assert passage.jump is not None
    assert not passage.look(ahead + timedelta(hours=1) + GRACE)
    assert passage.jump is None


def test_a_clock_that_is_set_back_skips_nothing() -> None:
    passage = Passage()
    passage.look(NOW)
    assert not passage.look(NOW - timedelta(hours=6))
    assert passage.jump is None


def test_a_clock_that_is_set_ahead_and_back_ends_the_grace() -> None:
    passage = Passage()
    passage.look(NOW)
    assert passage.look(NOW + timedelta(hours=1))
    assert not passage.look(NOW + timedelta(seconds=5))
    assert passage.jump is None, "it would else last until an hour later"
    assert passage.look(NOW + timedelta(hours=2))
    assert passage.jump == Jump(NOW + timedelta(seconds=5), NOW + timedelta(hours=2) + GRACE)


def test_nobody_is_silent_for_time_that_was_skipped(world: World) -> None:
    """Until all have had their turn to report; one that was silent before stays so."""
    later = NOW + timedelta(hours=6)
    jumped = replace(world, jump=Jump(NOW, later + GRACE))
    assert not any(
        SILENT_SINCE in write.metadata["annotations"]
        for moment in (later, later + GRACE - MINUTE)
        for write in decide(jumped, moment, HISTORY, LONG_AGO).write_budgets
    )
    (write,) = decide(jumped, later + GRACE, HISTORY, LONG_AGO).write_budgets
    assert write.silent_since == NOW + 8 * MINUTE
    found = decide(world, later, HISTORY, LONG_AGO)
    silent = carried_out(world, found, status(NOW + 8 * MINUTE))
    again = replace(silent, jump=Jump(later, later + timedelta(hours=6) + GRACE))
    assert not decide(again, later + timedelta(hours=6), HISTORY, LONG_AGO).write_budgets


def test_an_agent_that_reports_again_is_no_longer_silent(world: World) -> None:
    later = NOW + timedelta(hours=2)
    after = carried_out(world, decide(world, later, HISTORY, LONG_AGO), status(later + MINUTE))
    decision = decide(after, later, HISTORY, LONG_AGO)
    (write,) = decision.write_budgets
    assert SILENT_SINCE not in write.metadata["annotations"]
    back = carried_out(after, decision, status(later + MINUTE))
    assert [event.reason for event in budget_events(after.budgets, back.budgets)] == ["Applied"]
    assert ready_of(decide(back, later, HISTORY, LONG_AGO))["reason"] == "Active"


def test_a_node_that_fails_is_more_than_one_that_is_silent(world: World) -> None:
    later = NOW + timedelta(hours=2)
    silent = carried_out(world, decide(world, later, HISTORY, LONG_AGO), status(NOW + 8 * MINUTE))
    both = replace(silent, nodes={**silent.nodes, "b": make_node("b")})
    assert ready_of(decide(both, later, HISTORY, LONG_AGO))["reason"] == "NodesNotReady"


def test_the_generation_that_the_agent_reports_on_is_compared(world: World) -> None:
    """Within the seconds that it takes to take up a spec nothing changes, so that a write a day is no news."""
    view = world.budgets["a"]
    lagging = replace(view.reporting, generation=2, slot_end=NOW + timedelta(hours=1))
    world = replace(world, budgets={"a": replace(view, reporting=lagging)})
    assert ready_of(decide(world, NOW + MINUTE, HISTORY, LONG_AGO))["reason"] == "Active"
    ready = ready_of(decide(world, NOW + 3 * MINUTE, HISTORY, LONG_AGO))
    assert ready["reason"] == "NodesNotReady"
    assert "a (the newest spec is not taken up)" in ready["message"]


@pytest.mark.parametrize("text", ["soon", "2025-10-09T10:15:00", ""])
def test_an_annotation_that_is_no_time_is_written_anew(world: World, text: str) -> None:
    spec = dict(world.budgets["a"].spec)
    odd = view_budget(body(status(NOW + MINUTE), {SILENT_SINCE: text, WRITTEN_AT: text}, spec), KnownSpecs())
    assert (odd.silent_since, odd.reporting.written_at, odd.ready) == (None, None, True)
