"""What operator and agent may do, with the chart's own rules and real tokens of real pods on a real API server."""

import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from dev.cluster.control_plane import ControlPlane
from dev.e2e.helm import CHART
from dev.lab.agent_process import eventually
from dev.lab.fake_api import FakeApi
from powercap_api.names import API_VERSION
from tests.support.chart_rules import chart_rules

NAMESPACE = "powercap-system"
MERGE = {"Content-Type": "application/merge-patch+json"}
BUDGETS = f"/apis/{API_VERSION}/powerbudgets"
OVERRIDES = f"/apis/{API_VERSION}/poweroverrides"

Grant = tuple[str, str, str]
"""API group, resource (with its subresource) and verb."""

EVERYBODY: set[Grant] = {
    ("authorization.k8s.io", "selfsubjectaccessreviews", "create"),
    ("authorization.k8s.io", "selfsubjectrulesreviews", "create"),
    ("authentication.k8s.io", "selfsubjectreviews", "create"),
    *(("certificates.k8s.io", "clustertrustbundles", verb) for verb in ("get", "list", "watch")),
}
"""What Kubernetes lets every service account do: ask about itself and, where the API server has the kind, read
public certificates (1.37 has it, 1.34 does not)."""


def _grants(group: str, resource: str, *verbs: str) -> set[Grant]:
    return {(group, resource, verb) for verb in verbs}


AGENT = _grants("powercap.dev", "powerbudgets", "get", "list", "watch")
AGENT |= _grants("powercap.dev", "powerbudgets/status", "patch")

OPERATOR = _grants("", "nodes", "list", "watch")
OPERATOR |= _grants("apiextensions.k8s.io", "customresourcedefinitions", "list", "watch")
for _kind in ("powerpolicies", "waitpolicies"):
    OPERATOR |= _grants("powercap.dev", _kind, "list", "watch")
    OPERATOR |= _grants("powercap.dev", f"{_kind}/status", "patch")
OPERATOR |= _grants("powercap.dev", "marketdays", "list", "watch", "create", "delete")
OPERATOR |= _grants("powercap.dev", "marketdays/status", "patch")
OPERATOR |= _grants("powercap.dev", "poweroverrides", "list", "watch", "delete")
OPERATOR |= _grants("powercap.dev", "poweroverrides/status", "patch")
OPERATOR |= _grants("powercap.dev", "powerreports", "list", "watch", "create", "patch", "delete")
OPERATOR |= _grants("powercap.dev", "powerbudgets", "list", "watch", "create", "patch", "delete")

ELECTION = _grants("coordination.k8s.io", "leases", "create") | _grants("", "events", "create")
"""In the release's own namespace; beside it, to read and update the Lease of its own name."""


@dataclass(frozen=True)
class Installed:
    """The API server with the chart's rules on it."""

    plane: ControlPlane
    namespace: str

    def token(self, account: str, pod: str | None = None) -> str:
        """A token of the account, bound to the pod, as a kubelet asks for it."""
        bound = [] if pod is None else ["--bound-object-kind", "Pod", "--bound-object-name", pod]
        return self.plane.kubectl("create", "token", account, "-n", self.namespace, *bound).strip()

    def client(self, token: str) -> httpx.Client:
        """Requests by the bearer of the token."""
        context = ssl.create_default_context(cafile=str(self.plane.ca_file))
        return httpx.Client(
            base_url=self.plane.url,
            headers={"Authorization": f"Bearer {token}"},
            verify=context,
            trust_env=False,
        )


def _apply(plane: ControlPlane, *objects: dict[str, Any]) -> None:
    plane.kubectl(
        "apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    )


def _pod(name: str, account: str, node: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "nodeName": node,
            "serviceAccountName": account,
            "containers": [{"name": "c", "image": "c"}],
        },
    }


def _budget(node: str) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "PowerBudget",
        "metadata": {"name": node},
        "spec": {
            "policy": "default",
            "maxSourceMicrowatts": 40_000_000,
            "minPowerMicrowatts": 10_000_000,
            "validUntil": "2030-01-01T00:00:00Z",
            "schedule": [{"start": "2025-01-01T00:00:00Z", "stepSeconds": 900, "shares": "100"}],
        },
    }


