"""The metrics' Service, who may reach it, the ServiceMonitor, and alerts that ask only for metrics that there are."""

import json
import re
from pathlib import Path

import pytest

from dev.e2e.helm import CHART, HelmError
from powercap_operator.metrics.catalogue import LABELS, NAMES
from powercap_operator.options import parse_options
from tests.chart.conftest import Object, Render

OFF: Object = {"operator": {"metrics": {"enabled": False}}}
MONITOR = "powercap-operator"
OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"

ALERTS = {
    "PowercapOperatorDown",
    "PowercapNoLeader",
    "PowercapLoopStuck",
    "PowercapNoPasses",
    "PowercapNodesSilent",
    "PowercapMarketDataMissing",
    "PowercapFallback",
    "PowercapNodesNotReady",
    "PowercapReconcileFailing",
    "PowercapObjectsUnreadable",
    "PowercapWritesRefused",
    "PowercapRequestsSpent",
}
STATES = {"Current", "Fallback", "Missing", "Pending", "NotNeeded"}
WORDS = {"absent", "group", "increase", "max", "min", "by", "unless", "offset", "or", "present_over_time"}
"""Words of PromQL that the alerts may use."""
DURATION = r"\d+[mhd]"


def _rules(render: Render, **values: object) -> list[Object]:
    (rule,) = render({"prometheusRule": {"enabled": True, **values}}).all("PrometheusRule")
    (group,) = rule["spec"]["groups"]
    rules: list[Object] = group["rules"]
    return rules


def test_metrics_are_served_by_default_and_scraped_by_nobody(render: Render) -> None:
    rendered = render()
    (container,) = rendered.operator["spec"]["containers"]
    assert container["ports"] == [
        {"name": "health", "containerPort": 8080},
        {"name": "metrics", "containerPort": 8081},
    ]
    assert "--metrics=:8081" in container["args"]
    assert not rendered.all("ServiceMonitor")
    assert not rendered.all("PrometheusRule")


def test_metrics_can_be_off(render: Render) -> None:
    rendered = render(OFF)
    (container,) = rendered.operator["spec"]["containers"]
    assert container["ports"] == [{"name": "health", "containerPort": 8080}]
    assert not any("metrics" in argument for argument in container["args"])
    assert not rendered.all("Service")


def test_values_kept_from_a_version_before_metrics_mean_off(render: Render) -> None:
    """What ``helm upgrade --reuse-values`` makes of it: the keys are not there at all."""
    rendered = render(
        {
            "operator": {"metrics": None},
            "serviceMonitor": None,
            "prometheusRule": None,
            "grafanaDashboard": None,
        }
    )
    assert rendered.operator
    assert not rendered.all("Service")


def test_the_service_leads_to_the_operator_s_port(render: Render) -> None:
    rendered = render({"operator": {"metrics": {"port": 9090}}})
    service = rendered.one("Service", "powercap-operator-metrics")
    assert service["metadata"]["namespace"] == "powercap-system"
    assert service["spec"]["type"] == "ClusterIP"
    assert service["spec"]["ports"] == [
        {"name": "metrics", "protocol": "TCP", "port": 9090, "targetPort": "metrics"}
    ]
    chosen = [
        name
        for name, pod in rendered.pods.items()
        if service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    ]
    assert chosen == ["Deployment/powercap-operator"]
    assert "--metrics=:9090" in rendered.operator["spec"]["containers"][0]["args"]


def test_the_operator_takes_the_chart_s_arguments(render: Render) -> None:
    parse_options(render().operator["spec"]["containers"][0]["args"], {})


def test_who_may_scrape(render: Render) -> None:
    def ingress(**values: object) -> object:
        rendered = render({"networkPolicy": {"enabled": True, "apiServerCidrs": ["10.0.0.1/32"], **values}})
        return rendered.one("NetworkPolicy", "powercap-operator")["spec"]["ingress"]

    ports = [{"protocol": "TCP", "port": "metrics"}]
    assert ingress() == [{"ports": ports, "from": [{"namespaceSelector": {}}]}]
    peers = [
        {"namespaceSelector": {"matchLabels": {"a": "b"}}, "podSelector": {"matchLabels": {"c": "d"}}},
        {"ipBlock": {"cidr": "10.0.0.0/24"}},
    ]
    assert ingress(metricsFrom=peers) == [{"ports": ports, "from": peers}]


