"""The operator on a real API server, where days do not come: what budgets say before and after midnight."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dev.lab.caps import caps_of
from dev.lab.exchange.site import Behaviour
from dev.lab.results import DEFAULT_MARKET, periods_for
from dev.lab.stage import Stage, quoted_logs, wait_until
from powercap_api.names import API_VERSION, MARKET_DAY
from powercap_operator.market.csv_format import to_csv
from powercap_operator.market.delivery_day import day_bounds
from powercap_operator.market.results import Period, Query
from tests.api.conftest import Kube

ZONE = DEFAULT_MARKET.bidding_zone.zone


@pytest.fixture
def stage(kube: Kube, tmp_path: Path) -> Iterator[Stage]:
    """One node and an exchange without any results; the operator is not started."""
    stage = Stage(tmp_path, kube.plane, {})
    stage.open()
    kube.add_node("node-a")
    with quoted_logs(stage):
        yield stage
    stage.close()


def today() -> date:
    return datetime.now(UTC).astimezone(ZONE).date()


def publish(stage: Stage, day: date) -> None:
    stage.exchange.publish(Query(DEFAULT_MARKET, day), periods_for(day, None))


def set_clock(stage: Stage, day: date, hour: int, minute: int = 7) -> None:
    """Set the clock of the operator to that time of the delivery day."""
    wanted = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE)
    stage.advance(wanted - stage.clock.now())


def spec(kube: Kube) -> dict[str, Any]:
    found: dict[str, Any] = kube.items("powerbudgets").get("node-a", {}).get("spec", {})
    return found


def bases(kube: Kube) -> list[str | None]:
    """The results that the budget's caps come from, in order of time."""
    return list(dict.fromkeys(cap.basis for cap in caps_of(spec(kube)))) if spec(kube) else []


def reason(kube: Kube, of_type: str) -> str:
    conditions = kube.get("powerpolicy", "default").get("status", {}).get("conditions", [])
    return next((str(one["reason"]) for one in conditions if one["type"] == of_type), "")


def until(kube: Kube, day: date) -> bool:
    """Whether the budget ends with that day."""
    valid_until = spec(kube).get("validUntil")
    return valid_until is not None and datetime.fromisoformat(valid_until) == day_bounds(day, ZONE)[1]


def test_tomorrow_has_its_stand_in_before_midnight_and_gives_way_to_the_real_day(
    kube: Kube, stage: Stage
) -> None:
    day, tomorrow = today(), today() + timedelta(days=1)
    set_clock(stage, day, 18)
    publish(stage, day)
    stage.apply_policy(maxSource="40")
    stage.start_operator()
    wait_until(lambda: until(kube, tomorrow), "tomorrow is in the budget", 60, every=0.2)
    assert bases(kube) == [f"FR IDA1 of {day}: Volume"]
    generation = kube.get("powerbudget", "node-a")["metadata"]["generation"]
    stage.exchange.behave(Behaviour(status=503))
    set_clock(stage, tomorrow, 0, 3)
    wait_until(lambda: reason(kube, "MarketData") == "Fallback", "the new day has begun", 60, every=0.2)
    assert kube.get("powerbudget", "node-a")["metadata"]["generation"] == generation, (
        "midnight writes nothing"
    )
    stage.exchange.behave(Behaviour())
    publish(stage, tomorrow)
    set_clock(stage, tomorrow, 5)
    wait_until(lambda: reason(kube, "MarketData") == "Current", "the real day is there", 60, every=0.2)
    wait_until(
        lambda: bases(kube) == [f"FR IDA1 of {day}: Volume", f"FR IDA1 of {tomorrow}: Volume"],
        "what is over stays, what comes follows the real day",
        60,
        every=0.2,
    )


def test_an_operator_that_starts_after_midnight_asks_before_anything_stands_in(
    kube: Kube, stage: Stage
) -> None:
    """Every budget that was written is looked at: the event of a fallback would have come with the first."""
    day, yesterday = today(), today() - timedelta(days=1)
    publish(stage, yesterday)
    set_clock(stage, yesterday, 9)
    stage.apply_policy(maxSource="40")
    stage.start_operator()
    wait_until(lambda: until(kube, yesterday), "yesterday's budget", 60, every=0.2)
    stage.operator.stop()
    publish(stage, day)
    stage.exchange.behave(Behaviour(drip_seconds=0.005))
    set_clock(stage, day, 9)
    stage.start_operator()
    wait_until(lambda: until(kube, day), "today's budget", 60, every=0.2)
    assert bases(kube)[-1] == f"FR IDA1 of {day}: Volume"
    events = {event["reason"] for event in kube.get("events")["items"]}
    assert "Fallback" not in events
    assert "fallbacks" not in kube.get("powerpolicy", "default")["status"]


def test_a_day_with_prices_only_lets_the_next_source_be_asked(kube: Kube, stage: Stage) -> None:
    day = today()
    set_clock(stage, day, 9)
    publish(stage, day)
    query = Query(DEFAULT_MARKET, day)
    prices = [Period(period.start, None, period.price) for period in periods_for(day, None)]
    static = {"provider": "Static", "deliveryDate": day.isoformat(), "csv": to_csv(prices, query)}
    name = f"static-fr-ida1-{day}"
    kube.apply({"apiVersion": API_VERSION, "kind": MARKET_DAY, "metadata": {"name": name}, "spec": static})
    stage.apply_policy(maxSource="40", market={"providers": ["Static", "EPEX"]})
    stage.start_operator()
    wait_until(lambda: reason(kube, "MarketData") == "Current", "the exchange was asked", 60, every=0.2)
    assert kube.get("powerpolicy", "default")["status"]["marketDays"] == [f"epex-fr-ida1-{day}"]


def test_days_that_a_policy_looks_back_to_are_not_made_and_deleted_in_turn(kube: Kube, stage: Stage) -> None:
    set_clock(stage, today(), 9)
    stage.apply_policy(maxSource="40", fallback={"previousDays": 7})
    stage.start_operator("--history-days", "2")
    wait_until(lambda: len(kube.items("marketdays")) == 8, "today and seven days before it", 60, every=0.5)
    uids = {name: item["metadata"]["uid"] for name, item in kube.items("marketdays").items()}
    until_then = time.monotonic() + 4
    while time.monotonic() < until_then:
        now = {name: item["metadata"]["uid"] for name, item in kube.items("marketdays").items()}
        assert now == uids
        time.sleep(0.5)
    assert len(stage.exchange.requests) == 8
