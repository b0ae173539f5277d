"""Hooks applied as objects like any other, and a real uninstall, on a real API server: only this releases nodes."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.cluster.binaries import locate
from dev.cluster.control_plane import ControlPlane
from dev.cluster.progress import say
from dev.e2e.helm import CHART, Helm
from dev.e2e.tools import HELM, HELM_OLDEST, Tool, locate_tool
from powercap_operator.helm_hooks import uninstall
from powercap_operator.helm_hooks.pod_api import PodApi
from tests.chart.conftest import Object, Render, Rendered, admin_client

NAMESPACE = "powercap-system"
BUDGET: Object = {
    "apiVersion": "powercap.dev/v1alpha1",
    "kind": "PowerBudget",
    "metadata": {"name": "node-1"},
    "spec": {
        "policy": "default",
        "maxSourceMicrowatts": 40_000_000,
        "minPowerMicrowatts": 10_000_000,
        "validUntil": "2025-10-09T22:00:00Z",
        "schedule": [{"start": "2025-10-08T22:00:00Z", "stepSeconds": 900, "shares": "100 63.09"}],
    },
}


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[ControlPlane]:
    with ControlPlane(
        locate(os.environ, say, least=True), tmp_path / "plane", controller_manager=False
    ) as found:
        yield found


def _apply(plane: ControlPlane, objects: list[Object], *options: str) -> None:
    """As ``kubectl apply -f -`` does with what was rendered: kinds first, for the rest needs them."""
    kinds = [body for body in objects if body["kind"] == "CustomResourceDefinition"]
    for some in (kinds, objects):
        body = json.dumps({"apiVersion": "v1", "kind": "List", "items": some})
        plane.kubectl("apply", *options, "-f", "-", input=body)
        plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")


def _run_job(plane: ControlPlane, job: Object) -> int:
    """What the job's container does, with its own settings."""
    (container,) = job["spec"]["template"]["spec"]["containers"]
    environ = {entry["name"]: entry["value"] for entry in container["env"]}
    with PodApi(admin_client(plane)) as api:
        return uninstall.run(api, environ)


def _state(plane: ControlPlane) -> tuple[int, list[str]]:
    """Operators wanted, and budgets."""
    deployment = plane.kubectl("get", "deployment", "powercap-operator", "-n", NAMESPACE, "-o", "json")
    budgets = plane.kubectl("get", "powerbudgets.powercap.dev", "-o", "name").split()
    return json.loads(deployment)["spec"]["replicas"], budgets


@pytest.mark.parametrize("options", [(), ("--server-side", "--force-conflicts")], ids=["client", "server"])
def test_applied_hooks_release_nobody(
    plane: ControlPlane, render_on_server: Render, options: tuple[str, ...]
) -> None:
    """``helm template | kubectl apply -f -``; and, worse, with what was rendered for Helm itself."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    rendered: Rendered = render_on_server({"uninstall": {"timeoutSeconds": 10}})
    _apply(plane, [namespace, *rendered.objects], *options)
    plane.kubectl("apply", "-f", "-", input=json.dumps(BUDGET))
    before = _state(plane)
    assert before == (2, ["powerbudget.powercap.dev/node-1"])
    assert _run_job(plane, rendered.one("Job", "powercap-uninstall")) == 1
    assert _state(plane) == before


@pytest.mark.parametrize("tool", [HELM, HELM_OLDEST], ids=lambda tool: tool.version)
def test_an_uninstall_releases_them_also_after_a_rollback(
    plane: ControlPlane, required: Path, tmp_path: Path, tool: Tool
) -> None:
    helm = Helm(locate_tool(tool, os.environ, say), plane.kubeconfig, tmp_path)
    command = ("powercap", str(CHART), "--namespace", NAMESPACE, "--values", str(required))
    helm("install", *command, "--create-namespace")
    helm("upgrade", *command, "--set", "operator.logLevel=debug")
    helm("rollback", "powercap", "1", "--namespace", NAMESPACE)
    plane.kubectl("apply", "-f", "-", input=json.dumps(BUDGET))
    hooks = Rendered(helm("get", "hooks", "powercap", "--namespace", NAMESPACE))
    job = hooks.one("Job", "powercap-uninstall")
    # Somebody applies what is rendered over it: still no uninstall.
    mark = hooks.one("ConfigMap", "powercap-uninstall")
    plane.kubectl("apply", "-f", "-", input=json.dumps(mark))
    assert _run_job(plane, job) == 1
    assert _state(plane) == (2, ["powerbudget.powercap.dev/node-1"])
    plane.kubectl("delete", "configmap", "powercap-uninstall", "-n", NAMESPACE)
    assert _run_job(plane, job) == 0
    assert _state(plane) == (0, [])
