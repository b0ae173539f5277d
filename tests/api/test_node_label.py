"""The node label for schedulers on a real API server, by an operator with the chart's own rights."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from dev.cluster.binaries import Binaries
from dev.cluster.control_plane import ControlPlane
from dev.lab.agent_process import eventually
from powercap_api.names import POWER_LABEL
from tests.api.conftest import Kube
from tests.api.test_rbac import MERGE, Installed
from tests.support.chart_rules import chart_rules

NAMESPACE = "powercap-labels"
NODE = "/api/v1/nodes/labelled"


@pytest.fixture
def operator(control_plane: ControlPlane, tmp_path: Any) -> Iterator[httpx.Client]:
    """Whoever has the operator's token, where the chart lets it label nodes; and a node."""
    plane = control_plane
    rules = chart_rules(tmp_path / "helm", NAMESPACE, {"workloads": {"nodeLabels": True}})
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "labelled", "labels": {"pool": "a"}}}
    plane.kubectl("apply", "-f", "-", input=json.dumps(namespace))
    items = json.dumps({"apiVersion": "v1", "kind": "List", "items": [*rules, node]})
    plane.kubectl("apply", "-f", "-", input=items)
    found = Installed(plane, NAMESPACE)
    with found.client(found.token("powercap-operator")) as client:
        yield client
    rules_only = json.dumps({"apiVersion": "v1", "kind": "List", "items": rules})
    plane.kubectl("delete", "-f", "-", input=rules_only)


def patch(client: httpx.Client, body: dict[str, Any], path: str = NODE) -> httpx.Response:
    return client.patch(path, content=json.dumps(body), headers=MERGE)


def label(value: str | None, name: str = POWER_LABEL) -> dict[str, Any]:
    return {"metadata": {"labels": {name: value}}}


def test_the_operator_may_change_this_label_and_nothing_else_of_a_node(operator: httpx.Client) -> None:
    # A dry run: a label that is there already would be let through for ever.
    def refused() -> bool:
        return patch(operator, label("x", "other"), f"{NODE}?dryRun=All").status_code == httpx.codes.FORBIDDEN

    eventually(refused, "the policy is in force", 60)
    for value in ("low", "high", "normal", None, "low"):
        assert patch(operator, label(value)).is_success, value
    tries: dict[str, dict[str, Any]] = {
        "another value": label("off"),
        "another label": label("b", "pool"),
        "a label taken away": label(None, "pool"),
        "a new label": label("x", "node-role.kubernetes.io/control-plane"),
        "a taint": {"spec": {"taints": [{"key": "a", "effect": "NoExecute"}]}},
        "unschedulable": {"spec": {"unschedulable": True}},
        "an annotation": {"metadata": {"annotations": {"a": "b"}}},
        "a finalizer": {"metadata": {"finalizers": ["example.org/mine"]}},
    }
    for what, body in tries.items():
        answer = patch(operator, body)
        assert answer.status_code == httpx.codes.FORBIDDEN, f"{what}: {answer.text}"
        assert "nothing of a Node but its label" in answer.json()["message"], what
    assert patch(operator, {"status": {"phase": "x"}}, f"{NODE}/status").status_code == 403
    assert operator.delete(NODE).status_code == httpx.codes.FORBIDDEN


_BOX = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples() -> dict[str, dict[str, Any]]:
    """The pods of docs/overrides.md that choose nodes by the label, by name."""
    text = (Path(__file__).parents[2] / "docs" / "overrides.md").read_text(encoding="utf-8")
    bodies = [body for box in _BOX.findall(text) for body in yaml.safe_load_all(box)]
    return {
        body["metadata"]["name"]: body
        for body in bodies
        if body["kind"] == "Pod" and "affinity" in body["spec"]
    }


@pytest.mark.long
def test_the_real_scheduler_goes_by_the_documents_examples(binaries: Binaries, tmp_path: Path) -> None:
    with ControlPlane(binaries, tmp_path, controller_manager=False, scheduler=True) as plane:
        kube = Kube(plane)
        plane.kubectl("create", "serviceaccount", "default", "-n", "default")

        def node(name: str, power: str) -> None:
            kube.add_node(name, **{POWER_LABEL: power})
            room = {"cpu": "8", "memory": "8Gi", "pods": "20"}
            ready = {"type": "Ready", "status": "True", "reason": "Test", "message": ""}
            status = {"status": {"capacity": room, "allocatable": room, "conditions": [ready]}}
            kube.patch("node", name, status, "status")

        def create(example: str, name: str) -> None:
            body = examples()[example]
            body["metadata"]["name"] = name
            body["spec"]["automountServiceAccountToken"] = False
            kube.apply(body)

        def where(name: str) -> str:
            return str(kube.get("pod", name)["spec"].get("nodeName", ""))

        node("poor", "low")
        create("only-with-power", "waits")
        create("rather-with-power", "takes-any")
        eventually(lambda: where("takes-any") == "poor", "any node will do", 60)

        def unschedulable() -> bool:
            conditions = kube.get("pod", "waits")["status"].get("conditions", [])
            return any(
                one["reason"] == "Unschedulable" for one in conditions if one["type"] == "PodScheduled"
            )

        eventually(unschedulable, "no node has power", 60)
        node("rich", "high")
        eventually(lambda: where("waits") == "rich", "it waited for power", 60)
        create("rather-with-power", "chooses")
        eventually(lambda: where("chooses") == "rich", "it prefers power", 60)
        plane.kubectl("delete", "pod", "waits", "--force", "--grace-period=0")
        plane.kubectl("label", "node", "rich", f"{POWER_LABEL}=low", "--overwrite")
        create("only-with-power", "waits-again")
        plane.kubectl("label", "node", "poor", f"{POWER_LABEL}=normal", "--overwrite")
        eventually(lambda: where("waits-again") == "poor", "labels change, and the scheduler follows", 60)
