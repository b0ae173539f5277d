"""Metrics say what the world is."""

import time
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from powercap_api.marketday import MarketDay, MarketSource
from powercap_api.markets import GridData, Market
from powercap_api.names import API_VERSION, POWER_OVERRIDE, POWER_REPORT
from powercap_api.poweroverride import PowerOverride
from powercap_api.powerreport import PowerReport
from powercap_operator.loops.pauses import LoopPauses
from powercap_operator.market.publication import DAILY_LIMIT
from powercap_operator.market.results import Query, build_market_day
from powercap_operator.metrics.catalogue import FAMILIES, LABELS, NAMES
from powercap_operator.metrics.collector import exposition
from powercap_operator.metrics.families import Counts, report_metrics
from powercap_operator.planning.marketday_status import with_results
from powercap_operator.sources.mock import made_up_periods
from powercap_operator.world.node_match import AgentPlacement
from powercap_operator.world.silence import Reporting
from powercap_operator.world.snapshot import BudgetView, DrawView, KnownSpec, PartDraw, World
from powercap_operator.world.unreadable import Unreadable
from powercap_operator.worth.curve import default_curve
from powercap_operator.worth.measured import Machine
from powercap_operator.worth.reported_day import ReportedDays
from tests.support.objects import (
    after,
    in_vain,
    make_day,
    make_node,
    make_policy,
    make_world,
    moment,
    new_day,
)
from tests.support.waiting import make_wait_policy
from tests.unit.operator.planning.test_decision import settled

DAY = date(2025, 10, 9)
NOW = moment("2025-10-09T10:07Z")
MACHINE = Machine(default_curve(), 70)


def text_of(world: World, pauses: LoopPauses | None = None, now: datetime = NOW) -> str:
    counts = Counts(7, 1, 42, pauses or LoopPauses(), leading=True, idle_seconds={"reconciler": 0.5})
    reported = ReportedDays(MACHINE).at(world.reports, now)
    return exposition(world, counts, "1.2.3", now, reported).decode()


def scrape(world: World, pauses: LoopPauses | None = None, now: datetime = NOW) -> dict[str, float]:
    lines = text_of(world, pauses, now).splitlines()
    return {
        series: float(value)
        for series, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    }


def one_node(**said: Any) -> World:
    """A settled world of one policy and one node, whose agent says this."""
    world = settled(make_world([make_policy()], [make_day(DAY)], [make_node("a")]), NOW)
    override = active_override()
    budgets = {"a": replace(world.budgets["a"], **said)}
    reports = {day: report_of(day) for day in ("2025-10-08", "2025-10-09")}
    return replace(world, budgets=budgets, overrides={override.metadata.name: override}, reports=reports)


def report_of(day: str, policy: str = "default", **columns: Any) -> PowerReport:
    """A report of two quarters: 1 and 3 kWh at -20 and 100 EUR/MWh, with 50 and 150 g/kWh."""
    quarters = {
        "joules": [3_600_000, 10_800_000],
        "seconds": [900, 900],
        "boundSeconds": [0, 450],
        "boundJoules": [0, 5_400_000],
        "lifts": [0, 2],
        "prices": ["-20", "100"],
        "carbon": ["50", "150"],
        **columns,
    }
    return PowerReport.from_wire(
        {
            "apiVersion": API_VERSION,
            "kind": POWER_REPORT,
            "metadata": {"name": f"{policy}-{day}"},
            "spec": {
                "policy": policy,
                "day": day,
                "timeZone": "Europe/Paris",
                "start": f"{day}T00:00:00Z",
                "until": f"{day}T00:30:00Z",
                "writtenAt": f"{day}T00:30:00Z",
                "nodes": 1,
                "notFollowing": 0,
                "maxSourceMicrowatts": 20_000_000_000,
                "currency": "EUR",
                "nodeHours": "0.5",
                "energy": "4 kWh",
                "bound": "25 %",
                "lifts": 2,
                "quarters": quarters,
            },
        }
    )


