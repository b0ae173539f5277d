"""Jobs that wait for cheap hours, on a real API server, with the operator as a process by a clock that is set."""

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.process.ports import free_port
from dev.lab.agent_process import eventually
from dev.lab.stage import Stage, next_quarter, quoted_logs
from dev.lab.waiting_jobs import QUARTER, publish_cheap_quarters, wait_policy, waiting_job
from powercap_api.names import CHEAP_HOURS_LABEL, RELEASED_AT, RELEASED_BECAUSE
from tests.api.conftest import Kube
from tests.api.test_operator import ready


@pytest.fixture
def cheap() -> datetime:
    """When the cheapest quarter begins."""
    return next_quarter(datetime.now(UTC) + timedelta(minutes=1)) + QUARTER


@pytest.fixture
def stage(kube: Kube, tmp_path: Path, cheap: datetime) -> Iterator[Stage]:
    """The exchange, whose cheapest quarter is the one after next; no policy, and no operator yet."""
    stage = Stage(tmp_path, kube.plane, {})
    stage.open()
    publish_cheap_quarters(stage.exchange, datetime.now(UTC), [cheap])
    with quoted_logs(stage):
        yield stage
    stage.close()
    kube.delete_all(("jobs", "cronjobs"))


def start(stage: Stage, kube: Kube, *options: str, **spec: Any) -> None:
    """A WaitPolicy whose results are known, and the operator."""
    kube.apply(wait_policy(**spec))
    stage.start_operator("--jobs", *options)
    eventually(
        lambda: ready(kube, "waitpolicy", "default", "MarketData").get("status") == "True", "results", 60
    )


def job(kube: Kube, name: str) -> dict[str, Any]:
    return kube.get("job", name)


def released(kube: Kube, name: str) -> str | None:
    """Why the job was released; None where it was not."""
    found: str | None = job(kube, name)["metadata"]["annotations"].get(RELEASED_BECAUSE)
    return found


def events(kube: Kube, name: str) -> list[tuple[str, str]]:
    found = [one for one in kube.get("events")["items"] if one["involvedObject"]["name"] == name]
    return [(one["reason"], one["message"]) for one in sorted(found, key=lambda one: one["firstTimestamp"])]


def status(kube: Kube) -> dict[str, Any]:
    found: dict[str, Any] = kube.get("waitpolicy", "default").get("status", {})
    return found


def test_a_job_through_its_life(kube: Kube, stage: Stage, cheap: datetime) -> None:
    start(stage, kube)
    kube.apply(waiting_job("waits", wait="2h"))
    kube.apply(waiting_job("queued", {CHEAP_HOURS_LABEL: "true", "kueue.x-k8s.io/queue-name": "batch"}))
    kube.apply(waiting_job("unlabelled", {}))
    kube.apply(waiting_job("runs", suspend=False))
    eventually(lambda: status(kube).get("waiting") == 1, "it waits")
    eventually(lambda: released(kube, "runs") == "NotSuspended", "who suspends it later is obeyed")
    eventually(lambda: [reason for reason, _ in events(kube, "waits")] == ["Waiting"], "it is told")
    assert "10.00 instead of 60.00 EUR/MWh" in events(kube, "waits")[0][1]
    assert job(kube, "waits")["spec"]["suspend"]
    stage.advance(cheap - datetime.now(UTC) + timedelta(seconds=1))
    eventually(lambda: not job(kube, "waits")["spec"]["suspend"], "its cheap hours have begun")
    assert released(kube, "waits") == "Window"
    eventually(lambda: status(kube).get("releases") == [{"reason": "Window", "jobs": 1}], "it is counted")
    assert status(kube)["saved"] == "0.01 EUR/kW", "50 EUR/MWh for a quarter of an hour"
    row = kube.plane.kubectl("get", "waitpolicies").splitlines()[1]
    assert "0.01 EUR/kW" in row
    eventually(lambda: events(kube, "waits")[-1][0] == "Released", "and told")
    kube.patch("job", "waits", {"spec": {"suspend": True}})
    kube.apply(waiting_job("another", wait="10s"))
    stage.advance(timedelta(days=2))
    eventually(lambda: released(kube, "another") is not None, "a pass later")
    assert job(kube, "waits")["spec"]["suspend"], "somebody suspended it after its release"
    for name in ("queued", "unlabelled"):
        assert job(kube, name)["spec"]["suspend"], name
        assert RELEASED_AT not in job(kube, name)["metadata"].get("annotations", {}), name


