"""Keys that a person's values have in common with the chart: each stands once, and pods stay selected."""

from typing import Any

import pytest

from tests.chart.conftest import Object, Render, Rendered

OWN = {
    "app.kubernetes.io/name": "theirs",
    "app.kubernetes.io/instance": "theirs",
    "app.kubernetes.io/component": "theirs",
    "app.kubernetes.io/part-of": "platform",
    "app.kubernetes.io/version": "9",
    "app.kubernetes.io/managed-by": "theirs",
    "helm.sh/chart": "theirs",
    "rbac.authorization.k8s.io/aggregate-to-view": "false",
    "grafana_dashboard": "0",
    "team": "power",
}
"""Every label that the chart sets, and one that it does not."""
EVERYWHERE: Object = {
    "commonLabels": OWN,
    "operator": {"podLabels": {**OWN, "team": "operators"}, "page": {"enabled": True}},
    "agent": {"podLabels": {**OWN, "team": "agents"}},
    "serviceMonitor": {"enabled": True, "labels": {**OWN, "team": "monitors"}},
    "prometheusRule": {"enabled": True, "labels": OWN},
    "grafanaDashboard": {"enabled": True, "labels": {**OWN, "grafana_dashboard": "1"}},
    "networkPolicy": {"enabled": True, "apiServerCidrs": ["10.0.0.1/32"]},
    "uninstall": {"alwaysRender": True},
}


def _selectors(rendered: Rendered) -> list[tuple[str, dict[str, str]]]:
    """What must find pods, with which pods."""
    found = []
    for body in rendered.objects:
        spec = body.get("spec", {})
        match body["kind"]:
            case "Deployment" | "DaemonSet" | "PodDisruptionBudget":
                found.append((body["metadata"]["name"], spec["selector"]["matchLabels"]))
            case "Service":
                found.append((body["metadata"]["name"], spec["selector"]))
            case "NetworkPolicy":
                found.append((body["metadata"]["name"], spec["podSelector"]["matchLabels"]))
    return found


def test_labels_stand_once_and_selectors_match(render: Render) -> None:
    """The loader refuses keys that stand twice."""
    rendered = render(EVERYWHERE)
    pods = [pod["metadata"]["labels"] for pod in rendered.pods.values()]
    selectors = _selectors(rendered)
    assert len(selectors) == 9
    for name, wanted in selectors:
        assert any(wanted.items() <= labels.items() for labels in pods), name
        assert wanted["app.kubernetes.io/name"] == "powercap", name
    assert rendered.operator["metadata"]["labels"]["team"] == "operators"
    assert rendered.agent["metadata"]["labels"]["team"] == "agents"
    monitor = rendered.one("ServiceMonitor", "powercap-operator")
    assert monitor["metadata"]["labels"]["team"] == "monitors"
    assert rendered.one("ConfigMap", "powercap-dashboard")["metadata"]["labels"]["grafana_dashboard"] == "1"
    view = rendered.one("ClusterRole", "powercap-view")["metadata"]["labels"]
    assert view["rbac.authorization.k8s.io/aggregate-to-view"] == "true", "roles.aggregate says that"
    assert view["app.kubernetes.io/part-of"] == "platform"
    service = rendered.one("Service", "powercap-operator-metrics")["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service.items()


@pytest.mark.parametrize("name", ["123", "1e3", "true", "null"])
def test_names_that_yaml_takes_for_something_else(render: Render, name: str) -> None:
    rendered = render({"nameOverride": name}, "--namespace", name)
    for body in rendered.objects:
        assert isinstance(body["metadata"]["labels"]["app.kubernetes.io/name"], str)
        assert isinstance(body["metadata"].get("namespace", ""), str)


def _environment(pod: Object) -> dict[str, Any]:
    (container,) = pod["spec"]["containers"]
    names = [entry["name"] for entry in container["env"]]
    assert len(set(names)) == len(names)
    return {entry["name"]: entry for entry in container["env"]}


@pytest.mark.parametrize("component", ["operator", "agent"])
def test_a_person_s_variable_takes_the_place_of_the_chart_s(render: Render, component: str) -> None:
    full: Object = {
        "operator": {"contact": "a@b.c", "epexUrl": "http://x.example/y", "entsoe": {"existingSecret": "s"}},
        "agent": {"hwmonWritable": True, "originalWatts": "100", "nvidia": {"enabled": True}},
    }
    built_in = _environment(getattr(render(full), component))
    assert len(built_in) >= 8
    for name in built_in:
        mine = [{"name": name, "value": "mine"}, {"name": "MORE", "value": "more"}]
        values = {**full, component: {**full[component], "extraEnv": mine}}
        found = _environment(getattr(render(values), component))
        assert found == {**built_in, name: mine[0], "MORE": mine[1]}


def test_of_two_of_a_person_s_the_last_counts(render: Render) -> None:
    twice = [
        {"name": "A", "value": "1"},
        {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
    ]
    found = _environment(render({"agent": {"extraEnv": twice}}).agent)
    assert found["A"] == twice[1]
