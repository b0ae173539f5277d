"""Reports of days: when they are written, what is in them, and that energy is right whatever was restarted."""

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powercap_agent.hardware.zone import Constraint, Zone
from powercap_agent.status.energy_account import EnergyAccount, Regime
from powercap_agent.status.ledger import Part
from powercap_api.markets import Auction, GridData, Market
from powercap_api.powerreport import PowerReport, report_name
from powercap_operator.market.delivery_day import day_bounds
from powercap_operator.market.known_days import KnownDays
from powercap_operator.planning.decision import decide
from powercap_operator.planning.reports.report import ReportWrite, report_writes, surplus_reports
from powercap_operator.planning.resolved_policy import resolve
from powercap_operator.world.energy_history import read_history
from powercap_operator.world.snapshot import BudgetView, KnownSpecs, World, view_budget
from tests.support.effort import examples
from tests.support.energy_history import run_of_columns
from tests.support.objects import make_day, make_policy, moment

DAY = date(2025, 10, 9)
WATT = 1_000_000
POLICY = make_policy("default", maxSource="140", minPower="40")
RESOLVED = resolve(POLICY)
START, END = day_bounds(DAY, RESOLVED.zone)
DAYS = KnownDays([make_day(DAY)])
QUARTER = timedelta(minutes=15)


def budget(
    name: str = "node-1",
    history: Sequence[dict[str, Any] | str] | None = None,
    *,
    ready: str = "True",
    policy: str = "default",
) -> BudgetView:
    status: dict[str, Any] = {"conditions": [{"type": "Ready", "status": ready, "reason": "Applied"}]}
    if history is not None:
        status["energy"] = {
            "packages": {"joules": 1, "seconds": 1},
            "history": [
                one if isinstance(one, str) or "packages" in one else run_of_columns(one) for one in history
            ],
        }
    spec = {"policy": policy, "maxSourceMicrowatts": 140 * WATT}
    return view_budget({"metadata": {"name": name}, "spec": spec, "status": status}, KnownSpecs())


def run(start: str, joules: list[int], policy: str = "default", **more: list[int]) -> dict[str, Any]:
    return {"policy": policy, "start": start, "joules": joules, **more}


def busy(start: datetime = START, count: int = 16) -> list[dict[str, Any]]:
    """A history from ``start`` on."""
    return [run(start.strftime("%Y-%m-%dT%H:%M:%SZ"), [100] * count)]


def writes(
    *budgets: BudgetView,
    now: datetime,
    reports: Mapping[str, PowerReport] | None = None,
    days: KnownDays = DAYS,
) -> list[ReportWrite]:
    world = World(budgets={one.name: one for one in budgets}, reports=reports or {})
    return list(report_writes(world, [RESOLVED], days, now))


def stored(write: ReportWrite) -> PowerReport:
    """As it comes back from the API."""
    body = {
        "apiVersion": "powercap.dev/v1alpha1",
        "kind": "PowerReport",
        "metadata": {"name": write.name, "uid": "uid", **write.metadata},
        "spec": write.spec,
    }
    return PowerReport.from_wire(json.loads(json.dumps(body)))


def test_a_report_tells_energy_cost_and_how_long_caps_bound() -> None:
    first = run(
        "2025-10-08T22:00:00Z", [36_000, 72_000], boundSeconds=[0, 450], boundJoules=[0, 36_000], lifts=[0, 1]
    )
    second = run("2025-10-08T22:15:00Z", [18_000], seconds=[450])
    (write,) = writes(
        budget("a", [first]),
        budget("b", [second], ready="False"),
        now=START + 2 * QUARTER + timedelta(minutes=2),
    )
    assert write.name == "default-2025-10-09" == report_name("default", DAY)
    spec = dict(write.spec)
    quarters = spec.pop("quarters")
    assert spec == {
        "policy": "default",
        "day": "2025-10-09",
        "timeZone": "Europe/Paris",
        "start": "2025-10-08T22:00:00Z",
        "until": "2025-10-08T22:30:00Z",
        "writtenAt": "2025-10-08T22:30:00Z",
        "nodes": 2,
        "notFollowing": 1,
        "maxSourceMicrowatts": 140 * WATT,
        "currency": "EUR",
        "nodeHours": "0.6",
        "energy": "0.035 kWh",
        "cost": "0.0018 EUR",
        "bound": "20 %",
        "lifts": 1,
    }
    assert quarters["joules"][:3] == [36_000, 90_000, 0]
    assert quarters["seconds"][:3] == [900, 1350, 0]
    assert quarters["boundJoules"][:3] == [0, 36_000, 0]
    assert {len(values) for values in quarters.values()} == {96}
    assert quarters["prices"][0] == "50.00"


