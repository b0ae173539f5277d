"""Random values within the schema: what is rendered has no key twice, and the API server takes it."""

import json
import os
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from dev.cluster.control_plane import ControlPlane
from dev.e2e.helm import CHART
from tests.chart.conftest import REQUIRED, Object, Render, admin_client

FILES: Final = int(os.environ.get("POWERCAP_VALUES_FILES", "30"))
"""How many files of values are tried; .ci/run takes more."""
SCHEMA: Final[Object] = json.loads((CHART / "values.schema.json").read_text())
MONITORING = Path(__file__).with_name("monitoring-crds.yaml")
ASCII = st.characters(min_codepoint=33, max_codepoint=126)
TEXT = st.text(string.ascii_letters + string.digits + " -_.:/'\"#{}[]&*!|>%@`,\\é☃", max_size=20)
_TERM = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a", "b"]}]}
_SPREAD = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
_PEER = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
_RELABELING = {"sourceLabels": ["__name__"], "regex": "python_.*", "action": "drop"}
_VOLUME = {"name": "ca", "configMap": {"name": "ca"}}
KUBERNETES: Final[dict[str, list[Any]]] = {
    "affinity": [
        {},
        {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [_TERM]}}},
        {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]}},
    ],
    "tolerations": [
        [],
        [{"operator": "Exists"}],
        [{"key": "a", "value": "true", "effect": "NoSchedule"}, {"key": "b", "operator": "Exists"}],
        [{"key": "c", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}],
    ],
    "topologySpreadConstraints": [[], [_SPREAD]],
    "resources": [
        {},
        {"limits": {"memory": "64Mi"}, "requests": {"memory": "32Mi", "cpu": "0.1"}},
        {"requests": {"cpu": 1}, "limits": {"cpu": 2, "memory": "1Gi"}},
    ],
    "podSecurityContext": [None, {}, {"runAsUser": 1000, "fsGroup": 2000}, {"runAsUser": None}],
    "extraVolumes": [[_VOLUME], [_VOLUME, {"name": "tmp", "emptyDir": {}}]],
    "extraVolumeMounts": [[], [{"name": "ca", "mountPath": "/ca", "readOnly": True}]],
    "valueFrom": [
        {"fieldRef": {"fieldPath": "status.hostIP"}},
        {"secretKeyRef": {"name": "a", "key": "b"}},
    ],
    "rollingUpdate": [{"maxUnavailable": 1}, {"maxUnavailable": "30%"}, {"maxSurge": 1, "maxUnavailable": 0}],
    "extraEgress": [[], [{"to": [{"ipBlock": {"cidr": "10.9.9.9/32"}}]}]],
    "metricsFrom": [[], [_PEER], [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]],
    "pageFrom": [[], [_PEER]],
    "apiServerCidrs": [["10.0.0.1/32"], ["fd00::1/128", "10.0.0.0/8"]],
    "relabelings": [[], [{"targetLabel": "cluster", "replacement": "a"}]],
    "metricRelabelings": [[], [_RELABELING]],
    "additionalRules": [[], [{"record": "a:b", "expr": "sum(up)"}], [{"alert": "A", "expr": "up == 0"}]],
    "namespace": ["", "monitoring", "123"],
    "repository": ["localhost/a", "example.org/a/b", "host:5000/x"],
    "policy": [
        {"create": False},
        {"name": "a.b", "maxSource": 90.5, "minPower": "20", "dryRun": True},
        {
            "maxSource": "80%",
            "minPower": "80%",
            "spec": {"matchExpressions": [{"key": "a", "operator": "Exists"}]},
        },
        {"maxSource": "40000000u", "market": {"area": "DE-LU", "auction": "SDAC"}, "spec": {"suspend": True}},
    ],
    "claims": [[]],
    "savings": [
        {},
        {"curve": "", "staticWatts": ""},
        {"curve": "power,work\n20,1\n40,1.5\n", "staticWatts": 20},
    ],
    "global": [{}, {"team": "power"}],
}
"""What Kubernetes or Prometheus defines, as people write it: the schema does not repeat their schemas."""


