"""What the page shows of jobs that wait: each WaitPolicy, and when a job that is made now would run. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from powercap_api.conditions import find_condition
from powercap_api.reasons import ConditionType
from powercap_api.schedule import Span
from powercap_api.waitpolicy import WaitPolicy

from ..market.delivery_day import day_bounds, day_of
from ..market.known_days import KnownDays
from ..planning.job_start import CostCurve, CostPeriod
from ..planning.jobs.rule import Rule
from ..planning.reading import read_wait_policies
from ..world.snapshot import World
from .chart import Axis, Chart, Step, bar_chart, extent_of
from .wording import Tone, clock


@dataclass(frozen=True, slots=True)
class WaitView:
    """One WaitPolicy."""

    name: str
    state: str
    tone: Tone
    market: str
    counts: str
    window: str
    chart: Chart | None
    kind: str
    """What its chart shows, for its colours."""


def wait_views(world: World, days: KnownDays, now: datetime) -> tuple[WaitView, ...]:
    """Every WaitPolicy, in order of names."""
    rules, _ = read_wait_policies(world)
    return tuple(
        _view(policy, rules.get(name), days, now) for name, policy in sorted(world.wait_policies.items())
    )


def _view(policy: WaitPolicy, rule: Rule | None, days: KnownDays, now: datetime) -> WaitView:
    status = policy.status
    ready = find_condition(status.conditions, ConditionType.READY)
    holds = ready is not None and ready.status == "True"
    window, chart = ("", None) if rule is None else _window(rule, days, now)
    counts = f"{status.waiting or 0} jobs wait, {status.released or 0} released"
    return WaitView(
        name=policy.metadata.name,
        state="not looked at yet" if ready is None else ready.reason,
        tone=Tone.GOOD if holds else Tone.WARN,
        market=status.market or "",
        counts=counts + (f", {status.saved} saved by the model" if status.saved else ""),
        window=window,
        chart=chart,
        kind=policy.spec.signal.lower(),
    )


def _window(rule: Rule, days: KnownDays, now: datetime) -> tuple[str, Chart | None]:
    """When a job that is made now would run, for people; and that in the curve of what it goes by."""
    zone = rule.market.bidding_zone.zone
    today = day_of(now, zone)
    results = [days.own_results(rule.request, today + timedelta(days=ahead)) for ahead in (0, 1)]
    periods = [one for day in results if day is not None for one in rule.periods(day.periods)]
    if not periods:
        return "What it goes by is not known: jobs start at once.", None
    start = CostCurve(periods).best_start(now, now + rule.max_wait, rule.default_duration, rule.least_saving)
    end = start + rule.default_duration
    steps = [_step(one, rule, start < one.end and one.start < end, now) for one in periods]
    axis = Axis(day_bounds(today, zone)[0], periods[-1].end, zone)
    said = f"A job made now would run from {clock(start, zone, now)} to {clock(end, zone, now)}."
    label = f"{rule.signal} of {rule.market}, {rule.unit}, and when a job made now would run"
    return said, bar_chart(label, steps, axis, now, *extent_of(steps))


def _step(period: CostPeriod, rule: Rule, chosen: bool, now: datetime) -> Span[Step]:
    value = rule.shown(period.value)
    times = f"{clock(period.start, rule.wall_clock, now)} to {period.end.astimezone(rule.wall_clock):%H:%M}"
    text = f"{times}: {round(value, 2):,f} {rule.unit}"
    step = Step(float(value), text, mark=" window" if chosen else "")
    return Span(period.start, period.end, step)
