"""What an override's status says, and what is decided for it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from powercap_api.poweroverride import PowerOverride, PowerOverrideStatus
from powercap_operator.planning.decision import decide
from powercap_operator.planning.events import condition_events
from powercap_operator.world.snapshot import BudgetView, KnownSpec, World
from tests.support.objects import make_day, make_node, make_override, make_policy, make_world, moment

WATT = 1_000_000
HISTORY = timedelta(days=14)
BEFORE, FIVE = moment("2025-10-09T07:07Z"), moment("2025-10-09T17:00Z")
LATER = moment("2025-10-09T17:30Z")
AFTER = moment("2025-10-09T19:00Z")


def world_of(*overrides: PowerOverride, nodes: Iterable[str] = ("a", "b"), **spec: Any) -> World:
    policy = make_policy(**{"maxSource": "100", "minPower": "20", **spec})
    return make_world([policy], [make_day(date(2025, 10, 9))], map(make_node, nodes), overrides=overrides)


def written(world: World, now: datetime, applied: dict[str, tuple[int | None, str]] | None = None) -> World:
    """The world after what is decided was written, with agents that read back so many watts for a reason."""
    decision = decide(world, now, HISTORY)
    budgets = dict(world.budgets)
    for write in decision.write_budgets:
        name = write.node.name
        budgets[name] = BudgetView(
            name,
            "uid",
            KnownSpec(write.spec),
            write.policy,
            write.node.uid,
            True,
            "Applied",
            "",
            applied_uw=20 * WATT,
        )
    for name, (watts, reason) in (applied or {}).items():
        uw = None if watts is None else watts * WATT
        budgets[name] = replace(budgets[name], applied_uw=uw, reason=reason, ready=reason != "Stopped")
    overrides = {
        name: override.model_copy(
            update={"status": PowerOverrideStatus.model_validate(decision.override_statuses[name])}
        )
        if name in decision.override_statuses
        else override
        for name, override in world.overrides.items()
        if name not in decision.delete_overrides
    }
    return replace(world, budgets=budgets, overrides=overrides)


def status(world: World, name: str = "evening") -> PowerOverrideStatus:
    return world.overrides[name].status


def said(world: World, type_: str, name: str = "evening") -> tuple[str, str, str]:
    (found,) = [one for one in status(world, name).conditions if one.type == type_]
    return found.status, found.reason, found.message


def test_from_pending_to_active_to_over() -> None:
    world = written(written(world_of(make_override()), BEFORE), BEFORE)
    assert said(world, "Active") == (
        "False",
        "Pending",
        "30 W at most on 2 nodes from 2025-10-09 17:00:00 UTC to 2025-10-09 19:00:00 UTC: the grid asks",
    )
    assert (status(world).nodes, status(world).asked, status(world).achieved) == (2, "60 W", None)

    world = written(written(world, FIVE, {"a": (30, "Applied"), "b": (28, "Applied")}), FIVE)
    assert said(world, "Active")[:2] == ("True", "Active")
    assert said(world, "Achieved") == ("True", "Achieved", "all 2 nodes are at or under the limit.")
    assert (status(world).asked, status(world).achieved) == ("60 W", "58 W")

    world = written(world, AFTER)
    assert said(world, "Active")[:2] == ("False", "Over")
    assert said(world, "Achieved")[:2] == ("True", "Achieved"), "stays as the record"
    assert (status(world).state, status(world).asked, status(world).achieved) == ("Over", "60 W", "58 W")
    later = decide(world, AFTER + timedelta(seconds=5), HISTORY)
    assert (later.write_budgets, later.override_statuses, later.delete_overrides) == ((), {}, ())
    assert "evening" not in written(world, AFTER + timedelta(days=1)).overrides


def test_the_budgets_have_the_window_from_the_start_on_and_are_written_once() -> None:
    world = written(world_of(make_override(nodes=["a"])), BEFORE)
    (window,) = world.budgets["a"].spec["overrides"]
    assert window == {
        "start": "2025-10-09T17:00:00Z",
        "end": "2025-10-09T19:00:00Z",
        "capMicrowatts": 30 * WATT,
        "basis": "PowerOverride evening: the grid asks",
    }
    assert "overrides" not in world.budgets["b"].spec
    for now in (BEFORE, FIVE, LATER, AFTER, AFTER + timedelta(hours=1)):
        assert not decide(world, now, HISTORY).write_budgets, now


def test_a_node_above_the_limit_is_named_once_it_had_a_minute() -> None:
    world = written(world_of(make_override()), BEFORE)
    world = written(world, FIVE, {"a": (30, "Applied"), "b": (45, "Clamped")})
    soon = written(world, FIVE + timedelta(seconds=5))
    assert said(soon, "Achieved")[:2] == ("Unknown", "Applying")
    world = written(soon, FIVE + timedelta(minutes=1))
    assert said(world, "Achieved") == (
        "False",
        "NotAchieved",
        "1 of 2 nodes are at or under the limit; not: b (45 W, Clamped).",
    )
    assert status(world).achieved == "75 W"


@pytest.mark.parametrize(
    ("limit", "asked", "fits"), [("50%", "50 W", 50), ("5", "20 W", 20), ("30", "30 W", 30)]
)
def test_asked_is_the_limit_or_min_power(limit: str, asked: str, fits: int) -> None:
    world = written(world_of(make_override(limit=limit), nodes=["a"]), BEFORE)
    for watts, reason in ((fits, "Achieved"), (fits + 1, "NotAchieved")):
        seen = written(written(world, FIVE, {"a": (watts, "Applied")}), LATER)
        assert status(seen).asked == asked
        assert said(seen, "Achieved")[1] == reason


def test_where_powers_are_percentages_the_agent_s_own_limit_is_what_counts() -> None:
    """Only the agent knows what percentages of the node's own limits are in watts."""
    world = written(
        world_of(make_override(limit="50%"), nodes=["a"], maxSource="80%", minPower="20%"), BEFORE
    )
    assert world.budgets["a"].spec["overrides"][0]["share"] == 5_000
    for watts, reason in ((40, "Achieved"), (41, "NotAchieved")):
        seen = written(world, FIVE, {"a": (watts, "Applied")})
        budget = replace(seen.budgets["a"], cap_uw=40 * WATT)
        seen = written(replace(seen, budgets={"a": budget}), LATER)
        assert (status(seen).asked, status(seen).achieved) == (None, f"{watts} W")
        assert said(seen, "Achieved")[1] == reason


