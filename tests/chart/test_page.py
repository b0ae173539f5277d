"""The page's port: off by default; where it is on, its Service, who may reach it, and what people are told."""

import pytest

from dev.e2e.helm import CHART, Helm, HelmError
from powercap_operator.options import parse_options
from tests.chart.conftest import REQUIRED, Object, Render

ON: Object = {"operator": {"page": {"enabled": True}}}
NETWORK: Object = {"networkPolicy": {"enabled": True, "apiServerCidrs": ["10.0.0.1/32"]}}
PORTS = [{"protocol": "TCP", "port": "page"}]


def test_the_page_is_off_by_default(render: Render) -> None:
    rendered = render()
    (container,) = rendered.operator["spec"]["containers"]
    assert "page" not in {port["name"] for port in container["ports"]}
    assert not any("page" in argument for argument in container["args"])
    assert [body["metadata"]["name"] for body in rendered.all("Service")] == ["powercap-operator-metrics"]
    assert "port-forward" not in rendered.text


def test_values_kept_from_a_version_before_the_page_mean_off(render: Render) -> None:
    rendered = render({"operator": {"page": None}})
    assert len(rendered.all("Service")) == 1


def test_the_page_has_a_port_and_a_service_of_its_own(render: Render) -> None:
    rendered = render({"operator": {"page": {"enabled": True, "port": 9000, "hosts": ["power.example.org"]}}})
    (container,) = rendered.operator["spec"]["containers"]
    assert {"name": "page", "containerPort": 9000} in container["ports"]
    options = parse_options(container["args"], {})
    assert (options.page, options.page_hosts) == (("", 9000), frozenset({"power.example.org"}))
    service = rendered.one("Service", "powercap-operator-page")
    assert service["spec"]["type"] == "ClusterIP"
    assert service["spec"]["ports"] == [
        {"name": "page", "protocol": "TCP", "port": 9000, "targetPort": "page"}
    ]
    labels = rendered.operator["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()


def test_the_service_monitor_leaves_the_page_alone(render: Render) -> None:
    rendered = render({**ON, "serviceMonitor": {"enabled": True}})
    wanted = rendered.one("ServiceMonitor", "powercap-operator")["spec"]["selector"]["matchLabels"]
    assert (
        not wanted.items() <= rendered.one("Service", "powercap-operator-page")["metadata"]["labels"].items()
    )


def test_two_things_on_one_port_are_refused(render: Render) -> None:
    with pytest.raises(HelmError, match=r"operator\.page\.port and operator\.metrics\.port are both 8081"):
        render({"operator": {"page": {"enabled": True, "port": 8081}}})
    with pytest.raises(HelmError):
        render({"operator": {"page": {"enabled": True, "port": 8080}}})
    with pytest.raises(HelmError):
        render({"operator": {"page": {"enabled": True, "port": 80}}})


def test_who_may_reach_the_page(render: Render) -> None:
    def ingress(values: Object) -> list[Object]:
        found: list[Object] = (
            render(values).one("NetworkPolicy", "powercap-operator")["spec"].get("ingress", [])
        )
        return [rule for rule in found if rule["ports"] == PORTS]

    assert ingress({**NETWORK, **ON}) == [], "kubectl port-forward comes by the node"
    peers = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}]
    with_peers = {"networkPolicy": {**NETWORK["networkPolicy"], "pageFrom": peers}}
    assert ingress({**with_peers, **ON}) == [{"ports": PORTS, "from": peers}]
    assert ingress(with_peers) == [], "there is no such port where the page is off"
    without_metrics = {"operator": {"page": {"enabled": True}, "metrics": {"enabled": False}}}
    assert ingress({**with_peers, **without_metrics}) == [{"ports": PORTS, "from": peers}]
    assert ingress({**NETWORK, **without_metrics}) == []


def test_the_notes_say_how_to_see_it(helm: Helm) -> None:
    def notes(values: Object) -> str:
        chart = str(CHART)
        return helm("install", "powercap", chart, "--dry-run=client", "-n", "powercap-system", values=values)

    command = "kubectl port-forward -n powercap-system service/powercap-operator-page 8082"
    both: Object = {**REQUIRED, "operator": {**REQUIRED["operator"], **ON["operator"]}}
    assert command in notes(both)
    assert "http://localhost:8082/" in notes(both)
    assert "port-forward" not in notes(REQUIRED)
