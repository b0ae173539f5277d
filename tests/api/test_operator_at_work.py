"""One operator that runs, on a real API server and a stand-in exchange, and what comes of what people do meanwhile.

Between tests everything is deleted, and the operator goes on.
"""

import urllib.request
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from dev.cluster.process.ports import free_port
from dev.lab.agent_process import eventually
from dev.lab.caps import Cap, caps_of
from dev.lab.results import DEFAULT_MARKET
from dev.lab.stage import Stage, quoted_logs
from powercap_api.names import API_VERSION, EXEMPT_LABEL, MARKET_DAY
from powercap_operator.market.csv_format import to_csv
from powercap_operator.market.results import Query
from powercap_operator.sources.mock import made_up_periods
from tests.api.conftest import OURS, Kube
from tests.api.test_operator import ZONE, begin, morning, publish, ready, specs


@pytest.fixture(scope="module")
def metrics_port() -> int:
    return free_port()


def scrape(port: int) -> str:
    """What Prometheus gets; nothing while the operator starts."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


@pytest.fixture(scope="module")
def running(
    shared_kube: Kube, metrics_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """The operator, in the morning: tomorrow's results are not due."""
    stage = Stage(tmp_path_factory.mktemp("stage"), shared_kube.plane, {})
    stage.open()
    morning(stage)
    with quoted_logs(stage):
        stage.start_operator("--metrics", f"127.0.0.1:{metrics_port}")
        eventually(lambda: scrape(metrics_port), "it has started", 120)
        yield stage
    stage.close()


@pytest.fixture
def kube(shared_kube: Kube) -> Iterator[Kube]:
    """Empty at the end, and nothing is made any more by a pass of the operator that had begun."""
    yield shared_kube
    empty_looks = 0

    def is_empty() -> bool:
        nonlocal empty_looks
        left = any(shared_kube.items(kind) for kind in OURS)
        shared_kube.delete_all((*OURS, "nodes", "events"))
        empty_looks = 0 if left else empty_looks + 1
        return empty_looks == 3

    eventually(is_empty, "nothing is left, and nothing comes", every=0.2)


@pytest.fixture
def stage(kube: Kube, running: Stage) -> Stage:
    """Two nodes, the exchange with today's and tomorrow's results, no policy."""
    begin(kube, running)
    return running


