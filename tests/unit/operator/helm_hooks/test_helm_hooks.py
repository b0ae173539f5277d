"""What ``helm test`` complains of, and when an uninstall is over: decisions on plain objects."""

from typing import Any

import httpx
import pytest

from powercap_operator.helm_hooks import check, uninstall
from powercap_operator.helm_hooks.pod_api import PodApi, PodApiError, until

Object = dict[str, Any]


def _conditions(**conditions: tuple[str, str]) -> list[Object]:
    return [
        {"type": kind, "status": status, "reason": reason, "message": "why", "observedGeneration": 1}
        for kind, (status, reason) in conditions.items()
    ]


def _object(name: str, **status: Any) -> Object:
    return {"metadata": {"name": name, "generation": 1}, "status": status}


DEPLOYMENT = _object("operator", availableReplicas=1)
AGENTS = _object("agent", observedGeneration=1, desiredNumberScheduled=2, numberReady=2)
POLICY = _object(
    "default", nodes=1, conditions=_conditions(Ready=("True", "Active"), MarketData=("True", "Current"))
)
BUDGET = _object("node-1", conditions=_conditions(Ready=("True", "Applied")))


def test_nothing_to_complain_of() -> None:
    assert check.complaints(DEPLOYMENT, AGENTS, [POLICY], [BUDGET]) == []


@pytest.mark.parametrize(
    ("deployment", "agents", "policies", "budgets", "said"),
    [
        (None, AGENTS, [POLICY], [BUDGET], "the operator's Deployment is not there"),
        (_object("operator"), AGENTS, [POLICY], [BUDGET], "the operator's pod is not available"),
        (DEPLOYMENT, None, [POLICY], [BUDGET], "the agents' DaemonSet is not there"),
        (DEPLOYMENT, _object("agent"), [POLICY], [BUDGET], "has just changed"),
        (DEPLOYMENT, _object("agent", observedGeneration=1), [POLICY], [BUDGET], "no node runs an agent"),
        (
            DEPLOYMENT,
            _object("agent", observedGeneration=1, desiredNumberScheduled=2, numberReady=1),
            [POLICY],
            [BUDGET],
            "1 of 2 agents run",
        ),
        (DEPLOYMENT, AGENTS, [], [], "there is no PowerPolicy"),
        (DEPLOYMENT, AGENTS, [_object("default")], [], "PowerPolicy default has not been looked at"),
        (
            DEPLOYMENT,
            AGENTS,
            [_object("default", conditions=_conditions(Ready=("False", "NodesNotReady")))],
            [],
            "PowerPolicy default is not ready: NodesNotReady: why",
        ),
        (
            DEPLOYMENT,
            AGENTS,
            [
                _object(
                    "default",
                    conditions=_conditions(Ready=("True", "Active"), MarketData=("False", "Fallback")),
                )
            ],
            [],
            "PowerPolicy default has no market results of today: Fallback: why",
        ),
        (DEPLOYMENT, AGENTS, [POLICY], [_object("node-1")], "node node-1: no word from its agent"),
        (
            DEPLOYMENT,
            AGENTS,
            [POLICY],
            [_object("node-1", conditions=_conditions(Ready=("False", "WriteFailed")))],
            "node node-1: WriteFailed: why",
        ),
        (DEPLOYMENT, AGENTS, [POLICY], [], "policies govern 1 nodes, and only 0 have a PowerBudget"),
    ],
)
def test_complaints(
    deployment: Object | None, agents: Object | None, policies: list[Object], budgets: list[Object], said: str
) -> None:
    (complaint,) = check.complaints(deployment, agents, policies, budgets)
    assert said in complaint


def test_what_somebody_has_decided_on_is_no_complaint() -> None:
    suspended = _object(
        "default", conditions=_conditions(Ready=("False", "Suspended"), MarketData=("False", "Missing"))
    )
    unsupported = _object("node-1", conditions=_conditions(Ready=("False", "Unsupported")))
    assert check.complaints(DEPLOYMENT, AGENTS, [suspended], [unsupported]) == []


def _budget(reason: str | None, *, generation: int = 2, seen: int = 2, suspend: bool = True) -> Object:
    conditions = _conditions(Ready=("True", reason)) if reason else []
    return {
        "metadata": {"name": "node-1", "generation": generation},
        "spec": {"suspend": suspend},
        "status": {"observedGeneration": seen, "conditions": conditions} if reason else {},
    }


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (_budget("Suspended"), None),
        (_budget("Unsupported"), None),
        (_budget("Stopped", seen=1), None),
        (_budget(None), None),
        (_budget("Applied"), "node node-1: Applied: why"),
        (_budget("WriteFailed"), "node node-1: WriteFailed: why"),
        (_budget("Suspended", seen=1), "node node-1: its agent has not answered; the last that it said: why"),
    ],
)
def test_when_a_node_has_its_limits_back(budget: Object, said: str | None) -> None:
    assert uninstall.complaint(budget) == said