def test_a_release() -> None:
    world = written(world_of(make_override(release=True)), BEFORE)
    released = written(world, FIVE, dict.fromkeys("ab", (105, "Overridden")))
    seen = written(released, LATER)
    assert said(seen, "Achieved") == ("True", "Achieved", "all 2 nodes have their original limits.")
    assert (status(seen).asked, status(seen).achieved) == (None, "210 W")
    assert said(seen, "Active")[2].startswith("the original limits on 2 nodes until")


def test_what_is_without_effect_says_what_holds_in_its_place() -> None:
    grid, job = make_override("grid", source="grid"), make_override("job", release=True)
    world = written(written(world_of(grid, job), BEFORE), LATER)
    assert said(world, "Achieved", "job") == (
        "False",
        "Overruled",
        "without effect: PowerOverride grid: the grid asks holds.",
    )
    assert said(world, "Achieved", "grid")[:2] == ("True", "Achieved")
    mine = make_override("mine", limit="20")
    world = written(written(world_of(mine, job), BEFORE), LATER)
    assert said(world, "Achieved", "mine")[1] == "Overruled"


@pytest.mark.parametrize(
    ("spec", "nodes", "message"),
    [
        (
            {"nodes": ["gone"]},
            ["a"],
            "1 node has no PowerBudget: there is no such node, or no policy selects it.",
        ),
        ({"nodeSelector": {"pool": "x"}}, ["a"], "no node has its labels."),
    ],
)
def test_an_override_of_nothing_says_so(spec: dict[str, Any], nodes: list[str], message: str) -> None:
    world = written(written(world_of(make_override(**spec), nodes=nodes), BEFORE), LATER)
    assert said(world, "Achieved") == ("False", "NoNodes", message)


def test_nodes_that_cannot_be_capped_do_not_count() -> None:
    world = written(world_of(make_override()), BEFORE, {"b": (None, "Unsupported")})
    world = written(written(world, FIVE), LATER)
    assert said(world, "Achieved") == (
        "True",
        "Achieved",
        "the node is at or under the limit. 1 more has nothing to cap.",
    )


def test_an_override_is_laid_while_results_are_being_fetched() -> None:
    """A policy without today's results yet: its budgets stay as they are, but for overrides."""
    yesterday = make_world(
        [make_policy(fallback={"previousDays": 0})],
        [make_day(date(2025, 10, 8))],
        [make_node("a")],
        overrides=[],
    )
    world = written(yesterday, moment("2025-10-08T18:00Z"))
    now = moment("2025-10-09T07:07Z")
    assert not decide(world, now, HISTORY).write_budgets
    world = replace(world, overrides={"evening": make_override()})
    (write,) = decide(world, now, HISTORY).write_budgets
    assert write.spec["overrides"][0]["capMicrowatts"] == 30 * WATT
    rest = {key: value for key, value in write.spec.items() if key != "overrides"}
    assert rest == world.budgets["a"].spec


def test_begin_end_and_failure_are_events_and_waiting_is_none() -> None:
    world = written(world_of(make_override(), nodes=["a"]), BEFORE)
    steps = [(BEFORE, 20), (FIVE, 50), (LATER, 50), (AFTER, 50)]
    reasons = []
    for now, watts in steps:
        before = status(world).conditions
        world = written(written(world, now, {"a": (watts, "Applied")}), now)
        events = condition_events("PowerOverride", "evening", "uid", before, status(world).conditions)
        reasons += [(event.reason, event.warning) for event in events]
    assert reasons == [("Active", False), ("NotAchieved", True), ("Over", False)]


def test_an_override_that_is_being_deleted_counts_no_more() -> None:
    override = make_override()
    metadata = override.metadata.model_copy(update={"deletion_timestamp": BEFORE})
    world = world_of(override.model_copy(update={"metadata": metadata}))
    decision = decide(world, BEFORE, HISTORY)
    assert all("overrides" not in write.spec for write in decision.write_budgets)
    assert not decision.override_statuses
