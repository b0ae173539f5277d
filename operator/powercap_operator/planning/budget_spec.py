"""A node's caps for today and tomorrow, from a policy and the market days there are. Pure.

A budget covers whole delivery days: today and, once its results are known, tomorrow. It begins where the budget in
force began, so that at midnight nothing changes and the API sees one write a day: shares of periods that are over
stay as the record of what was asked for, and only what begins now or later is recomputed.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from powercap_api.powerbudget import PowerBudgetSpec, ScheduleSegment
from powercap_api.poweroverride import PodFloor
from powercap_api.reasons import PolicyReason
from powercap_api.schedule import Schedule, Slot, Window, cap_uw, make_segments, share_of

from ..market.delivery_day import day_bounds
from ..market.fallback import find_results, latest_results
from ..market.known_days import DayResults, KnownDays
from ..market.tariff import short_price
from ..strategies import Day, Stretch
from .overrides.windows import lay_windows
from .past import Past, read_spec
from .resolved_policy import ResolvedPolicy
from .wanted_days import is_overdue

_LONGEST_BASIS: Final = 256
"""As long as the schema lets a segment's basis be."""


@dataclass(frozen=True, slots=True)
class PlannedPeriod:
    """One market period: its cap, and what gave it."""

    start: datetime
    share: int
    """The cap as a share of maxSource, as budgets carry it."""
    cap_uw: int
    """What agents make of the share, in microwatts; of which node, the policy's ``Limits`` say."""
    basis: str
    """The rule and the results, in words: the same for a whole day."""
    why: str
    """Why the cap is what it is, such as "68.2 MWh of 108.1 MWh: 63 % of 40 W"."""
    volume: str | None = None
    """Volume in MWh, with the digits that the exchange prints."""
    price: str | None = None
    """Price per MWh, with the digits that the exchange prints."""
    price_paid: str | None = None
    """What the policy's tariff makes of it; None without a tariff."""
    carbon: str | None = None
    """Carbon intensity in g CO2eq/kWh, with the digits that the source gives."""
    renewable: str | None = None
    """Share of renewable power in percent, with the digits that the source gives."""
    forecast: bool = False
    """Whether carbon and renewable are a forecast."""
    released: bool = False
    """True: an override gives the original limits; the cap stands for maxSource then."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a policy asks of each of its nodes, before anything about the node itself."""

    periods: Schedule[PlannedPeriod]
    """One per market period."""
    keep_since: datetime
    """What is over in the budget in force is kept from here on: two delivery days in all."""
    market_days: tuple[str, ...]
    currency: str | None
    data: PolicyReason
    """CURRENT: today's own results; FALLBACK: an earlier day's stand for them; MISSING: there are none;
    NOT_NEEDED: the strategy looks at none."""
    data_day: date | None
    """The delivery day whose results are used today."""
    stand_in_day: date | None = None
    """The delivery day whose results stand in for tomorrow; None where tomorrow's own are there, or none yet."""
    meanwhile: "Plan | None" = None
    """Where today's results may still come: what would hold without them."""
    cause: str | None = None
    """Why today's results are not there, for people."""


def plan(
    resolved: ResolvedPolicy,
    days: KnownDays,
    now: datetime,
    in_force: Iterable[Mapping[str, Any]] | None = None,
) -> Plan:
    """The policy's caps for today and, where known, tomorrow.

    ``in_force`` are the specs of its nodes' budgets, for a strategy that counts hours; None: a plan without a past.
    Where tomorrow's results were asked for in vain, those that would stand in for them after midnight do so already:
    budgets then do not end at midnight, also where the operator or the API server is away.
    Where today has no results of its own and none that may stand for them, the caps are the last known day's
    and already over: the agents then do what ``fallback.then`` says, which is what it is for.
    """
    request, zone, today = resolved.request, resolved.zone, resolved.day(now)
    results = find_results(request, days, today, resolved.policy.spec.fallback.previous_days)
    if results is None:
        last = latest_results(request, days, before=today)
        if last is None:
            start = day_bounds(today, zone)[0]
            return Plan(Schedule((), start), start, (), None, PolicyReason.MISSING, None)
        start = day_bounds(last.day, zone)[0]
        return Plan(
            plan_periods(resolved, last), start, last.names, last.currency, PolicyReason.MISSING, None
        )

    used = [results]
    back = resolved.policy.spec.fallback.previous_days if is_overdue(resolved, days, now) else 0
    tomorrow = find_results(request, days, today + timedelta(days=1), back)
    if tomorrow is not None:
        used.append(tomorrow)
    yesterday = days.own_results(request, today - timedelta(days=1)) if request.needs.market else None
    around = used if yesterday is None else [yesterday, *used]
    past = None if in_force is None else Past.of(resolved, in_force, now)
    periods = Schedule(
        tuple(period for day in used for period in plan_periods(resolved, day, around, past)),
        used[-1].periods.until,
    )
    names = tuple(dict.fromkeys(name for day in used for name in day.names))
    reason = PolicyReason.CURRENT if results.source_day == today else PolicyReason.FALLBACK
    if not request.needs.market:
        reason = PolicyReason.NOT_NEEDED
    keep_since = day_bounds(used[-1].day - timedelta(days=1), zone)[0]
    stand_in_day = used[-1].source_day if used[-1].source_day != used[-1].day and len(used) == 2 else None
    return Plan(periods, keep_since, names, results.currency, reason, results.source_day, stand_in_day)


