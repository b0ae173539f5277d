"""Where agents can run, by the words that their DaemonSet has; and what that comes to for policies."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from powercap_operator.planning.decision import decide
from powercap_operator.world.node_match import EVERYWHERE, AgentPlacement
from powercap_operator.world.snapshot import World, view_node
from tests.support.objects import make_policy

NOW = datetime(2025, 10, 9, 10, tzinfo=UTC)
LINUX = {"kubernetes.io/os": "linux"}
AFFINITY = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [
                {
                    "matchExpressions": [
                        {"key": "eks.amazonaws.com/compute-type", "operator": "NotIn", "values": ["fargate"]},
                        {"key": "type", "operator": "NotIn", "values": ["virtual-kubelet"]},
                    ]
                }
            ]
        }
    }
}
PLACEMENT = {"nodeSelector": LINUX, "affinity": AFFINITY, "tolerations": [{"operator": "Exists"}]}


def node(name: str = "node", labels: dict[str, str] | None = None, *taints: dict[str, str]) -> dict[str, Any]:
    """A Node as the API has it."""
    return {
        "metadata": {"name": name, "uid": name, "labels": LINUX if labels is None else labels},
        "spec": {"taints": list(taints)},
    }


def allowed(placement: dict[str, Any], body: dict[str, Any]) -> bool:
    view = view_node(body)
    return AgentPlacement.parse(json.dumps(placement)).allows(view.name, view.labels, view.taints)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (LINUX, True),
        ({"kubernetes.io/os": "windows"}, False),
        ({}, False),
        ({**LINUX, "eks.amazonaws.com/compute-type": "fargate"}, False),
        ({**LINUX, "eks.amazonaws.com/compute-type": "ec2"}, True),
        ({**LINUX, "type": "virtual-kubelet"}, False),
    ],
)
def test_the_chart_s_own_placement(labels: dict[str, str], expected: bool) -> None:
    assert allowed(PLACEMENT, node(labels=labels)) == expected
    assert EVERYWHERE.allows("node", labels, ())


@pytest.mark.parametrize(
    ("requirement", "value", "expected"),
    [
        ({"operator": "Gt", "values": ["4"]}, "5", True),
        ({"operator": "Gt", "values": ["4"]}, "4", False),
        ({"operator": "Lt", "values": ["4"]}, "3", True),
        ({"operator": "Lt", "values": ["4"]}, "four", False),
        ({"operator": "Exists"}, "", True),
        ({"operator": "DoesNotExist"}, "", False),
        ({"operator": "In", "values": ["a", "b"]}, "b", True),
    ],
)
def test_operators_of_a_node_affinity(requirement: dict[str, Any], value: str, expected: bool) -> None:
    terms = [{"matchExpressions": [{"key": "cores", **requirement}]}]
    affinity = {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    }
    assert allowed({"affinity": affinity}, node(labels={"cores": value})) == expected


def test_one_term_of_several_suffices_and_an_empty_one_holds_nowhere() -> None:
    def by(*terms: dict[str, Any]) -> bool:
        required = {"nodeSelectorTerms": list(terms)}
        affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
        return allowed({"affinity": affinity}, node("a", {"x": "1"}))

    there, absent = ({"matchExpressions": [{"key": key, "operator": "Exists"}]} for key in "xy")
    named = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}
    assert by(absent, there)
    assert by(named)
    assert not by({**named, **absent})
    assert not by({})


DEDICATED = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("tolerations", "taint", "expected"),
    [
        ([], DEDICATED, False),
        ([{"operator": "Exists"}], DEDICATED, True),
        ([{"key": "dedicated", "operator": "Exists"}], DEDICATED, True),
        ([{"key": "dedicated", "value": "db"}], DEDICATED, True),
        ([{"key": "dedicated", "operator": "Equal", "value": "web"}], DEDICATED, False),
        ([{"key": "dedicated", "operator": "Exists", "effect": "NoExecute"}], DEDICATED, False),
        ([], {"key": "dedicated", "effect": "PreferNoSchedule"}, True),
        # A DaemonSet's pods tolerate these by themselves.
        ([], {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}, True),
        ([], {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}, True),
    ],
)
def test_taints(tolerations: list[dict[str, str]], taint: dict[str, str], expected: bool) -> None:
    assert allowed({"tolerations": tolerations}, node("a", LINUX, taint)) == expected


@pytest.mark.parametrize("text", ["[]", "{", '{"nodeSelector": 3, "affinity": 4}'])
def test_what_is_no_placement_is_an_error(text: str) -> None:
    with pytest.raises((ValueError, TypeError, AttributeError, KeyError)):
        AgentPlacement.parse(text)


def _status(*bodies: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """The status of the one policy of a cluster with these nodes."""
    world = World(
        policies={"default": make_policy("default", strategy={"type": "Fixed"}, **spec)},
        nodes={body["metadata"]["name"]: view_node(body) for body in bodies},
    )
    world = replace(world, agents=AgentPlacement.parse(json.dumps(PLACEMENT)))
    decision = decide(world, NOW, timedelta(days=14))
    assert {write.node.name for write in decision.write_budgets} == {
        name for name in world.nodes if name.startswith("linux")
    }
    return dict(decision.policy_statuses["default"])


def _ready(status: dict[str, Any]) -> dict[str, Any]:
    (ready,) = [one for one in status["conditions"] if one["type"] == "Ready"]
    return dict(ready)


def test_nodes_without_an_agent_have_no_budget_and_are_not_waited_for() -> None:
    windows = node("win", {"kubernetes.io/os": "windows"})
    fargate = node("fargate", {**LINUX, "eks.amazonaws.com/compute-type": "fargate"})
    status = _status(node("linux-1"), windows, fargate)
    assert (status["nodes"], status["nodesWithoutAgent"]) == (1, 2)
    assert "0 of 1 nodes follow" in _ready(status)["message"]
    assert "No agent can run on 2 more (NoAgent)" in _ready(status)["message"]
    assert "nodesWithoutAgent" not in _status(node("linux-1"))


def test_a_pool_without_nodes_is_ready_and_one_without_agents_is_not() -> None:
    empty = _ready(_status(nodeSelector={"a": "b"}))
    assert (empty["status"], empty["reason"]) == ("True", "NoNodes")
    windows = _ready(_status(node("win", {"kubernetes.io/os": "windows"})))
    assert (windows["status"], windows["reason"]) == ("False", "NoNodes")
    assert "agent.nodeSelector" in windows["message"]
