"""What is on the page, for worlds of all kinds."""

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from powercap_api.marketday import MarketDay
from powercap_api.names import MARKET_DAY, POWER_BUDGET, POWER_POLICY
from powercap_operator.market.errors import NotPublished
from powercap_operator.page.nodes import SHOWN, Choice
from powercap_operator.page.overview import Overview, Seen, overview
from powercap_operator.page.server import render
from powercap_operator.page.wording import Tone
from powercap_operator.planning.decision import decide
from powercap_operator.planning.marketday_status import with_failure
from powercap_operator.world.silence import Reporting
from powercap_operator.world.snapshot import BudgetView, DrawView, KnownSpec, PartDraw, World
from powercap_operator.world.unreadable import unreadable
from powercap_operator.worth.measured import Machine
from powercap_operator.worth.reported_day import ReportedDays
from tests.support.objects import after, in_vain, make_day, make_node, make_policy, make_world, moment
from tests.support.waiting import make_wait_policy, priced, waiting_world
from tests.unit.operator.metrics.test_exposition import MACHINE, active_override, report_of
from tests.unit.operator.planning.test_decision import settled

DAY = date(2025, 10, 9)
NOW = moment("2025-10-09T10:07Z")
SILENT = {"ready": False, "reason": "AgentSilent", "silent_since": NOW - timedelta(hours=1)}


def world_of(nodes: int = 3, days: tuple[date, ...] = (DAY,), **policy: Any) -> World:
    """A settled world whose agents have all said that they follow."""
    names = [f"node-{index:04}" for index in range(nodes)]
    world = settled(
        make_world([make_policy(**policy)], [make_day(day) for day in days], map(make_node, names)), NOW
    )
    said: dict[str, Any] = {
        "cap_uw": 25_000_000,
        "applied_uw": 24_875_000,
        "draw": DrawView(18_300_000, PartDraw(18_300_000, binds=False)),
        "reporting": Reporting(slot_end=NOW + timedelta(minutes=8)),
    }
    return replace(world, budgets={name: replace(world.budgets[name], **said) for name in names})


def with_node(world: World, name: str, **said: Any) -> World:
    return replace(world, budgets={**world.budgets, name: replace(world.budgets[name], **said)})


def page_of(
    world: World, choice: Choice | None = None, machine: Machine | None = MACHINE, **seen: Any
) -> Overview:
    known: dict[str, Any] = {
        "listed": True, "leading": True, "stuck": (), "version": "1.2.3", "name": "operator-0", **seen,
    }  # fmt: skip
    reported = ReportedDays(machine).at(world.reports, NOW)
    return overview(Seen(world, **known), choice or Choice(), NOW, reported)


def with_carbon(day: MarketDay) -> MarketDay:
    """The day with carbon dioxide and renewable power in all its periods."""
    periods = [period.model_copy(update={"carbon": "45", "renewable": "61"}) for period in day.status.periods]
    return after(day, day.status.model_copy(update={"periods": periods}))


def test_a_cluster_that_is_well() -> None:
    page = page_of(world_of())
    assert (page.headline, page.tone, page.sentences) == ("3 nodes follow the market", Tone.GOOD, ())
    (policy,) = page.policies
    assert (policy.name, policy.market, policy.state, policy.followed) == (
        "default", "FR IDA1", "Active", "3 of 3 nodes follow",
    )  # fmt: skip
    assert policy.cap == world_of().policies["default"].status.current.cap  # type: ignore[union-attr]
    assert policy.coming.startswith("from 12:15 until 12:30: ")
    assert [(figure.value, figure.what) for figure in page.figures] == [
        ("3", "nodes with a budget"),
        ("75 W", "allowed now"),
        ("55 W", "drawn in the slot before"),
        ("0", "nodes held back by the cap"),
    ]
    assert (page.time, page.zone, page.operator) == ("12:07", "Europe/Paris", "operator-0 leads")


