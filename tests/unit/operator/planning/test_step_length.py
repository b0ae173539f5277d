"""A decision is no long step of the event loop: what it does grows with the nodes, and with nothing besides."""

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import pytest

from powercap_api.budget.energy import HISTORY_STEPS, Quarter, Run
from powercap_operator.planning.decision import decide
from powercap_operator.world.energy_history import read_history
from powercap_operator.world.snapshot import World
from tests.support.objects import make_day, make_node, make_policy, make_world, moment
from tests.unit.operator.planning.test_decision import carried_out

POLICIES = 20
FEW, MANY = 100, 200
"""Nodes. A node more is as many calls more in one world as in one of 5,000."""
NOW = moment("2025-10-09T10:07Z")
HISTORY = timedelta(days=14)
MOST_CALLS = 100
"""Functions that are called for a node more, Python's own among them: half a second at 5,000 nodes is some 1,000."""
MOST_CALLS_FOR_A_POLICY = 25_000


@lru_cache
def at_rest(count: int) -> World:
    """So many nodes, of which nothing is to be written."""
    policies = [
        make_policy(f"p{i:02}", nodeSelector={"pool": f"{i}"}, strategy={"type": kind})
        for i, kind in enumerate(["Volume", "Price", "Solar", "Fixed"] * 5)
    ]
    nodes = [make_node(f"n{i:04}", pool=str(i % POLICIES)) for i in range(count)]
    days = [make_day(date(2025, 10, 9)), make_day(date(2025, 10, 10))]
    world = make_world(policies, days, nodes)
    for _ in range(3):
        world = carried_out(world, decide(world, NOW, HISTORY))
    return world


def as_it_is(world: World) -> World:
    return world


def half_unsupported(world: World) -> World:
    budgets = {
        name: replace(budget, ready=False, reason="Unsupported") if index % 2 else budget
        for index, (name, budget) in enumerate(world.budgets.items())
    }
    return replace(world, budgets=budgets)


def all_lifted_at_different_times(world: World) -> World:
    nodes = {
        name: replace(node, not_ready_since=NOW - timedelta(seconds=301 + index % 800))
        for index, (name, node) in enumerate(world.nodes.items())
    }
    return replace(world, nodes=nodes)


def all_with_four_hours_of_energy(world: World) -> World:
    """So that the reports of all policies are due."""
    start = NOW.replace(minute=0) - timedelta(hours=4)
    quarters = [Quarter(163_111, 900, 450, 81_559)] * HISTORY_STEPS
    budgets = {
        name: replace(
            budget, energy_history=read_history([Run(budget.spec["policy"], start, quarters).to_wire()])
        )
        for name, budget in world.budgets.items()
    }
    return replace(world, budgets=budgets)


def calls(world: World, at: datetime) -> int:
    """How many functions one decision calls."""
    count = 0

    def seen(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    decide(world, at, HISTORY)  # what is worked out once for all passes is not part of it
    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        decide(world, at, HISTORY)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    "change", [as_it_is, half_unsupported, all_lifted_at_different_times, all_with_four_hours_of_energy]
)
@pytest.mark.parametrize("later", [timedelta(), timedelta(minutes=15), timedelta(days=1)], ids=str)
def test_a_decision_is_short(change: Callable[[World], World], later: timedelta) -> None:
    few, many = (calls(change(at_rest(count)), NOW + later) for count in (FEW, MANY))
    assert few <= MOST_CALLS_FOR_A_POLICY * POLICIES
    assert many - few <= MOST_CALLS * (MANY - FEW)
