"""The PowerBudget's status. Pure.

The wire format is ``powercap_api.powerbudget.PowerBudgetStatus``; a test holds the two together. Every optional
field of ``current`` is always present, as None where it is unknown: the status is sent as a merge patch, in which
None removes the value of an earlier status.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from powercap_api.clock import format_time
from powercap_api.conditions import condition, dated
from powercap_api.reasons import BudgetReason, ConditionType
from powercap_api.schedule import Slot, cap_uw, share_of
from powercap_api.units import format_watts_short

from ..enforce.results import ZoneResult
from ..hardware.zone import Zone
from ..schedule.budget import Budget
from ..schedule.directive import Directive, Phase
from .conditions import Condition, MeasuredDraw, NodeState, applied_condition, override_basis, ready_condition
from .ledger import Draw, Part, binds

Status = dict[str, Any]
_UNHEEDED: Final[Status] = {"energy": None}


def build_status(state: NodeState, now: datetime, before: Mapping[str, Any] | None) -> Status:
    """The status at ``now``. ``before`` is the one it replaces: a condition that stays keeps its time."""
    applied = applied_condition(state)
    ready = ready_condition(state, applied)
    generation = state.generation if state.generation is not None else state.budget.generation
    return {
        "observedGeneration": generation,
        "conditions": _conditions(applied, ready, generation, now, before),
        "current": _current(state),
        "zones": _zones(state.report.results, state.draw),
        "draw": None if state.draw is None else _draw(state.draw),
        "energy": state.energy,
        "reapplied": state.reapplied,
    }


def build_refusal(why: str, generation: int, now: datetime, before: Mapping[str, Any] | None) -> Status:
    """The status where the spec cannot be read and no earlier one is known."""
    refused = Condition(
        False,
        BudgetReason.INVALID_SPEC,
        f"The spec cannot be followed, and there is no earlier one; the original limits are in force: {why}",
    )
    return {
        "observedGeneration": generation,
        "conditions": _conditions(refused, refused, generation, now, before),
        "current": None,
        "zones": [],
    }


def build_failure(error: Exception, generation: int, now: datetime) -> Status:
    """The status where the right one could not be made."""
    failed = Condition(
        False,
        BudgetReason.STATUS_FAILED,
        f"Limits follow the budget, and the agent cannot tell how: {error!r}. This is a defect of the agent; its log"
        " has more.",
    )
    return {
        "observedGeneration": generation,
        "conditions": _conditions(failed, failed, generation, now, None),
    }


def says_the_same(status: Status, seen: Mapping[str, Any] | None) -> bool:
    """Whether writing ``status`` over ``seen`` would change nothing but the energy counted up."""
    return bool(seen) and _said(status) | _UNHEEDED == _said(dict(seen or {})) | _UNHEEDED


def _said(status: Status) -> Status:
    return {
        name: _said(value) if isinstance(value, dict) else value
        for name, value in status.items()
        if value is not None
    }


def _conditions(
    applied: Condition, ready: Condition, generation: int, now: datetime, before: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    conditions = [
        condition(kind, new.holds, new.reason, new.message, generation)
        for kind, new in ((ConditionType.APPLIED, applied), (ConditionType.READY, ready))
    ]
    return dated(conditions, (before or {}).get("conditions") or (), format_time(now))


def _current(state: NodeState) -> dict[str, Any]:
    budget, directive = state.budget, state.directive
    start = _start(directive)
    end = None if start is None else directive.end
    share, why = _share_and_why(budget, directive)
    applied_uw = state.report.applied_uw
    return {
        "start": format_time(start) if start else None,
        "end": format_time(end) if end else None,
        "period": format_period(start, end) if start and end else None,
        "capMicrowatts": directive.cap_uw,
        "appliedMicrowatts": applied_uw,
        "cap": None if directive.cap_uw is None else format_watts_short(directive.cap_uw),
        "applied": None if applied_uw is None else format_watts_short(applied_uw),
        "share": None if share is None else format_share(share),
        "why": why,
        "draw": format_watts_short(state.draw.drawn.total.average_uw) if state.draw else None,
    }


def _start(directive: Directive) -> datetime | None:
    """When what holds now began: the slot, or the override that lies over it."""
    starts = [part.start for part in (directive.slot, directive.window) if part is not None]
    return max(starts, default=None)


def _share_and_why(budget: Budget, directive: Directive) -> tuple[int | None, str | None]:
    """The cap as a share of maxSource and why it is what it is; None where neither schedule nor override gives it."""
    slot = directive.slot
    if directive.phase is Phase.OVERRIDDEN:
        if directive.cap_uw is None:
            return None, f"original limits, {override_basis(budget, directive)}"
        why = f"{format_watts_short(directive.cap_uw)} at most, {override_basis(budget, directive)}"
        # A percentage of a node that has nothing to cap is nothing.
        return share_of(directive.cap_uw, budget.max_source_uw) if budget.max_source_uw else None, why
    return (None, None) if slot is None else (slot.share, _why(budget, slot))


def _why(budget: Budget, slot: Slot) -> str:
    why = f"{format_share(slot.share)} of {format_watts_short(budget.max_source_uw)}"
    if budget.max_source_percent is not None and budget.node_uw is not None:
        why += f" ({budget.max_source_percent} % of this node's {format_watts_short(budget.node_uw)})"
    if cap_uw(slot.share, 0, budget.max_source_uw) < budget.min_power_uw:
        why += f", raised to {_least(budget)}"
    return why if slot.basis is None else f"{why}, {slot.basis}"


def _least(budget: Budget) -> str:
    """What no cap is below, for people."""
    least = format_watts_short(budget.min_power_uw)
    if budget.floor_uw == budget.min_power_uw:
        return f"{least} for {budget.floor_basis}"
    return f"minPower {least}"


def _draw(seen: MeasuredDraw) -> dict[str, Any]:
    parts: dict[str, Any] = {part.value: None for part in Part}
    for part, drawn in seen.drawn.parts.items():
        cap_uw = seen.caps_uw.get(part)
        bound = None if cap_uw is None else binds(drawn.average_uw, cap_uw)
        parts[part.value] = {**_powers(drawn), "capMicrowatts": cap_uw, "binds": bound}
    return {"seconds": round(seen.drawn.seconds), **_powers(seen.drawn.total), **parts}


def _powers(drawn: Draw) -> dict[str, int]:
    return {"averageMicrowatts": drawn.average_uw, "peakMicrowatts": drawn.peak_uw}


def _zones(results: Iterable[ZoneResult], seen: MeasuredDraw | None) -> list[dict[str, Any]]:
    """An entry for every zone, with its limits and what it drew."""
    entries: dict[str, dict[str, Any]] = {}

    def entry(zone: Zone) -> dict[str, Any]:
        return entries.setdefault(zone.path, {"zone": zone.path, "name": zone.name, "limits": []})

    for result in results:
        entry(result.zone)["limits"].append(_limit(result))
    for zone, draw in () if seen is None else seen.drawn.zones:
        entry(zone).update(_powers(draw))
    return list(entries.values())


def _limit(result: ZoneResult) -> dict[str, Any]:
    said = {
        "constraint": result.constraint,
        "originalMicrowatts": result.original_uw,
        "requestedMicrowatts": None if result.requested_uw == result.read_back_uw else result.requested_uw,
        "readBackMicrowatts": result.read_back_uw,
        "reason": result.reason.value,
        "message": result.message,
    }
    return {name: value for name, value in said.items() if value is not None}


def format_share(share: int) -> str:
    """A share of maxSource for the eye, in whole percent: ``63 %``."""
    return f"{(share + 50) // 100} %"


def format_period(start: datetime, end: datetime) -> str:
    """A slot for people to read: ``12:00-12:15 UTC``."""
    return f"{start.astimezone(UTC):%H:%M}-{end.astimezone(UTC):%H:%M} UTC"