def test_the_cap_over_the_day_is_that_of_the_budgets() -> None:
    page = page_of(world_of(days=(DAY, DAY + timedelta(days=1))))
    chart = page.policies[0].chart
    assert chart is not None
    assert len(chart.bars) == 2 * 96
    assert sum(bar.width for bar in chart.bars) == pytest.approx(100, abs=0.1)
    assert [mark.text for mark in chart.days] == ["Thu 9 Oct", "Fri 10 Oct"]
    assert [mark.text for mark in chart.hours] == ["06:00", "12:00", "18:00"] * 2
    (current,) = [bar for bar in chart.bars if bar.when == "now"]
    assert chart.now is not None
    assert current.x <= chart.now < current.x + current.width
    assert chart.now == pytest.approx(100 * (12 * 60 + 7) / (48 * 60), abs=0.01)
    assert current.text.startswith("12:00 to 12:15: ")


@pytest.mark.parametrize(("day", "hours"), [(date(2025, 10, 26), 25), (date(2026, 3, 29), 23)])
def test_a_day_on_which_clocks_change(day: date, hours: int) -> None:
    noon = moment(f"{day}T11:00Z")
    world = settled(make_world([make_policy()], [make_day(day)], [make_node("a")]), noon)
    seen = Seen(world, listed=True, leading=True, stuck=(), version="1", name="a")
    chart = overview(seen, Choice(), noon, ()).policies[0].chart
    assert chart is not None
    assert len(chart.bars) == 4 * hours
    assert [mark.text for mark in chart.days] == [f"Sun {day.day} {day:%b}"]
    assert [mark.text for mark in chart.hours] == [f"{hour:02}:00" for hour in range(3, 24, 3)]


def test_before_any_budget_the_policy_says_what_it_would_ask_for() -> None:
    world = world_of()
    page = page_of(replace(world, budgets={}, nodes={}))
    assert page.policies[0].chart is not None
    assert page.nodes.rows == ()


@pytest.mark.parametrize(
    ("said", "headline", "tone"),
    [
        ({"ready": False, "reason": "WriteFailed"}, "1 node does not follow", Tone.BAD),
        ({"ready": False, "reason": "Lifted"}, "1 node needs attention", Tone.WARN),
        ({"ready": False, "reason": "Stopped"}, "1 node does not follow", Tone.BAD),
        (SILENT, "1 node does not follow", Tone.BAD),
        (
            {"reporting": Reporting(2, 1, written_at=NOW - timedelta(minutes=3))},
            "1 node does not follow",
            Tone.BAD,
        ),
        ({"ready": False, "reason": "Unsupported"}, "2 nodes follow the market", Tone.GOOD),
        ({"ready": False, "reason": None}, "1 node needs attention", Tone.WARN),
    ],
)
def test_a_node_that_is_not_well(said: dict[str, Any], headline: str, tone: Tone) -> None:
    page = page_of(with_node(world_of(), "node-0001", **said))
    assert (page.headline, page.tone) == (headline, tone)
    if tone in {Tone.BAD, Tone.WARN}:
        assert page.nodes.rows[0].name == "node-0001", "what needs attention comes first"


def test_the_first_nodes_that_do_not_follow_are_named_at_the_top() -> None:
    world = world_of(9)
    for index in range(5):
        world = with_node(world, f"node-000{index}", ready=False, reason="WriteFailed", message="locked")
    page = page_of(world, Choice(text="node-0008"))
    assert page.sentences == tuple(f"node-000{index}: WriteFailed. locked" for index in range(3))
    assert [row.name for row in page.nodes.rows] == ["node-0008"]


def test_what_a_silent_agent_last_said_is_not_shown() -> None:
    world = with_node(world_of(1), "node-0000", **SILENT, cap_uw=None, applied_uw=None, draw=None)
    page = page_of(world)
    (row,) = page.nodes.rows
    assert (row.state, row.cap, row.applied, row.draw, row.drawn) == ("AgentSilent", "–", "–", "–", None)
    assert [figure.value for figure in page.figures] == ["1"]


def test_an_earlier_day_that_stands_in() -> None:
    days = [make_day(DAY - timedelta(days=1)), in_vain(DAY)]
    world = settled(make_world([make_policy()], days, [make_node("a")]), NOW)
    page = page_of(world)
    assert (page.headline, page.tone) == ("Capped; a policy needs attention", Tone.WARN)
    (sentence,) = page.sentences
    assert sentence.startswith(
        "default: FR IDA1: today's results are not there; those of 2025-10-08 stand in"
    )
    (market,) = page.markets
    assert [(line.day, line.tone) for line in market.days] == [("today", Tone.WARN)]


