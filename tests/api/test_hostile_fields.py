"""Every field of every kind with values that nobody should write, by whoever may write it, on a real API server.

Once with the schemas of now, and once with schemas that refuse nothing but types, as those of another version might:
what is stored there outlives them. After each 250 values the operator lives, another node follows an edit within 10 s,
metrics and page answer, and nothing is written at rest. What the operator alone may write is tried on
its functions (``tests/unit/operator/world/test_hostile_fields.py``).
"""

import json
import urllib.request
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from dev.cluster.errors import KubectlError
from dev.cluster.process.ports import free_port
from dev.lab.hostile_values import PARTS, TEXTS, TIMES, every
from dev.lab.results import DEFAULT_MARKET, periods_for
from dev.lab.stage import Stage, quoted_logs, wait_until
from dev.lab.waiting_jobs import wait_policy, waiting_job
from powercap_api.names import (
    API_VERSION,
    MARKET_DAY,
    PLURALS,
    POWER_BUDGET,
    POWER_OVERRIDE,
    POWER_POLICY,
    POWER_REPORT,
    WAIT_POLICY,
)
from powercap_operator.market.results import Query
from tests.api.conftest import CRDS, OURS, Kube
from tests.api.test_rbac import MERGE, Installed
from tests.support.chart_rules import chart_rules

pytestmark = pytest.mark.long
NAMESPACE = "powercap-hostile"
ZONE = DEFAULT_MARKET.bidding_zone.zone
VICTIMS = [f"victim-{number}" for number in range(12)]
"""As many as a text has values, so that each stays in a status."""
OF_VICTIMS: dict[str, Any] = {"nodeSelector": {"pool": "victim"}}
MOST_MB = 200
BATCH = 250
REFUSED = (httpx.codes.BAD_REQUEST, httpx.codes.FORBIDDEN, httpx.codes.UNPROCESSABLE_ENTITY)
WRITTEN_BY = {POWER_POLICY: "edit", WAIT_POLICY: "edit", MARKET_DAY: "edit", POWER_OVERRIDE: "limit"}
"""The chart's role that may write a kind's spec."""
BODIES: dict[str, dict[str, Any]] = {
    POWER_POLICY: {"maxSource": "40", "minPower": "20", "priority": 1, **OF_VICTIMS},
    WAIT_POLICY: wait_policy()["spec"],
    MARKET_DAY: {"provider": "Static", "deliveryDate": "2025-10-09"},
    POWER_OVERRIDE: {"limit": "30", "duration": "2h", "reason": "a test", **OF_VICTIMS},
}
BOUNDS = (
    *("x-kubernetes-validations", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "required", "enum"),
    *("pattern", "format", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"),
)


def loosened(node: Any) -> Any:
    """A schema that refuses nothing but types."""
    if isinstance(node, list):
        return [loosened(one) for one in node]
    if not isinstance(node, dict):
        return node
    kept = {key: loosened(value) for key, value in node.items() if key not in BOUNDS}
    if "properties" in node:
        kept["properties"] = {name: loosened(field) for name, field in node["properties"].items()}
    return kept


def object_of(kind: str, name: str, spec: Any, **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def takes_anything(kube: Kube) -> bool:
    """Whether the API server refuses nothing of all kinds that people write, by now."""
    wrong = {POWER_POLICY: {"maxSource": "x"}, WAIT_POLICY: {"maxWait": "x"}, MARKET_DAY: {"provider": "x"}}
    wrong[POWER_OVERRIDE] = {"reason": ""}
    try:
        kube.apply(*(object_of(kind, "probe", spec) for kind, spec in wrong.items()))
    except KubectlError:
        return False
    finally:
        kube.delete_all(OURS)
    return True


@pytest.fixture(params=["schemas of now", "schemas that refuse nothing"])
def plane(request: pytest.FixtureRequest, kube: Kube) -> Iterator[Kube]:
    """The API server with these schemas."""
    if request.param == "schemas of now":
        yield kube
        return
    for kind in OURS:
        body = yaml.safe_load((CRDS / f"{kind}.yaml").read_text(encoding="utf-8"))
        for version in body["spec"]["versions"]:
            version["schema"] = loosened(version["schema"])
        kube.plane.kubectl("replace", "-f", "-", input=json.dumps(body))
    wait_until(lambda: takes_anything(kube), "schemas that refuse nothing", 30, every=0.5)
    yield kube
    kube.delete_all(OURS)
    for kind in OURS:
        kube.plane.kubectl("replace", "-f", str(CRDS / f"{kind}.yaml"))
    wait_until(lambda: not takes_anything(kube), "the schemas of now", 30, every=0.5)


class Cluster:
    """An operator on 13 nodes, and the chart's roles with an account for each."""

    def __init__(self, kube: Kube, stage: Stage) -> None:
        self.kube, self.stage = kube, stage
        self.installed = Installed(kube.plane, NAMESPACE)
        self.metrics, self.page = free_port(), free_port()
        self.watts = 40
        self.admin = self.bearer(kube.plane.admin_token)

    def bearer(self, token: str) -> httpx.Client:
        client = self.installed.client(token)
        client.timeout = httpx.Timeout(60)
        return client

    def client(self, account: str, pod: str | None = None) -> httpx.Client:
        return self.bearer(self.installed.token(account, pod))

    def forget(self) -> None:
        """Delete what people wrote."""
        for kind in WRITTEN_BY:
            path = f"/apis/{API_VERSION}/{PLURALS[kind]}"
            self.admin.delete(path, params={"labelSelector": "hostile"}).raise_for_status()

    def get(self, port: int, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def writes(self) -> float:
        lines = self.get(self.metrics, "/metrics").splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("powercap_api_writes_total "))

    def check(self, what: str) -> None:
        """That nobody else is hurt."""
        self.watts += 1
        self.kube.patch("powerpolicy", "other", {"spec": {"maxSource": str(self.watts)}})
        wait_until(lambda: self.followed() == self.watts * 10**6, f"an edit after {what}", 10, every=0.2)
        assert 'node="other"' in self.get(self.metrics, "/metrics"), what
        assert "other" in self.get(self.page, "/"), what
        status = Path(f"/proc/{self.stage.operator.pid}/status").read_text(encoding="ascii")
        peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        assert peak / 1024 <= MOST_MB, f"{what}: {peak / 1024:.0f} MB"
        before = -1.0

        def rests() -> bool:
            nonlocal before
            last, before = before, self.writes()
            return last == before

        wait_until(rests, f"nothing is written at rest after {what}", 60, every=2.0)

    def followed(self) -> int:
        found: int = self.kube.get("powerbudget", "other")["spec"]["maxSourceMicrowatts"]
        return found


def pod(name: str, account: str, node: str, **labels: str) -> dict[str, Any]:
    containers = [{"name": "c", "image": "c"}]
    spec = {"nodeName": node, "serviceAccountName": account, "containers": containers}
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def account(role: str) -> list[dict[str, Any]]:
    group = "rbac.authorization.k8s.io"
    subject = {"kind": "ServiceAccount", "name": role, "namespace": NAMESPACE}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": role, "namespace": NAMESPACE}},
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"hostile-{role}"},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": f"powercap-{role}"},
            "subjects": [subject],
        },
    ]


