"""Every value of the chart does what its comment says: rendered, not run."""

import json
from typing import Any

import pytest
import yaml

from dev.e2e.helm import CHART, HelmError
from powercap_operator.options import parse_options
from powercap_operator.world.node_match import AgentPlacement, Taint
from tests.chart.conftest import Object, Render, Rendered

AFFINITY: Object = {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
TOLERATIONS = [{"key": "dedicated", "operator": "Exists"}]
ENV = [{"name": "HTTPS_PROXY", "value": "http://proxy.example:3128"}]
DIGEST = "sha256:" + "0" * 64


def _at(body: Object, path: str) -> Any:
    found: Any = body
    for part in path.split("."):
        found = found[int(part)] if part.isdecimal() else found.get(part)
    return found


def _values(path: str, value: object) -> Object:
    body: Any = value
    for part in reversed(path.split(".")):
        body = {part: body}
    found: Object = body
    return found


POD_VALUES: dict[str, tuple[object, str, object]] = {
    "imagePullSecrets": ([{"name": "regcred"}], "spec.imagePullSecrets", [{"name": "regcred"}]),
    "X.image.repository": ("example.org/x", "spec.containers.0.image", "example.org/x:0.1.0"),
    "X.image.tag": ("9.9", "spec.containers.0.image", "example.org/powercap-X:9.9"),
    "X.image.digest": (DIGEST, "spec.containers.0.image", f"example.org/powercap-X@{DIGEST}"),
    "X.image.pullPolicy": ("Always", "spec.containers.0.imagePullPolicy", "Always"),
    "X.extraArgs": (["--log-format=text"], "spec.containers.0.args", ["--log-format=text"]),
    "X.extraEnv": (ENV, "spec.containers.0.env", ENV),
    "X.resources": ({"limits": {"memory": "1Gi"}}, "spec.containers.0.resources.limits.memory", "1Gi"),
    "X.priorityClassName": ("high", "spec.priorityClassName", "high"),
    "X.nodeSelector": ({"a": "b"}, "spec.nodeSelector", {"kubernetes.io/os": "linux", "a": "b"}),
    "X.tolerations": (TOLERATIONS, "spec.tolerations", TOLERATIONS),
    "X.affinity": (AFFINITY, "spec.affinity.podAffinity", AFFINITY["podAffinity"]),
    "X.podAnnotations": ({"a": "b"}, "metadata.annotations", {"a": "b"}),
    "X.podLabels": ({"a": "b"}, "metadata.labels.a", "b"),
    "commonLabels": ({"team": "power"}, "metadata.labels.team", "power"),
    "X.logFormat": ("text", "spec.containers.0.env", [{"name": "LOG_FORMAT", "value": "text"}]),
}
"""Value to what it is set to, where it shows in the pod, and as what. X is operator or agent."""


OPERATOR_VALUES: dict[str, tuple[object, str, object]] = {
    "operator.contact": ("a@b.c", "env", {"name": "CONTACT", "value": "a@b.c"}),
    "operator.epexUrl": ("http://x/y", "env", {"name": "EPEX_URL", "value": "http://x/y"}),
    "operator.logLevel": ("debug", "env", {"name": "LOG_LEVEL", "value": "debug"}),
    "operator.historyDays": (30, "args", "--history-days=30"),
    "operator.maxOverrides": (50, "args", "--max-overrides=50"),
    "operator.savings": (
        {"curve": "cap,seconds,joules", "staticWatts": 0},
        "env",
        {"name": "STATIC_WATTS", "value": "0"},
    ),
    "operator.entsoe.existingSecret": (
        "entsoe",
        "env",
        {"name": "ENTSOE_TOKEN", "valueFrom": {"secretKeyRef": {"name": "entsoe", "key": "token"}}},
    ),
    "operator.extraVolumeMounts": (
        [{"name": "ca", "mountPath": "/ca"}],
        "volumeMounts",
        {"name": "ca", "mountPath": "/ca"},
    ),
}


AGENT_VALUES: dict[str, tuple[object, str, object]] = {
    "agent.originalWatts": ("105", "env", {"name": "POWERCAP_ORIGINAL_WATTS", "value": "105"}),
    "agent.minWatts": ("20", "env", {"name": "POWERCAP_MIN_WATTS", "value": "20"}),
    "agent.minPercent": (10, "env", {"name": "POWERCAP_MIN_PERCENT", "value": "10"}),
}


@pytest.mark.parametrize("component", ["operator", "agent"])
@pytest.mark.parametrize("value", POD_VALUES)
def test_values_that_both_pods_have(render: Render, component: str, value: str) -> None:
    given, path, expected = POD_VALUES[value]
    shown = _at(getattr(render(_values(value.replace("X", component), given)), component), path)
    if isinstance(expected, list) and path.endswith((".env", ".args")):
        names = {"LOG_FORMAT": "POWERCAP_LOG_FORMAT"} if component == "agent" else {}
        for entry in expected:
            wanted = (
                {**entry, "name": names.get(entry["name"], entry["name"])}
                if isinstance(entry, dict)
                else entry
            )
            assert wanted in shown
    else:
        assert shown == (expected.replace("X", component) if isinstance(expected, str) else expected)


@pytest.mark.parametrize("value", [*OPERATOR_VALUES, *AGENT_VALUES])
def test_values_of_one_pod(render: Render, value: str) -> None:
    given, where, expected = {**OPERATOR_VALUES, **AGENT_VALUES}[value]
    rendered, absent = render(_values(value, given)), render()
    component = value.split(".", maxsplit=1)[0]
    assert expected in _at(getattr(rendered, component), f"spec.containers.0.{where}")
    assert expected not in (_at(getattr(absent, component), "spec.containers.0").get(where) or [])


def test_the_secret_s_key_can_be_named(render: Render) -> None:
    rendered = render({"operator": {"entsoe": {"existingSecret": "s", "existingSecretKey": "k"}}})
    assert '"key": "k"' in json.dumps(rendered.operator)


def test_volumes_of_the_operator(render: Render) -> None:
    volumes = [{"name": "ca", "configMap": {"name": "ca"}}]
    assert render({"operator": {"extraVolumes": volumes}}).operator["spec"]["volumes"] == volumes


def test_the_node_s_folders(render: Render) -> None:
    """The folder that the powercap folder is in is mounted, so that a node without the latter can start the agent."""
    for narrow, path, root in (
        (False, "/p", "/host/devices/powercap"),
        (True, "/p/powercap", "/host/powercap"),
    ):
        values = {"powercapHostPath": "/p/powercap", "stateHostPath": "/s", "mountOnlyPowercap": narrow}
        agent = render({"agent": values}).agent["spec"]
        paths = {volume["name"]: volume["hostPath"]["path"] for volume in agent["volumes"]}
        assert paths == {"powercap": path, "state": "/s"}
        assert {"name": "POWERCAP_ROOT", "value": root} in agent["containers"][0]["env"]
        mounts = {mount["name"]: mount["mountPath"] for mount in agent["containers"][0]["volumeMounts"]}
        assert root.startswith(mounts["powercap"])


def test_hwmon_takes_two_folders_of_sys(render: Render) -> None:
    rendered = render({"agent": {"hwmonWritable": True, "runtimeClassName": "kata"}})
    spec = rendered.agent["spec"]
    assert spec["runtimeClassName"] == "kata"
    paths = {volume["name"]: volume["hostPath"]["path"] for volume in spec["volumes"]}
    assert {path for path in paths.values() if path.startswith("/sys/")} == {
        "/sys/devices/virtual",
        "/sys/class/hwmon",
        "/sys/devices",
    }
    mounts = {mount["name"]: mount for mount in spec["containers"][0]["volumeMounts"]}
    assert (mounts["hwmon"]["mountPath"], mounts["hwmon"]["readOnly"]) == ("/host/sys/class/hwmon", True)
    assert mounts["devices"]["mountPath"] == "/host/sys/devices"
    assert "/host/sys" not in json.dumps(render().agent)


def test_one_value_for_nvidia_s_cards(render: Render) -> None:
    rendered, usual = render({"agent": {"nvidia": {"enabled": True}}}), render()
    spec = rendered.agent["spec"]
    assert spec["runtimeClassName"] == "nvidia"
    container = spec["containers"][0]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["SYS_ADMIN"]}
    assert container["securityContext"]["privileged"] is False
    environment = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert environment["POWERCAP_NVML_LIBRARY"] == "libnvidia-ml.so.1"
    assert environment["NVIDIA_VISIBLE_DEVICES"] == "all"
    assert environment["NVIDIA_DRIVER_CAPABILITIES"] == "utility"
    assert "runtimeClassName" not in usual.agent["spec"]
    assert "NVIDIA" not in json.dumps(usual.agent)
    assert "SYS_ADMIN" not in json.dumps(usual.agent)
    named = render({"agent": {"nvidia": {"enabled": True}, "runtimeClassName": "gpu"}})
    assert named.agent["spec"]["runtimeClassName"] == "gpu"


