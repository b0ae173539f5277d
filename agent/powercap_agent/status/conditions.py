"""The conditions Applied (limits hold what was asked for) and Ready (the node follows its budget). Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from powercap_api.reasons import BudgetReason, Fallback, ZoneReason
from powercap_api.units import format_watts_short

from ..enforce.results import Report, ZoneResult
from ..schedule.budget import Budget
from ..schedule.directive import Action, Directive, Phase
from .ledger import NodeDraw, Part

_PHASES: Final = {
    Phase.SUSPENDED: BudgetReason.SUSPENDED,
    Phase.NO_REFERENCE: BudgetReason.NO_REFERENCE,
    Phase.LIFTED: BudgetReason.LIFTED,
    Phase.OVERRIDDEN: BudgetReason.OVERRIDDEN,
}
_SUSPENDED: Final = "PowerPolicy {policy} is suspended: the original limits are in force."


@dataclass(frozen=True, slots=True)
class MeasuredDraw:
    """What the node drew, and the caps of its parts meanwhile, in microwatts; a part without a cap is not there."""

    drawn: NodeDraw
    caps_uw: Mapping[Part, int]


@dataclass(frozen=True, slots=True)
class NodeState:
    """Everything that a status is made from."""

    budget: Budget
    directive: Directive
    report: Report
    supported: bool
    """Whether the node has anything that can be capped."""
    reapplied: int
    why_unsupported: str = ""
    """Why it has not, and what to do."""
    invalid: str | None = None
    """Why the newest spec is not followed, where it is not; ``budget`` is the last good one then."""
    generation: int | None = None
    """Generation of the newest spec, followed or not."""
    stopped: bool = False
    """True for the last status of an agent that ends."""
    draw: MeasuredDraw | None = None
    """What was drawn in the slot before."""
    valve_trouble: str | None = None
    """Why the pressure valve cannot open, where it cannot."""
    energy: Mapping[str, Any] | None = None
    """``PowerBudgetStatus.energy`` in wire form."""

    def is_next_step_of(self, published: "NodeState | None") -> bool:
        """Whether all that is new since ``published`` is one more step of the same lowering."""
        return (
            published is not None
            and not self.stopped
            and published.directive.lowering
            and self.directive.lowering
            and self.directive.continues(published.directive)
            and self._reasons() == published._reasons()
            and (self.generation, self.invalid) == (published.generation, published.invalid)
        )

    def _reasons(self) -> list[ZoneReason]:
        return [result.reason for result in self.report.results]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition without its transition time."""

    holds: bool
    reason: BudgetReason
    message: str


def applied_condition(state: NodeState) -> Condition:
    """Whether every zone holds what was asked for."""
    results = state.report.results
    bad = [result for result in results if result.failed]
    if state.stopped:
        if bad:
            message = f"The agent has ended, and could not put back: {_complaints(bad)}"
            return Condition(False, BudgetReason.WRITE_FAILED, message)
        return Condition(False, BudgetReason.STOPPED, "The agent has ended.")
    if not state.supported:
        return Condition(False, BudgetReason.UNSUPPORTED, _unsupported(state))
    if bad:
        some = len(bad) < len(results)
        return Condition(
            False, BudgetReason.PARTLY_APPLIED if some else BudgetReason.WRITE_FAILED, _complaints(bad)
        )
    if state.budget.dry_run:
        return Condition(
            False, BudgetReason.DRY_RUN, "Caps are worked out and reported; no limit is changed."
        )
    if state.directive.action is Action.KEEP and state.report.applied_uw is not None:
        kept = format_watts_short(state.report.applied_uw)
        return Condition(True, _phase_reason(state), f"The limits stay as they are: {kept} in force.")
    if state.directive.action is not Action.CAP:
        return Condition(True, _phase_reason(state), "The original limits are in force.")
    if state.report.low_originals:
        return Condition(True, BudgetReason.LOW_ORIGINAL, _low_originals(state))
    if state.directive.lowering:
        target = format_watts_short(state.directive.cap_uw or 0)
        return Condition(
            True, BudgetReason.LOWERING, f"The cap is on its way down to {target}, by ramp and dwell."
        )
    lower = [result for result in results if result.reason is ZoneReason.LOWER_BY_OTHER]
    if lower:
        return Condition(True, BudgetReason.LOWER_BY_OTHER, _complaints(lower))
    if state.report.clamped:
        return Condition(True, BudgetReason.CLAMPED, _clamped(state))
    return Condition(True, BudgetReason.APPLIED, "Every limit reads back what was asked for.")


def ready_condition(state: NodeState, applied: Condition) -> Condition:
    """Whether the node follows its budget, and what stays behind that the kernel cannot put back."""
    ready = _ready(state, applied)
    return replace(ready, message=ready.message + _reenabled_message(state))


