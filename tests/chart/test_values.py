"""Every value of the chart does what its comment says: rendered, not run."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.e2e.helm import CHART, Helm, HelmError
from powercap_operator.options import parse_options
from tests.chart.conftest import REQUIRED, Object, Render, Rendered

AFFINITY: Object = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
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
    "X.affinity": (AFFINITY, "spec.affinity", AFFINITY),
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


@pytest.mark.parametrize("component", ["operator", "agent"])
def test_service_accounts_can_be_annotated(render: Render, component: str) -> None:
    rendered = render({component: {"serviceAccountAnnotations": {"a": "b"}}})
    account = rendered.one("ServiceAccount", f"powercap-{component}")
    assert account["metadata"]["annotations"] == {"a": "b"}
    assert account["automountServiceAccountToken"] is False


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


NETWORK_POLICY: Object = {"enabled": True, "apiServerCidrs": ["10.1.2.3/32"]}
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
    rendered = render({"networkPolicy": NETWORK_POLICY})
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


def test_the_admission_policy_can_be_left_out(render: Render) -> None:
    names = {policy["metadata"]["name"] for policy in render().all("ValidatingAdmissionPolicy")}
    assert names == {"powercap-own-node", "powercap-release"}
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


def test_kinds_are_templates_that_are_kept_or_not(render: Render, helm: Helm) -> None:
    del helm
    keep = "helm.sh/resource-policy"
    assert [crd["metadata"]["annotations"][keep] for crd in render().all("CustomResourceDefinition")] == [
        "keep"
    ] * 5
    for crd in render({"crds": {"keep": False}}).all("CustomResourceDefinition"):
        assert keep not in crd["metadata"].get("annotations", {})
    assert not render({"crds": {"enabled": False}}).all("CustomResourceDefinition")


def test_the_chart_s_kinds_are_the_generated_ones(render: Render) -> None:
    generated = {
        body["metadata"]["name"]: body["spec"]
        for file in (CHART.parents[1] / "crds").glob("*.yaml")
        if (body := yaml.safe_load(file.read_text()))
    }
    rendered = render().all("CustomResourceDefinition")
    assert {crd["metadata"]["name"]: crd["spec"] for crd in rendered} == generated


def test_the_first_policy(render: Render) -> None:
    hook = render().one("PowerPolicy", "default")
    # Argo CD runs Helm's hooks at every sync: it would make a policy anew that a person has edited.
    assert hook["metadata"]["annotations"] == {
        "helm.sh/hook": "post-install",
        "argocd.argoproj.io/hook": "Skip",
    }
    assert hook["spec"]["maxSource"] == "140"
    values = {
        "policy": {
            "name": "nightly",
            "maxSource": 90,
            "minPower": 12.5,
            "market": {"area": "DE-LU", "auction": "SDAC"},
            "dryRun": True,
            "spec": {"nodeSelector": {"pool": "batch"}},
        }
    }
    assert render(values).one("PowerPolicy", "nightly")["spec"] == {
        "maxSource": "90",
        "minPower": "12.5",
        "market": {"area": "DE-LU", "auction": "SDAC"},
        "dryRun": True,
        "nodeSelector": {"pool": "batch"},
    }
    shares = {"policy": {"maxSource": "80%", "minPower": "20%"}}
    assert render(shares).one("PowerPolicy", "default")["spec"]["maxSource"] == "80%"
    assert not render({"policy": {"create": False}}).all("PowerPolicy")


def test_what_a_person_must_say_is_asked_for(helm: Helm) -> None:
    def refusal(*left_out: str) -> str:
        values = json.loads(json.dumps(REQUIRED))
        del values[left_out[0]][left_out[1]]
        with pytest.raises(HelmError) as refused:
            helm("template", "powercap", str(CHART), values=values)
        return str(refused.value)

    assert 'operator.image.repository is "", which names no registry' in refusal("operator", "image")
    assert "registry.example.org/powercap-agent" in refusal("agent", "image")
    said = refusal("policy", "maxSource")
    for words in ("long_term", "constraint_0_power_limit_uw", "policy.dryRun=true", "policy.create=false"):
        assert words in said


@pytest.mark.parametrize("name", ["powercap-agent", "powercap/agent", "docker/powercap/agent"])
def test_images_without_a_registry_are_refused(render: Render, name: str) -> None:
    with pytest.raises(HelmError, match="names no registry"):
        render({"agent": {"image": {"repository": name}}})


@pytest.mark.parametrize("name", ["localhost/agent", "host:5000/agent", "ghcr.io/a/b/agent"])
def test_images_with_a_registry_are_taken(render: Render, name: str) -> None:
    image = render({"agent": {"image": {"repository": name}}}).agent["spec"]["containers"][0]["image"]
    assert image == f"{name}:0.1.0"


def test_as_part_of_another_chart(helm: Helm, tmp_path: Path) -> None:
    umbrella = tmp_path / "umbrella"
    (umbrella / "charts").mkdir(parents=True)
    (umbrella / "charts" / "powercap").symlink_to(CHART)
    dependency = {"name": "powercap", "version": "*", "condition": "powercap.enabled"}
    (umbrella / "Chart.yaml").write_text(
        yaml.safe_dump(
            {"apiVersion": "v2", "name": "umbrella", "version": "1.0.0", "dependencies": [dependency]}
        )
    )
    for enabled in (True, False):
        values = {"powercap": {**REQUIRED, "enabled": enabled}, "global": {"team": "power"}}
        found = Rendered(helm("template", "site", str(umbrella), values=values)).all("DaemonSet")
        assert bool(found) == enabled


def test_uninstall_and_test(render: Render) -> None:
    rendered = render({"uninstall": {"timeoutSeconds": 77}, "test": {"timeoutSeconds": 66}})
    assert '"77"' in json.dumps(rendered.pods["Job/powercap-uninstall"])
    assert '"66"' in json.dumps(rendered.pods["Pod/powercap-test"])
    assert "powercap-uninstall" not in render({"uninstall": {"restore": False}}).text


def test_only_the_job_of_the_uninstall_is_a_hook(render: Render) -> None:
    """Its account goes with the release, whatever becomes of the hook and whichever Helm it is."""
    rendered = render({"networkPolicy": NETWORK_POLICY})
    found = {
        body["kind"]: body["metadata"].get("annotations", {}).get("helm.sh/hook")
        for body in rendered.objects
        if body["metadata"]["name"] == "powercap-uninstall"
    }
    assert found == {
        "ServiceAccount": None,
        "Role": None,
        "RoleBinding": None,
        "ClusterRole": None,
        "ClusterRoleBinding": None,
        "NetworkPolicy": None,
        "Job": "pre-delete",
    }


def test_names_can_be_overridden(render: Render) -> None:
    for values, name in (
        ({"fullnameOverride": "pc"}, "pc"),
        ({"nameOverride": "caps"}, "powercap-caps"),
    ):
        names = {body["metadata"]["name"] for body in render(values).all("Deployment")}
        assert names == {f"{name}-operator"}


def test_the_test_program_looks_for_the_names_that_there_are(render: Render) -> None:
    rendered: Rendered = render({"fullnameOverride": "pc"})
    environment = {
        entry["name"]: entry["value"]
        for entry in rendered.pods["Pod/pc-test"]["spec"]["containers"][0]["env"]
    }
    assert rendered.one("Deployment", f"{environment['POWERCAP_NAME']}-operator")
    assert rendered.one("DaemonSet", f"{environment['POWERCAP_NAME']}-agent")


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


@pytest.mark.parametrize(
    ("dry_run", "says"), [(False, "Nodes are capped from now on"), (True, '"dryRun":false')]
)
def test_notes_say_what_to_type_next(helm: Helm, dry_run: bool, says: str) -> None:
    values = {**REQUIRED, "policy": {"maxSource": "140", "dryRun": dry_run}}
    options = ("--namespace", "x", "--dry-run=client", "--output", "json")
    text = helm("install", "powercap", str(CHART), *options, values=values)
    notes = json.loads(text)["info"]["notes"]
    for words in (
        "helm test powercap -n x",
        "kubectl get powercap",
        "kubectl patch powerpolic",
        says,
        "fallback.then",
    ):
        assert words in notes