def test_the_next_attempt_is_told_once_on_the_market_s_clock() -> None:
    soon = NOW + timedelta(minutes=20)
    asked = make_day(DAY, complete=False)
    day = after(asked, with_failure(asked, NotPublished("the site does not answer"), soon, NOW))
    page = page_of(settled(make_world([make_policy()], [day], [make_node("a")]), NOW))
    (line,) = [line for market in page.markets for line in market.days if line.day == "today"]
    assert "the site does not answer" in line.text
    assert line.text.count("12:27") == 1
    assert "Next attempt" not in line.text


@pytest.mark.parametrize(
    ("then", "cap"), [("MinPower", "10 W"), ("Hold", "the last cap"), ("Release", "original limits")]
)
def test_no_results_at_all(then: str, cap: str) -> None:
    policy = make_policy(fallback={"previousDays": 0, "then": then})
    world = settled(make_world([policy], [in_vain(DAY)], [make_node("a")]), NOW)
    page = page_of(world)
    assert (page.headline, page.tone) == ("No market results for default", Tone.BAD)
    (view,) = page.policies
    assert (view.cap, view.why) == (cap, f"for want of market results: fallback.then is {then}")
    assert any("nodes are capped at minPower" in one for one in page.sentences) == (then == "MinPower")


def test_a_market_with_negative_prices() -> None:
    (market,) = page_of(world_of(days=(DAY, DAY + timedelta(days=1)))).markets
    assert (market.name, market.source, market.zone) == ("FR IDA1", "EPEX", "Europe/Paris")
    assert market.values == ("50.00 EUR/MWh", f"{30 + 48 * 7 % 60}.8 MWh traded")
    assert [what for what, _ in market.charts] == ["Volume, MWh", "Price, EUR/MWh"]
    assert [(line.day, line.tone) for line in market.days] == [
        ("today", Tone.GOOD),
        ("tomorrow", Tone.GOOD),
    ]


def test_carbon_dioxide_is_shown_where_it_is_known() -> None:
    world = world_of()
    (market,) = page_of(replace(world, days={"day": with_carbon(make_day(DAY))})).markets
    assert market.values[2:] == ("45 g CO2/kWh", "61 % renewable")
    charts = [what for what, _ in market.charts]
    assert charts == ["Volume, MWh", "Price, EUR/MWh", "Carbon intensity, g/kWh", "Renewable share, %"]
    (without,) = page_of(world).markets
    assert len(without.values) == 2


def test_limits_for_a_while_with_what_they_asked_for_and_got() -> None:
    over = active_override("over")
    over = over.model_copy(update={"status": over.status.model_copy(update={"state": "Over"})})
    later = active_override("a-release", limit=None, release=True, source="person", reason=HOSTILE)
    later = later.model_copy(update={"status": later.status.model_copy(update={"state": "Pending"})})
    shown = {one.metadata.name: one for one in (over, later, active_override())}
    page = page_of(replace(world_of(), overrides=shown))
    assert [(one.name, one.state) for one in page.overrides] == [
        ("evening-peak", "Active"),
        ("a-release", "Pending"),
    ]
    active, pending = page.overrides
    assert (active.what, active.times) == ("at most 60 W on 3 nodes", "from 12:00 until 14:00")
    assert (active.result, active.why) == ("178.5 W of at most 180 W", "the grid asks (grid)")
    assert pending.what == "original limits on 3 nodes"
    assert "<img" not in render(page)


