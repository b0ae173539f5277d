"""Jobs are released where nobody follows them any more: some at a time, and only those that wait."""

import json
from datetime import timedelta
from typing import Any

import httpx

from powercap_api.names import RELEASED_BECAUSE
from powercap_operator.helm_hooks.jobs import JobRelease, run
from powercap_operator.helm_hooks.pod_api import PodApi
from tests.support.objects import moment
from tests.support.waiting import job_body

NOON = moment("2025-10-09T12:00Z")


class Jobs:
    """An API server with jobs, a WaitPolicy, and what suspends new ones."""

    def __init__(self, waiting: int, most: int) -> None:
        bodies = [job_body(f"j{number}", NOON - timedelta(minutes=number)) for number in range(waiting)]
        bodies += [
            job_body("queued", NOON, labels={"kueue.x-k8s.io/queue-name": "batch"}),
            job_body("runs", NOON, spec={"suspend": False}),
            job_body("again", NOON, released_at="2025-10-09T11:00:00Z"),
        ]
        self.bodies = {body["metadata"]["name"]: body for body in bodies}
        self.most = most
        self.deleted: list[str] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method == "DELETE":
            self.deleted.append(path)
            return httpx.Response(404)
        if request.method == "PATCH":
            body, patch = self.bodies[path.rsplit("/", 1)[1]], json.loads(request.content)
            if patch["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
                return httpx.Response(409)
            body["spec"] |= patch["spec"]
            body["metadata"]["annotations"] |= patch["metadata"]["annotations"]
            return httpx.Response(200, json=body)
        items: list[dict[str, Any]] = [{"spec": {"mostAtOnce": self.most}}, {"spec": {"mostAtOnce": 50}}]
        if path.endswith("/jobs"):
            assert request.url.params["labelSelector"] == "powercap.dev/cheap-hours=true"
            items = [*self.bodies.values()]
        return httpx.Response(200, json={"items": items, "metadata": {}})

    def released(self) -> list[str]:
        said = {name: one["metadata"]["annotations"] for name, one in self.bodies.items()}
        return sorted(name for name, one in said.items() if one.get(RELEASED_BECAUSE) == "Removed")


def test_no_more_at_once_than_the_strictest_policy_lets_and_nobody_elses() -> None:
    jobs, now = Jobs(waiting=5, most=2), [0.0]
    client = httpx.Client(base_url="http://api", transport=httpx.MockTransport(jobs.answer))
    with PodApi(client) as api:
        release = JobRelease(api, "powercap-jobs", lambda: now[0])
        assert release.look() == ["3 jobs wait: 2 are released at once"]
        assert jobs.released() == ["j3", "j4"], "the oldest first"
        now[0] = 9.0
        assert release.look() == ["3 jobs wait: 2 are released at once"]
        now[0] = 10.0
        assert release.look() == ["1 jobs wait: 2 are released at once"]
        now[0] = 20.0
        assert release.look() == []
    assert jobs.released() == [f"j{number}" for number in range(5)]
    assert jobs.bodies["queued"]["spec"]["suspend"]
    assert jobs.bodies["again"]["spec"]["suspend"]
    assert any(path.endswith("mutatingadmissionpolicybindings/powercap-jobs") for path in jobs.deleted)


def test_where_time_is_up_it_says_what_waits() -> None:
    jobs = Jobs(waiting=3, most=1)
    client = httpx.Client(base_url="http://api", transport=httpx.MockTransport(jobs.answer))
    with PodApi(client) as api:
        assert run(api, {"POWERCAP_JOBS": "powercap-jobs", "POWERCAP_TIMEOUT_SECONDS": "0"}) == 1
        jobs.most = 9
        assert run(api, {"POWERCAP_JOBS": "powercap-jobs", "POWERCAP_TIMEOUT_SECONDS": "0"}) == 0
