"""Pods that need power, and the label for schedulers, on the real kubelet with the chart's own rights."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dev.cluster.progress import say
from dev.e2e.node import NAME
from dev.e2e.world import World
from powercap_api.names import POWER_LABEL
from tests.e2e.conftest import LOGS

WATT = 1_000_000
FLOORS = {"namespaces": ["default"], "most": "150"}


@pytest.fixture(scope="module")
def workloads(world: World) -> Iterator[World]:
    """The installation, with rights on pods and Nodes, and a policy of 60 W that lets pods ask for more."""
    world.upgrade(workloads={"floors": True, "nodeLabels": True})
    _patch(world, {"strategy": {"type": "Fixed", "power": "60"}, "workloads": {"floors": FLOORS}})
    with world.logs_of_failure(LOGS / "workloads"):
        world.until(lambda: _at(world, 60), "60 W", 90)
    yield world
    _patch(world, {"strategy": None, "workloads": None})


def _patch(world: World, spec: dict[str, Any]) -> None:
    world.plane.kubectl(
        "patch", "powerpolicy", "default", "--type", "merge", "-p", json.dumps({"spec": spec})
    )


def _at(world: World, watts: int) -> bool:
    return abs(watts * WATT - world.cap()) <= WATT


def _power(world: World) -> str:
    return str(world.get("node", NAME)["metadata"]["labels"].get(POWER_LABEL, ""))


def _pod(world: World, **labels: str) -> None:
    """A pod that sleeps, on the agent's image, which the node has."""
    image = f"{world.images.agent.name}:{world.images.agent.tag}"
    container = {
        "name": "work",
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["python3", "-c", "import time; time.sleep(600)"],
    }
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "work", "namespace": "default", "labels": labels},
        "spec": {
            "containers": [container],
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
        },
    }
    world.plane.kubectl("apply", "-f", "-", input=json.dumps(body))


def test_a_pod_raises_its_node_s_floor_while_it_runs(workloads: World) -> None:
    world = workloads
    _pod(world, **{"powercap.dev/floor": "110"})
    world.until(lambda: _at(world, 110), "the pod's floor", 60)
    world.plane.kubectl("delete", "pod", "work", "-n", "default", "--force")
    seconds = world.until(lambda: _at(world, 60), "the cap without the pod", 60)
    say(f"a floor was gone {seconds:.1f} s after its pod")


def test_the_node_carries_the_label_of_its_cap(workloads: World) -> None:
    world = workloads
    world.until(lambda: _power(world) == "normal", "43 % of maxSource is normal", 60)
    _patch(world, {"strategy": {"type": "Fixed", "power": "140"}})
    world.until(lambda: _power(world) == "high", "all of maxSource is high", 60)
    _patch(world, {"strategy": {"type": "Fixed", "power": "45"}})
    world.until(lambda: _power(world) == "low", "32 % is low", 60)
