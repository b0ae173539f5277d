"""A limit that something had lowered before the agent first came: people are told by condition and event."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dev.lab.fake_sysfs import LOWERED
from dev.lab.results import DEFAULT_MARKET, periods_for
from dev.lab.stage import Stage, quoted_logs, wait_until
from powercap_operator.market.results import Query
from tests.api.conftest import Kube


@pytest.fixture
def stage(kube: Kube, tmp_path: Path) -> Iterator[Stage]:
    """A node whose package may draw 105 W and is found at 40 W."""
    stage = Stage(tmp_path, kube.plane, {"node-a": LOWERED})
    stage.open()
    day = datetime.now(UTC).astimezone(DEFAULT_MARKET.bidding_zone.zone).date()
    stage.exchange.publish(Query(DEFAULT_MARKET, day), periods_for(day, None))
    with quoted_logs(stage):
        yield stage
    stage.close()


def test_a_low_original_is_told_by_condition_and_event(kube: Kube, stage: Stage) -> None:
    stage.apply_policy(maxSource="30", minPower="10")
    stage.start_operator()
    stage.start_agent("node-a")
    found: list[dict[str, Any]] = []

    def told() -> bool:
        events = kube.get("events")["items"]
        found[:] = [event for event in events if event["reason"] == "LowOriginal"]
        return bool(found)

    wait_until(told, "an event tells of it", 90, every=0.5)
    event = found[0]
    assert (event["type"], event["involvedObject"]["name"]) == ("Warning", "node-a")
    assert "intel-rapl/intel-rapl:0 40 W of 105 W" in event["message"]
    conditions = kube.get("powerbudget", "node-a")["status"]["conditions"]
    said = {one["type"]: (one["status"], one["reason"]) for one in conditions}
    assert said == {"Applied": ("True", "LowOriginal"), "Ready": ("True", "LowOriginal")}
    assert "agent.originalWatts" in next(one["message"] for one in conditions if one["type"] == "Ready")
