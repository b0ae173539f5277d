"""Who governs which node."""

import itertools

import pytest

from powercap_api.names import EXEMPT_LABEL
from powercap_operator.planning.assignment import assign
from tests.support.objects import make_node, make_policy

WORKER = make_node("worker", pool="batch", zone="a")
OTHER = make_node("other", pool="web")
EXEMPT = make_node("exempt", **{"pool": "batch", EXEMPT_LABEL: "true"})


@pytest.mark.parametrize(
    ("selector", "governed"),
    [
        ({}, {"worker", "other"}),
        ({"pool": "batch"}, {"worker"}),
        ({"pool": "batch", "zone": "a"}, {"worker"}),
        ({"pool": "batch", "zone": "b"}, set()),
        ({"missing": ""}, set()),
    ],
)
def test_labels_select_and_exempt_nodes_never_are(selector: dict[str, str], governed: set[str]) -> None:
    assignment = assign([make_policy(nodeSelector=selector)], [WORKER, OTHER, EXEMPT])
    assert set(assignment.owner) == governed


@pytest.mark.parametrize("value", ["false", "yes", "True", ""])
def test_only_true_exempts(value: str) -> None:
    assert assign([make_policy()], [make_node("node", **{EXEMPT_LABEL: value})]).owner


@pytest.mark.parametrize(
    ("policies", "winner"),
    [
        ([make_policy("a"), make_policy("b", priority=1)], "b"),
        ([make_policy("a", priority=-1), make_policy("b")], "b"),
        ([make_policy("a", created="2025-02-01T00:00Z"), make_policy("b", created="2025-01-01T00:00Z")], "b"),
        ([make_policy("b"), make_policy("a")], "a"),
        (
            [
                make_policy("all", priority=5),
                make_policy("batch", priority=5, nodeSelector={"pool": "batch"}),
            ],
            "all",
        ),
    ],
)
def test_priority_then_age_then_name(policies: list[object], winner: str) -> None:
    for order in itertools.permutations(policies):
        assignment = assign(order, [WORKER])  # type: ignore[arg-type]
        assert assignment.owner["worker"].metadata.name == winner
        (loser,) = {policy.metadata.name for policy in policies} - {winner}  # type: ignore[attr-defined]
        assert assignment.overruled == {loser: {"worker": winner}}


def test_ties_of_priority_are_told_to_both() -> None:
    assignment = assign([make_policy("a"), make_policy("b"), make_policy("c", priority=1)], [WORKER])
    assert assignment.ties == {}, (
        "c wins over both by priority; a and b only tie for a node that neither gets"
    )
    assignment = assign([make_policy("a"), make_policy("b")], [WORKER])
    assert assignment.ties == {"a": {"b"}, "b": {"a"}}


def test_a_node_that_nobody_selects_stops_no_other() -> None:
    assignment = assign([make_policy(nodeSelector={"pool": "batch"})], [OTHER, EXEMPT, WORKER])
    assert set(assignment.owner) == {"worker"}