def _ready(state: NodeState, applied: Condition) -> Condition:
    if state.stopped:
        if applied.reason is BudgetReason.WRITE_FAILED:
            return applied
        return Condition(
            False, BudgetReason.STOPPED, "The agent on this node has ended; the original limits are in force."
        )
    if state.invalid is not None:
        message = f"The spec cannot be followed, the last good one still is: {state.invalid}"
        if state.budget.suspend:
            message = f"{_SUSPENDED.format(policy=state.budget.policy)} The rest of the spec: {state.invalid}"
        return Condition(False, BudgetReason.INVALID_SPEC, message)
    if applied.reason in {BudgetReason.UNSUPPORTED, BudgetReason.WRITE_FAILED, BudgetReason.PARTLY_APPLIED}:
        return applied
    directive, budget = state.directive, state.budget
    if directive.phase is Phase.SLOT:
        cap = format_watts_short(directive.cap_uw or 0)
        holds = applied.reason is BudgetReason.APPLIED
        message = f"The cap of {cap} is in force." if holds else applied.message
        return Condition(True, applied.reason, message + _valve_message(state))
    if directive.phase is Phase.LIFTED:
        message = (
            f"The original limits are in force for a while: {directive.note}. The cap is tried again then."
        )
        return Condition(False, BudgetReason.LIFTED, message)
    if directive.phase is Phase.OVERRIDDEN:
        return Condition(True, applied.reason, _override_message(state, applied))
    if directive.phase in {Phase.SUSPENDED, Phase.NO_REFERENCE}:
        suspended = directive.phase is Phase.SUSPENDED
        message = _SUSPENDED.format(policy=budget.policy) if suspended else _no_reference(budget)
        return Condition(suspended, _phase_reason(state), message)
    what = {
        Action.CAP: f"the cap is {format_watts_short(directive.cap_uw or 0)}",
        Action.RELEASE: "the original limits are in force",
        Action.KEEP: "the limits stay as they are",
    }[directive.action]
    if directive.phase is Phase.EARLY:
        message = f"No market data before the first slot: {what} until then, as onExpiry says."
    elif not budget.slots:
        message = f"No market data: {what}, as the policy's fallback says."
    else:
        message = f"The schedule ended and the operator has not written a new one: {what}, as onExpiry says."
    return Condition(directive.phase is Phase.EARLY or not budget.slots, _phase_reason(state), message)


def _unsupported(state: NodeState) -> str:
    why = state.why_unsupported or "no package has a limit"
    return f"The node has no power capping that the agent can use: {why}."


def _no_reference(budget: Budget) -> str:
    powers = {"maxSource": budget.max_source_percent, "minPower": budget.min_power_percent}
    said = " and ".join(f"{name} {percent} %" for name, percent in powers.items() if percent is not None)
    return (
        f"The policy says {said} of what this node's original limits add up to, and that is not known: firmware set"
        ' none, or "no limit", and the hardware names no maximum. The original limits are in force. Give the powers of'
        f" PowerPolicy {budget.policy} in watts."
    )


def _phase_reason(state: NodeState) -> BudgetReason:
    expired = BudgetReason.HOLDING if state.budget.on_expiry is Fallback.HOLD else BudgetReason.EXPIRED
    return _PHASES.get(state.directive.phase, expired)


def _override_message(state: NodeState, applied: Condition) -> str:
    if applied.reason not in {BudgetReason.APPLIED, BudgetReason.OVERRIDDEN}:
        return applied.message
    directive = state.directive
    what = "The original limits are in force"
    if directive.action is Action.CAP:
        what = f"The cap of {format_watts_short(directive.cap_uw or 0)} is in force"
    return f"{what}, by {override_basis(state.budget, directive).removesuffix('.')}."


def override_basis(budget: Budget, directive: Directive) -> str:
    """What overrides the schedule, for people."""
    if budget.exempt:
        return budget.floor_basis
    basis = None if directive.window is None else directive.window.basis
    return basis or "a PowerOverride"


def _low_originals(state: NodeState) -> str:
    found = "; ".join(
        f"{low.zone.path} {format_watts_short(low.original_uw)} of {format_watts_short(low.most_uw)}"
        for low in state.report.low_originals[:4]
    )
    return (
        f"Limits found at first, which are put back in the end, are far below what the hardware may draw: {found}. If"
        " another power manager, or an agent before a kexec, had set them, say the original: agent.originalWatts."
    )


def _valve_message(state: NodeState) -> str:
    if state.valve_trouble is None:
        return ""
    return f" The cap is not lifted under pressure (hardware.safety.pressure): {state.valve_trouble}."


def _reenabled_message(state: NodeState) -> str:
    zones = state.report.reenabled
    if not zones:
        return ""
    return (
        f" Something disabled {', '.join(zone.path for zone in zones[:4])} under the cap. It was enabled again, with"
        " which the kernel sets the clamp bits: they stay set until the node reboots."
    )


def _clamped(state: NodeState) -> str:
    in_force = state.report.applied_uw
    return (
        f"The cap of {format_watts_short(state.directive.cap_uw or 0)} is outside what this node can be given;"
        f" {'nothing' if in_force is None else format_watts_short(in_force)} is in force. Limits are never set"
        " below the floor (minPower and the agent's own) nor above what was found at first."
    )


def _complaints(bad: Sequence[ZoneResult]) -> str:
    shown = [
        f"{result.zone.path} {result.constraint}: {result.reason}, {result.message}" for result in bad[:4]
    ]
    more = len(bad) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")