def test_the_agent_s_ways_to_be_stronger(render: Render) -> None:
    security = render({"agent": {"seLinuxType": "spc_t"}}).agent["spec"]["containers"][0]["securityContext"]
    assert security["seLinuxOptions"] == {"type": "spc_t"}
    assert security["privileged"] is False
    security = render({"agent": {"privileged": True}}).agent["spec"]["containers"][0]["securityContext"]
    assert security["privileged"] is True
    assert "capabilities" not in security
    assert "allowPrivilegeEscalation" not in security


def test_the_rollout_of_agents(render: Render) -> None:
    values = {
        "agent": {
            "updateStrategy": {"type": "OnDelete", "rollingUpdate": None},
            "terminationGracePeriodSeconds": 60,
        }
    }
    rendered = render(values)
    assert rendered.one("DaemonSet", "powercap-agent")["spec"]["updateStrategy"] == {"type": "OnDelete"}
    assert rendered.agent["spec"]["terminationGracePeriodSeconds"] == 60


def test_platforms_may_choose_uids(render: Render) -> None:
    pods = render({"operator": {"podSecurityContext": None}, "uninstall": {"alwaysRender": True}}).pods
    usual = render({"uninstall": {"alwaysRender": True}}).pods
    for name in ("Deployment/powercap-operator", "Job/powercap-uninstall", "Pod/powercap-test"):
        assert pods[name]["spec"]["securityContext"] == {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert usual[name]["spec"]["securityContext"]["runAsUser"] == 65532


def test_a_quota_for_the_agents_priority_class(render: Render) -> None:
    rendered = render({"agent": {"priorityQuotaPods": 500}})
    quota = rendered.one("ResourceQuota", "powercap-agent")["spec"]
    assert quota["hard"] == {"pods": "500"}
    (scope,) = quota["scopeSelector"]["matchExpressions"]
    assert scope == {
        "scopeName": "PriorityClass",
        "operator": "In",
        "values": [rendered.agent["spec"]["priorityClassName"]],
    }
    assert not render().all("ResourceQuota")
    assert not render({"agent": {"priorityQuotaPods": 5, "priorityClassName": ""}}).all("ResourceQuota")


def test_agents_keep_away_from_what_is_no_machine_and_the_operator_knows(render: Render) -> None:
    """One set of words, for the DaemonSet and for the operator."""
    for values in (
        {},
        {"agent": {"affinity": None}},
        {"agent": {"nodeSelector": {"power": "rapl"}, "tolerations": [], "affinity": AFFINITY}},
    ):
        rendered = render(values)
        spec, text = rendered.agent["spec"], _placement(rendered)
        fields = ("nodeSelector", "affinity", "tolerations")
        assert json.loads(text) == {field: spec[field] for field in fields if field in spec}
        assert parse_options([], {"AGENT_PLACEMENT": text}).agents == AgentPlacement.parse(text)
    agents = AgentPlacement.parse(_placement(render()))
    machine = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    assert agents.allows("a", machine, [Taint("dedicated", "db", "NoSchedule")])
    for label, value in (
        ("kubernetes.io/os", "windows"),
        ("eks.amazonaws.com/compute-type", "fargate"),
        ("type", "virtual-kubelet"),
        ("virtual-kubelet.io/provider", "azure"),
        ("liqo.io/type", "virtual-node"),
    ):
        assert not agents.allows("a", {**machine, label: value}, ()), label


def _placement(rendered: Rendered) -> str:
    (container,) = rendered.operator["spec"]["containers"]
    (text,) = [one["value"] for one in container["env"] if one["name"] == "AGENT_PLACEMENT"]
    return str(text)


@pytest.mark.parametrize("component", ["operator", "agent"])
def test_service_accounts_can_be_annotated(render: Render, component: str) -> None:
    rendered = render({component: {"serviceAccountAnnotations": {"a": "b"}}})
    account = rendered.one("ServiceAccount", f"powercap-{component}")
    assert account["metadata"]["annotations"] == {"a": "b"}
    assert account["automountServiceAccountToken"] is False


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("policy.maxSource=40W", "/policy/maxSource"),
        ("policy.maxSource=180%", "/policy/maxSource"),
        ("policy.minPower=0%", "/policy/minPower"),
        ("policy.maxSource=40000000", "is more than 100 kW"),
        ("policy.market.auction=IDA9", "/policy/market/auction"),
        ("agent.minPercent=101", "/agent/minPercent"),
        ("agent.powercapHostPath=sys", "/agent/powercapHostPath"),
        ("agent.image.digest=sha256:1", "/agent/image/digest"),
        ("operator.historyDays=1", "/operator/historyDays"),
        ("operator.maxOverrides=0", "/operator/maxOverrides"),
        ("operator.savings.staticWatts=much", "/operator/savings/staticWatts"),
        ("operator.savings.staticWatts=70", "operator.savings: set both curve and staticWatts, or neither"),
        ("operator.savings.curve=x", "operator.savings: set both curve and staticWatts, or neither"),
        ("operator.logLevel=loud", "/operator/logLevel"),
        ("operater.logLevel=info", "operater"),
        ("networkPolicy.dnsPort=0", "/networkPolicy/dnsPort"),
        ("networkPolicy.metricsFrom[0].namespace=monitoring", "/networkPolicy/metricsFrom/0"),
        ("operator.metrics.port=80", "/operator/metrics/port"),
        ("operator.metrics.port=8080", "/operator/metrics/port"),
        ("serviceMonitor.interval=often", "/serviceMonitor/interval"),
        ("serviceMonitor.scrapeTimeout=10", "/serviceMonitor/scrapeTimeout"),
        ("serviceMonitor.namespace=Monitoring", "/serviceMonitor/namespace"),
        ("prometheusRule.additionalRules[0].alert=Lonely", "/prometheusRule/additionalRules/0"),
    ],
)
def test_bad_values_are_refused_by_name(render: Render, option: str, said: str) -> None:
    with pytest.raises(HelmError) as refused:
        render({}, "--set", option)
    assert said in str(refused.value)


def test_every_value_has_a_schema_and_a_line_in_the_readme() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())

    def missing(body: Object, described: Object, path: str) -> list[str]:
        found = []
        for name, value in body.items():
            below = described.get("properties", {}).get(name)
            if below is None:
                found.append(f"{path}{name}")
            elif isinstance(value, dict) and below.get("properties"):
                found += missing(value, below, f"{path}{name}.")
        return found

    assert missing(values, schema, "") == []