@pytest.fixture(scope="module")
def installed(
    shared_control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installed]:
    """Accounts, rules and the admission policy as the chart renders them; two nodes with an agent each."""
    plane = shared_control_plane
    rules = chart_rules(tmp_path_factory.mktemp("helm"), NAMESPACE, {})
    plane.kubectl("create", "namespace", NAMESPACE)
    nodes = [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"node-{number}"}} for number in (1, 2)
    ]
    _apply(plane, *rules, *nodes, *(_budget(f"node-{number}") for number in (1, 2)))
    _apply(plane, *(_pod(f"agent-{number}", "powercap-agent", f"node-{number}") for number in (1, 2)))
    _apply(plane, _pod("operator", "powercap-operator", "node-1"))
    found = Installed(plane, NAMESPACE)
    with found.client(found.token("powercap-agent", "agent-1")) as agent:
        # The API server takes up a new policy after a moment.
        eventually(lambda: _patch_status(agent, "node-2").is_error, "the admission policy is in force")
    yield found
    plane.kubectl("delete", "pods", "--all", "-n", NAMESPACE, "--force", "--grace-period=0")
    plane.kubectl("delete", "nodes,powerbudgets", "--all")
    plane.kubectl("delete", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": rules}))


@pytest.fixture
def agent(installed: Installed) -> Iterator[httpx.Client]:
    """Whoever has the token of the agent on node-1."""
    with installed.client(installed.token("powercap-agent", "agent-1")) as client:
        yield client


def _patch_status(client: httpx.Client, node: str, **more: Any) -> httpx.Response:
    body = {"status": {"observedGeneration": 1}, **more}
    return client.patch(f"{BUDGETS}/{node}/status", content=json.dumps(body), headers=MERGE)


def _allowed(client: httpx.Client, namespace: str) -> set[Grant]:
    """What the API server's rules let this client do, and not everybody; without what is of one object's name."""
    review = {"spec": {"namespace": namespace}}
    answer = client.post("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", json=review).json()
    return {
        (group, resource, verb)
        for rule in answer["status"]["resourceRules"]
        if not rule.get("resourceNames")
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    } - EVERYBODY


def test_the_agent_may_do_exactly_this(agent: httpx.Client) -> None:
    for namespace in (NAMESPACE, "default", "kube-system"):
        assert _allowed(agent, namespace) == AGENT


def test_the_operator_may_do_exactly_this(installed: Installed) -> None:
    with installed.client(installed.token("powercap-operator", "operator")) as operator:
        assert _allowed(operator, NAMESPACE) == OPERATOR | ELECTION
        assert _allowed(operator, "kube-system") == OPERATOR
        # Events of objects without a namespace belong there.
        assert _allowed(operator, "default") == OPERATOR | {("", "events", "create")}


def test_the_uninstall_may_do_exactly_this(installed: Installed) -> None:
    """Beside it, by their names, to read its account and ConfigMap, and to scale the operator."""
    with installed.client(installed.token("powercap-uninstall")) as uninstall:
        expected = _grants("powercap.dev", "powerbudgets", "list", "patch", "deletecollection")
        assert _allowed(uninstall, NAMESPACE) == expected | {("", "pods", "list")}
        assert _allowed(uninstall, "default") == expected
        scale = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/another/scale"
        answer = uninstall.patch(scale, content=json.dumps({"spec": {"replicas": 0}}), headers=MERGE)
        assert answer.status_code == httpx.codes.FORBIDDEN


def test_the_operator_may_update_no_lease_but_its_own(installed: Installed) -> None:
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"
    body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": {"holderIdentity": "somebody"}}
    with installed.client(installed.token("powercap-operator", "operator")) as operator:
        for name, allowed in (("powercap-operator", True), ("another", False)):
            made = operator.post(leases, json={**body, "metadata": {"name": name}})
            assert made.status_code == httpx.codes.CREATED
            version = made.json()["metadata"]["resourceVersion"]
            metadata = {"name": name, "resourceVersion": version}
            updated = operator.put(f"{leases}/{name}", json={**body, "metadata": metadata})
            assert updated.is_success is allowed
            assert operator.get(f"{leases}/{name}").is_success is allowed
            assert operator.delete(f"{leases}/{name}").status_code == httpx.codes.FORBIDDEN


def test_an_agent_reports_on_its_own_node_and_on_no_other(installed: Installed) -> None:
    for number, other in ((1, 2), (2, 1)):
        with installed.client(installed.token("powercap-agent", f"agent-{number}")) as client:
            assert _patch_status(client, f"node-{number}").is_success
            refused = _patch_status(client, f"node-{other}")
            assert refused.status_code == httpx.codes.FORBIDDEN
            assert f"its own node, which is node-{number}" in refused.json()["message"]


@pytest.mark.parametrize(
    ("method", "path", "kind", "expected"),
    [
        ("GET", BUDGETS, None, 200),
        ("PATCH", f"{BUDGETS}/node-1/status", "application/merge-patch+json", 200),
        ("PATCH", f"{BUDGETS}/node-1/status", "application/json", 415),
        ("PATCH", f"{BUDGETS}/node-1/status", "text/plain", 415),
        ("PATCH", f"{BUDGETS}/node-2/status", "application/merge-patch+json", 403),
        ("PATCH", f"{BUDGETS}/node-1", "application/merge-patch+json", 403),
        ("GET", f"{BUDGETS}x", None, 403),
        ("GET", f"/apis/{API_VERSION}/powerpolicies", None, 403),
    ],
)
def test_the_stand_in_api_server_answers_an_agent_as_a_real_one_does(
    agent: httpx.Client, method: str, path: str, kind: str | None, expected: int
) -> None:
    content = None if kind is None else json.dumps({"status": {"observedGeneration": 1}})
    headers = {} if kind is None else {"Content-Type": kind}
    own = {"fieldSelector": "metadata.name=node-1"} if kind is None else {}
    with FakeApi(budget=_budget("node-1")) as api, httpx.Client(base_url=api.url, trust_env=False) as fake:
        for client in (agent, fake):
            answer = client.request(method, path, params=own, content=content, headers=headers)
            assert answer.status_code == expected, answer.text


def test_a_token_without_a_pod_is_of_no_use(installed: Installed) -> None:
    with installed.client(installed.token("powercap-agent")) as client:
        for node in ("node-1", "node-2"):
            refused = _patch_status(client, node)
            assert refused.status_code == httpx.codes.FORBIDDEN
            assert "the token belongs to no pod" in refused.json()["message"]


@pytest.mark.parametrize("node", ["node-1", "node-2", "node-3"])
def test_a_stolen_token_raises_no_cap(installed: Installed, agent: httpx.Client, node: str) -> None:
    before = installed.plane.kubectl("get", "powerbudgets", "-o", "jsonpath={.items[*].spec}")
    more = {"spec": {"maxSourceMicrowatts": 400_000_000}}
    whole = {**_budget(node), **more}
    tries = [
        agent.patch(f"{BUDGETS}/{node}", content=json.dumps(more), headers=MERGE),
        agent.put(f"{BUDGETS}/{node}", json=whole),
        agent.put(f"{BUDGETS}/{node}/status", json=whole),
        agent.post(BUDGETS, json=whole),
        agent.delete(f"{BUDGETS}/{node}"),
        agent.delete(BUDGETS),
    ]
    assert {answer.status_code for answer in tries} == {httpx.codes.FORBIDDEN}
    # The one thing that it may write takes no spec along, and no metadata.
    _patch_status(agent, node, **more, metadata={"labels": {"a": "b"}, "finalizers": ["example.org/mine"]})
    assert installed.plane.kubectl("get", "powerbudgets", "-o", "jsonpath={.items[*].spec}") == before
    metadata = json.loads(installed.plane.kubectl("get", "powerbudgets", "-o", "json"))["items"]
    assert not any(item["metadata"].get("finalizers") or item["metadata"].get("labels") for item in metadata)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/secrets",
        f"/api/v1/namespaces/{NAMESPACE}/secrets/any",
        f"/api/v1/namespaces/{NAMESPACE}/pods",
        "/api/v1/nodes",
        "/api/v1/nodes/node-1",
        "/api/v1/nodes/node-1/proxy/metrics",
        f"/apis/{API_VERSION}/powerpolicies",
        f"/apis/{API_VERSION}/marketdays",
        f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/powercap-operator/token",
    ],
)
def test_a_stolen_token_sees_and_touches_nothing_else(agent: httpx.Client, path: str) -> None:
    answers = {
        "get": agent.get(path),
        "post": agent.post(path, json={}),
        "put": agent.put(path, json={}),
        "patch": agent.patch(path, content="{}", headers=MERGE),
        "delete": agent.delete(path),
    }
    refused = {httpx.codes.FORBIDDEN, httpx.codes.METHOD_NOT_ALLOWED}
    assert {
        method: answer.status_code for method, answer in answers.items() if answer.status_code not in refused
    } == {}


