"""What is kept of objects as the API gives them."""

import gc
from typing import Any

import pytest

from powercap_operator.world.snapshot import (
    BudgetView,
    KnownSpec,
    KnownSpecs,
    NodeView,
    view_budget,
    view_node,
)
from tests.support.objects import moment

BUDGET: dict[str, Any] = {
    "metadata": {
        "name": "node-a",
        "uid": "uid-1",
        "labels": {"powercap.dev/policy": "default"},
        "ownerReferences": [{"kind": "Other", "uid": "uid-o"}, {"kind": "Node", "uid": "uid-n"}],
    },
    "spec": {"policy": "default", "schedule": [{"shares": (1, 2)}]},
    "status": {
        "current": {"capMicrowatts": 40, "appliedMicrowatts": 39},
        "energy": {"packages": {"joules": 7}},
        "conditions": [
            {"type": "Other", "status": "False"},
            {"type": "Ready", "status": "True", "reason": "Applied", "message": "fine"},
        ],
    },
}


def test_a_budget() -> None:
    view = view_budget(BUDGET, KnownSpecs())
    assert view == BudgetView(
        name="node-a",
        uid="uid-1",
        spec=KnownSpec({"policy": "default", "schedule": [{"shares": [1, 2]}]}),
        policy_label="default",
        owner_uid="uid-n",
        ready=True,
        reason="Applied",
        message="fine",
    )
    assert (view.cap_uw, view.applied_uw, view.energy_joules) == (40, 39, 7)


@pytest.mark.parametrize("empty", [None, {}])
def test_a_budget_of_which_nothing_is_known(empty: dict[str, Any] | None) -> None:
    body = {"metadata": {"name": "node-a", "labels": empty, "ownerReferences": None}, "status": empty}
    assert view_budget(body, KnownSpecs()) == BudgetView(
        "node-a", "", KnownSpec({}), None, None, False, None, None
    )
    body["status"] = {"conditions": None, "current": None}
    assert view_budget(body, KnownSpecs()) == BudgetView(
        "node-a", "", KnownSpec({}), None, None, False, None, None
    )


def test_equal_specs_are_one_copy_that_is_nobody_elses_and_goes_with_its_last_use() -> None:
    specs = KnownSpecs()
    first, second = view_budget(BUDGET, specs), view_budget(BUDGET, specs)
    assert first.spec is second.spec
    assert first.spec["schedule"] is not BUDGET["spec"]["schedule"]
    assert len(specs) == 1
    del first, second
    gc.collect()
    assert len(specs) == 0


@pytest.mark.parametrize(
    ("status", "since"),
    [
        ({}, None),
        ({"conditions": [{"type": "Ready", "lastTransitionTime": "2025-10-09T07:00:00Z"}]}, None),
        (
            {
                "conditions": [
                    {"type": "Ready", "status": "True", "lastTransitionTime": "2025-10-09T07:00:00Z"}
                ]
            },
            None,
        ),
        (
            {
                "conditions": [
                    {"type": "Ready", "status": "Unknown", "lastTransitionTime": "2025-10-09T07:00:00Z"}
                ]
            },
            moment("2025-10-09T07:00Z"),
        ),
        (
            {
                "conditions": [
                    {"type": "Disk", "status": "False", "lastTransitionTime": "2025-10-09T07:00:00Z"}
                ]
            },
            None,
        ),
    ],
)
def test_a_node(status: dict[str, Any], since: Any) -> None:
    body = {"metadata": {"name": "a", "uid": "u", "labels": {"pool": "x"}}, "status": status}
    assert view_node(body) == NodeView("a", "u", {"pool": "x"}, since)


def test_a_node_without_anything() -> None:
    assert view_node({"metadata": {"name": "a"}, "status": None}) == NodeView("a", "", {}, None)
