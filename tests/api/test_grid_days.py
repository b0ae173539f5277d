"""Days of the grid and price paid, from a policy to budgets and statuses, by the operator on a real API server."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dev.lab.agent_process import eventually
from dev.lab.caps import caps_of
from dev.lab.results import DEFAULT_MARKET, periods_for
from dev.lab.stage import Stage, quoted_logs, tomorrow_and_today
from powercap_operator.market.results import Query
from tests.api.conftest import Kube

ZONE = DEFAULT_MARKET.bidding_zone.zone


@pytest.fixture
def stage(kube: Kube, tmp_path: Path) -> Iterator[Stage]:
    """A node, and the exchange with today's results, at 09:07; the operator is not started."""
    stage = Stage(tmp_path, kube.plane, {})
    stage.open()
    kube.add_node("node-a")
    _, today = tomorrow_and_today(datetime.now(UTC), ZONE)
    query = Query(DEFAULT_MARKET, today)
    stage.exchange.publish(query, periods_for(today, None))
    now = datetime.now(UTC).astimezone(ZONE)
    stage.advance(now.replace(hour=9, minute=7, second=0) - now)
    with quoted_logs(stage):
        yield stage
    stage.close()


def current(kube: Kube) -> dict[str, Any]:
    found: dict[str, Any] = kube.get("powerpolicy", "default").get("status", {}).get("current", {})
    return found


def test_a_policy_follows_the_grid_and_asks_no_exchange(kube: Kube, stage: Stage) -> None:
    stage.apply_policy(maxSource="40", strategy={"type": "Carbon"}, market={"carbonProviders": ["Mock"]})
    stage.start_operator()
    eventually(lambda: set(kube.items("powerbudgets")) == {"node-a"}, "a budget", 90)
    day = stage.clock.now().astimezone(ZONE).date()
    assert set(kube.items("marketdays")) == {f"mock-fr-carbon-{day}"}
    status = kube.get("marketday", f"mock-fr-carbon-{day}")["status"]
    assert all(period["forecast"] and float(period["carbon"]) > 0 for period in status["periods"])
    assert status["summary"]["forecasts"] == len(status["periods"])
    assert max(cap.power_uw for cap in caps_of(kube.get("powerbudget", "node-a")["spec"])) == 40_000_000
    eventually(lambda: current(kube).get("carbon", "").endswith(" g/kWh (forecast)"), "a status", 90)
    assert stage.exchange.requests == []


def test_carbon_stands_beside_the_exchanges_volumes(kube: Kube, stage: Stage) -> None:
    stage.apply_policy(maxSource="40", market={"carbonProviders": ["Mock"]})
    stage.start_operator()
    eventually(lambda: {"volume", "price", "carbon"} <= set(current(kube)), "volume, price and carbon", 90)
    day = stage.clock.now().astimezone(ZONE).date()
    assert set(kube.items("marketdays")) == {f"epex-fr-ida1-{day}", f"mock-fr-carbon-{day}"}
    assert len(stage.exchange.requests) == 1


def test_the_cheapest_hours_by_the_price_paid(kube: Kube, stage: Stage) -> None:
    tariff = {
        "fees": "30",
        "taxFactor": "1.2",
        "windows": [{"start": "06:00", "end": "22:00", "fees": "9999"}],
    }
    stage.apply_policy(maxSource="40", strategy={"type": "CheapestHours", "hours": 2}, tariff=tariff)
    stage.start_operator()
    eventually(lambda: current(kube).get("pricePaid", "").endswith("EUR/MWh"), "a price paid", 90)
    price, paid = (float(current(kube)[name].split()[0]) for name in ("price", "pricePaid"))
    assert paid == pytest.approx((price + 30 + 9999) * 1.2, abs=0.01)
    spec = kube.get("powerbudget", "node-a")["spec"]
    (night,) = [cap for cap in caps_of(spec) if cap.power_uw == 40_000_000]
    assert night.start.astimezone(ZONE).hour == 22
    assert datetime.fromisoformat(spec["validUntil"]) - night.start == timedelta(hours=2)