@pytest.mark.parametrize(
    ("at", "written"),
    [
        (timedelta(minutes=16), False),
        (timedelta(minutes=17), True),
        (timedelta(minutes=2), False),
    ],
)
def test_a_report_is_due_two_minutes_after_a_period(at: timedelta, *, written: bool) -> None:
    assert bool(writes(budget(history=busy()), now=START + at)) is written


def test_a_day_on_which_nothing_was_measured_has_no_report() -> None:
    assert writes(now=START + timedelta(hours=5)) == []
    assert writes(budget(history=[]), now=START + timedelta(hours=5)) == []
    assert writes(budget(policy="other"), now=START + timedelta(hours=5)) == []


def test_energy_under_another_policy_is_another_report() -> None:
    mixed = [run("2025-10-08T22:00:00Z", [10]), run("2025-10-08T22:15:00Z", [20], policy="other")]
    (write,) = writes(budget(history=mixed), now=START + timedelta(hours=1))
    assert sum(write.spec["quarters"]["joules"]) == 10


def test_nodes_that_are_gone_and_quarters_that_are_no_longer_told_stay_reported() -> None:
    (write,) = writes(
        budget(history=[run("2025-10-08T22:00:00Z", [500, 700])]), now=START + timedelta(minutes=32)
    )
    reports = {write.name: stored(write)}
    (later,) = writes(
        budget("new", [run("2025-10-08T22:30:00Z", [900])]),
        now=START + timedelta(minutes=47),
        reports=reports,
    )
    assert later.spec["quarters"]["joules"][:4] == [500, 700, 900, 0]
    assert later.spec["nodes"] == 1
    (last,) = writes(now=START + timedelta(hours=3), reports={later.name: stored(later)})
    assert sum(last.spec["quarters"]["joules"]) == 2100


def test_without_prices_energy_is_told_alone() -> None:
    (write,) = writes(
        budget(history=[run("2025-10-08T22:00:00Z", [500])]),
        now=START + timedelta(hours=1),
        days=KnownDays([]),
    )
    assert "cost" not in write.spec
    assert "prices" not in write.spec["quarters"]


def test_the_price_paid_and_the_carbon_of_the_period_count() -> None:
    grid = make_day(DAY, market=Market("FR", GridData.CARBON), provider="EnergyCharts")
    periods = [period.model_copy(update={"carbon": "60", "price": None}) for period in grid.status.periods]
    grid = grid.model_copy(update={"status": grid.status.model_copy(update={"periods": periods})})
    known = KnownDays([make_day(DAY), grid])
    policy = make_policy(
        "default",
        maxSource="140",
        tariff={"fees": "100", "taxFactor": "1.2"},
        market={"carbonProviders": ["EnergyCharts"]},
    )
    world = World(budgets={"a": budget("a", [run("2025-10-08T22:00:00Z", [3_600_000])])})
    (write,) = report_writes(world, [resolve(policy)], known, START + timedelta(hours=1))
    assert (write.spec["cost"], write.spec["co2"]) == ("0.1800 EUR", "0.060 kg")


