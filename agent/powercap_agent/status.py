"""The PowerBudget's status: what the agent says of its node. Pure.

The wire format is ``powercap_api.powerbudget.PowerBudgetStatus``; a test holds the two together. Every optional
field of ``current`` is always there, as None where it says nothing, because the status is sent as a merge patch,
in which None removes what an earlier status said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from powercap_api.reasons import BudgetReason, ConditionType, Fallback, ZoneReason
from powercap_api.units import format_watts_short

from .budget import Budget
from .outcome import Report, ZoneResult
from .schedule import Action, Order, Phase

_GOOD = frozenset({ZoneReason.APPLIED, ZoneReason.CLAMPED, ZoneReason.MMIO_LOWER, ZoneReason.RELEASED})

Status = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a status is made from."""

    budget: Budget
    order: Order
    report: Report
    supported: bool
    """Whether the node has anything that can be capped."""
    reapplied: int
    invalid: str | None = None
    """Why the newest spec is not followed, where it is not; ``budget`` is the last good one then."""
    generation: int | None = None
    """Generation of the newest spec, followed or not."""
    stopped: bool = False
    """True for the last words of an agent that ends."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    """One condition before its times."""

    holds: bool
    reason: BudgetReason
    message: str


def build_status(situation: Situation, now: datetime, before: Mapping[str, Any] | None) -> Status:
    """The status at ``now``. ``before`` is the one it replaces: a condition that stays keeps its time."""
    applied = _applied(situation)
    ready = _ready(situation, applied)
    generation = situation.generation if situation.generation is not None else situation.budget.generation
    return {
        "observedGeneration": generation,
        "conditions": [
            _condition(ConditionType.APPLIED, applied, generation, now, before),
            _condition(ConditionType.READY, ready, generation, now, before),
        ],
        "current": _current(situation),
        "zones": [_zone(result) for result in situation.report.results],
        "reapplied": situation.reapplied,
    }


def build_refusal(why: str, generation: int, now: datetime, before: Mapping[str, Any] | None) -> Status:
    """The status where the spec cannot be read and no earlier one is known."""
    verdict = _Verdict(
        False,
        BudgetReason.INVALID_SPEC,
        f"The spec cannot be followed, and there is no earlier one; the original limits are in force: {why}",
    )
    return {
        "observedGeneration": generation,
        "conditions": [
            _condition(ConditionType.APPLIED, verdict, generation, now, before),
            _condition(ConditionType.READY, verdict, generation, now, before),
        ],
        "current": None,
        "zones": [],
    }


def says_the_same(status: Status, seen: Mapping[str, Any] | None) -> bool:
    """Whether writing ``status`` over ``seen`` would change nothing."""
    return bool(seen) and _said(status) == _said(dict(seen or {}))


def _said(status: Status) -> Status:
    pruned = {name: value for name, value in status.items() if value is not None}
    current = pruned.get("current")
    if isinstance(current, dict):
        pruned["current"] = {name: value for name, value in current.items() if value is not None}
    return pruned


def _applied(situation: Situation) -> _Verdict:
    """Whether every zone holds what was asked for."""
    if situation.stopped:
        return _Verdict(False, BudgetReason.STOPPED, "The agent has ended.")
    results = situation.report.results
    bad = [result for result in results if result.reason not in _GOOD | {ZoneReason.DRY_RUN}]
    if not situation.supported:
        return _Verdict(False, BudgetReason.UNSUPPORTED, _UNSUPPORTED)
    if bad:
        some = len(bad) < len(results)
        return _Verdict(
            False, BudgetReason.PARTLY_APPLIED if some else BudgetReason.WRITE_FAILED, _complaints(bad)
        )
    if situation.budget.dry_run:
        return _Verdict(False, BudgetReason.DRY_RUN, "Caps are worked out and reported; no limit is changed.")
    if situation.order.action is not Action.CAP:
        return _Verdict(True, _phase_reason(situation), "The original limits are in force.")
    if situation.report.clamped:
        return _Verdict(True, BudgetReason.CLAMPED, _clamped(situation))
    return _Verdict(True, BudgetReason.APPLIED, "Every limit reads back what was asked for.")


def _ready(situation: Situation, applied: _Verdict) -> _Verdict:
    """Whether the node follows its budget."""
    if situation.stopped:
        return _Verdict(
            False, BudgetReason.STOPPED, "The agent on this node has ended; the original limits are in force."
        )
    if situation.invalid is not None:
        message = f"The spec cannot be followed, the last good one still is: {situation.invalid}"
        return _Verdict(False, BudgetReason.INVALID_SPEC, message)
    if applied.reason in {BudgetReason.UNSUPPORTED, BudgetReason.WRITE_FAILED, BudgetReason.PARTLY_APPLIED}:
        return applied
    order, budget = situation.order, situation.budget
    if order.phase is Phase.SLOT:
        return _Verdict(True, applied.reason, _slot_message(situation, applied))
    if order.phase is Phase.SUSPENDED:
        message = f"PowerPolicy {budget.policy} is suspended: the original limits are in force."
        return _Verdict(True, BudgetReason.SUSPENDED, message)
    what = {
        Action.CAP: f"the cap is {format_watts_short(order.cap_uw or 0)}",
        Action.RELEASE: "the original limits are in force",
        Action.KEEP: "the limits stay as they are",
    }[order.action]
    if order.phase is Phase.EARLY:
        message = f"No market data before the first slot: {what} until then, as onExpiry says."
    elif not budget.slots:
        message = f"No market data: {what}, as the policy's fallback says."
    else:
        message = f"The schedule ended and the operator has not written a new one: {what}, as onExpiry says."
    return _Verdict(order.phase is Phase.EARLY or not budget.slots, _phase_reason(situation), message)


_UNSUPPORTED = (
    "The node has no power capping that the agent can use: no package zone with a limit below the powercap folder."
    " In a container the host's /sys/devices/virtual/powercap must be mounted at another path; on a machine"
    " without it, exclude the node by the label powercap.dev/exempt=true."
)


def _phase_reason(situation: Situation) -> BudgetReason:
    if situation.order.phase is Phase.SUSPENDED:
        return BudgetReason.SUSPENDED
    return BudgetReason.HOLDING if situation.budget.on_expiry is Fallback.HOLD else BudgetReason.EXPIRED


def _slot_message(situation: Situation, applied: _Verdict) -> str:
    if applied.reason is not BudgetReason.APPLIED:
        return applied.message
    return f"The cap of {format_watts_short(situation.order.cap_uw or 0)} is in force."


def _clamped(situation: Situation) -> str:
    in_force = situation.report.applied_uw
    return (
        f"The cap of {format_watts_short(situation.order.cap_uw or 0)} is outside what this node can be given;"
        f" {'nothing' if in_force is None else format_watts_short(in_force)} is in force. Limits are never set"
        " below the floor (minPower and the agent's own) nor above what was found at first."
    )


def _complaints(bad: Sequence[ZoneResult]) -> str:
    told = [
        f"{result.zone.path} {result.constraint}: {result.reason}, {result.message}" for result in bad[:4]
    ]
    more = len(bad) - len(told)
    return "; ".join(told) + (f"; and {more} more" if more else "")


def _condition(
    kind: ConditionType,
    verdict: _Verdict,
    generation: int,
    now: datetime,
    before: Mapping[str, Any] | None,
) -> dict[str, Any]:
    status = "True" if verdict.holds else "False"
    since = format_time(now)
    for condition in (before or {}).get("conditions") or ():
        if condition.get("type") == kind and condition.get("status") == status:
            since = condition.get("lastTransitionTime", since)
    return {
        "type": kind.value,
        "status": status,
        "reason": verdict.reason.value,
        "message": verdict.message,
        "observedGeneration": generation,
        "lastTransitionTime": since,
    }


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


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC to the second: ``2025-10-09T22:00:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_period(start: datetime, end: datetime) -> str:
    """A slot for the eye: ``12:00-12:15 UTC``."""
    return f"{start.astimezone(UTC):%H:%M}-{end.astimezone(UTC):%H:%M} UTC"
