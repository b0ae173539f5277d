"""Damaged budgets: followed within their own bounds, or refused with the field named."""

import json
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given

from powercap_agent.schedule.budget import MAX_CAP_UW, Budget, read_budget
from powercap_agent.schedule.directive import Action, directive_at
from powercap_agent.schedule.fields import InvalidBudgetError
from tests.support.agent_parts import NOON, budget_body
from tests.support.damage import BATCH, bounded, damaged, fuzz_settings, randoms, warped

SEEDS = (
    budget_body([40]),
    budget_body(
        [20 + quarter % 50 for quarter in range(96)], onExpiry="Hold", rampMicrowattsPerSecond=50_000_000
    ),
    budget_body(
        [90, 30],
        zones=[{"zone": "dram", "sharePercent": 10}, {"zone": "psys", "capMicrowatts": 90_000_000}],
        devices=[{"driver": "amdgpu", "sharePercent": 20}],
        pressure={"somePercent": 80, "forSeconds": 60, "liftSeconds": 600},
        liftUntil="2025-10-09T13:00:00Z",
        dwellSeconds=60,
        split="Even",
        suspend=False,
        dryRun=True,
    ),
)
MOMENTS = (
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    NOON,
    NOON.replace(hour=13),
    datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
)


def follow(budget: Budget) -> None:
    """What the loop does with it, at moments of all kinds."""
    for now in MOMENTS:
        directive = directive_at(budget, now)
        if directive.action is Action.CAP:
            assert directive.cap_uw is not None
            assert 1 <= directive.cap_uw <= MAX_CAP_UW
            assert directive.cap_uw >= budget.min_power_uw
        assert directive.end is None or directive.end > now
        assert directive.continues(directive_at(budget, now))


def read(body: Any) -> None:
    try:
        budget = read_budget(body)
    except InvalidBudgetError:
        return
    follow(budget)


@pytest.mark.parametrize("seed", SEEDS, ids=["one slot", "a day", "every field"])
def test_the_seeds_are_good(seed: dict[str, Any]) -> None:
    follow(read_budget(seed))


def _a_warped_budget_is_followed_within_bounds_or_refused(chance: Random) -> None:
    body = warped(chance.choice(SEEDS), chance)
    with bounded():
        read(body)


def _damaged_json_that_is_still_json_is_followed_or_refused(chance: Random) -> None:
    text = damaged(json.dumps(chance.choice(SEEDS)).encode(), chance)
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return
    with bounded():
        read(body)


@fuzz_settings(2000)
@given(randoms())
def test_a_warped_budget_is_followed_within_bounds_or_refused(chance: Random) -> None:
    for _ in range(BATCH):
        _a_warped_budget_is_followed_within_bounds_or_refused(chance)


@fuzz_settings(2000)
@given(randoms())
def test_damaged_json_that_is_still_json_is_followed_or_refused(chance: Random) -> None:
    for _ in range(BATCH):
        _damaged_json_that_is_still_json_is_followed_or_refused(chance)
