"""What labelled pods ask of their nodes, and what of it their policies allow."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from powercap_api.poweroverride import PodFloor
from powercap_operator.planning.decision import decide
from powercap_operator.planning.overrides.pod_floors import floors_of_nodes, view_pod
from powercap_operator.world.snapshot import PodView
from tests.support.objects import make_day, make_node, make_policy, make_world, moment

WATT = 1_000_000
FLOORS: dict[str, Any] = {
    "workloads": {"floors": {"namespaces": ["batch", "render"], "most": "80", "exempt": True}}
}
NOW = moment("2025-10-09T07:07Z")


def pod(name: str = "job", phase: str = "Running", node: str | None = "a", **labels: str) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "namespace": "batch",
            "labels": {f"powercap.dev/{key}": value for key, value in labels.items()},
        },
        "spec": {} if node is None else {"nodeName": node},
        "status": {"phase": phase},
    }


@pytest.mark.parametrize(
    ("body", "floor_w", "exempt"),
    [
        (pod(floor="60"), 60, False),
        (pod(exempt="true"), None, True),
        (pod(floor="60", exempt="true"), 60, True),
    ],
)
def test_what_a_pod_asks_for(body: dict[str, Any], floor_w: int | None, exempt: bool) -> None:
    floor_uw = None if floor_w is None else floor_w * WATT
    assert view_pod(body) == PodView("batch", "job", "a", floor_uw, exempt)


@pytest.mark.parametrize(
    "body",
    [
        pod(),
        pod(floor="lots"),
        pod(floor="0"),
        pod(floor="50%"),
        pod(exempt="yes"),
        pod(floor="60", phase="Succeeded"),
        pod(floor="60", phase="Failed"),
        pod(floor="60", phase="Pending"),
        pod(floor="60", phase="Unknown"),
        pod(floor="60", node=None),
    ],
)
def test_pods_that_ask_for_nothing(body: dict[str, Any]) -> None:
    assert view_pod(body) is None


def floor(watts: int | None, name: str = "job", namespace: str = "batch", node: str = "a") -> PodView:
    return PodView(namespace, name, node, None if watts is None else watts * WATT, watts is None)


def asked(*pods: PodView, **spec: Any) -> PodFloor | None:
    return floors_of_nodes(pods, {"a": make_policy(**(spec or FLOORS))}).get("a")


def test_the_highest_counts_up_to_the_most_that_the_policy_allows() -> None:
    assert asked(floor(50), floor(60, "big")) == PodFloor(microwatts=60 * WATT, basis="pod batch/big")
    assert asked(floor(500)) == PodFloor(microwatts=80 * WATT, basis="pod batch/job")
    assert asked(floor(50), floor(None, "all")) == PodFloor(basis="pod batch/all")


def test_what_the_policy_does_not_allow_counts_for_nothing() -> None:
    assert asked(floor(50), maxSource="90") is None
    assert asked(floor(50, namespace="default")) is None
    assert asked(floor(50, node="b")) is None
    without_exempt = {"workloads": {"floors": {"namespaces": ["batch"], "most": "80"}}}
    assert asked(floor(None), **without_exempt) is None


def test_a_pod_comes_and_goes() -> None:
    world = make_world(
        [make_policy(**FLOORS)], [make_day(date(2025, 10, 9))], [make_node("a"), make_node("b")]
    )
    with_pod = replace(world, pods={"batch/job": floor(60)})
    writes = {
        write.node.name: write.spec for write in decide(with_pod, NOW, timedelta(days=14)).write_budgets
    }
    assert writes["a"]["floor"] == {"microwatts": 60 * WATT, "basis": "pod batch/job"}
    assert "floor" not in writes["b"]
    writes = {write.node.name: write.spec for write in decide(world, NOW, timedelta(days=14)).write_budgets}
    assert "floor" not in writes["a"]