def test_what_a_policy_s_nodes_drew_and_cost() -> None:
    reports = {day: report_of(day) for day in ("2025-10-08", "2025-10-09", "2025-10-07")}
    (policy,) = page_of(replace(world_of(), reports=reports)).policies
    assert policy.report is not None
    assert policy.report.days == ("today", "yesterday")
    rows = dict(policy.report.rows)
    assert rows["Drawn"] == ("4 kWh",) * 2
    assert rows["Cost"] == ("0.28 EUR",) * 2
    assert rows["CO2"] == ("0.5 kg",) * 2
    assert rows["Time held back by caps"] == ("25 %",) * 2
    saved = {what: values for what, values in rows.items() if what.startswith("Against ")}
    assert len(saved) == 4
    told = re.compile(r"nothing|(saved|lost) (less than 0.01|\d+\.\d\d)\sEUR \(\d+\.\d\s%\)")
    assert all(told.fullmatch(value) for values in saved.values() for value in values)
    share, cost = saved["Against no caps (at most), with nodes to spare"][0], 0.28
    found = re.fullmatch(r"saved ([\d.]+)\sEUR \(([\d.]+)\s%\)", share)
    assert found is not None
    money, part = float(found[1]), float(found[2]) / 100
    assert money == pytest.approx(cost * part / (1 - part), abs=0.01)
    free = report_of("2025-10-09", boundSeconds=[0, 0], boundJoules=[0, 0])
    (policy,) = page_of(replace(world_of(), reports={"today": free})).policies
    assert policy.report is not None
    assert [values for what, values in policy.report.rows if what in saved] == [("nothing",)] * 4


def test_without_a_named_machine_the_page_has_what_was_measured_and_nothing_of_savings() -> None:
    world = replace(world_of(), reports={"today": report_of("2025-10-09")})
    page = page_of(world, machine=None)
    (policy,) = page.policies
    assert policy.report is not None
    rows = ["Drawn", "Cost", "CO2", "Time held back by caps"]
    assert [what for what, _ in policy.report.rows] == rows
    told = re.compile(r"\b(saved|lost|modelled)\b", re.IGNORECASE)
    assert not told.search(render(page))
    assert "what caps saved (modelled)" in render(page_of(world))


def test_what_is_not_known_of_a_day_is_left_open() -> None:
    bare = report_of("2025-10-09", prices=None, carbon=None, seconds=[0, 0], boundSeconds=[0, 0])
    (policy,) = page_of(replace(world_of(), reports={"today": bare})).policies
    assert policy.report is not None
    assert [values for what, values in policy.report.rows if what != "Drawn"] == [("–",)] * 3


def test_powers_in_percent() -> None:
    (policy,) = page_of(world_of(maxSource="80%", minPower="20%")).policies
    assert policy.cap.endswith(" %")
    assert policy.chart is not None
    assert [mark.text for mark in policy.chart.values] == ["80 %", "40 %", "20 % at least"]


@pytest.mark.parametrize(
    ("world", "seen", "headline"),
    [
        (World(), {"listed": False}, "The operator has not read the cluster yet"),
        (World(), {}, "There is no PowerPolicy: nothing is capped"),
        (make_world([make_policy()]), {}, "Nothing is capped now"),
        (world_of(suspend=True), {}, "Nothing is capped now"),
    ],
)
def test_little_or_nothing_is_known(world: World, seen: dict[str, Any], headline: str) -> None:
    if world.budgets:
        for name in world.budgets:
            world = with_node(world, name, reason="Suspended")
    page = page_of(world, **seen)
    assert page.headline == headline
    assert headline in render(page)


def test_objects_that_cannot_be_read_are_told_and_hide_no_other() -> None:
    body = {"metadata": {"name": "newer"}, "spec": {"suspend": False}}
    world = replace(
        world_of(),
        unreadable={
            (kind, "newer"): unreadable(kind, body, ValueError("what is this"))
            for kind in (POWER_POLICY, MARKET_DAY)
        },
    )
    page = page_of(world)
    assert (page.headline, page.tone) == ("Policy newer cannot be read", Tone.BAD)
    assert page.sentences == (
        "MarketDay newer cannot be read: ValueError: what is this",
        "newer: cannot be read: ValueError: what is this",
    )
    assert [policy.name for policy in page.policies] == ["default", "newer"]
    assert "cannot be read" in render(page)


def test_budgets_of_a_newer_version_hide_nothing() -> None:
    newer = KnownSpec({"policy": "default", "schedule": "another"})
    page = page_of(with_node(world_of(1), "node-0000", spec=newer))
    assert page.policies[0].chart is not None, "what the policy would ask for"
    assert [row.name for row in page.nodes.rows] == ["node-0000"]


