"""Several operators: elected, spread over nodes, and kept up while nodes are drained."""

from powercap_operator.options import parse_options
from tests.chart.conftest import Render


def test_the_disruption_budget(render: Render) -> None:
    values = {"operator": {"podDisruptionBudget": {"maxUnavailable": "50%"}}}
    (budget,) = render(values).all("PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == "50%"
    assert (
        budget["spec"]["selector"]["matchLabels"].items() <= render().operator["metadata"]["labels"].items()
    )
    assert not render({"operator": {"podDisruptionBudget": {"enabled": False}}}).all("PodDisruptionBudget")
    assert not render({"operator": {"replicas": 1}}).all("PodDisruptionBudget"), (
        "its node could not be drained"
    )


def test_two_operators_on_different_nodes_elect_one(render: Render) -> None:
    rendered = render()
    deployment, pod = rendered.one("Deployment", "powercap-operator"), rendered.operator
    assert deployment["spec"]["replicas"] == 2
    assert deployment["spec"]["strategy"]["type"] == "RollingUpdate"
    (spread,) = pod["spec"]["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["whenUnsatisfiable"]) == (
        "kubernetes.io/hostname",
        "ScheduleAnyway",
    )
    assert spread["labelSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    (container,) = pod["spec"]["containers"]
    environment = {one["name"]: one.get("value") for one in container["env"]}
    namespace, lease = environment["LEASE"].split("/")
    roles = [role for role in rendered.all("Role") if role["metadata"]["name"].endswith("-election")]
    assert [role["metadata"]["namespace"] for role in roles] == [namespace]
    assert [rule["resourceNames"] for rule in roles[0]["rules"] if "resourceNames" in rule] == [[lease]]
    options = parse_options([], {name: value for name, value in environment.items() if value})
    assert (options.lease, options.health) == ((namespace, lease), ("", 8080))
    assert "POD_NAME" in environment


def test_how_operators_are_spread_can_be_said(render: Render) -> None:
    own = [{"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]
    rendered = render({"operator": {"replicas": 3, "topologySpreadConstraints": own}})
    assert rendered.one("Deployment", "powercap-operator")["spec"]["replicas"] == 3
    assert rendered.operator["spec"]["topologySpreadConstraints"] == own
