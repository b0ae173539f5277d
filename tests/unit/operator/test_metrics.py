"""Metrics say what the world is."""

from dataclasses import replace
from datetime import date, timedelta

from prometheus_client import CollectorRegistry, generate_latest

from powercap_operator.metrics import NAMES, Counts, WorldCollector
from powercap_operator.planning.snapshot import World
from tests.support.objects import make_day, make_node, make_policy, make_world, moment
from tests.unit.operator.planning.test_decision import settled

NOW = moment("2025-10-09T10:07Z")


def scrape(world: World) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(WorldCollector(lambda: world, lambda: Counts(7, 1, 42), "1.2.3"))
    lines = generate_latest(registry).decode().splitlines()
    return {
        series: float(value)
        for series, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    }


def test_every_metric_is_there_under_its_name() -> None:
    world = settled(make_world([make_policy()], [make_day(date(2025, 10, 9))], [make_node("a")]), NOW)
    view = replace(world.budgets["a"], cap_uw=25_000_000, applied_uw=24_875_000)
    found = scrape(replace(world, budgets={"a": view}))
    assert {series.split("{")[0] for series in found} == NAMES
    assert found['powercap_build_info{version="1.2.3"}'] == 1
    assert found['powercap_policy_ready{policy="default"}'] == 1
    assert found['powercap_policy_max_source_watts{policy="default"}'] == 40
    assert found['powercap_node_applied_watts{node="a"}'] == 24.875
    assert found['powercap_policy_market_data{policy="default",state="Current"}'] == 1
    assert found['powercap_policy_market_data{policy="default",state="Fallback"}'] == 0
    day = 'area="FR",auction="IDA1",date="2025-10-09",provider="EPEX"'
    assert found[f"powercap_market_day_complete{{{day}}}"] == 1
    assert found["powercap_api_writes_total"] == 42


def test_a_fallback_is_counted() -> None:
    world = make_world(
        [make_policy(fallback={"previousDays": 7})], [make_day(date(2025, 10, 8))], [make_node("a")]
    )
    world = settled(settled(world, NOW), NOW + timedelta(days=1))
    found = scrape(world)
    assert found['powercap_policy_fallback_days_total{policy="default"}'] == 2
    assert found['powercap_policy_market_data{policy="default",state="Fallback"}'] == 1


def test_an_empty_cluster_has_metrics_too() -> None:
    assert scrape(World())["powercap_reconcile_passes_total"] == 7
