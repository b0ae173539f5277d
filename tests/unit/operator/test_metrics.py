"""Metrics say what the world is."""

from dataclasses import replace
from datetime import date, timedelta

from prometheus_client import CollectorRegistry, generate_latest

from powercap_operator.loop_pauses import LoopPauses
from powercap_operator.metrics import NAMES, Counts, WorldCollector
from powercap_operator.planning.snapshot import World
from tests.support.objects import in_vain, make_day, make_node, make_policy, make_world, moment, new_day
from tests.unit.operator.planning.test_decision import settled

DAY = date(2025, 10, 9)
NOW = moment("2025-10-09T10:07Z")


def registry_of(world: World, pauses: LoopPauses | None = None) -> CollectorRegistry:
    registry = CollectorRegistry()
    counts = Counts(7, 1, 42, pauses or LoopPauses(), leading=True)
    registry.register(WorldCollector(lambda: world, lambda: counts, "1.2.3"))
    return registry


def scrape(world: World, pauses: LoopPauses | None = None) -> dict[str, float]:
    lines = generate_latest(registry_of(world, pauses)).decode().splitlines()
    return {
        series: float(value)
        for series, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    }


def test_every_metric_is_there_under_its_name() -> None:
    world = settled(make_world([make_policy()], [make_day(date(2025, 10, 9))], [make_node("a")]), NOW)
    view = replace(world.budgets["a"], cap_uw=25_000_000, applied_uw=24_875_000)
    found = scrape(replace(world, budgets={"a": view}))
    in_percent = {"powercap_policy_max_source_ratio", "powercap_policy_cap_ratio"}
    assert {series.split("{")[0] for series in found} == NAMES - in_percent
    assert found['powercap_build_info{version="1.2.3"}'] == 1
    assert found['powercap_policy_ready{policy="default"}'] == 1
    assert found['powercap_policy_max_source_watts{policy="default"}'] == 40
    assert found['powercap_node_applied_watts{node="a"}'] == 24.875
    assert found['powercap_policy_market_data{policy="default",state="Current"}'] == 1
    assert found['powercap_policy_market_data{policy="default",state="Fallback"}'] == 0
    day = 'area="FR",auction="IDA1",date="2025-10-09",provider="EPEX"'
    assert found[f"powercap_market_day_complete{{{day}}}"] == 1
    assert found["powercap_api_writes_total"] == 42
    assert found["powercap_leader"] == 1


def test_powers_in_percent_are_ratios() -> None:
    policy = make_policy(maxSource="80%")
    found = scrape(settled(make_world([policy], [make_day(DAY)], [make_node("a")]), NOW))
    assert found['powercap_policy_max_source_ratio{policy="default"}'] == 0.8
    assert 0 < found['powercap_policy_cap_ratio{policy="default"}'] <= 0.8
    assert not {'powercap_policy_max_source_watts{policy="default"}'} & set(found)
    assert not {'powercap_policy_cap_watts{policy="default"}'} & set(found)


def test_two_objects_for_one_day_are_one_series() -> None:
    found = generate_latest(registry_of(make_world([], [make_day(DAY), new_day(DAY, name="by-hand")])))
    series = [
        line for line in found.decode().splitlines() if line.startswith("powercap_market_day_complete{")
    ]
    assert [line.rsplit(" ", 1)[1] for line in series] == ["1.0"]


def test_a_fallback_is_counted() -> None:
    days = [make_day(DAY - timedelta(days=1)), in_vain(DAY), in_vain(DAY + timedelta(days=1))]
    world = make_world([make_policy(fallback={"previousDays": 7})], days, [make_node("a")])
    world = settled(settled(world, NOW), NOW + timedelta(days=1))
    found = scrape(world)
    assert found['powercap_policy_fallback_days_total{policy="default"}'] == 2
    assert found['powercap_policy_market_data{policy="default",state="Fallback"}'] == 1


def test_an_empty_cluster_has_metrics_too() -> None:
    assert scrape(World())["powercap_reconcile_passes_total"] == 7


def test_pauses_of_the_loop_are_counted_by_length() -> None:
    pauses = LoopPauses()
    for seconds, processor_seconds in ((0.001, 0.02), (0.001, 0.0), (0.2, 0.19), (30.0, 0.001)):
        pauses.add(seconds, processor_seconds)
    found = scrape(World(), pauses)
    assert found["powercap_loop_longest_pause_seconds"] == 30
    assert found["powercap_loop_longest_step_seconds"] == 0.19
    assert found['powercap_loop_pause_seconds_bucket{le="0.01"}'] == 2
    assert found['powercap_loop_pause_seconds_bucket{le="0.1"}'] == 2
    assert found['powercap_loop_pause_seconds_bucket{le="0.25"}'] == 3
    assert found['powercap_loop_pause_seconds_bucket{le="+Inf"}'] == 4
    assert found["powercap_loop_pause_seconds_sum"] == 30.202