def test_the_admission_policy_holds_where_somebody_has_given_agents_more(
    installed: Installed, agent: httpx.Client
) -> None:
    """One does not rely on the other: with every right on budgets an agent still writes only its own."""
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "too-much"},
        "rules": [{"apiGroups": ["powercap.dev"], "resources": ["*"], "verbs": ["*"]}],
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "too-much"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "too-much"},
        "subjects": [{"kind": "ServiceAccount", "name": "powercap-agent", "namespace": NAMESPACE}],
    }
    _apply(installed.plane, role, binding)
    try:
        patch = json.dumps({"metadata": {"annotations": {"a": "b"}}})
        eventually(
            lambda: agent.patch(f"{BUDGETS}/node-1", content=patch, headers=MERGE).is_success,
            "the role is in force",
        )
        tries = {
            "patch": agent.patch(f"{BUDGETS}/node-2", content=patch, headers=MERGE),
            "status": _patch_status(agent, "node-2"),
            "create": agent.post(BUDGETS, json=_budget("node-3")),
            "delete": agent.delete(f"{BUDGETS}/node-2"),
            "delete all": agent.delete(BUDGETS),
        }
        for what, answer in tries.items():
            assert answer.status_code == httpx.codes.FORBIDDEN, f"{what}: {answer.text}"
        left = installed.plane.kubectl("get", "powerbudget", "node-2", "-o", "name")
        assert left.strip() == "powerbudget.powercap.dev/node-2"
    finally:
        installed.plane.kubectl("delete", "clusterrole,clusterrolebinding", "too-much")


