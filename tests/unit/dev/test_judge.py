"""The judge of budgets notices a gap, an overlap, a hole, and a past that is told otherwise."""

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from dev.lab.judge import changed_past, gap, overlap
from tests.support.agent_parts import NOON, QUARTER, budget_body

CAPS_W = [20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0]
END = NOON + len(CAPS_W) * QUARTER


@pytest.fixture
def spec() -> dict[str, Any]:
    found: dict[str, Any] = budget_body(CAPS_W)["spec"]
    return found


def test_a_whole_budget_is_good(spec: dict[str, Any]) -> None:
    assert overlap(spec) == ""
    assert gap(spec, NOON, END - QUARTER, QUARTER) == ""
    assert changed_past(spec, spec, END + timedelta(hours=2), QUARTER) == ""


def test_a_moment_after_the_end_and_one_before_the_begin_are_gaps(spec: dict[str, Any]) -> None:
    assert "expired" in gap(spec, NOON, END, QUARTER)
    assert "early" in gap(spec, NOON - QUARTER, NOON, QUARTER)


def test_a_suspended_budget_has_no_gap(spec: dict[str, Any]) -> None:
    assert gap(spec | {"suspend": True}, NOON - QUARTER, END, QUARTER) == ""


@pytest.mark.parametrize("shift", [-QUARTER, QUARTER])
def test_segments_that_overlap_or_leave_a_hole_are_noticed(spec: dict[str, Any], shift: timedelta) -> None:
    later = deepcopy(spec["schedule"][-1]) | {"start": f"{END + shift:%Y-%m-%dT%H:%M:%SZ}"}
    until = END + shift + len(later["shares"]) * timedelta(seconds=later["stepSeconds"])
    two = spec | {"schedule": [*spec["schedule"], later], "validUntil": f"{until:%Y-%m-%dT%H:%M:%SZ}"}
    assert "a segment ends at" in overlap(two)


def test_a_budget_that_ends_before_its_last_segment_is_noticed(spec: dict[str, Any]) -> None:
    assert overlap(spec | {"validUntil": f"{END - QUARTER:%Y-%m-%dT%H:%M:%SZ}"})


def test_a_changed_past_is_noticed_and_a_changed_future_is_none(spec: dict[str, Any]) -> None:
    other = budget_body([10.0, *CAPS_W[1:-1], 10.0])["spec"]
    assert "it was" in changed_past(spec, other, NOON + timedelta(hours=1, minutes=20), QUARTER)
    later = budget_body([*CAPS_W[:-1], 10.0])["spec"]
    assert changed_past(spec, later, NOON + timedelta(hours=2), QUARTER) == ""


def test_another_policy_tells_its_own_past(spec: dict[str, Any]) -> None:
    other = budget_body([10.0, *CAPS_W[1:]], policy="batch")["spec"]
    assert changed_past(spec, other, END, QUARTER) == ""
