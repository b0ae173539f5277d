"""Who governs which node."""

import itertools

import pytest

from powercap_api.names import EXEMPT_LABEL
from powercap_operator.planning.assignment import assign
from powercap_operator.world.node_match import AgentPlacement
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


@pytest.mark.parametrize(
    ("requirement", "governed"),
    [
        ({"key": "pool", "operator": "In", "values": ["batch", "web"]}, {"worker", "other"}),
        ({"key": "pool", "operator": "NotIn", "values": ["batch"]}, {"other"}),
        ({"key": "zone", "operator": "NotIn", "values": ["b"]}, {"worker", "other"}),
        ({"key": "zone", "operator": "Exists"}, {"worker"}),
        ({"key": "zone", "operator": "DoesNotExist"}, {"other"}),
    ],
)
def test_expressions_select_too(requirement: dict[str, object], governed: set[str]) -> None:
    nodes = [WORKER, OTHER, EXEMPT]
    assert set(assign([make_policy(matchExpressions=[requirement])], nodes).owner) == governed
    both = make_policy(nodeSelector={"pool": "batch"}, matchExpressions=[requirement])
    assert set(assign([both], nodes).owner) == governed & {"worker"}


def test_no_policy_governs_a_node_that_no_agent_can_run_on() -> None:
    agents = AgentPlacement.parse('{"nodeSelector": {"zone": "a"}, "tolerations": [{"operator": "Exists"}]}')
    policies = [make_policy("a"), make_policy("b", priority=1), make_policy("c", nodeSelector={"zone": "a"})]
    assignment = assign(policies, [WORKER, OTHER, EXEMPT], agents)
    assert {node: policy.metadata.name for node, policy in assignment.owner.items()} == {"worker": "b"}
    assert assignment.without_agent == {"a": 1, "b": 1}
    assert assignment.overruled == {"a": {"worker": "b"}, "c": {"worker": "b"}}


def test_a_node_that_nobody_selects_stops_no_other() -> None:
    assignment = assign([make_policy(nodeSelector={"pool": "batch"})], [OTHER, EXEMPT, WORKER])
    assert set(assignment.owner) == {"worker"}