def active_override(name: str = "evening-peak", **spec: Any) -> PowerOverride:
    """A limit for a while that holds now."""
    return PowerOverride.from_wire(
        {
            "apiVersion": API_VERSION,
            "kind": POWER_OVERRIDE,
            "metadata": {"name": name},
            "spec": {
                "nodeSelector": {},
                "limit": "60",
                "duration": "2h",
                "reason": "the grid asks",
                "source": "grid",
                **spec,
            },
            "status": {
                "state": "Active",
                "start": "2025-10-09T10:00:00Z",
                "end": "2025-10-09T12:00:00Z",
                "nodes": 3,
                "askedMicrowatts": 180_000_000,
                "achievedMicrowatts": 178_500_000,
                "asked": "180 W",
                "achieved": "178.5 W",
            },
        }
    )


def reporting() -> World:
    """One whose agent has said everything that there is to say."""
    return one_node(
        cap_uw=25_000_000,
        applied_uw=24_875_000,
        draw=DrawView(18_300_000, PartDraw(18_300_000, binds=False)),
        energy_joules=86_400,
        reapplied=3,
    )


def with_accelerators(world: World) -> World:
    """The same node with accelerators, whose cap holds them back."""
    draw = DrawView(718_300_000, PartDraw(18_300_000, binds=False), PartDraw(700_000_000, binds=True))
    budgets = {
        name: replace(budget, draw=draw, accelerator_joules=864_000) for name, budget in world.budgets.items()
    }
    columns = {
        "joules": [36_000_000, 0],
        "seconds": [900, 0],
        "boundSeconds": [900, 0],
        "boundJoules": [1, 0],
    }
    return replace(world, budgets=budgets, reports={"a": report_of("2025-10-09", accelerators=columns)})


def grid_day(data: GridData) -> MarketDay:
    """A made-up day of the grid, measured until noon."""
    query = Query(Market("FR", data), DAY)
    measured = [replace(period, forecast=False) for period in made_up_periods(query)[:48]]
    periods = [*measured, *made_up_periods(query)[48:]]
    new = new_day(DAY, data.lower(), provider="Mock", auction=data)
    source = MarketSource(fetched_at=NOW, route="mock")
    return after(new, with_results(new, build_market_day(periods, query), source, None, NOW))


def test_every_metric_is_there_under_its_name() -> None:
    world = with_accelerators(reporting())
    days = {**world.days, **{data.value: grid_day(data) for data in GridData}}
    odd = Unreadable("PowerPolicy", "odd", uid="", generation=None, suspend=None, why="", status={})
    waits = make_wait_policy()
    status = {"waiting": 3, "releases": [{"reason": "Window", "jobs": 2}], "saved": "0.04 EUR/kW"}
    waits = waits.model_validate({**waits.to_wire(), "status": {**status, "savedPerKilowatt": "0.040000"}})
    found = scrape(
        replace(
            world,
            days=days,
            unreadable={("PowerPolicy", "odd"): odd},
            wait_policies={"default": waits},
        )
    )
    assert found['powercap_jobs_waiting{policy="default"}'] == 3
    assert found['powercap_jobs_released_total{policy="default",reason="Window"}'] == 2
    assert found['powercap_jobs_saved_per_kilowatt{policy="default",unit="EUR/kW"}'] == 0.04
    assert found['powercap_unreadable_objects{kind="PowerPolicy"}'] == 1
    in_percent = {"powercap_policy_max_source_ratio", "powercap_policy_cap_ratio"}
    assert {series.split("{")[0] for series in found} == NAMES - in_percent
    assert found['powercap_build_info{version="1.2.3"}'] == 1
    assert found['powercap_policy_ready{policy="default"}'] == 1
    assert found['powercap_policy_max_source_watts{policy="default"}'] == 40
    assert found['powercap_policy_market_data{policy="default",state="Current"}'] == 1
    assert found['powercap_policy_market_data{policy="default",state="Fallback"}'] == 0
    day = 'area="FR",auction="IDA1",date="2025-10-09",provider="EPEX",resolution_minutes="15"'
    assert found[f"powercap_market_day_complete{{{day}}}"] == 1
    assert found[f"powercap_market_day_requests_left{{{day}}}"] == DAILY_LIMIT
    assert found["powercap_api_writes_total"] == 42
    assert found["powercap_leader"] == 1
    assert found['powercap_loop_idle_seconds{loop="reconciler"}'] == 0.5