def plan_periods(
    resolved: ResolvedPolicy,
    results: DayResults,
    around: Sequence[DayResults] = (),
    past: Past | None = None,
) -> Schedule[PlannedPeriod]:
    """One planned period for each of the results; ``around`` are the days known, this one among them."""
    market, limits, tariff, zone = resolved.market, resolved.limits, resolved.tariff, resolved.wall_clock
    paid = tariff.prices_paid(results.periods, zone)
    days = [
        Stretch(
            tariff.applied(day.periods, zone),
            day.known_at,
            None if past is None else past.was_full(day.periods),
        )
        for day in around
    ]
    caps = resolved.strategy.caps(
        Day(tariff.applied(results.periods, zone), limits, market.bidding_zone, days)
    )
    shares = [share_of(cap.power_uw, limits.max_uw) for cap in caps]
    tariff_note = " (price paid)" if tariff and resolved.request.needs.price else ""
    note = "" if results.source_day == results.day else f" (results of {results.source_day.isoformat()})"
    followed = (
        f"{market} of {results.source_day.isoformat()}" if resolved.request.needs.market else market.area
    )
    basis = f"{followed}: {resolved.strategy_name}"
    periods = (
        PlannedPeriod(
            start=period.start,
            share=share,
            cap_uw=cap_uw(share, limits.min_uw, limits.max_uw),
            basis=basis[:_LONGEST_BASIS],
            why=f"{cap.why}{tariff_note}{note}",
            volume=_text(period.volume),
            price=_text(period.price),
            price_paid=None if price_paid is None or not tariff else short_price(price_paid),
            carbon=_text(period.carbon),
            renewable=_text(period.renewable),
            forecast=period.forecast,
        )
        for period, cap, share, price_paid in zip(results.periods, caps, shares, paid, strict=True)
    )
    return Schedule(tuple(periods), results.periods.until)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def merge(periods: Iterable[PlannedPeriod]) -> list[PlannedPeriod]:
    """Drop every period that says the same as the one before it."""
    merged: list[PlannedPeriod] = []
    for period in periods:
        if not merged or replace(period, start=merged[-1].start) != merged[-1]:
            merged.append(period)
    return merged


def budget_spec(
    resolved: ResolvedPolicy,
    planned: Plan,
    existing: Mapping[str, Any] | None,
    now: datetime,
    windows: Sequence[Window] = (),
    floor: PodFloor | None = None,
) -> dict[str, Any]:
    """The spec of one node's budget in wire form without a lift, keeping what is over from the ``existing`` one.

    ``windows`` are those that overrides ask for from now on, ``floor`` what pods do. A budget that says the same as
    ``existing`` is equal to it, so that comparing tells whether to write.
    """
    current = _current_start(planned, now)
    policy, max_source, min_power = resolved.policy, resolved.max_source, resolved.min_power
    past: list[Slot] = []
    if existing is not None and existing.get("policy") == resolved.name:
        before = read_spec(existing)
        if before is not None and before.area == resolved.market.area:
            past = _over(before.slots(), planned.keep_since, current)
    coming = [
        Slot(period.start, period.share, period.basis)
        for period in planned.periods
        if not past or period.start >= current
    ]
    return PowerBudgetSpec(
        policy=resolved.name,
        schedule=[
            ScheduleSegment.of(segment)
            for segment in make_segments(Schedule((*past, *coming), planned.periods.until))
        ],
        area=resolved.market.area,
        overrides=lay_windows(existing, windows, planned.keep_since, now),
        max_source_microwatts=max_source.uw,
        max_source_percent=max_source.percent,
        min_power_microwatts=min_power.uw,
        min_power_percent=min_power.percent,
        valid_until=planned.periods.until,
        on_expiry=policy.spec.fallback.then,
        stabilisation_seconds=policy.spec.stabilisation_seconds,
        **resolved.hardware,
        floor=floor,
        suspend=policy.spec.suspend,
        dry_run=policy.spec.dry_run,
    ).to_wire()


def says_the_same(computed: Mapping[str, Any], in_force: Mapping[str, Any]) -> bool:
    """Whether all that this version writes is so in the spec in force; what a newer schema adds is not looked at."""
    read = read_spec(in_force)
    return read is not None and read.to_wire() == computed


def with_windows(
    existing: Mapping[str, Any], keep_since: datetime, now: datetime, windows: Sequence[Window]
) -> dict[str, Any]:
    """The spec in force with what overrides ask for laid again, and nothing else changed."""
    laid = lay_windows(existing, windows, keep_since, now)
    rest = {name: value for name, value in existing.items() if name != "overrides"}
    return rest if laid is None else {**rest, "overrides": [window.to_wire() for window in laid]}


def _over(schedule: Schedule[Slot], since: datetime, current: datetime) -> list[Slot]:
    """The slots of the schedule in force that are over and kept as the record, the first cut off at ``since``."""
    if current <= since:
        return []
    slots = [slot for slot in schedule if slot.start < current]
    first = bisect_right(slots, since, key=lambda slot: slot.start)
    if first:
        slots[first - 1] = replace(slots[first - 1], start=since)
    return slots[max(first - 1, 0) :]


def _current_start(planned: Plan, now: datetime) -> datetime:
    """Begin of the planned period that holds now; where there is none, of what is kept."""
    period = planned.periods.at(now)
    return planned.keep_since if period is None else period.start
