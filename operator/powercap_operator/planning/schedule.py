"""A node's caps for today and tomorrow, from a policy and the market days there are. Pure.

The slots of a budget cover whole delivery days: today and, once its results are known, tomorrow. They begin
where the budget in force began, so that at midnight nothing changes and the API sees one write a day: slots that
are over stay as the record of what was asked for, and only what begins now or later is computed anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from powercap_api.markets import BiddingZone
from powercap_api.powerbudget import PowerBudgetSpec, Slot
from powercap_api.powerpolicy import PowerPolicy
from powercap_api.reasons import PolicyReason
from powercap_api.units import parse_watts

from .. import strategies
from ..market.delivery_day import day_bounds
from ..market.fallback import DayIndex, DayResults, find_results, latest_results, market_of
from ..strategies import Limits, Strategy
from .hardware import hardware_terms

_LONGEST_WHY: Final = 256
"""As long as a slot's reason may be."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a policy asks of each of its nodes, before anything about the node itself."""

    slots: tuple[Slot, ...]
    """One per market period, not yet merged."""
    valid_until: datetime
    keep_since: datetime
    """Slots of the budget in force that are over are kept from here on: two delivery days in all."""
    market_days: tuple[str, ...]
    currency: str | None
    data: PolicyReason
    """CURRENT: today's own results; FALLBACK: an earlier day's stand for them; MISSING: there are none;
    NOT_NEEDED: the strategy looks at none."""
    data_day: date | None
    """The delivery day whose results are used today."""


def limits_of(policy: PowerPolicy) -> Limits:
    """minPower and maxSource in microwatts. minPower never exceeds maxSource, whoever wrote the policy."""
    max_uw = parse_watts(policy.spec.max_source)
    return Limits(min(parse_watts(policy.spec.min_power), max_uw), max_uw)


def plan(policy: PowerPolicy, days: DayIndex, now: datetime) -> Plan:
    """The policy's slots for today and, where known, tomorrow.

    Where today has no results of its own and none that may stand for them, the slots are the last known day's
    and already over: the agents then do what ``fallback.then`` says, which is what it is for.
    """
    where = market_of(policy.spec.market).bidding_zone
    zone = where.zone
    today = now.astimezone(zone).date()
    strategy = strategies.create(policy.spec.strategy)
    limits = limits_of(policy)

    results = find_results(policy.spec.market, strategy, days, today, policy.spec.fallback.previous_days)
    if results is None:
        last = latest_results(policy.spec.market, strategy, days, before=today)
        if last is None:
            start = day_bounds(today, zone)[0]
            return Plan((), start, start, (), None, PolicyReason.MISSING, None)
        slots = tuple(slots_of(last, strategy, limits, where))
        start = day_bounds(last.day, zone)[0]
        return Plan(slots, last.end, start, last.names, last.currency, PolicyReason.MISSING, None)

    used = [results]
    tomorrow = find_results(policy.spec.market, strategy, days, today + timedelta(days=1), previous_days=0)
    if tomorrow is not None:
        used.append(tomorrow)
    slots = tuple(slot for day in used for slot in slots_of(day, strategy, limits, where))
    names = tuple(dict.fromkeys(name for day in used for name in day.names))
    reason = PolicyReason.CURRENT if results.source_day == today else PolicyReason.FALLBACK
    if not strategy.needs_market:
        reason = PolicyReason.NOT_NEEDED
    keep_since = day_bounds(used[-1].day - timedelta(days=1), zone)[0]
    return Plan(slots, used[-1].end, keep_since, names, results.currency, reason, results.source_day)


def slots_of(results: DayResults, strategy: Strategy, limits: Limits, where: BiddingZone) -> list[Slot]:
    """One slot per period of the results, not yet merged."""
    caps = strategy.caps(results.periods, limits, where)
    note = "" if results.source_day == results.day else f" (results of {results.source_day.isoformat()})"
    return [
        Slot(
            start=period.start,
            cap_microwatts=cap.power_uw,
            volume=None if period.volume is None else f"{period.volume:f}",
            price=None if period.price is None else f"{period.price:f}",
            why=f"{cap.why}{note}"[:_LONGEST_WHY],
        )
        for period, cap in zip(results.periods, caps, strict=True)
    ]


def merge(slots: Sequence[Slot]) -> list[Slot]:
    """Drop every slot that says the same as the one before it."""
    merged: list[Slot] = []
    for slot in slots:
        if not merged or _said(slot) != _said(merged[-1]):
            merged.append(slot)
    return merged


def _said(slot: Slot) -> tuple[object, ...]:
    return (slot.cap_microwatts, slot.volume, slot.price, slot.why)


def budget_spec(
    policy: PowerPolicy,
    planned: Plan,
    existing: Mapping[str, Any] | None,
    days: DayIndex,
    now: datetime,
    lift_until: datetime | None = None,
) -> dict[str, Any]:
    """The spec of one node's budget in wire form, keeping what is over from the ``existing`` one.

    A budget that says the same as ``existing`` is equal to it, so that comparing tells whether to write.
    """
    past: list[Slot] = []
    past_days: list[str] = []
    if existing is not None and _of_same_zone(existing, policy, days):
        before = PowerBudgetSpec.model_validate(existing)
        past = over_slots(before.slots, planned, now)
        if past:
            first_day = planned.keep_since.astimezone(market_of(policy.spec.market).bidding_zone.zone).date()
            kept = {day.metadata.name for key, day in days.items() if key.day >= first_day}
            past_days = [name for name in before.market_days if name in kept]
    coming = [slot for slot in planned.slots if not past or slot.start >= _current_start(planned, now)]
    return PowerBudgetSpec(
        policy=policy.metadata.name,
        market_days=list(dict.fromkeys([*past_days, *planned.market_days])),
        currency=planned.currency,
        slots=merge([*past, *coming]),
        min_power_microwatts=limits_of(policy).min_uw,
        valid_until=planned.valid_until,
        on_expiry=policy.spec.fallback.then,
        stabilisation_seconds=policy.spec.stabilisation_seconds,
        **hardware_terms(policy),
        lift_until=lift_until,
        suspend=policy.spec.suspend,
        dry_run=policy.spec.dry_run,
    ).to_wire()


def _of_same_zone(existing: Mapping[str, Any], policy: PowerPolicy, days: DayIndex) -> bool:
    """Whether the budget in force is the policy's, from results of the zone that the policy follows now.

    Another zone's slots are no record of this one's: its clock and its currency may be others.
    """
    followed = set(existing.get("marketDays") or ())
    areas = {key.market.area for key, day in days.items() if day.metadata.name in followed}
    return existing.get("policy") == policy.metadata.name and areas <= {policy.spec.market.area}


def over_slots(before: Sequence[Slot], planned: Plan, now: datetime) -> list[Slot]:
    """The slots of the budget in force that are over and kept as the record; the one that holds now is not."""
    current = _current_start(planned, now)
    return [slot for slot in before if planned.keep_since <= slot.start < current]


def _current_start(planned: Plan, now: datetime) -> datetime:
    """Begin of the planned period that holds now; where the plan is over already, of its first."""
    if not planned.slots or planned.valid_until <= now:
        return planned.keep_since
    return max((slot.start for slot in planned.slots if slot.start <= now), default=planned.keep_since)