def test_labels_and_types_are_those_of_the_catalogue() -> None:
    types = {name: family.type for family in FAMILIES for name in family.series}
    for family in text_string_to_metric_families(text_of(reporting())):
        for sample in family.samples:
            assert types[sample.name] == family.type, sample.name
            assert sample.labels.keys() - {"le"} == LABELS[sample.name], sample.name


def test_a_node_has_at_most_ten_series() -> None:
    found = scrape(reporting())
    node = {series.split("{")[0]: value for series, value in found.items() if 'node="a"' in series}
    assert len(node) == len([series for series in found if 'node="a"' in series]) <= 10
    assert node == {
        "powercap_node_ready": 1,
        "powercap_node_reason": 1,
        "powercap_node_cap_watts": 25,
        "powercap_node_applied_watts": 24.875,
        "powercap_node_draw_watts": 18.3,
        "powercap_node_energy_joules_total": 86_400,
        "powercap_node_binding": 0,
        "powercap_node_lifted": 0,
        "powercap_node_reapplied_limits_total": 3,
    }
    assert found['powercap_node_reason{node="a",policy="default",reason="Applied"}'] == 1


def test_accelerators_are_told_beside_the_packages() -> None:
    found = scrape(with_accelerators(reporting()))
    node = 'node="a",policy="default"'
    assert found[f"powercap_node_draw_watts{{{node}}}"] == 18.3
    assert found[f"powercap_node_accelerator_draw_watts{{{node}}}"] == 700
    assert found[f"powercap_node_accelerator_energy_joules_total{{{node}}}"] == 864_000
    assert found[f"powercap_node_binding{{{node}}}"] == 0
    assert found[f"powercap_node_accelerator_binding{{{node}}}"] == 1
    day = 'day="today",policy="default"'
    assert found[f"powercap_report_energy_joules{{{day}}}"] == 14_400_000 + 36_000_000
    assert found[f"powercap_report_accelerator_energy_joules{{{day}}}"] == 36_000_000


def test_what_is_not_known_is_left_out() -> None:
    found = scrape(one_node(ready=False, reason=None, message=None))
    assert {series for series in found if 'node="a"' in series} == {
        'powercap_node_ready{node="a",policy="default"}',
        'powercap_node_lifted{node="a",policy="default"}',
        'powercap_node_reason{node="a",policy="default",reason="NoReport"}',
    }


def test_nodes_that_no_agent_can_run_on_are_counted_and_expected_of_nobody() -> None:
    agents = AgentPlacement.parse('{"nodeSelector": {"kubernetes.io/os": "linux"}}')
    nodes = [
        make_node("a", **{"kubernetes.io/os": "linux"}),
        make_node("win", **{"kubernetes.io/os": "windows"}),
    ]
    world = replace(make_world([make_policy()], [make_day(DAY)], nodes), agents=agents)
    found = scrape(settled(world, NOW))
    assert found['powercap_policy_nodes{policy="default"}'] == 1
    assert found['powercap_policy_nodes_by_reason{policy="default",reason="NoAgent"}'] == 1
    assert not [series for series in found if 'node="win"' in series]