def test_a_node_whose_budget_cannot_be_read_is_shown_and_not_waited_for_as_a_new_one() -> None:
    body = {"metadata": {"name": "node-0000"}, "spec": {"policy": "default"}}
    world = world_of(2)
    broken = replace(
        world,
        budgets={"node-0001": world.budgets["node-0001"]},
        unreadable={(POWER_BUDGET, "node-0000"): unreadable(POWER_BUDGET, body, ValueError("what is this"))},
    )
    page = page_of(broken)
    assert (page.headline, page.tone) == ("1 node does not follow", Tone.BAD)
    assert [(row.name, row.state) for row in page.nodes.rows] == [
        ("node-0000", "Unreadable"),
        ("node-0001", "Applied"),
    ]
    assert "node-0000: Unreadable. its budget cannot be read: ValueError: what is this" in page.sentences
    assert "cannot be read" in render(page)
    ready = decide(broken, NOW, timedelta(days=30)).policy_statuses["default"]["conditions"][0]
    assert (ready["status"], ready["reason"]) == ("False", "NodesNotReady")
    assert "node-0000 (its budget cannot be read: ValueError: what is this)" in ready["message"]


def test_a_loop_that_does_not_turn_is_said() -> None:
    page = page_of(world_of(), stuck=["fetcher"], leading=False)
    assert page.sentences == ("This operator's loop does not turn any more: fetcher.",)
    assert page.operator == "operator-0 is ready to take over"


def test_nodes_by_name_by_state_and_as_many_as_a_person_bears() -> None:
    world = with_node(world_of(SHOWN + 10), "node-0007", ready=False, reason="Lifted")
    page = page_of(world)
    assert (len(page.nodes.rows), page.nodes.hidden, page.nodes.found) == (SHOWN, 10, SHOWN + 10)
    assert [(one.state, one.count) for one in page.nodes.states] == [("Lifted", 1), ("Applied", SHOWN + 9)]
    everything = page_of(world, Choice(everything=True))
    assert (len(everything.nodes.rows), everything.nodes.hidden) == (SHOWN + 10, 0)
    assert [row.name for row in page_of(world, Choice(state="Lifted")).nodes.rows] == ["node-0007"]
    assert [row.name for row in page_of(world, Choice(text="0013")).nodes.rows] == ["node-0013"]
    assert page_of(world, Choice(text="nothing")).nodes.rows == ()


HOSTILE = "<script>alert(1)</script>\"'&amp;<img src=x onerror=alert(2)>"


def test_what_comes_from_the_cluster_is_escaped() -> None:
    view = BudgetView(
        HOSTILE, "", world_of().budgets["node-0000"].spec, HOSTILE, None, False, HOSTILE, HOSTILE,
    )  # fmt: skip
    policy = make_policy(HOSTILE)
    ready = {"type": "Ready", "status": "False", "reason": "NodesNotReady", "message": HOSTILE}
    wire = {
        **policy.to_wire(),
        "status": {"conditions": [{**ready, "lastTransitionTime": "2025-01-01T00:00:00Z"}]},
    }
    world = make_world([type(policy).from_wire(wire)], budgets=[view])
    html = render(page_of(world, Choice(text=HOSTILE), name=HOSTILE, version=HOSTILE, stuck=[HOSTILE]))
    assert "<script>alert" not in html
    assert "<img" not in html
    assert html.count("<script") == 1
    assert (
        html.count(
            "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;amp;&lt;img src=x onerror=alert(2)&gt;"
        )
        > 8
    )


def test_jobs_that_wait_have_their_hours_in_the_price_curve() -> None:
    world = waiting_world(
        [], [make_wait_policy(defaultDuration="2h")], [priced(DAY, [50] * 14 + [20, 20, 60])]
    )
    seen = Seen(world, listed=True, leading=True, stuck=(), version="1.2.3", name="a")
    [found] = overview(seen, Choice(), NOW, []).waiting
    assert found.window == "A job made now would run from 14:00 to 16:00."
    assert found.chart is not None
    marked = [bar.text for bar in found.chart.bars if bar.when.endswith(" window")]
    assert marked == ["14:00 to 15:00: 20.00 EUR/MWh", "15:00 to 16:00: 20.00 EUR/MWh"]
