"""The operator on a real API server without any exchange: Static days, and strategies that need no market."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from dev.lab.caps import Cap, caps_of
from dev.lab.results import DEFAULT_MARKET
from dev.lab.stage import Stage, quoted_logs, wait_until
from powercap_api.names import API_VERSION
from powercap_operator.market.csv_format import to_csv
from powercap_operator.market.results import Query
from powercap_operator.sources.mock import made_up_periods
from tests.api.conftest import Kube

ZONE = DEFAULT_MARKET.bidding_zone.zone


@pytest.fixture
def stage(kube: Kube, tmp_path: Path) -> Iterator[Stage]:
    """One node and a running operator; the exchange has nothing, and counts who asks."""
    stage = Stage(tmp_path, kube.plane, {})
    stage.open()
    kube.add_node("node-a")
    with quoted_logs(stage):
        stage.start_operator()
        yield stage
    stage.close()


def condition(kube: Kube, kind: str, name: str, of_type: str) -> dict[str, Any]:
    found = kube.items(kind).get(name, {}).get("status", {}).get("conditions", [])
    return next((one for one in found if one["type"] == of_type), {})


def caps(kube: Kube) -> list[Cap]:
    budgets = kube.items("powerbudgets")
    return caps_of(budgets["node-a"]["spec"]) if "node-a" in budgets else []


def static_day(day: date, csv: str) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "MarketDay",
        "metadata": {"name": f"static-fr-ida1-{day}"},
        "spec": {"provider": "Static", "deliveryDate": day.isoformat(), "csv": csv},
    }


def test_a_day_given_by_hand_is_followed(kube: Kube, stage: Stage) -> None:
    today = datetime.now(UTC).astimezone(ZONE).date()
    name = f"static-fr-ida1-{today}"
    stage.apply_policy(maxSource="40", market={"providers": ["Static"]}, fallback={"previousDays": 0})
    wait_until(
        lambda: name in condition(kube, "powerpolicies", "default", "MarketData").get("message", ""),
        "the policy names the MarketDay that it misses",
        20,
        every=0.1,
    )
    query = Query(DEFAULT_MARKET, today)
    csv = to_csv(made_up_periods(query), query)
    kube.apply(static_day(today, csv.replace(",", ";")))
    wait_until(
        lambda: "line 1: " in condition(kube, "marketdays", name, "Ready").get("message", ""),
        "what cannot be read is refused with the line",
        20,
        every=0.1,
    )
    kube.apply(static_day(today, csv))
    wait_until(lambda: len(caps(kube)) > 80, "the budget follows the day", 20, every=0.1)
    assert condition(kube, "marketdays", name, "Complete")["status"] == "True"
    wait_until(
        lambda: kube.get("powerpolicy", "default").get("status", {}).get("marketDays") == [name],
        "the policy names the day",
        20,
        every=0.1,
    )
    assert list(kube.items("marketdays")) == [name]
    assert stage.exchange.requests == []


def test_a_strategy_without_market_needs_nobody(kube: Kube, stage: Stage) -> None:
    stage.apply_policy(maxSource="40", strategy={"type": "Solar"})
    wait_until(lambda: len(caps(kube)) > 50, "a budget by the clock", 20, every=0.1)
    wait_until(
        lambda: condition(kube, "powerpolicies", "default", "MarketData").get("reason") == "NotNeeded",
        "the policy says that it needs no market",
        20,
        every=0.1,
    )
    assert kube.get("powerpolicy", "default")["status"]["market"] == "not needed"
    assert kube.items("marketdays") == {}
    assert stage.exchange.requests == []
