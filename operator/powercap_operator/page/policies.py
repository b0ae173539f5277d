"""What the page shows of a policy: its cap now, what comes next, and the cap over today and tomorrow. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from powercap_api.conditions import find_condition
from powercap_api.powerbudget import PowerBudgetSpec
from powercap_api.powerpolicy import PowerPolicy
from powercap_api.reasons import ConditionType, Fallback, PolicyReason
from powercap_api.schedule import Span, cap_uw

from ..market.delivery_day import day_bounds
from ..planning.budget_spec import Plan
from ..planning.past import read_spec
from ..planning.reading import Reading
from ..planning.resolved_policy import ResolvedPolicy
from ..world.node_state import Sums
from ..world.snapshot import BudgetView, KnownSpec, World
from ..world.unreadable import FAULTS
from ..worth.reported_day import ReportedDay
from .chart import Axis, Chart, Mark, Step, bar_chart
from .reports import Report, reports
from .wording import Tone, clock, nodes

_QUIET = {PolicyReason.SUSPENDED, PolicyReason.OVERRULED, PolicyReason.NO_NODES, PolicyReason.PENDING}
UNREADABLE: Final = "Unreadable"
"""The state of a policy that this version of the operator cannot read."""


@dataclass(frozen=True, slots=True)
class PolicyView:
    """One policy."""

    name: str
    market: str
    strategy: str
    state: str
    tone: Tone
    flags: tuple[str, ...]
    """What holds beside: dry run, suspended."""
    cap: str
    """The cap now, for people; a dash where there is none."""
    of: str
    """maxSource for people."""
    share: str
    why: str
    coming: str
    """The next change of the cap."""
    followed: str
    """How many nodes follow it."""
    report: Report | None
    """What its nodes drew, cost and saved, today so far and yesterday."""
    sentences: tuple[str, ...]
    """What is not as it should be, in the status's words."""
    zone: str
    chart: Chart | None


def policy_views(
    world: World,
    reading: Reading,
    sums: Mapping[str, Sums],
    now: datetime,
    reported_days: Iterable[ReportedDay],
) -> tuple[PolicyView, ...]:
    """The policies, in order of names, those that cannot be read too; those that are being deleted are left out."""
    specs, reported = _common_specs(world.budgets.values()), reports(reported_days)
    views = [_unreadable(one.name, one.why) for one in reading.faulty.values()]
    for name, resolved in reading.policies.items():
        try:
            spec, told = specs.get(name), reported.get(name)
            views.append(_view(resolved, reading.plans[name], spec, sums.get(name, Sums()), told, now))
        except FAULTS as error:
            views.append(_unreadable(name, str(error)))
    return tuple(sorted(views, key=lambda view: view.name))


def _common_specs(budgets: Iterable[BudgetView]) -> dict[str, PowerBudgetSpec | None]:
    """The spec that most nodes of each policy have; None where this version cannot read it."""
    counts: dict[str, Counter[KnownSpec]] = {}
    for budget in budgets:
        counts.setdefault(budget.policy_label or "", Counter())[budget.spec] += 1
    return {policy: read_spec(counted.most_common(1)[0][0]) for policy, counted in counts.items()}


def _unreadable(name: str, why: str) -> PolicyView:
    return PolicyView(
        name=name,
        market="",
        strategy="",
        state=UNREADABLE,
        tone=Tone.BAD,
        flags=(),
        cap="–",
        of="",
        share="",
        why="",
        coming="",
        followed="",
        report=None,
        sentences=(f"cannot be read: {why}",),
        zone="",
        chart=None,
    )


def _view(
    resolved: ResolvedPolicy,
    planned: Plan,
    spec: PowerBudgetSpec | None,
    sums: Sums,
    report: Report | None,
    now: datetime,
) -> PolicyView:
    policy, status = resolved.policy, resolved.policy.status
    ready = find_condition(status.conditions, ConditionType.READY)
    data = find_condition(status.conditions, ConditionType.MARKET_DATA)
    state = "New" if ready is None else ready.reason
    steps = _steps(resolved, planned, spec, now)
    sentences = [one.message for one in (ready, data) if one is not None and one.status != "True"]
    current = None if policy.spec.suspend else status.current
    cap, why = ("–", "") if current is None else (current.cap, current.why or "")
    if current is None and not policy.spec.suspend and PolicyReason.MISSING in {state, data and data.reason}:
        cap, why = _without_results(resolved)
    return PolicyView(
        name=policy.metadata.name,
        market=status.market or str(resolved.market),
        strategy=resolved.strategy_name,
        state=state,
        tone=_tone(
            state,
            holds=ready is not None and ready.status == "True",
            data=None if data is None else data.reason,
        ),
        flags=tuple(word for word, holds in _flags(policy) if holds),
        cap=cap,
        of=resolved.limits.whole_text,
        share="" if current is None else current.share,
        why=why,
        coming=_coming(resolved, steps, now),
        followed=_followed(policy, sums),
        report=report,
        sentences=tuple(dict.fromkeys(sentences)),
        zone=resolved.wall_clock.key,
        chart=_chart(resolved, steps, now) if steps else None,
    )


