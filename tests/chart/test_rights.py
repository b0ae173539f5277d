"""What the chart lets its programs and people do, as rendered."""

from typing import Any

import pytest

from dev.e2e.helm import HelmError
from powercap_operator.options import parse_options
from tests.chart.conftest import Render


def test_the_admission_policy_can_be_left_out(render: Render) -> None:
    names = {policy["metadata"]["name"] for policy in render().all("ValidatingAdmissionPolicy")}
    assert names == {"powercap-own-node", "powercap-override"}
    assert not render({"admissionPolicy": {"enabled": False}}).all("ValidatingAdmissionPolicy")


def test_pods_are_read_only_where_that_is_wanted(render: Render) -> None:
    def pods_rules(values: dict[str, Any]) -> list[list[str]]:
        rules = render(values).one("ClusterRole", "powercap-operator")["rules"]
        return [rule["verbs"] for rule in rules if "pods" in rule["resources"]]

    assert pods_rules({}) == []
    assert pods_rules({"workloads": {"floors": True}}) == [["list", "watch"]]
    (container,) = render({"workloads": {"floors": True}}).operator["spec"]["containers"]
    assert parse_options(container["args"], {}).pod_floors
    (container,) = render().operator["spec"]["containers"]
    assert "--pod-floors" not in container["args"]


def test_nodes_are_written_only_where_that_is_wanted_and_guarded(render: Render) -> None:
    def verbs(values: dict[str, Any]) -> list[str]:
        rules = render(values).one("ClusterRole", "powercap-operator")["rules"]
        return sorted(verb for rule in rules if "nodes" in rule["resources"] for verb in rule["verbs"])

    on = {"workloads": {"nodeLabels": True}}
    assert verbs({}) == ["list", "watch"]
    assert verbs(on) == ["list", "patch", "watch"]
    assert render(on).one("ValidatingAdmissionPolicy", "powercap-node-label")
    (container,) = render(on).operator["spec"]["containers"]
    assert parse_options(container["args"], {}).node_labels
    with pytest.raises(HelmError, match="which keeps it to one label"):
        render({**on, "admissionPolicy": {"enabled": False}})


def test_jobs_are_patched_only_where_an_admission_policy_says_how(render: Render) -> None:
    on = {"jobs": {"enabled": True}, "prometheusRule": {"enabled": True}}
    name = "powercap-jobs"
    assert not [body for body in render().objects if body["metadata"]["name"] == name]
    rendered = render(on)
    assert rendered.one("ValidatingAdmissionPolicy", name)
    (container,) = rendered.operator["spec"]["containers"]
    assert parse_options(container["args"], {}).jobs
    (group,) = rendered.one("PrometheusRule", "powercap")["spec"]["groups"]
    assert "PowercapJobsOverdue" in {rule["alert"] for rule in group["rules"]}
    with pytest.raises(HelmError, match="which keeps it to those that wait"):
        render({**on, "admissionPolicy": {"enabled": False}})


def test_roles_for_people(render: Render) -> None:
    roles = {role["metadata"]["name"]: role for role in render().all("ClusterRole")}
    into = "rbac.authorization.k8s.io/aggregate-to-"
    aggregated = {
        name: sorted(key.removeprefix(into) for key in role["metadata"]["labels"] if key.startswith(into))
        for name, role in roles.items()
    }
    assert aggregated["powercap-view"] == ["admin", "edit", "view"]
    assert aggregated["powercap-edit"] == ["admin", "edit"]
    assert aggregated["powercap-limit"] == []
    apart = render({"roles": {"aggregate": False}}).one("ClusterRole", "powercap-view")
    assert not [key for key in apart["metadata"]["labels"] if key.startswith(into)]
    left = {role["metadata"]["name"] for role in render({"roles": {"create": False}}).all("ClusterRole")}
    assert left == roles.keys() - {"powercap-view", "powercap-edit", "powercap-limit"}
