"""What the operator may do with jobs, by the chart's rules on a real API server; and what suspends jobs there."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from dev.lab.agent_process import eventually
from dev.lab.waiting_jobs import waiting_job
from powercap_api.names import CHEAP_HOURS_LABEL, RELEASED_AT
from tests.api.conftest import Kube
from tests.api.test_rbac import MERGE, Installed
from tests.support.chart_rules import chart_rules

NAMESPACE = "powercap-jobs"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
MUTATING = "mutatingadmissionpolicies.admissionregistration.k8s.io"
NOW = "2025-10-09T12:00:00Z"


@pytest.fixture
def operator(kube: Kube, tmp_path: Path) -> Iterator[httpx.Client]:
    """Whoever has the operator's token, where the chart lets it follow jobs."""
    plane = kube.plane
    has_mutating = MUTATING in plane.kubectl("api-resources", "-o", "name")
    served = ["admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"] if has_mutating else []
    rules = chart_rules(tmp_path / "helm", NAMESPACE, {"jobs": {"enabled": True}}, *served)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    plane.kubectl("apply", "-f", "-", input=json.dumps(namespace))
    items = json.dumps({"apiVersion": "v1", "kind": "List", "items": rules})
    plane.kubectl("apply", "-f", "-", input=items)
    found = Installed(plane, NAMESPACE)
    with found.client(found.token("powercap-operator")) as client:
        yield client
    plane.kubectl("delete", "-f", "-", input=items)
    kube.delete_all(("jobs",))


def release(**more: Any) -> dict[str, Any]:
    return {"metadata": {"annotations": {RELEASED_AT: NOW}}, "spec": {"suspend": False, **more}}


def patch(client: httpx.Client, name: str, body: dict[str, Any], query: str = "") -> httpx.Response:
    return client.patch(f"{JOBS}/{name}{query}", content=json.dumps(body), headers=MERGE)


def test_the_operator_may_release_jobs_that_wait_and_nothing_else(kube: Kube, operator: httpx.Client) -> None:
    queue = {CHEAP_HOURS_LABEL: "true", "kueue.x-k8s.io/queue-name": "batch"}
    kube.apply(
        waiting_job("unlabelled", {}),
        waiting_job("waits", wait="1h"),
        waiting_job("queued", queue),
        waiting_job("runs"),
    )
    kube.patch("job", "runs", {"spec": {"suspend": False}})
    eventually(
        lambda: patch(operator, "unlabelled", release(), "?dryRun=All").status_code == 403,
        "the policy is in force",
        60,
    )
    tries: dict[str, tuple[str, dict[str, Any]]] = {
        "a job in a queue": ("queued", release()),
        "more pods": ("waits", release(parallelism=100)),
        "a later end": ("waits", release(ttlSecondsAfterFinished=5)),
        "no mark": ("waits", {"spec": {"suspend": False}}),
        "another's annotation": ("waits", {"metadata": {"annotations": {RELEASED_AT: NOW, "a": "b"}}}),
        "its wait": ("waits", {"metadata": {"annotations": {RELEASED_AT: NOW, "powercap.dev/wait": "9h"}}}),
        "a label": ("waits", {"metadata": {"annotations": {RELEASED_AT: NOW}, "labels": {"a": "b"}}}),
        "work that runs": ("runs", {**release(), "spec": {"suspend": True}}),
    }
    for what, (name, body) in tries.items():
        answer = patch(operator, name, body)
        assert answer.status_code == httpx.codes.FORBIDDEN, f"{what}: {answer.text}"
        assert "the operator may" in answer.json()["message"], what
    assert operator.delete(f"{JOBS}/waits").status_code == httpx.codes.FORBIDDEN
    assert operator.post(JOBS, json=waiting_job("own")).status_code == httpx.codes.FORBIDDEN
    assert patch(operator, "waits", release()).is_success
    assert patch(operator, "runs", {"metadata": {"annotations": {RELEASED_AT: NOW}}}).is_success
    kube.patch("job", "waits", {"spec": {"suspend": True}})
    assert patch(operator, "waits", release()).status_code == httpx.codes.FORBIDDEN, "once each"


def test_its_events_elsewhere_are_of_jobs(operator: httpx.Client) -> None:
    def event(kind: str) -> httpx.Response:
        involved = {"kind": kind, "apiVersion": "batch/v1", "name": "a", "namespace": "kube-public"}
        body = {"metadata": {"generateName": "a."}, "involvedObject": involved, "reason": "Waiting"}
        return operator.post("/api/v1/namespaces/kube-public/events", json=body)

    eventually(lambda: event("Pod").status_code == httpx.codes.FORBIDDEN, "the policy is in force", 60)
    assert event("Job").is_success


@pytest.mark.usefixtures("operator")
def test_the_api_server_suspends_what_asks_for_cheap_hours(kube: Kube) -> None:
    def suspended(name: str, labels: dict[str, str]) -> bool:
        kube.plane.kubectl("delete", "job", name, "--ignore-not-found")
        kube.apply(waiting_job(name, labels, suspend=False))
        return bool(kube.get("job", name)["spec"]["suspend"])

    if MUTATING not in kube.plane.kubectl("api-resources", "-o", "name"):
        assert not suspended("asks", {CHEAP_HOURS_LABEL: "true"}), "an older Kubernetes"
        return
    eventually(lambda: suspended("asks", {CHEAP_HOURS_LABEL: "true"}), "the policy is in force", 60)
    assert not suspended("plain", {})
    assert not suspended("queued", {CHEAP_HOURS_LABEL: "true", "kueue.x-k8s.io/queue-name": "batch"})