def test_the_service_monitor(render: Render) -> None:
    rendered = render({"serviceMonitor": {"enabled": True}})
    monitor = rendered.one("ServiceMonitor", MONITOR)
    service = rendered.one("Service", "powercap-operator-metrics")
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    assert monitor["metadata"]["namespace"] == "powercap-system"
    assert "annotations" not in monitor["metadata"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": ["powercap-system"]}
    # Many metrics are of a node: a target's label of that name must not take their place.
    assert monitor["spec"]["endpoints"] == [
        {"port": "metrics", "path": "/metrics", "honorLabels": True, "interval": "30s"}
    ]


def test_values_of_the_service_monitor(render: Render) -> None:
    endpoint = {
        "honorLabels": False,
        "interval": "1m30s",
        "scrapeTimeout": "10s",
        "relabelings": [{"targetLabel": "cluster", "replacement": "a"}],
        "metricRelabelings": [{"sourceLabels": ["__name__"], "regex": "python_.*", "action": "drop"}],
    }
    about = {"namespace": "monitoring", "labels": {"release": "p"}, "annotations": {"a": "b"}}
    monitor = render({"serviceMonitor": {"enabled": True, **about, **endpoint}}).one(
        "ServiceMonitor", MONITOR
    )
    assert monitor["metadata"]["namespace"] == "monitoring"
    assert monitor["metadata"]["labels"]["release"] == "p"
    assert monitor["metadata"]["annotations"] == {"a": "b"}
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": ["powercap-system"]}
    assert monitor["spec"]["endpoints"] == [{"port": "metrics", "path": "/metrics", **endpoint}]


def test_values_of_the_rule(render: Render) -> None:
    extra: list[Object] = [
        {"alert": "Mine", "expr": "vector(1)", "annotations": {"summary": "{{ $labels.a }}"}},
        {"record": "a:b", "expr": "vector(2)"},
    ]
    values = {"enabled": True, "namespace": "monitoring", "labels": {"release": "p"}}
    rule = render({"prometheusRule": values}).one("PrometheusRule", "powercap")
    assert rule["metadata"]["namespace"] == "monitoring"
    assert rule["metadata"]["labels"]["release"] == "p"
    default = render({"prometheusRule": {"enabled": True}}).one("PrometheusRule", "powercap")
    assert default["metadata"]["namespace"] == "powercap-system"
    assert _rules(render, additionalRules=extra) == [*_rules(render), *extra]


def test_the_dashboard_is_off_by_default_and_whole_where_it_is_on(render: Render) -> None:
    assert not render().all("ConfigMap")
    about = {"namespace": "monitoring", "annotations": {"grafana_folder": "Power"}}
    config = render({"grafanaDashboard": {"enabled": True, **about}}).one("ConfigMap", "powercap-dashboard")
    assert config["metadata"]["namespace"] == "monitoring"
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert config["metadata"]["annotations"] == {"grafana_folder": "Power"}
    file = CHART / "files" / "dashboards" / "powercap.json"
    assert json.loads(config["data"]["powercap.json"]) == json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("value", ["serviceMonitor", "prometheusRule", "grafanaDashboard"])
def test_what_needs_metrics_says_so(render: Render, value: str) -> None:
    with pytest.raises(HelmError) as refused:
        render({**OFF, value: {"enabled": True}})
    assert f"{value}.enabled needs the operator's metrics: set operator.metrics.enabled=true" in str(
        refused.value
    )


def test_every_alert_says_what_to_do(render: Render) -> None:
    rules = _rules(render)
    assert {rule["alert"] for rule in rules} == ALERTS
    for rule in rules:
        assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}, rule["alert"]
        assert re.fullmatch(DURATION, rule["for"]), rule["alert"]
        assert rule["labels"]["severity"] in {"warning", "critical"}, rule["alert"]
        assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}, rule["alert"]
        assert "What to do: " in rule["annotations"]["description"], rule["alert"]
        assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{rule['alert'].lower()}"


def test_alerts_ask_only_for_metrics_and_labels_that_there_are(render: Render) -> None:
    for rule in _rules(render):
        expr: str = rule["expr"]
        metrics = set(re.findall(r"powercap_\w+", expr))
        assert metrics, rule["alert"]
        assert metrics <= NAMES, rule["alert"]
        labels = set().union(*(LABELS[metric] for metric in metrics))
        matched = dict(re.findall(r'(\w+)="(\w+)"', expr))
        assert matched.keys() <= labels, rule["alert"]
        labels |= {"cluster"}
        assert set(matched.values()) <= STATES, rule["alert"]
        shown = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
        assert shown <= labels, rule["alert"]
        assert not shown or "absent(" not in expr, "absent() gives no labels"
        for grouped in re.findall(r"by \(([^)]*)\)", expr):
            assert shown <= set(grouped.split(", ")) <= labels, rule["alert"]


def test_alerts_are_sane_promql(render: Render) -> None:
    """Brackets in pairs, and no word but metrics, labels and the few of PromQL that are used here."""
    for rule in _rules(render):
        expr: str = rule["expr"]
        for opening, closing in ("()", "[]", "{}"):
            assert expr.count(opening) == expr.count(closing), rule["alert"]
        bare = re.sub(r"\{[^}]*\}|by \([^)]*\)", "", expr)
        bare = re.sub(rf"\[{DURATION}\]|offset {DURATION}", "", bare)
        words = set(re.findall(r"[a-zA-Z_]\w*", bare))
        assert words <= WORDS | NAMES, rule["alert"]


def test_the_documentation_lists_every_alert(render: Render) -> None:
    text = OPERATIONS.read_text(encoding="utf-8")
    headings = re.findall(r"^### (Powercap\w+)$", text, re.MULTILINE)
    rendered = render({"prometheusRule": {"enabled": True}, "jobs": {"enabled": True}})
    (rule,) = rendered.all("PrometheusRule")
    (group,) = rule["spec"]["groups"]
    assert headings == [one["alert"] for one in group["rules"]]


def test_the_runbook_may_be_elsewhere(render: Render) -> None:
    url = "https://git.example.org/powercap/docs/operations.md"
    found = [rule["annotations"]["runbook_url"] for rule in _rules(render, runbookUrl=url)]
    assert f"{url}#powercapnoleader" in found
    assert all(one.startswith(f"{url}#powercap") for one in found)


def test_clusters_are_kept_apart_by_the_label_that_one_has(render: Render) -> None:
    for rule in _rules(render, clusterLabel="k8s_cluster"):
        for grouped in re.findall(r"by \(([^)]*)\)", rule["expr"]):
            assert grouped.split(", ")[0] == "k8s_cluster", rule["alert"]