@pytest.mark.parametrize("day", [DAY, date(2025, 10, 26), date(2026, 3, 29)])
@pytest.mark.parametrize("minutes", [15, 60])
def test_at_most_one_write_for_each_period_and_the_day_is_whole_in_the_end(day: date, minutes: int) -> None:
    market = {"area": "FR", "auction": "SDAC", "resolutionMinutes": minutes}
    resolved = resolve(make_policy("default", maxSource="140", market=market))
    start, end = day_bounds(day, resolved.zone)
    made: Counter[datetime] = Counter()
    reports: dict[str, PowerReport] = {}
    world = World(budgets={"a": budget("a", [*busy(start), *busy(end)])})
    now = start
    while now < end + timedelta(hours=5):
        for write in report_writes(replace(world, reports=reports), [resolved], KnownDays([]), now):
            reports[write.name] = stored(write)
            period = start + (now - timedelta(minutes=2) - start) // timedelta(minutes=minutes) * timedelta(
                minutes=minutes
            )
            made[period] += 1
        now += timedelta(minutes=1)
    assert max(made.values()) == 1
    whole = reports[report_name("default", day)].spec
    assert whole.until == end
    assert whole.written_at == end + timedelta(hours=2)
    assert len(whole.quarters.joules) == (end - start) // QUARTER


def test_a_policy_that_moves_to_another_area_counts_no_quarter_twice() -> None:
    """From FR to GB at 14:00: the days of both are those of market time."""
    history = [one for fourth in range(6) for one in busy(START + fourth * timedelta(hours=4))]
    world = World(budgets={"a": budget("a", history)})
    markets = {
        "FR": resolve(make_policy(market={"area": "FR"})),
        "GB": resolve(make_policy(market={"area": "GB"})),
    }
    reports: dict[str, PowerReport] = {}
    for quarter in range(1, 105):
        now = START + quarter * QUARTER + timedelta(minutes=3)
        resolved = markets["FR" if now < moment("2025-10-09T12:00Z") else "GB"]
        for write in report_writes(replace(world, reports=reports), [resolved], KnownDays([]), now):
            reports[write.name] = stored(write)
    (whole,) = reports.values()
    assert whole.spec.quarters.joules == [100] * 96
    assert whole.spec.start == START


def test_an_operator_that_was_away_over_midnight_ends_the_day_before_first() -> None:
    (write,) = writes(budget(history=busy()), now=END - timedelta(minutes=40))
    reports = {write.name: stored(write)}
    late = run("2025-10-09T21:45:00Z", [800])
    (back,) = writes(budget(history=[late]), now=END + timedelta(minutes=50), reports=reports)
    assert (back.name, back.spec["until"]) == (write.name, "2025-10-09T22:00:00Z")
    assert back.spec["quarters"]["joules"][95] == 800
    reports[back.name] = stored(back)
    assert writes(budget(history=[late]), now=END + timedelta(minutes=51), reports=reports) == []
    (today,) = writes(budget(history=[late, *busy(END)]), now=END + timedelta(minutes=63), reports=reports)
    assert today.name == "default-2025-10-10"


def test_reports_are_kept_as_long_as_market_days() -> None:
    (write,) = writes(budget(history=busy()), now=START + timedelta(hours=5))
    reports = {write.name: stored(write)}
    fortnight = timedelta(days=14)
    there = {"default"}
    assert surplus_reports(reports, there, START + timedelta(days=14, hours=20), fortnight) == ()
    assert surplus_reports(reports, there, START + timedelta(days=16), fortnight) == (), (
        "the newest of its policy"
    )
    assert surplus_reports(reports, {"other"}, START + timedelta(days=16), fortnight) == (write.name,)
    spec = reports[write.name].spec
    later = spec.model_copy(update={"day": spec.day + timedelta(days=1)})
    reports["later"] = reports[write.name].model_copy(update={"spec": later})
    assert surplus_reports(reports, there, START + timedelta(days=16), fortnight) == (write.name,)
    decision = decide(World(reports=reports), START + timedelta(days=16), fortnight)
    assert decision.delete_reports == (write.name,)