def _override(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "PowerOverride",
        "metadata": {"name": name},
        "spec": {"nodeSelector": {}, "duration": "2h", "reason": "a test", **spec},
    }


@pytest.fixture
def people(installed: Installed) -> Iterator[dict[str, httpx.Client]]:
    """Somebody with each of the chart's roles for people, and no other right."""
    clients = {}
    for role in ("view", "edit", "limit"):
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"test-{role}"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": f"powercap-{role}",
            },
            "subjects": [{"kind": "ServiceAccount", "name": f"person-{role}", "namespace": NAMESPACE}],
        }
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": f"person-{role}", "namespace": NAMESPACE},
        }
        _apply(installed.plane, account, binding)
        clients[role] = installed.client(installed.token(f"person-{role}"))
    eventually(lambda: all(one.get(OVERRIDES).is_success for one in clients.values()), "the roles hold")
    yield clients
    for client in clients.values():
        client.close()
    installed.plane.kubectl("delete", "poweroverrides", "--all")
    installed.plane.kubectl("delete", "clusterrolebinding", *(f"test-{role}" for role in clients))


def test_who_may_make_limits_may_do_only_that(people: dict[str, httpx.Client]) -> None:
    limiter = people["limit"]
    assert limiter.post(OVERRIDES, json=_override("mine", limit="60")).status_code == httpx.codes.CREATED
    refused = limiter.post(OVERRIDES, json=_override("job", release=True))
    assert refused.status_code == httpx.codes.FORBIDDEN
    assert 'release: true needs the verb "release"' in refused.json()["message"]
    weaker = json.dumps({"spec": {"limit": "100%"}})
    tries = [
        limiter.patch(f"{OVERRIDES}/mine", content=weaker, headers=MERGE),
        limiter.delete(f"{OVERRIDES}/mine"),
        limiter.get(f"/apis/{API_VERSION}/powerpolicies"),
    ]
    assert {answer.status_code for answer in tries} == {httpx.codes.FORBIDDEN}


def test_an_override_that_is_over_is_refused_when_it_is_made(people: dict[str, httpx.Client]) -> None:
    late = _override("late", limit="60")
    late["spec"].pop("duration", None)
    late["spec"]["end"] = "2025-10-09T19:00:00Z"
    refused = people["limit"].post(OVERRIDES, json=late)
    assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert "end is past: it is 20" in refused.json()["message"]
    assert "write a later time, or duration: 2h" in refused.json()["message"]


def test_who_edits_may_release_and_take_back_and_write_no_budget(people: dict[str, httpx.Client]) -> None:
    editor, viewer = people["edit"], people["view"]
    assert editor.post(OVERRIDES, json=_override("job", release=True)).status_code == httpx.codes.CREATED
    to_limit = json.dumps({"spec": {"release": False, "limit": "60"}})
    assert editor.patch(f"{OVERRIDES}/job", content=to_limit, headers=MERGE).is_success
    patch = json.dumps({"spec": {"suspend": True}})
    assert editor.patch(f"{BUDGETS}/node-1", content=patch, headers=MERGE).status_code == (
        httpx.codes.FORBIDDEN
    )
    assert viewer.get(f"{OVERRIDES}/job").is_success
    assert viewer.delete(f"{OVERRIDES}/job").status_code == httpx.codes.FORBIDDEN
    assert viewer.post(OVERRIDES, json=_override("x", limit="60")).status_code == httpx.codes.FORBIDDEN
    assert editor.delete(f"{OVERRIDES}/job").is_success


def test_the_chart_s_rules_name_no_secret_and_no_wildcard() -> None:
    text = "".join(file.read_text() for file in Path(CHART / "templates").rglob("*.yaml"))
    assert 'verbs: ["*"]' not in text
    assert "secrets" not in text.replace("imagePullSecrets", "")
