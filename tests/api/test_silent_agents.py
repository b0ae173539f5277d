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
from dev.lab.fake_sysfs import ONE_SOCKET
from dev.lab.results import DEFAULT_MARKET, periods_for
from dev.lab.stage import Stage, quoted_logs, wait_until
from powercap_api.names import SILENT_SINCE
from powercap_operator.market.results import Query
from powercap_operator.world.silence import LONGEST_GAP
from tests.api.conftest import Kube

pytestmark = pytest.mark.long

LIVES, DIES = "node-n", "node-d"
"""The turns of their statuses are 54 s and 2 s after a slot's begin."""
ZONE = DEFAULT_MARKET.bidding_zone.zone


@pytest.fixture
def stage(kube: Kube, tmp_path: Path) -> Iterator[Stage]:
    """Two nodes with agents and an operator, in the morning of a day whose results are there."""
    stage = Stage(tmp_path, kube.plane, dict.fromkeys((LIVES, DIES), ONE_SOCKET))
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


def has_reported(kube: Kube, stage: Stage, node: str) -> bool:
    """Whether the slot that the agent last reported is not over."""
    end = kube.get("powerbudget", node)["status"]["current"]["end"]
    return datetime.fromisoformat(end) > stage.clock.now()


def told_of(kube: Kube) -> set[tuple[str, str, str]]:
    """Kind, name and type of all events about silent agents."""
    return {
        (event["involvedObject"]["kind"], event["involvedObject"]["name"], event["type"])
        for event in kube.get("events")["items"]
        if event["reason"] == "AgentSilent"
    }


def scrape(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text: str = answer.read().decode()
    return text


def kill(stage: Stage, node: str) -> None:
    pid = stage.agents[node].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    stage.agents[node].stop()


def test_a_dead_agent_is_told_of_and_one_that_waits_for_its_turn_is_not(kube: Kube, stage: Stage) -> None:
    port = free_port()
    stage.apply_policy(maxSource="40")
    stage.start_operator("--metrics", f"127.0.0.1:{port}")
    for node in (LIVES, DIES):
        stage.start_agent(node)
    wait_until(lambda: ready(kube).get("reason") == "Active", "both follow", 60, every=0.2)
    kill(stage, DIES)
    generation = kube.get("powerbudget", DIES)["metadata"]["generation"]
    stage.advance(timedelta(minutes=47))
    skipped = "agents are given 120 s to report"
    wait_until(
        lambda: skipped in stage.operator.log.read_text(), "the operator sees that time was skipped", 30
    )
    assert not has_reported(kube, stage, LIVES), "its turn comes last"
    assert 'powercap_policy_nodes_silent{policy="default"} 0.0' in scrape(port)
    wait_until(lambda: has_reported(kube, stage, LIVES), "it has had its turn", 120, every=0.5)
    assert ready(kube)["reason"] == "Active", "time that was skipped makes nobody silent"
    stage.advance(LONGEST_GAP - timedelta(seconds=10))  # no jump yet: only to wait less long
    wait_until(lambda: ready(kube).get("reason") == "AgentSilent", "the dead one is missed", 180, every=0.5)
    assert ready(kube)["status"] == "Unknown"
    assert f"1 of 2 nodes follow their budget; not: {DIES} (AgentSilent)" in ready(kube)["message"]
    assert silent_since(kube, DIES) is not None
    assert silent_since(kube, LIVES) is None
    assert kube.get("powerbudget", DIES)["metadata"]["generation"] == generation
    row = kube.plane.kubectl("get", "powerbudget", DIES, "-o", "wide").splitlines()
    assert "SILENT" in row[0]
    assert f'powercap_node_reason{{node="{DIES}",policy="default",reason="AgentSilent"}} 1.0' in scrape(port)
    expected = {("PowerPolicy", "default", "Warning"), ("PowerBudget", DIES, "Warning")}
    wait_until(lambda: told_of(kube) == expected, "events tell of it, and of no other", 30, every=0.2)
    stage.start_agent(DIES)
    wait_until(lambda: silent_since(kube, DIES) is None, "it reports again", 90, every=0.5)
    wait_until(lambda: ready(kube).get("reason") == "Active", "both follow again", 60, every=0.2)
    assert told_of(kube) == expected
