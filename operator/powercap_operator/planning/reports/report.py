"""The report of a policy's day: recounted from the budgets, and joined with what was reported before. Pure.

Budgets tell the last hours only, and nodes come and go: of what is counted now and what was reported for the same
quarter, the larger holds. So it does not matter how often a report is worked out, by which operator, and whether
nodes are still there; an operator that was away for less than the budgets' history misses nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from powercap_api.budget.energy import STEP_SECONDS
from powercap_api.names import MANAGED_BY_LABEL, OPERATOR_FIELD_MANAGER, POLICY_LABEL
from powercap_api.powerreport import PowerReport, PowerReportSpec, ReportColumns, ReportQuarters

from ...market.known_days import KnownDays, ResultsRequest, market_of
from ...market.needs import Needs
from ...world.agents_word import power_of
from ...world.energy_history import NAMES, EnergyRun, quarter_of
from ...world.node_state import state_of
from ...world.snapshot import BudgetView, World
from ..resolved_policy import ResolvedPolicy
from .due import Due, due
from .sums import sums_of

_PRICES: Final = Needs(price=True)
_LONGEST_LABEL: Final = 63


@dataclass(frozen=True, slots=True)
class ReportWrite:
    """A report to make or change."""

    name: str
    policy: str
    spec: Mapping[str, Any]

    @property
    def metadata(self) -> dict[str, Any]:
        """Labels: the policy's, and whose it is."""
        labels = {MANAGED_BY_LABEL: OPERATOR_FIELD_MANAGER}
        if len(self.policy) <= _LONGEST_LABEL:
            labels[POLICY_LABEL] = self.policy
        return {"labels": labels}


def report_writes(
    world: World, policies: Iterable[ResolvedPolicy], days: KnownDays, now: datetime
) -> tuple[ReportWrite, ...]:
    """The reports that are due. A day on which nothing was measured has none."""
    wanted_of = [(resolved, due(resolved, world.reports, now)) for resolved in policies]
    if not any(wanted for _, wanted in wanted_of):
        return ()
    nodes: dict[str, list[BudgetView]] = defaultdict(list)
    runs: dict[str, list[EnergyRun]] = defaultdict(list)
    on_accelerators: dict[str, list[EnergyRun]] = defaultdict(list)
    for budget in world.budgets.values():
        nodes[budget.spec.get("policy", "")].append(budget)
        history = budget.energy_history
        for found_in, told in ((runs, history.packages), (on_accelerators, history.accelerators)):
            for run in told:
                if _can_have_been(run, budget):
                    found_in[run.policy].append(run)
    found = []
    for resolved, wanted in wanted_of:
        if wanted is None:
            continue
        before = world.reports.get(wanted.name)
        own = (runs[resolved.name], on_accelerators[resolved.name])
        spec = _report(resolved, wanted, own, nodes[resolved.name], before, days)
        if before is not None or any(spec.quarters.seconds) or spec.quarters.accelerators:
            found.append(ReportWrite(wanted.name, resolved.name, spec.to_wire()))
    return tuple(found)


def _can_have_been(run: EnergyRun, budget: BudgetView) -> bool:
    """Whether the node can have been under the run's policy: its own, or another before its budget was last written."""
    if run.policy == budget.spec.get("policy"):
        return True
    written_at = budget.reporting.written_at
    return written_at is None or run.first <= quarter_of(written_at)


def surplus_reports(
    reports: Mapping[str, PowerReport], policies: Collection[str], now: datetime, history: timedelta
) -> tuple[str, ...]:
    """Reports that are older than MarketDays are kept, but for the newest of each policy that is there."""
    oldest = now.date() - history
    newest: dict[str, date] = {}
    for report in reports.values():
        policy, day = report.spec.policy, report.spec.day
        if policy in policies:
            newest[policy] = max(day, newest.get(policy, day))
    return tuple(
        name
        for name, report in reports.items()
        if report.spec.day < oldest and report.spec.day != newest.get(report.spec.policy)
    )


