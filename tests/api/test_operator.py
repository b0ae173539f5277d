"""The operator as a process that is started, ended and started again, on a real API server and a stand-in exchange."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dev.lab.agent_process import eventually
from dev.lab.caps import caps_of
from dev.lab.exchange.site import Behaviour
from dev.lab.results import DEFAULT_MARKET, periods_for
from dev.lab.stage import Stage, quoted_logs, tomorrow_and_today
from powercap_operator.market.publication import DAILY_LIMIT
from powercap_operator.market.results import Query
from tests.api.conftest import Kube

ZONE = DEFAULT_MARKET.bidding_zone.zone


@pytest.fixture
def stage(kube: Kube, tmp_path: Path) -> Iterator[Stage]:
    """Two nodes, the exchange with today's and tomorrow's results, no policy; the operator is not started."""
    stage = Stage(tmp_path, kube.plane, {})
    stage.open()
    begin(kube, stage)
    with quoted_logs(stage):
        yield stage
    stage.close()


def begin(kube: Kube, stage: Stage) -> None:
    """Two nodes, and an exchange that was not asked yet and has today's and tomorrow's results."""
    for name in ("node-a", "node-b"):
        kube.add_node(name, pool=name[-1])
    for day in tomorrow_and_today(datetime.now(UTC), ZONE):
        publish(stage, day)
    stage.exchange.requests.clear()


def publish(stage: Stage, day: Any) -> None:
    query = Query(DEFAULT_MARKET, day)
    stage.exchange.publish(query, periods_for(day, None))


def specs(kube: Kube) -> dict[str, dict[str, Any]]:
    return {name: item["spec"] for name, item in kube.items("powerbudgets").items()}


def ready(kube: Kube, kind: str, name: str, of_type: str = "Ready") -> dict[str, Any]:
    conditions = kube.get(kind, name).get("status", {}).get("conditions", [])
    return next((one for one in conditions if one["type"] == of_type), {})


def morning(stage: Stage) -> None:
    """Set the clock to 09:07 of today's delivery day: tomorrow's results are not due."""
    now = datetime.now(UTC).astimezone(ZONE)
    stage.advance(now.replace(hour=9, minute=7, second=0) - now)


def test_an_edit_reaches_every_budget_and_nothing_else_is_written(kube: Kube, stage: Stage) -> None:
    morning(stage)
    stage.apply_policy(maxSource="40")
    stage.start_operator()
    eventually(lambda: len(specs(kube)) == 2, "budgets")
    kube.patch("powerpolicy", "default", {"spec": {"maxSource": "80", "stabilisationSeconds": 60}})
    eventually(
        lambda: all(spec["stabilisationSeconds"] == 60 for spec in specs(kube).values()), "edited budgets"
    )
    now = stage.clock.now()
    coming = [cap for cap in caps_of(specs(kube)["node-a"]) if cap.start > now]
    assert max(cap.power_uw for cap in coming) == 80_000_000
    eventually(
        lambda: ready(kube, "powerpolicy", "default").get("observedGeneration") == 2, "the status follows"
    )

    def versions() -> dict[str, str]:
        kinds = ("powerbudgets", "powerpolicies", "marketdays")
        return {
            f"{kind}/{name}": item["metadata"]["resourceVersion"]
            for kind in kinds
            for name, item in kube.items(kind).items()
        }

    before = versions()
    kube.plane.kubectl("label", "node", "node-a", "unrelated=label")
    stage.advance(timedelta(minutes=1))
    stage.operator.stop()
    stage.start_operator()
    eventually(stage.operator.log.read_text, "it has started again")
    settle = time.monotonic() + 4
    while time.monotonic() < settle:
        assert versions() == before, (
            "a restart, a label and a minute later nothing is written that is already so"
        )
        time.sleep(0.2)


def test_what_happens_while_the_operator_is_away_is_made_up_for(kube: Kube, stage: Stage) -> None:
    stage.apply_policy(maxSource="40")
    stage.start_operator()
    eventually(lambda: len(specs(kube)) == 2, "budgets")
    stage.operator.stop()
    kube.plane.kubectl("delete", "node", "node-b")
    kube.add_node("node-c")
    kube.plane.kubectl("delete", "powerbudget", "node-a")
    stage.start_operator()
    eventually(lambda: set(specs(kube)) == {"node-a", "node-c"}, "the world as it should be")


def test_missing_results_fall_back_and_are_replaced_when_they_come(kube: Kube, stage: Stage) -> None:
    morning(stage)
    _, today = tomorrow_and_today(datetime.now(UTC), ZONE)
    yesterday = today - timedelta(days=1)
    stage.exchange.withdraw(Query(DEFAULT_MARKET, today))
    publish(stage, yesterday)
    stage.apply_policy(maxSource="40")
    stage.start_operator()
    old, new = (f"FR IDA1 of {day}: Volume" for day in (yesterday, today))
    eventually(
        lambda: [{cap.basis for cap in caps_of(spec)} for spec in specs(kube).values()] == [{old}] * 2,
        "budgets from yesterday's results",
    )
    eventually(
        lambda: ready(kube, "powerpolicy", "default", "MarketData").get("reason") == "Fallback",
        "said in the status",
    )
    day = kube.get("marketday", f"epex-fr-ida1-{today}")
    complete = next(one for one in day["status"]["conditions"] if one["type"] == "Complete")
    assert complete["status"] == "False"
    assert day["status"]["fetch"]["requests"] >= 1
    events = kube.get("events")["items"]
    assert {(event["type"], event["reason"]) for event in events} >= {("Warning", "Fallback")}
    requests = len(stage.exchange.requests)
    publish(stage, today)
    stage.advance(timedelta(hours=5))
    eventually(
        lambda: ready(kube, "powerpolicy", "default", "MarketData").get("reason") == "Current",
        "today's results replace them",
    )
    eventually(lambda: caps_of(specs(kube)["node-a"])[-1].basis == new, "caps of today's results")
    over = [cap for cap in caps_of(specs(kube)["node-a"]) if cap.basis == old]
    assert over, "caps that are over stay as they were"
    assert len(stage.exchange.requests) > requests


def test_without_any_results_the_policy_says_what_happens(kube: Kube, stage: Stage) -> None:
    stage.exchange.behave(Behaviour(status=403))
    stage.apply_policy(maxSource="40", fallback={"previousDays": 1, "then": "Release"})
    stage.start_operator()
    eventually(lambda: ready(kube, "powerpolicy", "default").get("reason") == "Missing", "said", 40)
    assert "original limits" in ready(kube, "powerpolicy", "default")["message"]
    spec = specs(kube)["node-a"]
    assert (spec.get("schedule", []), spec["onExpiry"]) == ([], "Release")
    assert datetime.fromisoformat(spec["validUntil"]) < stage.clock.now()
    _, today = tomorrow_and_today(datetime.now(UTC), ZONE)
    assert ready(kube, "marketday", f"epex-fr-ida1-{today}")["reason"] == "Refused"


def requests_of(kube: Kube, name: str) -> int:
    status = kube.items("marketdays").get(name, {}).get("status", {})
    return int(status.get("fetch", {}).get("requests", 0))


def has_asked(kube: Kube, name: str, more_than: int) -> bool:
    return requests_of(kube, name) > more_than


def test_a_crash_loop_cannot_ask_more_often_than_the_limit(kube: Kube, stage: Stage) -> None:
    morning(stage)
    stage.exchange.behave(Behaviour(status=503))
    stage.apply_policy(maxSource="40", fallback={"previousDays": 0})
    _, today = tomorrow_and_today(datetime.now(UTC), ZONE)
    name = f"epex-fr-ida1-{today}"
    counts = [0]
    for restart in range(1, 7):
        stage.start_operator()
        more_than = counts[-1] if restart == 6 else 0
        eventually(partial(has_asked, kube, name, more_than), "an attempt")
        stage.operator.stop(0.0)
        counts.append(requests_of(kube, name))
        if restart == 5:
            stage.advance(timedelta(hours=3))
    assert counts[1] == counts[5] <= 4, "killed and started again it waits for the next attempt's time"
    assert len(stage.exchange.requests) <= counts[6] <= DAILY_LIMIT, "what was counted covers what was sent"
