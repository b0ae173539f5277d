"""The objects in which a status tells energy: read as they were written, readable, and refused where they are none."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powercap_api.budget.energy import HISTORY_STEPS, STEP_SECONDS, Quarter, Run, read_run
from powercap_api.budget.status import EnergyRun

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECONDS = st.integers(0, STEP_SECONDS)
JOULES = st.integers(0, 10**10)
QUARTERS = st.builds(Quarter, JOULES, SECONDS, SECONDS, JOULES)


def test_what_a_run_looks_like() -> None:
    run = Run(
        "default",
        NOON,
        [Quarter(163_111), Quarter(163_111, 900, 450, 81_559), Quarter(100, 871)],
        [Quarter(720_000), Quarter(630_000), Quarter(720_000)],
        [0, 2, 0],
    )
    wire = {
        "policy": "default",
        "start": "2026-11-25T12:00:00Z",
        "lifts": "0 2 0",
        "packages": {
            "joules": "163111 163111 100",
            "seconds": "900 900 871",
            "boundSeconds": "0 450 0",
            "boundJoules": "0 81559 0",
        },
        "accelerators": {"joules": "720000 630000 720000"},
    }
    assert run.to_wire() == wire
    assert read_run(wire) == run
    assert EnergyRun.model_validate(wire).to_wire() == wire


@given(st.data(), st.integers(1, HISTORY_STEPS + 1))
def test_runs_are_read_as_they_were_written(data: st.DataObject, count: int) -> None:
    packages, accelerators = (data.draw(st.lists(QUARTERS, min_size=count, max_size=count)) for _ in "pa")
    lifts = data.draw(st.lists(st.integers(0, 90), min_size=count, max_size=count))
    run = Run("p" * 253, NOON, packages, accelerators, lifts)
    wire = json.loads(json.dumps(run.to_wire()))
    assert EnergyRun.model_validate(wire).to_wire() == wire
    again = read_run(wire)
    assert (again.policy, again.start) == (run.policy, NOON)
    assert (again.packages, again.accelerators) == (packages, accelerators)
    assert list(again.lifts) == (lifts if any(lifts) else [])


@pytest.mark.parametrize(
    "broken",
    [
        {"policy": None},
        {"start": "noon"},
        {"packages": {"joules": ""}},
        {"packages": {"joules": "16x311"}},
        {"packages": {"joules": "١٦"}},
        {"packages": {"joules": "1 2", "seconds": "900"}},
        {"packages": {"joules": "1 " * 400 + "1"}},
        {"packages": {}, "lifts": "-1"},
    ],
)
def test_what_is_no_run_is_refused(broken: dict[str, Any]) -> None:
    told = {"policy": "p", "start": "2026-11-25T12:00:00Z", "packages": {"joules": "1"}} | broken
    with pytest.raises((KeyError, TypeError, ValueError)):
        read_run({name: value for name, value in told.items() if value is not None})