def test_what_is_overdue_when_an_operator_comes_is_released_at_once(kube: Kube, stage: Stage) -> None:
    kube.apply(wait_policy(mostAtOnce=1))
    for number in range(5):
        kube.apply(waiting_job(f"late-{number}", wait="1h"))
    stage.advance(timedelta(hours=2))
    stage.start_operator("--jobs")
    eventually(
        lambda: all(released(kube, f"late-{number}") == "Deadline" for number in range(5)),
        "all of them",
        60,
    )


def test_nothing_waits_for_want_of_somebody(kube: Kube, stage: Stage) -> None:
    start(stage, kube, mostAtOnce=2)
    for number in range(5):
        kube.apply(waiting_job(f"orphan-{number}", wait="2h"))
    kube.apply(waiting_job("odd", wait="two hours"))
    eventually(lambda: released(kube, "odd") == "UnreadableJob", "an annotation that says nothing")
    eventually(lambda: bool(events(kube, "odd")), "it is told")
    assert "'two hours' is no duration" in events(kube, "odd")[0][1]
    eventually(lambda: status(kube).get("waiting") == 5, "they wait")
    kube.plane.kubectl("delete", "waitpolicy", "default")

    def times() -> list[datetime]:
        found = [job(kube, f"orphan-{number}")["metadata"]["annotations"] for number in range(5)]
        return sorted(datetime.fromisoformat(one[RELEASED_AT]) for one in found if RELEASED_AT in one)

    eventually(lambda: len(times()) == 5, "the policy is gone, and they run", 60)
    seconds = [(moment - times()[0]).total_seconds() for moment in times()]
    assert seconds[2] >= 9, "no more at once than the policy had let"
    assert released(kube, "orphan-0") == "NoPolicy"


def test_an_operator_that_does_not_follow_jobs_says_so_and_touches_none(kube: Kube, stage: Stage) -> None:
    kube.apply(wait_policy(), waiting_job("waits", wait="1s"))
    stage.start_operator()
    eventually(lambda: ready(kube, "waitpolicy", "default").get("reason") == "JobsOff", "it is told", 60)
    assert job(kube, "waits")["spec"]["suspend"]
    assert "--set jobs.enabled=true" in ready(kube, "waitpolicy", "default")["message"]


@pytest.mark.parametrize(("policy", "words"), [("Forbid", "are skipped"), ("Replace", "deletes this job")])
def test_what_a_cron_jobs_concurrency_means_is_told(
    kube: Kube, stage: Stage, policy: str, words: str
) -> None:
    start(stage, kube)
    template = waiting_job("nightly", wait="2h")
    made = {key: template[key] for key in ("metadata", "spec")}
    spec = {
        "schedule": "0 2 * * *",
        "timeZone": "Asia/Tokyo",
        "concurrencyPolicy": policy,
        "jobTemplate": made,
    }
    body = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "nightly"}, "spec": spec}
    kube.plane.kubectl("apply", "-f", "-", input=json.dumps(body))
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "controller": True}
    owner["uid"] = kube.get("cronjob", "nightly")["metadata"]["uid"]
    run = waiting_job("nightly-1", wait="2h")
    run["metadata"]["ownerReferences"] = [owner]
    kube.apply(run)

    def told() -> bool:
        return any(reason == "CronJobWaits" and words in text for reason, text in events(kube, "nightly-1"))

    eventually(told, "it is told on the job")


def test_two_hundred_jobs_cost_a_patch_and_an_event_each(kube: Kube, stage: Stage, cheap: datetime) -> None:
    port = free_port()
    start(stage, kube, "--metrics", f"127.0.0.1:{port}", mostAtOnce=1000)
    for number in range(200):
        kube.apply(waiting_job(f"batch-{number}", wait="2h"))
    eventually(lambda: status(kube).get("waiting") == 200, "they wait", 60)

    def metric(name: str) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    eventually(lambda: metric("powercap_jobs_waiting{") == 200, "it is counted")
    eventually(lambda: len(kube.get("events")["items"]) >= 200, "each is told", 60)
    before = metric("powercap_api_writes_total")
    stage.advance(cheap - datetime.now(UTC) + timedelta(seconds=1))
    eventually(lambda: status(kube).get("released") == 200, "all are released", 60)
    found = kube.items("job")
    for number in range(200):
        body = found[f"batch-{number}"]
        assert not body["spec"]["suspend"]
        assert body["metadata"]["generation"] == 2, "its spec changed once"
    eventually(lambda: metric("powercap_jobs_released_total{") == 200, "it is counted")
    eventually(lambda: metric("powercap_api_writes_total") >= before + 400, "each is told")
    assert metric("powercap_api_writes_total") < before + 450