@pytest.fixture
def cluster(plane: Kube, tmp_path: Path) -> Iterator[Cluster]:
    kube, stage = plane, Stage(tmp_path, plane.plane, {})
    stage.open()
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    kube.plane.kubectl("apply", "-f", "-", input=json.dumps(space))
    rules = [*chart_rules(tmp_path, NAMESPACE, {}), *account("edit"), *account("limit")]
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": rules})
    kube.plane.kubectl("apply", "-f", "-", input=listed)
    kube.add_node("other", pool="other")
    for name in VICTIMS:
        kube.add_node(name, pool="victim")
        kube.apply(pod(f"agent-{name}", "powercap-agent", name))
    now = datetime.now(UTC).astimezone(ZONE)
    stage.advance(now.replace(hour=9, minute=7, second=0) - now)
    stage.exchange.publish(Query(DEFAULT_MARKET, now.date()), periods_for(now.date(), None))
    floors = {"floors": {"namespaces": [NAMESPACE], "most": "80", "exempt": True}}
    stage.apply_policy(maxSource="40", workloads=floors, **OF_VICTIMS)
    stage.apply_policy("other", maxSource="40", nodeSelector={"pool": "other"}, priority=10)
    found = Cluster(kube, stage)
    with quoted_logs(stage):
        addresses = ("--metrics", f"127.0.0.1:{found.metrics}", "--page", f"127.0.0.1:{found.page}")
        stage.start_operator(*addresses, "--node-labels", "--pod-floors", "--jobs")
        wait_until(lambda: len(kube.items("powerbudgets")) == 13, "budgets", 60, every=0.2)
        yield found
    found.admin.close()
    stage.close()
    kube.delete_all(("jobs",))
    kube.plane.kubectl("delete", "pods", "--all", "-n", NAMESPACE, "--force", "--grace-period=0")
    kube.plane.kubectl("delete", "-f", "-", input=listed)