def test_an_agent_that_no_longer_reports_is_silent() -> None:
    draw = DrawView(1, PartDraw(1, binds=True))
    said: dict[str, Any] = {"cap_uw": 25_000_000, "applied_uw": 25_000_000, "draw": draw}
    last = scrape(one_node(**said, reporting=Reporting(slot_end=NOW)), now=NOW + timedelta(hours=1))
    assert last['powercap_node_ready{node="a",policy="default"}'] == 1, "the operator has not found it silent"
    assert last['powercap_policy_nodes_silent{policy="default"}'] == 0
    assert last['powercap_policy_nodes_binding{policy="default"}'] == 1
    found = scrape(one_node(ready=False, reason="AgentSilent", silent_since=NOW))
    assert found['powercap_node_ready{node="a",policy="default"}'] == 0
    assert found['powercap_node_reason{node="a",policy="default",reason="AgentSilent"}'] == 1
    assert found['powercap_policy_nodes_silent{policy="default"}'] == 1
    assert found['powercap_policy_nodes_by_reason{policy="default",reason="AgentSilent"}'] == 1
    assert found['powercap_policy_nodes_cap_watts{policy="default"}'] == 0
    assert not [series for series in found if series.startswith(("powercap_node_cap", "powercap_node_draw"))]


def test_nodes_of_a_policy_together() -> None:
    def node(name: str, reason: str, draw_uw: int, *, binds: bool) -> BudgetView:
        return BudgetView(
            name, "", KnownSpec({}), "default", None, reason == "Applied", reason, None,
            cap_uw=25_000_000, applied_uw=24_000_000, draw=DrawView(draw_uw, PartDraw(draw_uw, binds=binds)),
        )  # fmt: skip

    nodes = [
        node("a", "Applied", 24_000_000, binds=True),
        node("b", "Applied", 10_000_000, binds=False),
        node("c", "Lifted", 30_000_000, binds=True),
        replace(node("d", "Applied", 1_000_000, binds=True), policy_label="other"),
    ]
    found = scrape(make_world([make_policy()], budgets=nodes))
    policy = 'policy="default"'
    assert found[f"powercap_policy_nodes_cap_watts{{{policy}}}"] == 75
    assert found[f"powercap_policy_nodes_applied_watts{{{policy}}}"] == 72
    assert found[f"powercap_policy_nodes_draw_watts{{{policy}}}"] == 64
    assert found[f"powercap_policy_nodes_binding{{{policy}}}"] == 2
    assert found[f'powercap_policy_nodes_by_reason{{{policy},reason="Applied"}}'] == 2
    assert found[f'powercap_policy_nodes_by_reason{{{policy},reason="Lifted"}}'] == 1
    assert found[f'powercap_node_lifted{{node="c",{policy}}}'] == 1


def test_periods_are_told_by_how_far_ahead_they_are() -> None:
    volumes = [f"{index}.5" for index in range(96)]
    world = make_world([], [make_day(DAY, volumes), make_day(DAY + timedelta(days=1), volumes)])
    found = scrape(world, now=moment("2025-10-09T21:47Z"))
    market = 'area="FR",auction="IDA1"'
    volume = {
        minutes: found.get(
            f'powercap_market_volume_joules{{{market},minutes_ahead="{minutes}",provider="EPEX",resolution_minutes="15"}}'
        )
        for minutes in (-15, 0, 15, 24 * 60, 24 * 60 + 15)
    }
    megawatt_hour = 3.6e9
    assert volume == {
        -15: None,
        0: 95.5 * megawatt_hour,
        15: 0.5 * megawatt_hour,
        24 * 60: 95.5 * megawatt_hour,
        24 * 60 + 15: None,
    }
    labels = f'{{{market},currency="EUR",minutes_ahead="0",provider="EPEX",resolution_minutes="15"}}'
    assert found[f"powercap_market_price_per_mwh{labels}"] == 50


def test_the_grids_data_says_whether_it_is_a_forecast() -> None:
    periods = made_up_periods(Query(Market("FR", GridData.CARBON), DAY))
    found = scrape(make_world([], [grid_day(GridData.CARBON)]), now=moment("2025-10-09T09:50Z"))
    market = 'area="FR",auction="Carbon"'
    end = 'provider="Mock",resolution_minutes="15"}'
    for forecast, minutes, period in (("false", 0, periods[47]), ("true", 15, periods[48])):
        series = f'powercap_market_carbon_grams_per_kwh{{{market},forecast="{forecast}",minutes_ahead="{minutes}",{end}'
        assert found[series] == float(period.carbon or 0)


