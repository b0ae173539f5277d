"""Jobs that wait for cheap hours on the real kubelet, by the operator's clock, which is set; and after an uninstall."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from dev.e2e.world import World
from dev.lab.stage import next_quarter
from dev.lab.waiting_jobs import QUARTER, publish_cheap_quarters, wait_policy
from powercap_api.clock import write_offset
from powercap_api.markets import Auction, Market
from powercap_api.names import CHEAP_HOURS_LABEL, RELEASED_BECAUSE
from tests.e2e.conftest import LOGS

MARKET: Final = Market("DE-LU", Auction.IDA1, 15)
"""One that no other test follows."""
_CLOCK: Final = "/clock"


@pytest.fixture
def cheap() -> datetime:
    """When the cheapest quarter begins."""
    return next_quarter(datetime.now(UTC) + timedelta(minutes=2)) + QUARTER


@pytest.fixture
def waiting(bare_world: World, cheap: datetime) -> Iterator[World]:
    """The chart with jobs, its operator on a clock that can be set, and a WaitPolicy whose results are known."""
    world = bare_world
    publish_cheap_quarters(world.exchange, datetime.now(UTC), [cheap], MARKET)
    operator = {
        **world.values()["operator"],
        "extraArgs": [f"--clock-file={_CLOCK}/{world.clock_file.name}"],
        "extraVolumes": [{"name": "clock", "hostPath": {"path": str(world.clock_file.parent)}}],
        "extraVolumeMounts": [{"name": "clock", "mountPath": _CLOCK, "readOnly": True}],
    }
    write_offset(world.clock_file, timedelta())
    with world.logs_of_failure(LOGS / "jobs"):
        world.install(operator=operator, jobs={"enabled": True})
        _apply(world, wait_policy(of_market=MARKET))

        def known() -> bool:
            conditions = world.get("waitpolicy", "default").get("status", {}).get("conditions", [])
            return any(one["type"] == "MarketData" and one["status"] == "True" for one in conditions)

        world.until(known, "results", 120)
    yield world
    write_offset(world.clock_file, timedelta())
    world.plane.kubectl("delete", "cronjobs,jobs", "--all", "-n", "default")
    kinds = [item["metadata"]["name"] for item in world.get("crd")["items"]]
    world.plane.kubectl("delete", "crd", *(name for name in kinds if name.endswith(".powercap.dev")))


def _apply(world: World, body: dict[str, Any]) -> None:
    world.plane.kubectl("apply", "-f", "-", input=json.dumps(body))


def _job_spec(world: World) -> dict[str, Any]:
    """A second's work on the agent's image, which the node has."""
    image = f"{world.images.agent.name}:{world.images.agent.tag}"
    container = {"name": "work", "image": image, "imagePullPolicy": "Never", "command": ["python3", "-c", ""]}
    pod = {"restartPolicy": "Never", "automountServiceAccountToken": False, "containers": [container]}
    return {"suspend": True, "template": {"spec": pod}}


def _jobs(world: World) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = world.get("jobs", "-n", "default")["items"]
    return items


def test_a_cron_job_runs_in_the_cheap_quarter_and_an_uninstall_releases_what_waits(
    waiting: World, cheap: datetime
) -> None:
    world = waiting
    labels, annotations = {CHEAP_HOURS_LABEL: "true"}, {"powercap.dev/wait": "2h"}
    template = {"metadata": {"labels": labels, "annotations": annotations}, "spec": _job_spec(world)}
    cron = {"schedule": "* * * * *", "concurrencyPolicy": "Forbid", "jobTemplate": template}
    _apply(
        world,
        {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "work"}, "spec": cron},
    )
    world.until(lambda: bool(_jobs(world)), "the CronJob makes a job", 90)
    world.until(lambda: world.get("waitpolicy", "default")["status"].get("waiting") == 1, "it waits")
    assert _jobs(world)[0]["spec"]["suspend"]
    assert not world.get("pods", "-n", "default")["items"]
    world.advance(cheap - datetime.now(UTC) + timedelta(seconds=1))
    world.until(lambda: _jobs(world)[0]["status"].get("succeeded") == 1, "it runs in the cheap quarter", 90)
    assert _jobs(world)[0]["metadata"]["annotations"][RELEASED_BECAUSE] == "Window"
    world.plane.kubectl("delete", "cronjob", "work", "-n", "default")
    write_offset(world.clock_file, timedelta())
    metadata = {"name": "late", "namespace": "default", "labels": labels, "annotations": annotations}
    _apply(world, {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": _job_spec(world)})
    world.until(lambda: world.get("waitpolicy", "default")["status"].get("waiting") == 1, "another waits")
    world.uninstall()
    late = world.get("job", "late", "-n", "default")
    assert late["metadata"]["annotations"][RELEASED_BECAUSE] == "Removed"
    world.until(
        lambda: world.get("job", "late", "-n", "default")["status"].get("succeeded") == 1, "it runs", 90
    )
