"""Agents that end without a word, on a real API server: who says so, and how it is taken back."""

import os
import signal
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.process.ports import free_port
from dev.demo.results import DEFAULT_MARKET, periods_for
from dev.stage import Stage, quoted_logs, wait_until
from powercap_api.names import SILENT_SINCE
from powercap_operator.market.results import Query
from tests.api.conftest import Kube
from tests.support.fake_sysfs import ONE_SOCKET

NODES = ("node-a", "node-b")
ZONE = DEFAULT_MARKET.bidding_zone.zone


@pytest.fixture
def stage(kube: Kube, tmp_path: Path) -> Iterator[Stage]:
    """Two nodes with agents and an operator, in the morning of a day whose results are there."""
    stage = Stage(tmp_path, kube.plane, dict.fromkeys(NODES, ONE_SOCKET))
    stage.open()
    now = datetime.now(UTC).astimezone(ZONE)
    stage.advance(now.replace(hour=9, minute=7, second=0) - now)
    query = Query(DEFAULT_MARKET, now.date())
    stage.exchange.publish(query, periods_for(now.date(), None))
    with quoted_logs(stage):
        yield stage
    stage.close()


def silent_since(kube: Kube, node: str) -> str | None:
    found: str | None = kube.get("powerbudget", node)["metadata"]["annotations"].get(SILENT_SINCE)
    return found


def ready(kube: Kube) -> dict[str, Any]:
    conditions = kube.get("powerpolicy", "default").get("status", {}).get("conditions", [])
    return next((one for one in conditions if one["type"] == "Ready"), {})


def kill(stage: Stage, node: str) -> None:
    pid = stage.agents[node].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    stage.agents[node].stop()


def test_a_dead_agent_is_told_of_and_one_that_comes_back_is_not(kube: Kube, stage: Stage) -> None:
    port = free_port()
    stage.apply_policy(maxSource="40")
    stage.start_operator("--metrics", f"127.0.0.1:{port}")
    for node in NODES:
        stage.start_agent(node)
    wait_until(lambda: ready(kube).get("reason") == "Active", "both follow", 60, every=0.2)
    kill(stage, "node-b")
    generation = kube.get("powerbudget", "node-b")["metadata"]["generation"]
    stage.advance(timedelta(minutes=25))
    wait_until(lambda: ready(kube).get("reason") == "Active", "it is not missed yet", 60, every=0.2)
    assert silent_since(kube, "node-b") is None
    stage.advance(timedelta(minutes=22))
    wait_until(lambda: ready(kube).get("reason") == "AgentSilent", "it is missed", 60, every=0.2)
    assert ready(kube)["status"] == "Unknown"
    # The clock was set ahead: the other agent looks silent too, until its turn to report.
    alone = "1 of 2 nodes follow their budget; not: node-b (AgentSilent)"
    wait_until(lambda: alone in ready(kube)["message"], "the other one reports", 90, every=0.5)
    assert (silent_since(kube, "node-a"), silent_since(kube, "node-b") is None) == (None, False)
    assert kube.get("powerbudget", "node-b")["metadata"]["generation"] == generation
    row = kube.plane.kubectl("get", "powerbudget", "node-b", "-o", "wide").splitlines()
    assert "SILENT" in row[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        assert 'reason="AgentSilent"} 1.0' in answer.read().decode()
    events = kube.get("events", "-n", "default")["items"]
    told = {
        (event["involvedObject"]["kind"], event["type"])
        for event in events
        if event["reason"] == "AgentSilent"
    }
    assert told == {("PowerPolicy", "Warning"), ("PowerBudget", "Warning")}
    stage.start_agent("node-b")
    wait_until(lambda: silent_since(kube, "node-b") is None, "it reports again", 90, every=0.5)
    wait_until(lambda: ready(kube).get("reason") == "Active", "both follow again", 60, every=0.2)