def test_energy_under_a_policy_that_the_node_cannot_have_been_under_is_left_out() -> None:
    """A node that came to another policy tells what it drew before; what it tells of later is no other policy's."""
    written = {"powercap.dev/written-at": "2025-10-08T22:20:00Z"}
    told = [run("2025-10-08T22:00:00Z", [100]), run("2025-10-08T22:45:00Z", [90_000])]
    moved = budget("moved", told, policy="other")
    body = {"metadata": {"name": "moved", "annotations": written}, "spec": {"policy": "other"}}
    history = [run_of_columns(one) for one in told]
    seen = view_budget({**body, "status": {"energy": {"history": history}}}, KnownSpecs())
    (write,) = writes(seen, now=START + timedelta(hours=2))
    assert write.spec["quarters"]["joules"][:4] == [100, 0, 0, 0]
    (write,) = writes(moved, now=START + timedelta(hours=2))
    assert write.spec["quarters"]["joules"][:4] == [100, 0, 0, 90_000], "where nobody knows when it came"


def test_a_long_policy_name_makes_a_name_that_the_api_takes() -> None:
    assert len(report_name("p" * 253, DAY)) == 253


def test_decisions_carry_the_reports() -> None:
    world = World(policies={"default": POLICY}, budgets={"a": budget("a", busy())}, days={"d": make_day(DAY)})
    (write,) = decide(world, moment("2025-10-09T12:05Z"), timedelta(days=14)).write_reports
    assert write.spec["until"] == "2025-10-09T12:00:00Z"


class Node:
    """A node's counter, which wraps, and the agent that counts it."""

    def __init__(self, number: int, dice: random.Random) -> None:
        self.name = f"node-{number}"
        self.dice = dice
        self.account = self.new_account()
        self.saved: dict[str, Any] | None = None
        self.missed = 0
        self.unsaved = 0
        self.watts = 100.0
        self.seen = budget(self.name, [])
        """The budget as the operator sees it."""
        self.counter_uj = dice.randrange(65_532_610_987)
        limit = Constraint("long_term", "x", max_power_uw=300 * WATT)
        self.zone = Zone(
            "intel-rapl/package-0", "x", "intel-rapl", "package-0", True, True, (limit,), energy="x",
            max_energy_uj=65_532_610_987,
        )  # fmt: skip

    def new_account(self) -> EnergyAccount:
        """The account of a new agent, which knows that the package draws 300 W at most."""
        account = EnergyAccount()
        account.ledger.highest_uw = lambda _: 300 * WATT
        return account

    def draw(self, seconds: float) -> int:
        """Microjoules drawn in so many seconds."""
        if self.dice.random() < 0.1:
            self.watts = self.dice.uniform(10, 300)
        drawn = round(self.watts * WATT * seconds)
        self.counter_uj += drawn
        return drawn

    def sample(self, now: datetime) -> None:
        """The agent reads the counter."""
        reading = self.counter_uj % 65_532_610_987
        moment_s = now.timestamp()
        self.account.sample(
            now,
            moment_s,
            {self.zone.key: (self.zone, reading)},
            Regime("default", {Part.PACKAGES: 140 * WATT}),
        )

    def restart(self) -> None:
        """Killed, and another started from what was saved last."""
        self.account = self.new_account()
        if self.saved is not None:
            self.account.load(json.loads(json.dumps(self.saved)), same_boot=True)

    def save(self) -> None:
        """Keep the account for the next agent, within a minute."""
        self.unsaved += 1
        if self.unsaved >= 3 or self.dice.random() < 0.3:
            self.saved, self.unsaved = self.account.saved(), 0

    def report(self, now: datetime) -> None:
        """Write the status, or miss that, for three quarters of an hour at most."""
        self.missed += 1
        if self.missed > 3 or self.dice.random() < 0.7:
            energy = self.account.published(now)
            self.seen, self.missed = budget(self.name, [] if energy is None else energy["history"]), 0


