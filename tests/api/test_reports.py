"""PowerReports with the real operator and a real agent: written once in each period, read by people, cleared away."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dev.lab.agent_process import eventually
from dev.lab.fake_sysfs import ONE_SOCKET
from dev.lab.results import DEFAULT_MARKET, periods_for
from dev.lab.stage import Stage, next_quarter, quoted_logs, tomorrow_and_today
from powercap_api.names import API_VERSION
from powercap_api.powerreport import report_name
from powercap_operator.market.results import Query
from tests.api.conftest import Kube
from tests.support.energy_history import columns_of

pytestmark = pytest.mark.long

ZONE = DEFAULT_MARKET.bidding_zone.zone
NODE = "node-h"
"""Its turn to write routine statuses comes within a second."""
LAST_SECONDS = timedelta(seconds=12)
"""Of a quarter: time for an agent to read its counters twice."""
_COMMAND = "import sys; from powercap_cli.main import main; sys.exit(main())"


@pytest.fixture
def stage(kube: Kube, tmp_path: Path) -> Iterator[Stage]:
    """One node with its agent, at seven minutes past nine of a day whose results are there."""
    stage = Stage(tmp_path, kube.plane, {NODE: ONE_SOCKET})
    stage.open()
    for day in tomorrow_and_today(datetime.now(UTC), ZONE):
        stage.exchange.publish(Query(DEFAULT_MARKET, day), periods_for(day, None))
    now = datetime.now(UTC).astimezone(ZONE)
    stage.advance(now.replace(hour=9, minute=7, second=0) - now)
    stage.apply_policy(maxSource="60", minPower="10", stabilisationSeconds=60)
    with quoted_logs(stage):
        stage.start_operator("--history-days", "3")
        stage.start_agent(NODE)
        eventually(lambda: stage.is_ready(NODE), "the node follows its budget", 120)
        yield stage
    stage.close()


def draw(stage: Stage, joules: int) -> None:
    """The node's package draws so much."""
    counter = stage.tree(NODE) / "intel-rapl/intel-rapl:0/energy_uj"
    whole = counter.with_suffix(".new")
    whole.write_text(f"{int(counter.read_text()) + joules * 1_000_000}\n", encoding="ascii")
    whole.replace(counter)


def today(stage: Stage) -> str:
    return report_name("default", stage.clock.now().astimezone(ZONE).date())


def report(kube: Kube, stage: Stage) -> dict[str, Any]:
    return kube.items("powerreports").get(today(stage), {"metadata": {"generation": 0}, "spec": {}})


def told(kube: Kube) -> list[int]:
    """Joules of the quarters that the agent's status tells."""
    energy = kube.get("powerbudget", NODE).get("status", {}).get("energy", {"history": []})
    return [joules for run in energy["history"] for joules in columns_of(run)["joules"]]


def a_quarter_passes(kube: Kube, stage: Stage) -> None:
    """Its last seconds do, in which the node draws 20 J; then three minutes, and the report of its day reaches its end.

    An agent counts the seconds that really pass, so the clock is set to where it sees the quarter end.
    """
    before, now = len(told(kube)), stage.clock.now()
    end = next_quarter(now + LAST_SECONDS)
    stage.advance(end - LAST_SECONDS - now)
    draw(stage, 20)
    eventually(lambda: len(told(kube)) > before, "the agent tells what was drawn", 120)
    stage.advance(timedelta(minutes=3))
    eventually(
        lambda: datetime.fromisoformat(report(kube, stage)["spec"]["until"]) == end,
        "the report reaches the last period",
        120,
    )


def test_a_day_is_reported_once_in_each_period_over_a_restart_of_the_operator(
    kube: Kube, stage: Stage
) -> None:
    steps = 0

    def another() -> None:
        nonlocal steps
        steps += 1
        a_quarter_passes(kube, stage)

    another()
    another()
    stage.operator.stop(10)
    stage.start_operator("--history-days", "3")
    another()
    another()
    found = report(kube, stage)
    assert found["metadata"]["generation"] == steps, "one write for each period"
    spec = found["spec"]
    assert sum(spec["quarters"]["joules"]) == sum(told(kube)) > 0
    assert sum(one > 0 for one in spec["quarters"]["seconds"]) == steps
    assert (spec["policy"], spec["nodes"], spec["currency"]) == ("default", 1, "EUR")
    assert spec["cost"].endswith(" EUR")
    assert len(spec["quarters"]["prices"]) == len(spec["quarters"]["joules"])
    heads, line = kube.plane.kubectl("get", "pwr").splitlines()[:2]
    assert heads.split() == [
        "NAME", "POLICY", "DAY", "NODES", "ENERGY", "COST", "CO2", "BOUND", "LIFTS", "NOTFOLLOWING", "AGE",
    ]  # fmt: skip
    assert line.split()[:4] == [today(stage), "default", spec["day"], "1"]

    said = subprocess.run(
        [sys.executable, "-c", _COMMAND, "report", "--format", "csv"],
        env={**os.environ, "KUBECONFIG": str(kube.plane.kubeconfig)},
        capture_output=True,
        text=True,
        check=True,
    )
    (row,) = said.stdout.splitlines()[1:]
    assert row.split(",")[:3] == ["default", spec["day"], "1"]


def test_reports_older_than_market_days_are_deleted(kube: Kube, stage: Stage) -> None:
    a_quarter_passes(kube, stage)
    spec = report(kube, stage)["spec"]
    for name, day in (("default-2020-01-01", "2020-01-01"), ("gone-2020-01-01", "2020-01-01")):
        kube.apply(
            {
                "apiVersion": API_VERSION,
                "kind": "PowerReport",
                "metadata": {"name": name},
                "spec": {**spec, "day": day, "policy": name.partition("-")[0]},
            }
        )
    eventually(lambda: set(kube.items("powerreports")) == {today(stage)}, "the old ones are gone", 300)