def _without_results(resolved: ResolvedPolicy) -> tuple[str, str]:
    """The cap that nodes have for want of results, and why."""
    then = resolved.policy.spec.fallback.then
    caps = {Fallback.MIN_POWER: resolved.limits.least_text, Fallback.RELEASE: "original limits"}
    return caps.get(then, "the last cap"), f"for want of market results: fallback.then is {then}"


def _flags(policy: PowerPolicy) -> Sequence[tuple[str, bool]]:
    return (("dry run", policy.spec.dry_run), ("suspended", policy.spec.suspend))


def _followed(policy: PowerPolicy, sums: Sums) -> str:
    governed = policy.status.nodes or 0
    if not governed:
        return "no nodes"
    return f"{sums.following:,} of {nodes(governed)} {'follows' if governed == 1 else 'follow'}"


def _tone(state: str, *, holds: bool, data: str | None) -> Tone:
    if PolicyReason.MISSING in {state, data}:
        return Tone.BAD
    if state in _QUIET or state == "New":
        return Tone.QUIET
    if data == PolicyReason.FALLBACK:
        return Tone.WARN
    return Tone.GOOD if holds else Tone.WARN


def _steps(
    resolved: ResolvedPolicy, planned: Plan, spec: PowerBudgetSpec | None, now: datetime
) -> list[Span[Step]]:
    """The caps of today and tomorrow: what the budgets say, or else what would be asked of a node."""
    if spec is None:
        spans = [
            Span(start, end, period.share)
            for start, end, period in (planned.meanwhile or planned).periods.spans()
        ]
    else:
        spans = [Span(start, end, slot.share) for start, end, slot in spec.slots().spans()]
    limits = resolved.limits
    steps = []
    for start, until, share in spans:
        power_uw = cap_uw(share, limits.min_uw, limits.max_uw)
        times = f"{clock(start, resolved.wall_clock, now)} to {until.astimezone(resolved.wall_clock):%H:%M}"
        amount = limits.short_text(power_uw)
        step = Step(100 * power_uw / limits.max_uw, f"{times}: {amount}", amount)
        steps.append(Span(start, until, step))
    return steps


def _coming(resolved: ResolvedPolicy, steps: Sequence[Span[Step]], now: datetime) -> str:
    current = next((step for step in steps if step.start <= now < step.end), None)
    for step in steps:
        if step.start > now and (current is None or step.what.value != current.what.value):
            start, end = clock(step.start, resolved.wall_clock, now), step.end.astimezone(resolved.wall_clock)
            return f"from {start} until {end:%H:%M}: {step.what.amount}"
    return f"nothing known after {clock(steps[-1].end, resolved.wall_clock, now)}" if steps else ""


def _chart(resolved: ResolvedPolicy, steps: Sequence[Span[Step]], now: datetime) -> Chart:
    limits, zone = resolved.limits, resolved.wall_clock
    today = resolved.day(now)
    start, end = day_bounds(today, zone)
    last = max(step.end for step in steps)
    if last > end:
        end = day_bounds(today + timedelta(days=1), zone)[1]
    values = [Mark(100, limits.short_text(limits.max_uw)), Mark(50, limits.short_text(limits.max_uw // 2))]
    if limits.min_uw:
        least = 100 * limits.min_uw / limits.max_uw
        values = [mark for mark in values if abs(mark.at - least) > 12]
        values.append(Mark(least, f"{limits.short_text(limits.min_uw)} at least"))
    label = f"Cap of a node under policy {resolved.name}, today and tomorrow"
    return bar_chart(label, steps, Axis(start, end, zone), now, (0.0, 116.0), values)