def test_a_policy_gives_every_node_the_days_slots(kube: Kube, stage: Stage) -> None:
    stage.apply_policy(maxSource="40")
    eventually(lambda: set(specs(kube)) == {"node-a", "node-b"}, "a budget for each node")
    item = kube.get("powerbudget", "node-a")
    (owner,) = item["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("Node", kube.get("node", "node-a")["metadata"]["uid"])
    spec = item["spec"]
    assert (spec["policy"], spec["minPowerMicrowatts"], spec["onExpiry"]) == (
        "default",
        10_000_000,
        "MinPower",
    )
    caps = caps_of(spec)
    assert max(cap.power_uw for cap in caps) == 40_000_000
    assert len(caps) > 80
    assert specs(kube)["node-b"] == spec
    eventually(lambda: ready(kube, "powerpolicy", "default").get("reason") == "NodesNotReady", "a status")
    assert ready(kube, "powerpolicy", "default", "MarketData")["reason"] == "Current"
    assert len(stage.exchange.requests) == 1


def test_labels_and_exemption_decide_who_has_a_budget(kube: Kube, stage: Stage) -> None:
    stage.apply_policy(maxSource="40", nodeSelector={"pool": "a"})
    eventually(lambda: set(specs(kube)) == {"node-a"}, "only the selected node")
    kube.plane.kubectl("label", "node", "node-b", "pool=a", "--overwrite")
    eventually(lambda: set(specs(kube)) == {"node-a", "node-b"}, "the node that came to be selected")
    kube.plane.kubectl("label", "node", "node-a", f"{EXEMPT_LABEL}=true")
    eventually(lambda: set(specs(kube)) == {"node-b"}, "the exempt node's budget goes")
    kube.add_node("node-c", pool="a")
    eventually(lambda: set(specs(kube)) == {"node-b", "node-c"}, "a new node")
    kube.plane.kubectl("delete", "node", "node-b")
    eventually(lambda: set(specs(kube)) == {"node-c"}, "a node that went")
    kube.plane.kubectl("delete", "powerpolicy", "default")
    eventually(lambda: not specs(kube), "no policy, no budget")


def test_a_budget_that_somebody_changed_or_deleted_is_put_right(kube: Kube, stage: Stage) -> None:
    stage.apply_policy(maxSource="40")
    eventually(lambda: len(specs(kube)) == 2, "budgets")
    good = specs(kube)["node-a"]
    kube.patch("powerbudget", "node-a", {"spec": {"minPowerMicrowatts": 1_000_000, "onExpiry": "Hold"}})
    eventually(lambda: specs(kube)["node-a"] == good, "the change is undone")
    kube.plane.kubectl("delete", "powerbudget", "node-a")
    eventually(lambda: specs(kube).get("node-a") == good, "the budget is made again")


def test_two_policies_share_out_the_nodes_and_say_so(kube: Kube, stage: Stage) -> None:
    stage.apply_policy("all", maxSource="40")
    stage.apply_policy("batch", maxSource="20", priority=10, nodeSelector={"pool": "b"})
    stage.apply_policy("idle", maxSource="30", nodeSelector={"pool": "none"})
    eventually(
        lambda: (
            {name: spec["policy"] for name, spec in specs(kube).items()}
            == {"node-a": "all", "node-b": "batch"}
        ),
        "the higher priority wins its node",
    )
    eventually(lambda: kube.get("powerpolicy", "all").get("status", {}).get("nodes") == 1, "its status")
    assert "1 more selected node is governed by batch" in ready(kube, "powerpolicy", "all")["message"]
    idle = ready(kube, "powerpolicy", "idle")
    assert (idle["status"], idle["reason"]) == ("True", "NoNodes")
    kube.patch("powerpolicy", "all", {"spec": {"priority": 10}})
    eventually(
        lambda: "Same priority as batch" in ready(kube, "powerpolicy", "all")["message"], "the tie is told"
    )
    assert len(stage.exchange.requests) <= 2, "three policies on one market share its days"


def test_suspended_budgets_say_so(kube: Kube, stage: Stage) -> None:
    stage.apply_policy(maxSource="40")
    eventually(lambda: len(specs(kube)) == 2, "budgets")
    kube.patch("powerpolicy", "default", {"spec": {"suspend": True}})
    eventually(lambda: all(spec["suspend"] for spec in specs(kube).values()), "suspended budgets")
    eventually(lambda: ready(kube, "powerpolicy", "default")["reason"] == "Suspended", "the policy says so")


def test_a_day_that_a_person_asks_for_is_fetched_and_kept(kube: Kube, stage: Stage) -> None:
    long_ago = datetime.now(UTC).date() - timedelta(days=100)
    publish(stage, long_ago)
    kube.apply(
        {
            "apiVersion": API_VERSION,
            "kind": MARKET_DAY,
            "metadata": {"name": "history"},
            "spec": {"deliveryDate": long_ago.isoformat()},
        }
    )
    eventually(lambda: ready(kube, "marketday", "history", "Complete").get("status") == "True", "fetched")
    status = kube.get("marketday", "history")["status"]
    assert status["summary"]["periods"] == status["summary"]["expectedPeriods"]
    assert status["currency"] == "EUR"
    assert status["periods"][0].keys() == {"start", "volume", "price"}
    row = kube.plane.kubectl("get", "mktd", "history").splitlines()[1]
    assert status["summary"]["priceRange"] in row


def test_nothing_of_the_operators_own_stays_on_peoples_objects(kube: Kube, stage: Stage) -> None:
    stage.apply_policy(maxSource="40")
    eventually(lambda: len(specs(kube)) == 2, "budgets")
    for kind in ("nodes", "powerpolicies", "marketdays", "powerbudgets", "poweroverrides", "powerreports"):
        for item in kube.items(kind).values():
            assert "finalizers" not in item["metadata"], kind
            annotations = item["metadata"].get("annotations", {})
            assert not [key for key in annotations if "kopf" in key], kind


def test_prometheus_can_ask(kube: Kube, stage: Stage, metrics_port: int) -> None:
    stage.apply_policy(maxSource="40")
    eventually(lambda: len(specs(kube)) == 2, "budgets")

    eventually(
        lambda: 'powercap_policy_nodes{policy="default"} 2.0' in scrape(metrics_port), "the policy's nodes"
    )
    assert 'powercap_node_ready{node="node-a",policy="default"} 0.0' in scrape(metrics_port)


def current(kube: Kube) -> dict[str, Any]:
    found: dict[str, Any] = kube.get("powerpolicy", "default").get("status", {}).get("current", {})
    return found


def test_a_policy_follows_the_grid_and_asks_no_exchange(kube: Kube, stage: Stage) -> None:
    stage.apply_policy(maxSource="40", strategy={"type": "Carbon"}, market={"carbonProviders": ["Mock"]})
    eventually(lambda: set(kube.items("powerbudgets")) == {"node-a", "node-b"}, "budgets", 90)
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
    eventually(lambda: current(kube).get("pricePaid", "").endswith("EUR/MWh"), "a price paid", 90)
    price, paid = (float(current(kube)[name].split()[0]) for name in ("price", "pricePaid"))
    assert paid == pytest.approx((price + 30 + 9999) * 1.2, abs=0.01)
    spec = kube.get("powerbudget", "node-a")["spec"]
    (night,) = [cap for cap in caps_of(spec) if cap.power_uw == 40_000_000]
    assert night.start.astimezone(ZONE).hour == 22
    assert datetime.fromisoformat(spec["validUntil"]) - night.start == timedelta(hours=2)


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
    eventually(
        lambda: name in ready(kube, "powerpolicy", "default", "MarketData").get("message", ""),
        "the policy names the MarketDay that it misses",
        30,
    )
    query = Query(DEFAULT_MARKET, today)
    csv = to_csv(made_up_periods(query), query)
    kube.apply(static_day(today, csv.replace(",", ";")))
    eventually(
        lambda: "line 1: " in ready(kube, "marketday", name, "Ready").get("message", ""),
        "what cannot be read is refused with the line",
        30,
    )
    kube.apply(static_day(today, csv))
    eventually(lambda: len(caps(kube)) > 80, "the budget follows the day", 30)
    assert ready(kube, "marketday", name, "Complete")["status"] == "True"
    eventually(
        lambda: kube.get("powerpolicy", "default").get("status", {}).get("marketDays") == [name],
        "the policy names the day",
        30,
    )
    assert list(kube.items("marketdays")) == [name]
    assert stage.exchange.requests == []


def test_a_strategy_without_market_needs_nobody(kube: Kube, stage: Stage) -> None:
    stage.apply_policy(maxSource="40", strategy={"type": "Solar"})
    eventually(lambda: len(caps(kube)) > 50, "a budget by the clock", 30)
    eventually(
        lambda: ready(kube, "powerpolicy", "default", "MarketData").get("reason") == "NotNeeded",
        "the policy says that it needs no market",
        30,
    )
    assert kube.get("powerpolicy", "default")["status"]["market"] == "not needed"
    assert kube.items("marketdays") == {}
    assert stage.exchange.requests == []