def _report(
    resolved: ResolvedPolicy,
    wanted: Due,
    runs: tuple[Iterable[EnergyRun], Iterable[EnergyRun]],
    nodes: Sequence[BudgetView],
    before: PowerReport | None,
    days: KnownDays,
) -> PowerReportSpec:
    known = None if before is None else before.spec.quarters
    packages, lifts = _part(wanted, runs[0], known)
    others, _ = _part(wanted, runs[1], None if known is None else known.accelerators)
    cards = others if any(others.seconds) else None
    prices, carbon, currency = _market(resolved, wanted, days)
    quarters = ReportQuarters(
        **dict(packages),
        accelerators=cards,
        lifts=_larger(lifts, [] if known is None else known.lifts),
        prices=prices,
        carbon=carbon,
    )
    told = sums_of(quarters)
    failing = sum(state_of(budget, wanted.written_at).fails for budget in nodes)
    return PowerReportSpec(
        policy=resolved.name,
        day=wanted.day,
        time_zone=resolved.zone.key,
        start=wanted.start,
        until=wanted.until,
        written_at=wanted.written_at,
        nodes=max(len(nodes), before.spec.nodes if before else 0),
        not_following=max(failing, before.spec.not_following if before else 0),
        max_source_microwatts=_max_source_uw(nodes)
        or (before.spec.max_source_microwatts if before else None),
        currency=currency,
        node_hours=f"{told.node_hours:.1f}",
        energy=f"{told.energy_kwh:.3f} kWh",
        packages_energy=None if cards is None else _energy(packages.joules),
        accelerators_energy=None if cards is None else _energy(cards.joules),
        cost=None if told.cost is None else f"{told.cost:.4f} {currency}",
        co2=None if told.co2_kg is None else f"{told.co2_kg:.3f} kg",
        bound=f"{(told.bound or 0) * 100:.0f} %",
        accelerators_bound=None if cards is None else _bound(cards),
        lifts=sum(quarters.lifts),
        quarters=quarters,
    )


def _counted(wanted: Due, runs: Iterable[EnergyRun]) -> list[list[int]]:
    """The columns of ``history.NAMES`` for the day's quarters, all nodes together."""
    first, last = quarter_of(wanted.start), quarter_of(wanted.until)
    count = (wanted.end - wanted.start) // timedelta(seconds=STEP_SECONDS)
    columns = [[0] * count for _ in NAMES]
    for begin, sums in _sums(runs):
        for column, values in zip(columns, sums, strict=True):
            for quarter, value in enumerate(values, begin):
                if first <= quarter < last:
                    column[quarter - first] += value
    return columns


def _sums(runs: Iterable[EnergyRun]) -> Iterator[tuple[int, list[list[int]]]]:
    """First quarter and summed columns of all runs over the same quarters, which are most nodes' runs: thousands of
    nodes are added up without a step of Python for each value."""
    alike: dict[tuple[int, int], list[EnergyRun]] = defaultdict(list)
    for run in runs:
        alike[run.first, len(run)].append(run)
    for (begin, _), members in alike.items():
        columns = zip(*(run.columns for run in members), strict=True)
        yield begin, [list(map(sum, zip(*column, strict=True))) for column in columns]


def _part(
    wanted: Due, runs: Iterable[EnergyRun], before: ReportColumns | None
) -> tuple[ReportColumns, list[int]]:
    """What was drawn, joined with what was reported before, and the lifts that are counted now."""
    *columns, lifts = _counted(wanted, runs)
    names = NAMES[: len(columns)]
    old = [[] if before is None else getattr(before, name) for name in names]
    joined = [_larger(new, known) for new, known in zip(columns, old, strict=True)]
    return ReportColumns(**dict(zip(names, joined, strict=True))), lifts


def _energy(joules: Sequence[int]) -> str:
    return f"{sum(joules) / 3.6e6:.3f} kWh"


def _bound(part: ReportColumns) -> str:
    measured = sum(part.seconds)
    return f"{sum(part.bound_seconds) / measured * 100 if measured else 0:.0f} %"


def _larger(new: Sequence[int], old: Sequence[int]) -> list[int]:
    padded = [*old, *[0] * (len(new) - len(old))]
    return [max(pair) for pair in zip(new, padded, strict=False)]


def _market(
    resolved: ResolvedPolicy, wanted: Due, days: KnownDays
) -> tuple[list[str] | None, list[str] | None, str | None]:
    """Price paid and carbon intensity of each quarter, and the currency; None where one of them is not known."""
    spec = resolved.policy.spec.market
    results = days.own_results(ResultsRequest(market_of(spec), tuple(spec.providers), _PRICES), wanted.day)
    prices = None
    if results is not None:
        prices = _by_quarter(
            resolved.tariff.prices_paid(results.periods, resolved.wall_clock),
            resolved.market.resolution_minutes,
        )
    source = resolved.request if resolved.request.needs.carbon else resolved.request.beside
    grid = None if source is None else days.own_results(source, wanted.day)
    carbon = None
    if grid is not None:
        carbon = _by_quarter([period.carbon for period in grid.periods], resolved.market.resolution_minutes)
    return prices, carbon, None if prices is None else resolved.market.bidding_zone.currency


def _by_quarter(values: Sequence[Decimal | None], minutes: int) -> list[str] | None:
    """The values of periods of so many minutes, each as often as it has quarters."""
    if None in values:
        return None
    return [f"{value:f}" for value in values for _ in range(minutes * 60 // STEP_SECONDS)]


def _max_source_uw(nodes: Sequence[BudgetView]) -> int | None:
    """Mean of what maxSource is on the nodes, in microwatts; None where budgets have it in percent."""
    told = (power_of(budget.spec.get("maxSourceMicrowatts")) for budget in nodes)
    known = [value for value in told if value is not None]
    return round(sum(known) / len(known)) if known else None