def taken(answers: Iterable[httpx.Response]) -> int:
    """How many writes the API server took; it refuses the others for what they say."""
    count = 0
    for answer in answers:
        assert answer.is_success or answer.status_code in REFUSED, f"{answer.status_code} {answer.text:.300}"
        count += answer.is_success
    return count


def specs(cluster: Cluster, kind: str) -> Iterator[httpx.Response]:
    path = f"/apis/{API_VERSION}/{PLURALS[kind]}"
    with cluster.client(WRITTEN_BY[kind]) as client:
        for number, (_, body) in enumerate(every(PLURALS[kind], "spec", {"spec": BODIES[kind]})):
            yield client.post(
                path, json=object_of(kind, f"hostile-{number:03}", body["spec"], hostile="true")
            )


def agents_word(cluster: Cluster) -> Iterator[httpx.Response]:
    clients = {name: cluster.client("powercap-agent", f"agent-{name}") for name in VICTIMS}
    for number, (_, body) in enumerate(every(PLURALS[POWER_BUDGET], "status", {"status": {}})):
        name = VICTIMS[number % len(VICTIMS)]
        path = f"/apis/{API_VERSION}/{PLURALS[POWER_BUDGET]}/{name}/status"
        yield clients[name].patch(path, content=json.dumps({"status": body["status"]}), headers=MERGE)
    for client in clients.values():
        client.close()


def of_kubernetes(cluster: Cluster) -> Iterator[httpx.Response]:
    """What is read of Nodes, Pods and Jobs, by their administrator."""
    ready = {"type": "Ready", "status": "False", "reason": "x", "message": "x"}
    client = cluster.admin
    for number, value in enumerate((*TIMES, *TEXTS, "1e9", "0.0000001", "99999999")):
        node = f"/api/v1/nodes/{VICTIMS[number % len(VICTIMS)]}"
        said = {"status": {"conditions": [{**ready, "lastTransitionTime": value}]}}
        yield client.patch(f"{node}/status", content=json.dumps(said), headers=MERGE)
        for key in ("pool", "powercap.dev/exempt", "powercap.dev/power"):
            own = {"metadata": {"labels": {key: value}}}
            yield client.patch(node, content=json.dumps(own), headers=MERGE)
        tainted = {"spec": {"taints": [{"key": "a", "value": value, "effect": "NoSchedule"}]}}
        yield client.patch(node, content=json.dumps(tainted), headers=MERGE)
        for key in ("floor", "exempt"):
            body = pod(f"{key}-{number}", "limit", VICTIMS[0], **{f"powercap.dev/{key}": value})
            pods = f"/api/v1/namespaces/{NAMESPACE}/pods"
            yield (made := client.post(pods, json=body))
            if made.is_success:
                runs = json.dumps({"status": {"phase": "Running"}})
                yield client.patch(f"{pods}/{key}-{number}/status", content=runs, headers=MERGE)
        for key in ("wait", "finish-by", "duration", "released-at"):
            name = f"{key}-{number}"
            job = waiting_job(name)
            job["metadata"]["annotations"] = {f"powercap.dev/{key}": value}
            yield client.post("/apis/batch/v1/namespaces/default/jobs", json=job)


def test_whatever_a_field_says_hurts_its_own_object_alone(cluster: Cluster) -> None:
    by_operator = {POWER_BUDGET, POWER_REPORT}
    assert {kind for kind, part in PARTS if part == "spec"} == WRITTEN_BY.keys() | by_operator
    tries = {kind: specs(cluster, kind) for kind in WRITTEN_BY}
    tries |= {"agents' statuses": agents_word(cluster), "Nodes, Pods and Jobs": of_kubernetes(cluster)}
    for what, answers in tries.items():
        count = 0
        while batch := list(islice(answers, BATCH)):
            count += taken(batch)
            cluster.check(f"{count} of {what}")
            cluster.forget()
        assert count, what