def values(schema: Object, name: str = "") -> SearchStrategy[Any]:
    """Values that a schema allows."""
    if name in KUBERNETES:
        return st.sampled_from(KUBERNETES[name])
    if "$ref" in schema:
        return values(SCHEMA["definitions"][schema["$ref"].rsplit("/", 1)[-1]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return st.one_of([BY_TYPE[kind](schema) for kind in kinds if kind in BY_TYPE])


def _object(schema: Object) -> SearchStrategy[Any]:
    if "properties" not in schema:
        keys = values({"type": "string", **schema.get("propertyNames", {})})
        return st.dictionaries(keys, values(schema["additionalProperties"]), max_size=3)
    fields = {name: values(field, name) for name, field in schema["properties"].items()}
    required = set(schema.get("required", ()))
    found = st.fixed_dictionaries(
        {name: field for name, field in fields.items() if name in required},
        optional={name: field for name, field in fields.items() if name not in required},
    )
    if "not" in schema and "required" in schema["not"]:
        together = schema["not"]["required"]
        return found.filter(lambda one: not all(name in one for name in together))
    return found


def _text(schema: Object) -> SearchStrategy[str]:
    if "pattern" not in schema:
        return TEXT.filter(lambda one: len(one) >= schema.get("minLength", 0))
    least, most = schema.get("minLength", 0), min(schema.get("maxLength", 60), 60)
    found = st.from_regex(schema["pattern"].replace("$", r"\Z"), alphabet=ASCII)
    return found.filter(lambda one: least <= len(one) <= most)


def _integer(schema: Object) -> SearchStrategy[int]:
    found = st.integers(schema.get("minimum", 0), schema.get("maximum", 1000))
    return found.filter(lambda one: one != schema.get("not", {}).get("const"))


BY_TYPE: Final[dict[str, Callable[[Object], SearchStrategy[Any]]]] = {
    "object": _object,
    "array": lambda schema: st.lists(
        values(schema["items"]), max_size=2, unique_by=json.dumps if schema.get("uniqueItems") else None
    ),
    "string": _text,
    "integer": _integer,
    "boolean": lambda _: st.booleans(),
    "null": lambda _: st.none(),
}


def _at_odds(found: Object) -> bool:
    """What the templates refuse with a sentence, each of which has a test of its own."""
    operator = found.get("operator", {})
    metrics, page = operator.get("metrics", {}), operator.get("page", {})
    on = [
        name
        for name in ("serviceMonitor", "prometheusRule", "grafanaDashboard")
        if found.get(name, {}).get("enabled")
    ]
    patches = found.get("workloads", {}).get("nodeLabels") or found.get("jobs", {}).get("enabled")
    unbound = patches and not found.get("admissionPolicy", {}).get("enabled", True)
    network = found.get("networkPolicy", {})
    return bool(
        (on and not metrics.get("enabled", True))
        or (page.get("enabled") and page.get("port", 8082) == metrics.get("port", 8081))
        or unbound
        or (network.get("enabled") and not network.get("apiServerCidrs"))
        or (operator.get("extraVolumeMounts") and not operator.get("extraVolumes"))
    )


def _whole(found: Object) -> Object:
    """With what a person must say."""
    whole = {**found}
    for component in ("operator", "agent"):
        whole[component] = {**REQUIRED[component], **found.get(component, {})}
    whole["policy"] = {**REQUIRED["policy"], **found.get("policy", {})}
    return {**whole, "enabled": True}


def _files(count: int) -> list[Object]:
    found: list[Object] = []

    @seed(20251009)
    @settings(
        max_examples=count, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck)
    )
    @given(values(SCHEMA).filter(lambda one: not _at_odds(one)))
    def collect(one: Object) -> None:
        found.append(_whole(one))

    collect()
    return found


def _refusals(client: httpx.Client, objects: list[Object]) -> list[str]:
    """What the API server says against them in a dry run of server-side apply, each different object once."""
    resources: dict[tuple[str, str], tuple[str, str, bool]] = {}
    for version in {body["apiVersion"] for body in objects}:
        root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
        for one in client.get(root).raise_for_status().json()["resources"]:
            if "/" not in one["name"]:
                resources[version, one["kind"]] = (f"{root}/", one["name"], one["namespaced"])
    found, seen = [], set()
    for body in objects:
        text = json.dumps(body, sort_keys=True)
        if text in seen:
            continue
        seen.add(text)
        root, plural, namespaced = resources[body["apiVersion"], body["kind"]]
        place = f"namespaces/{body['metadata']['namespace']}/" if namespaced else ""
        answer = client.patch(
            f"{root}{place}{plural}/{body['metadata']['name']}",
            params={"dryRun": "All", "fieldManager": "fuzz", "fieldValidation": "Strict", "force": "true"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            content=text,
        )
        if not answer.is_success:
            found.append(f"{body['kind']} {body['metadata']['name']}: {answer.json().get('message')}")
    return found


@pytest.fixture(scope="module")
def client(server: ControlPlane) -> Iterator[httpx.Client]:
    """To a server with the namespaces and kinds that are spoken of."""
    for name in ("powercap-system", "monitoring", "123"):
        server.kubectl("create", "namespace", name)
    server.kubectl("apply", "-f", str(MONITORING))
    server.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    with admin_client(server) as client:
        yield client


def test_whatever_the_schema_allows_is_rendered_and_taken(render: Render, client: httpx.Client) -> None:
    files = _files(FILES)
    assert len(files) >= FILES * 0.9
    objects = [body for file in files for body in render(file).objects]
    assert _refusals(client, objects) == []
