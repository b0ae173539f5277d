"""The PowerBudget's status: what the agent says of its node. Pure.

The wire format is ``powercap_api.powerbudget.PowerBudgetStatus``; a test holds the two together. Every optional
field of ``current`` is always there, as None where it says nothing, because the status is sent as a merge patch,
in which None removes what an earlier status said.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from powercap_api.clock import format_time
from powercap_api.conditions import condition, dated
from powercap_api.reasons import BudgetReason, ConditionType
from powercap_api.units import format_watts_short

from ..enforce.results import ZoneResult
from .conditions import DrawSeen, Situation, Verdict, judge_applied, judge_ready
from .energy import binds

Status = dict[str, Any]


def build_status(situation: Situation, now: datetime, before: Mapping[str, Any] | None) -> Status:
    """The status at ``now``. ``before`` is the one it replaces: a condition that stays keeps its time."""
    applied = judge_applied(situation)
    ready = judge_ready(situation, applied)
    generation = situation.generation if situation.generation is not None else situation.budget.generation
    return {
        "observedGeneration": generation,
        "conditions": _conditions(applied, ready, generation, now, before),
        "current": _current(situation),
        "zones": [_zone(result) for result in situation.report.results],
        "draw": None if situation.draw is None else _draw(situation.draw),
        "reapplied": situation.reapplied,
    }


def build_refusal(why: str, generation: int, now: datetime, before: Mapping[str, Any] | None) -> Status:
    """The status where the spec cannot be read and no earlier one is known."""
    verdict = Verdict(
        False,
        BudgetReason.INVALID_SPEC,
        f"The spec cannot be followed, and there is no earlier one; the original limits are in force: {why}",
    )
    return {
        "observedGeneration": generation,
        "conditions": _conditions(verdict, verdict, generation, now, before),
        "current": None,
        "zones": [],
    }


def says_the_same(status: Status, seen: Mapping[str, Any] | None) -> bool:
    """Whether writing ``status`` over ``seen`` would change nothing."""
    return bool(seen) and _said(status) == _said(dict(seen or {}))


def _said(status: Status) -> Status:
    return {
        name: _said(value) if isinstance(value, dict) else value
        for name, value in status.items()
        if value is not None
    }


def _conditions(
    applied: Verdict, ready: Verdict, generation: int, now: datetime, before: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    new = [
        condition(kind, verdict.holds, verdict.reason, verdict.message, generation)
        for kind, verdict in ((ConditionType.APPLIED, applied), (ConditionType.READY, ready))
    ]
    return dated(new, (before or {}).get("conditions") or (), format_time(now))


def _current(situation: Situation) -> dict[str, Any]:
    budget, order = situation.budget, situation.order
    slot = order.slot
    applied_uw = situation.report.applied_uw
    unit = f"{budget.currency}/MWh" if budget.currency else "per MWh"
    return {
        "start": format_time(slot.start) if slot else None,
        "end": format_time(order.end) if slot and order.end else None,
        "period": format_period(slot.start, order.end) if slot and order.end else None,
        "capMicrowatts": order.cap_uw,
        "appliedMicrowatts": applied_uw,
        "cap": None if order.cap_uw is None else format_watts_short(order.cap_uw),
        "applied": None if applied_uw is None else format_watts_short(applied_uw),
        "volume": f"{slot.volume} MWh" if slot and slot.volume is not None else None,
        "price": f"{slot.price} {unit}" if slot and slot.price is not None else None,
        "why": slot.why if slot else None,
        "draw": format_watts_short(situation.draw.drawn.total.average_uw) if situation.draw else None,
    }


def _draw(seen: DrawSeen) -> dict[str, Any]:
    drawn = seen.drawn
    return {
        "start": format_time(seen.end - timedelta(seconds=drawn.seconds)),
        "end": format_time(seen.end),
        "averageMicrowatts": drawn.total.average_uw,
        "peakMicrowatts": drawn.total.peak_uw,
        "capMicrowatts": seen.cap_uw,
        "binds": None if seen.cap_uw is None else binds(drawn.total.average_uw, seen.cap_uw),
        "zones": [
            {
                "zone": zone.path,
                "name": zone.name,
                "averageMicrowatts": draw.average_uw,
                "peakMicrowatts": draw.peak_uw,
            }
            for zone, draw in drawn.zones
        ],
    }


def _zone(result: ZoneResult) -> dict[str, Any]:
    said = {
        "zone": result.zone.path,
        "name": result.zone.name,
        "constraint": result.constraint,
        "originalMicrowatts": result.original_uw,
        "requestedMicrowatts": result.requested_uw,
        "readBackMicrowatts": result.read_back_uw,
        "reason": result.reason.value,
        "message": result.message,
    }
    return {name: value for name, value in said.items() if value is not None}


def format_period(start: datetime, end: datetime) -> str:
    """A slot for the eye: ``12:00-12:15 UTC``."""
    return f"{start.astimezone(UTC):%H:%M}-{end.astimezone(UTC):%H:%M} UTC"
