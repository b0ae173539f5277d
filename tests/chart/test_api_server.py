"""What is rendered, judged by a real API server: strict validation, and Pod Security Admission."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.cluster.binaries import locate
from dev.cluster.control_plane import ControlPlane
from dev.cluster.errors import KubectlError
from dev.cluster.progress import say
from tests.chart.conftest import Object, Render, Rendered

EVERYTHING: Object = {
    "operator": {
        "podDisruptionBudget": {"enabled": True},
        "contact": "a@b.c",
        "epexUrl": "http://x.example/y",
        "entsoe": {"existingSecret": "entsoe"},
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy.example:3128"}],
        "priorityClassName": "system-cluster-critical",
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "podAnnotations": {"a": "b"},
    },
    "agent": {"seLinuxType": "spc_t", "podAnnotations": {"a": "b"}, "podLabels": {"a": "b"}},
    "networkPolicy": {
        "enabled": True,
        "apiServerCidrs": ["10.0.0.1/32"],
        "metricsFrom": [{"namespaceSelector": {"matchLabels": {"a": "b"}}, "podSelector": {}}],
    },
    "serviceMonitor": {
        "enabled": True,
        "labels": {"release": "prometheus"},
        "annotations": {"a": "b"},
        "scrapeTimeout": "10s",
        "relabelings": [{"targetLabel": "cluster", "replacement": "a"}],
        "metricRelabelings": [{"sourceLabels": ["__name__"], "regex": "python_.*", "action": "drop"}],
    },
    "prometheusRule": {
        "enabled": True,
        "labels": {"release": "prometheus"},
        "additionalRules": [{"record": "a:b", "expr": "sum(powercap_node_cap_watts)"}],
    },
    "imagePullSecrets": [{"name": "regcred"}],
    "commonLabels": {"team": "power"},
}
MONITORING = Path(__file__).with_name("monitoring-crds.yaml")
VARIANTS: dict[str, Object] = {
    "defaults": {},
    "everything": EVERYTHING,
    "privileged": {"agent": {"privileged": True}},
    "uids by the platform": {"operator": {"podSecurityContext": None}, "agent": {"priorityQuotaPods": 100}},
}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with our kinds and, for each level of Pod Security, a namespace that enforces it."""
    root = tmp_path_factory.mktemp("control-plane")
    with ControlPlane(locate(os.environ, say, least=True), root, controller_manager=False) as found:
        for name, level in (
            ("powercap-system", "privileged"),
            ("baseline", "baseline"),
            ("restricted", "restricted"),
        ):
            labels = {"pod-security.kubernetes.io/enforce": level}
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
            found.kubectl("apply", "-f", "-", input=json.dumps(body))
        _apply(found, list(yaml.safe_load_all(MONITORING.read_text())))
        yield found


def _apply(plane: ControlPlane, objects: list[Object], *options: str) -> str:
    body = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    return plane.kubectl("apply", "--validate=strict", *options, "-f", "-", input=body)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_api_server_takes_everything_that_is_rendered(
    plane: ControlPlane, render: Render, variant: str
) -> None:
    rendered: Rendered = render(VARIANTS[variant])
    kinds = rendered.all("CustomResourceDefinition")
    _apply(plane, kinds, "--server-side")
    plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    said = _apply(plane, rendered.objects, "--dry-run=server")
    assert said.count("(server dry run)") == len(rendered.objects)


def test_a_second_server_side_apply_changes_nothing(plane: ControlPlane, render: Render) -> None:
    """As Argo CD and Flux do it at every sync: what the API server makes of the chart is what the chart says."""
    objects = [
        body
        for body in render(EVERYTHING).objects
        if "helm.sh/hook" not in body["metadata"].get("annotations", {})
    ]
    kinds = [body for body in objects if body["kind"] == "CustomResourceDefinition"]
    sync = ("--server-side", "--field-manager=sync")
    _apply(plane, kinds, *sync)
    plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
    _apply(plane, objects, *sync)
    before = _versions(plane, objects)
    _apply(plane, objects, *sync)
    assert _versions(plane, objects) == before
    body = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    assert plane.kubectl("diff", *sync, "-f", "-", input=body) == ""


def _versions(plane: ControlPlane, objects: list[Object]) -> dict[str, str]:
    body = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    items = json.loads(plane.kubectl("get", "-f", "-", "-o", "json", input=body))["items"]
    return {
        f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["resourceVersion"] for item in items
    }


def _pod(template: Object, namespace: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "judged", "namespace": namespace, "labels": template["metadata"]["labels"]},
        # The account is of no interest here, and a dry run makes none.
        "spec": {name: value for name, value in template["spec"].items() if name != "serviceAccountName"}
        | {"automountServiceAccountToken": False},
    }


def _violations(plane: ControlPlane, template: Object, level: str) -> list[str]:
    """What Pod Security Admission says at this level; empty where it lets the pod in."""
    try:
        _apply(plane, [_pod(template, level)], "--dry-run=server")
    except KubectlError as error:
        _, judge, said = str(error).partition("violates PodSecurity")
        if not judge:
            raise
        return said.split(": ", 1)[1].split("), ")
    return []


@pytest.mark.parametrize("variant", ["defaults", "everything", "uids by the platform"])
def test_whatever_needs_no_node_s_folder_is_restricted(
    plane: ControlPlane, render: Render, variant: str
) -> None:
    pods = render({**VARIANTS[variant], "uninstall": {"alwaysRender": True}}).pods
    unprivileged = {name for name in pods if not name.startswith("DaemonSet/")}
    assert unprivileged == {"Deployment/powercap-operator", "Job/powercap-uninstall", "Pod/powercap-test"}
    for name in unprivileged:
        assert _violations(plane, pods[name], "restricted") == [], name


def test_the_agent_s_only_baseline_violation_is_its_folders(plane: ControlPlane, render: Render) -> None:
    (only,) = _violations(plane, render().agent, "baseline")
    assert only.startswith('hostPath volumes (volumes "powercap", "state"')


def test_the_last_resort_is_told_by_pod_security(plane: ControlPlane, render: Render) -> None:
    found = _violations(plane, render(VARIANTS["privileged"]).agent, "baseline")
    assert any(violation.startswith("privileged") for violation in found)


def test_pods_have_no_more_than_the_agent_needs(render: Render) -> None:
    """What no oracle asks for: nothing of the host's but two folders, and an account's token only where it is used."""
    for name, pod in render({"uninstall": {"alwaysRender": True}}).pods.items():
        spec: dict[str, Any] = pod["spec"]
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & spec.keys(), name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] is True, name
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["capabilities"] == {"drop": ["ALL"]}, name
            assert container["resources"]["limits"]["memory"], name
            for mount in container.get("volumeMounts", []):
                assert not mount["mountPath"].startswith(("/sys", "/proc")), (
                    "container runtimes mask what is there"
                )