_ACCOUNT = {"metadata": {"annotations": {"meta.helm.sh/release-name": "powercap"}}}
_MARK = {"metadata": {"name": "powercap-uninstall"}}


@pytest.mark.parametrize(
    ("account", "release", "mark", "said"),
    [
        (_ACCOUNT, "powercap", None, None),
        (_ACCOUNT, "powercap", _MARK, "applied here as objects like any other"),
        (_ACCOUNT, "other", None, "nothing here was installed by Helm as release other"),
        ({"metadata": {}}, "powercap", None, "nothing here was installed by Helm"),
        (None, "powercap", None, "nothing here was installed by Helm"),
        # A tool that runs Helm's hooks without being Helm: uninstall.alwaysRender.
        (None, None, None, None),
        (None, None, _MARK, "delete the ConfigMap powercap-uninstall first"),
    ],
)
def test_what_is_no_uninstall(
    account: Object | None, release: str | None, mark: Object | None, said: str | None
) -> None:
    found = uninstall.no_uninstall(account, release, mark)
    assert found is None if said is None else said in str(found)


class Cluster:
    """What the uninstall asks an API server, answered from memory; agents answer when they are told to."""

    def __init__(self) -> None:
        self.operator_pods = 2
        self.budgets = {
            f"node-{number}": _budget("Applied", generation=1, seen=1, suspend=False) for number in (1, 2)
        }
        for name, budget in self.budgets.items():
            budget["metadata"]["name"] = name
        self.requests: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.requests.append(f"{request.method} {path}")
        match request.method, path.rsplit("/", 1)[-1]:
            case "GET", "pods":
                return httpx.Response(200, json={"items": [{}] * self.operator_pods, "metadata": {}})
            case "GET", "powerbudgets":
                return self._page(request.url.params.get("continue"))
            case "PATCH", name:
                assert request.headers["content-type"] == "application/merge-patch+json"
                self.budgets[name]["spec"]["suspend"] = True
                self.budgets[name]["metadata"]["generation"] = 2
                return httpx.Response(200, json={})
        return httpx.Response(404)

    def _page(self, token: str | None) -> httpx.Response:
        """One budget at a time."""
        names = list(self.budgets)
        at = 0 if token is None else int(token)
        following = {"continue": str(at + 1)} if at + 1 < len(names) else {}
        return httpx.Response(200, json={"items": [self.budgets[names[at]]], "metadata": following})

    def agents_answer(self) -> None:
        for budget in self.budgets.values():
            budget["status"] = _budget("Suspended")["status"]


def test_nodes_are_released_after_the_operator_has_ended() -> None:
    cluster = Cluster()
    client = httpx.Client(base_url="https://api", transport=httpx.MockTransport(cluster))
    with PodApi(client) as api:
        assert uninstall.look(api, "/api/v1/pods") == ["the operator is still ending"]
        assert not any(request.startswith("PATCH") for request in cluster.requests)
        cluster.operator_pods = 0
        assert uninstall.look(api, "/api/v1/pods") == ["2 nodes were told just now"]
        assert len(uninstall.look(api, "/api/v1/pods")) == 2
        cluster.agents_answer()
        assert uninstall.look(api, "/api/v1/pods") == []
    assert sum(request.startswith("PATCH") for request in cluster.requests) == 2


def test_waiting_ends_with_the_first_look_that_finds_nothing_or_with_the_time() -> None:
    clock = iter(range(100))
    answers = iter([["one", "two"], ["two"], []])
    assert until(lambda: next(answers), 50, lambda: next(clock), lambda _: None) == []
    assert until(lambda: ["still"], 5, lambda: next(clock), lambda _: None) == ["still"]


def test_an_api_server_that_is_away_is_a_complaint_and_not_the_end() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        match request.url.path:
            case "/gone":
                return httpx.Response(404, json={})
            case "/forbidden":
                return httpx.Response(403, text="no")
            case "/away":
                raise httpx.ConnectError("refused")
        return httpx.Response(200, json={"items": []})

    with PodApi(httpx.Client(base_url="https://api", transport=httpx.MockTransport(answer))) as api:
        assert api.get("/there") == {"items": []}
        assert api.get("/gone") is None
        assert api.delete("/there")
        assert not api.delete("/gone")
        with pytest.raises(PodApiError, match="403: no"):
            api.get("/forbidden")

        def away() -> list[str]:
            api.get("/away")
            return []

        (complaint,) = until(away, -1, lambda: 0.0, lambda _: None)
        assert "no answer from the API server" in complaint