@examples(2, 20)
@given(seed=st.integers(0, 2**32))
def test_a_day_of_random_loads_restarts_and_wraps_is_reported_to_within_a_percent(seed: int) -> None:
    """Agents are killed and come back within a minute, statuses are written at each quarter or not at all for an
    hour, the operator is away for up to three hours: the report's energy is what the counters counted."""
    dice = random.Random(seed)
    nodes = [Node(number, dice) for number in range(3)]
    now, drawn_uj, reports = START, 0, dict[str, PowerReport]()
    away_until = START
    for node in nodes:
        node.sample(now)
    while now < END + timedelta(hours=3, minutes=20):
        now += timedelta(seconds=20)
        for node in nodes:
            energy = node.draw(20)
            drawn_uj += energy if now <= END else 0
            if dice.random() < 0.002:
                node.restart()
                continue
            node.sample(now)
            node.save()
            if now.timestamp() % 900 < 20:
                node.report(now)
        if dice.random() < 0.002 and away_until + timedelta(hours=1) < now < END:
            away_until = now + timedelta(minutes=dice.uniform(1, 180))
        if now >= away_until:
            world = World(budgets={node.name: node.seen for node in nodes}, reports=reports)
            for write in report_writes(world, [RESOLVED], DAYS, now):
                reports[write.name] = stored(write)
    report = reports["default-2025-10-09"].spec
    assert report.until == END
    assert abs(sum(report.quarters.joules) * WATT - drawn_uj) <= 0.01 * drawn_uj
    assert abs(sum(report.quarters.seconds) - 3 * 86_400) <= 0.01 * 3 * 86_400
    cost = sum(Decimal(one) for one in report.quarters.joules) * Decimal("50.00") / Decimal(3_600_000_000)
    assert report.cost == f"{cost:.4f} EUR"


def test_accelerators_are_reported_apart_and_together() -> None:
    both = run("2025-10-08T22:00:00Z", [36_000, 72_000])
    wire = run_of_columns({**both, "boundSeconds": [900, 0], "boundJoules": [36_000, 0]}, "accelerators")
    history = [{**wire, "packages": run_of_columns(run(both["start"], [3_600, 7_200]))["packages"]}]
    (write,) = writes(budget("a", history), now=START + 2 * QUARTER + timedelta(minutes=2))
    spec = write.spec
    assert (spec["energy"], spec["packagesEnergy"], spec["acceleratorsEnergy"]) == (
        "0.033 kWh",
        "0.003 kWh",
        "0.030 kWh",
    )
    assert (spec["bound"], spec["acceleratorsBound"]) == ("0 %", "50 %")
    assert spec["quarters"]["joules"][:2] == [3_600, 7_200]
    assert spec["quarters"]["accelerators"]["joules"][:2] == [36_000, 72_000]
    assert spec["cost"] == f"{Decimal(118_800) * Decimal(50) / Decimal(3_600_000_000):.4f} EUR"
    later = START + 3 * QUARTER + timedelta(minutes=2)
    (again,) = writes(budget("a", history), now=later, reports={write.name: stored(write)})
    assert again.spec["quarters"]["accelerators"]["joules"][:2] == [36_000, 72_000]


def test_a_history_without_optional_columns_is_whole_quarters() -> None:
    (found,) = read_history([run_of_columns(run("2025-10-08T22:00:00Z", [5, 6]))]).packages
    assert [list(column) for column in found.columns] == [[5, 6], [900, 900], [0, 0], [0, 0], [0, 0]]


def test_the_half_day_market_is_no_other_day() -> None:
    market = Market("FR", Auction.IDA3, 15)
    resolved = resolve(make_policy("default", maxSource="140", market={"area": "FR", "auction": "IDA3"}))
    assert resolved.market == market
    (write,) = report_writes(
        World(budgets={"a": budget("a", busy())}), [resolved], KnownDays([]), START + timedelta(hours=6)
    )
    assert write.spec["until"] == "2025-10-09T03:45:00Z"
    assert datetime.fromisoformat(write.spec["start"]).astimezone(UTC) == START