def test_the_share_of_renewable_power_is_a_ratio_of_one() -> None:
    periods = made_up_periods(Query(Market("FR", GridData.RENEWABLE), DAY))
    found = scrape(make_world([], [grid_day(GridData.RENEWABLE)]), now=moment("2025-10-09T09:50Z"))
    (ratio,) = (
        value
        for series, value in found.items()
        if series.startswith("powercap_market_renewable_ratio{") and 'minutes_ahead="15"' in series
    )
    assert ratio == pytest.approx(float(periods[48].renewable or 0) / 100)
    assert 0 < ratio < 1


def test_the_price_paid_is_told_with_and_without_a_tariff() -> None:
    tariff = {"fees": "30", "taxFactor": "1.2"}
    for policy, paid in ((make_policy(tariff=tariff), 96.0), (make_policy(), 50.0)):
        found = scrape(settled(make_world([policy], [make_day(DAY)], [make_node("a")]), NOW))
        assert found['powercap_policy_price_paid_per_mwh{currency="EUR",policy="default"}'] == paid


def test_a_policy_s_day_so_far_and_yesterday() -> None:
    found = scrape(replace(reporting(), reports={"a": report_of("2025-10-09"), "b": report_of("2025-10-07")}))
    today = 'day="today",policy="default"'
    assert found[f"powercap_report_energy_joules{{{today}}}"] == 14_400_000
    assert found[f'powercap_report_cost{{currency="EUR",{today}}}'] == pytest.approx(-0.02 + 0.3)
    assert found[f"powercap_report_carbon_grams{{{today}}}"] == pytest.approx(50 + 450)
    assert found[f"powercap_report_bound_ratio{{{today}}}"] == 0.25
    assert found[f"powercap_report_lifts{{{today}}}"] == 2
    assert not [series for series in found if "yesterday" in series]


def test_what_a_day_saved_stands_beside_both_baselines() -> None:
    world = replace(reporting(), reports={"a": report_of("2025-10-09")})
    found = scrape(world)
    (day,) = ReportedDays(MACHINE).at(world.reports, NOW)
    assert day.worth is not None
    for load, compared in (("saturated", day.worth.saturated), ("slack", day.worth.slack)):
        labels = f'currency="EUR",day="today",load="{load}",policy="default"'
        outcomes = {"measured": compared.policy, "no_cap": compared.uncapped, "flat_cap": compared.flat}
        costs = {
            case: found[f'powercap_report_cost_per_work_hour{{case="{case}",{labels}}}'] for case in outcomes
        }
        assert costs == {case: outcome.cost_per_work_hour for case, outcome in outcomes.items()}
        for against in ("no_cap", "flat_cap"):
            series = f'{{against="{against}",day="today",load="{load}",policy="default"}}'
            part = 1 - costs["measured"] / costs[against]
            assert found[f"powercap_report_saved_ratio{series}"] == pytest.approx(part)
            assert abs(part) > 0.001


def saved(report: PowerReport) -> dict[str, float]:
    found = scrape(replace(reporting(), reports={"a": report}))
    return {
        series: value for series, value in found.items() if series.startswith("powercap_report_saved_ratio")
    }


def test_where_no_cap_bound_exactly_nothing_was_saved() -> None:
    report = report_of("2025-10-09", boundSeconds=[0, 0], boundJoules=[0, 0])
    assert list(saved(report).values()) == [0.0] * 4


def test_without_machines_nothing_is_said_of_savings_and_all_that_is_measured() -> None:
    reports = {"a": report_of("2025-10-09")}
    named, unnamed = (
        {one.name for one in report_metrics(ReportedDays(machine).at(reports, NOW)) if one.samples}
        for machine in (MACHINE, None)
    )
    assert named - unnamed == {"powercap_report_saved_ratio", "powercap_report_cost_per_work_hour"}
    assert {"powercap_report_energy_joules", "powercap_report_cost", "powercap_report_bound_ratio"} <= unnamed


