"""NetworkPolicies of every pod, where they are wanted."""

import pytest

from dev.e2e.helm import HelmError
from tests.chart.conftest import NETWORK_POLICY, Render

PODS = ["operator", "agent", "test", "uninstall"]


def test_network_policies(render: Render) -> None:
    assert not render().all("NetworkPolicy")
    rendered = render(
        {
            "networkPolicy": {
                **NETWORK_POLICY,
                "apiServerPorts": [6443],
                "dnsPort": 5353,
                "marketPorts": [3128],
                "extraEgress": [{"to": [{"ipBlock": {"cidr": "10.9.9.9/32"}}]}],
            }
        }
    )
    specs = {one: rendered.one("NetworkPolicy", f"powercap-{one}")["spec"] for one in PODS}
    api_server = {
        "ports": [{"protocol": "TCP", "port": 6443}],
        "to": [{"ipBlock": {"cidr": "10.1.2.3/32"}}],
    }
    assert {one: spec["egress"] for one, spec in specs.items()} == {
        "operator": [
            api_server,
            {"ports": [{"protocol": "UDP", "port": 5353}, {"protocol": "TCP", "port": 5353}]},
            {"ports": [{"protocol": "TCP", "port": 3128}]},
            {"to": [{"ipBlock": {"cidr": "10.9.9.9/32"}}]},
        ],
        "agent": [api_server],
        "test": [api_server],
        "uninstall": [api_server],
    }
    for name, spec in specs.items():
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        assert ("ingress" in spec) == (name == "operator")


def test_every_pod_has_a_network_policy_for_as_long_as_it_lives(render: Render) -> None:
    rendered = render({"networkPolicy": NETWORK_POLICY, "uninstall": {"alwaysRender": True}})
    policies = rendered.all("NetworkPolicy")
    owners = {f"{body['kind']}/{body['metadata']['name']}": body for body in rendered.objects}
    for name, pod in rendered.pods.items():
        labels = pod["metadata"]["labels"].items()
        (policy,) = [one for one in policies if one["spec"]["podSelector"]["matchLabels"].items() <= labels]
        hooks = [
            body["metadata"].get("annotations", {}).get("helm.sh/hook") for body in (owners[name], policy)
        ]
        assert hooks in ([None, None], ["test", None], ["pre-delete", None]), name


def test_network_policies_without_the_api_server_s_address_are_refused(render: Render) -> None:
    with pytest.raises(HelmError, match="kubectl get endpointslices -n default"):
        render({"networkPolicy": {"enabled": True}})


@pytest.mark.parametrize("component", ["operator", "agent"])
def test_network_policies_let_nothing_in_where_there_are_no_metrics(render: Render, component: str) -> None:
    values = {"networkPolicy": NETWORK_POLICY, "operator": {"metrics": {"enabled": False}}}
    assert "ingress" not in render(values).one("NetworkPolicy", f"powercap-{component}")["spec"]