def test_without_prices_time_or_maxsource_in_watts_nothing_is_said_of_savings() -> None:
    assert not saved(report_of("2025-10-09", prices=None))
    assert not saved(report_of("2025-10-09", seconds=[0, 0], boundSeconds=[0, 0]))
    in_percent = report_of("2025-10-09")
    spec = in_percent.spec.model_copy(update={"max_source_microwatts": None})
    assert not saved(in_percent.model_copy(update={"spec": spec}))


def test_a_report_is_weighed_once_and_anew_when_it_was_written_again() -> None:
    days, report = ReportedDays(MACHINE), report_of("2025-10-09")
    first, again = (days.at({"a": report}, NOW)[0].worth for _ in range(2))
    assert first is again
    written = report_of("2025-10-09", boundSeconds=[0, 0], boundJoules=[0, 0])
    changed = days.at({"a": written}, NOW)[0].worth
    assert changed is not None
    assert changed.bound == 0


def test_limits_for_a_while() -> None:
    found = scrape(reporting())
    override = 'override="evening-peak",source="grid"'
    assert found[f"powercap_override_active{{{override}}}"] == 1
    assert found[f"powercap_override_asked_watts{{{override}}}"] == 180
    assert found[f"powercap_override_achieved_watts{{{override}}}"] == 178.5


def test_a_scrape_of_5000_nodes_takes_less_than_a_second_of_processor_time() -> None:
    node = reporting().budgets["a"]
    names = [f"ip-10-0-{index // 256}-{index % 256}.eu-west-3.compute.internal" for index in range(5000)]
    world = make_world([make_policy()], [make_day(DAY)], budgets=[replace(node, name=name) for name in names])
    began = time.thread_time()
    text = text_of(world)
    assert time.thread_time() - began < 1
    assert text.count("powercap_node_energy_joules_total{") == 5000


def test_one_auction_at_two_resolutions_is_two_markets() -> None:
    hourly = new_day(DAY, "hourly", auction="SDAC", resolutionMinutes=60)
    quarters = new_day(DAY, "quarters", auction="SDAC", resolutionMinutes=15)
    found = scrape(make_world([], [hourly, quarters]))
    assert len([series for series in found if series.startswith("powercap_market_day_complete")]) == 2


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "é{}="])
def test_hostile_names_are_escaped(name: str) -> None:
    hostile = replace(one_node().budgets["a"], name=name, reason=name)
    families = text_string_to_metric_families(text_of(make_world(budgets=[hostile])))
    (family,) = [family for family in families if family.name == "powercap_node_reason"]
    assert [sample.labels for sample in family.samples] == [
        {"node": name, "policy": "default", "reason": name}
    ]


def test_powers_in_percent_are_ratios() -> None:
    policy = make_policy(maxSource="80%")
    found = scrape(settled(make_world([policy], [make_day(DAY)], [make_node("a")]), NOW))
    assert found['powercap_policy_max_source_ratio{policy="default"}'] == 0.8
    cap = found['powercap_policy_cap_ratio{policy="default"}']
    assert 0 < cap <= 0.8
    assert found['powercap_policy_share_ratio{policy="default"}'] == cap / 0.8
    assert not {'powercap_policy_max_source_watts{policy="default"}'} & set(found)
    assert not {'powercap_policy_cap_watts{policy="default"}'} & set(found)


def test_two_objects_for_one_day_are_one_series() -> None:
    found = text_of(make_world([], [make_day(DAY), new_day(DAY, name="by-hand")]))
    series = [line for line in found.splitlines() if line.startswith("powercap_market_day_complete{")]
    assert [line.rsplit(" ", 1)[1] for line in series] == ["1.0"]


def test_a_fallback_is_counted() -> None:
    days = [make_day(DAY - timedelta(days=1)), in_vain(DAY), in_vain(DAY + timedelta(days=1))]
    world = make_world([make_policy(fallback={"previousDays": 7})], days, [make_node("a")])
    world = settled(settled(world, NOW), NOW + timedelta(days=1))
    found = scrape(world)
    assert found['powercap_policy_fallbacks_total{policy="default"}'] == 2
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
