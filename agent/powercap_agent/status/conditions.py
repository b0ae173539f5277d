"""Whether the node holds what was asked for (Applied) and follows its budget (Ready), and why (not). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from powercap_api.reasons import BudgetReason, Fallback, ZoneReason
from powercap_api.units import format_watts_short

from ..enforce.results import Report, ZoneResult
from ..schedule.budget import Budget
from ..schedule.schedule import Action, Order, Phase
from .energy import NodeDraw

_GOOD = frozenset({ZoneReason.APPLIED, ZoneReason.CLAMPED, ZoneReason.MMIO_LOWER, ZoneReason.RELEASED})


@dataclass(frozen=True, slots=True)
class DrawSeen:
    """What the node drew, up to ``end``, under a cap of ``cap_uw`` (None: there was none)."""

    drawn: NodeDraw
    end: datetime
    cap_uw: int | None


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
    draw: DrawSeen | None = None
    """What was drawn in the slot before."""

    def is_only_a_step_on_from(self, told: "Situation | None") -> bool:
        """Whether all that is new since ``told`` is a step on the way to the cap."""
        return (
            told is not None
            and not self.stopped
            and told.order.lowering
            and self.order.lowering
            and self.order.continues(told.order)
            and (self.generation, self.invalid) == (told.generation, told.invalid)
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """One condition before its times."""

    holds: bool
    reason: BudgetReason
    message: str


def judge_applied(situation: Situation) -> Verdict:
    """Whether every zone holds what was asked for."""
    if situation.stopped:
        return Verdict(False, BudgetReason.STOPPED, "The agent has ended.")
    results = situation.report.results
    bad = [result for result in results if result.reason not in _GOOD | {ZoneReason.DRY_RUN}]
    if not situation.supported:
        return Verdict(False, BudgetReason.UNSUPPORTED, _UNSUPPORTED)
    if bad:
        some = len(bad) < len(results)
        return Verdict(
            False, BudgetReason.PARTLY_APPLIED if some else BudgetReason.WRITE_FAILED, _complaints(bad)
        )
    if situation.budget.dry_run:
        return Verdict(False, BudgetReason.DRY_RUN, "Caps are worked out and reported; no limit is changed.")
    if situation.order.action is not Action.CAP:
        return Verdict(True, _phase_reason(situation), "The original limits are in force.")
    if situation.order.lowering:
        target = format_watts_short(situation.order.cap_uw or 0)
        return Verdict(
            True, BudgetReason.LOWERING, f"The cap is on its way down to {target}, by ramp and dwell."
        )
    if situation.report.clamped:
        return Verdict(True, BudgetReason.CLAMPED, _clamped(situation))
    return Verdict(True, BudgetReason.APPLIED, "Every limit reads back what was asked for.")


def judge_ready(situation: Situation, applied: Verdict) -> Verdict:
    """Whether the node follows its budget."""
    if situation.stopped:
        return Verdict(
            False, BudgetReason.STOPPED, "The agent on this node has ended; the original limits are in force."
        )
    if situation.invalid is not None:
        message = f"The spec cannot be followed, the last good one still is: {situation.invalid}"
        return Verdict(False, BudgetReason.INVALID_SPEC, message)
    if applied.reason in {BudgetReason.UNSUPPORTED, BudgetReason.WRITE_FAILED, BudgetReason.PARTLY_APPLIED}:
        return applied
    order, budget = situation.order, situation.budget
    if order.phase is Phase.SLOT:
        return Verdict(True, applied.reason, _slot_message(situation, applied))
    if order.phase is Phase.LIFTED:
        message = f"The original limits are in force for a while: {order.note}. The cap is tried again then."
        return Verdict(False, BudgetReason.LIFTED, message)
    if order.phase is Phase.SUSPENDED:
        message = f"PowerPolicy {budget.policy} is suspended: the original limits are in force."
        return Verdict(True, BudgetReason.SUSPENDED, message)
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
    return Verdict(order.phase is Phase.EARLY or not budget.slots, _phase_reason(situation), message)


_UNSUPPORTED = (
    "The node has no power capping that the agent can use: no package zone with a limit below the powercap folder."
    " In a container the host's /sys/devices/virtual/powercap must be mounted at another path; on a machine"
    " without it, exclude the node by the label powercap.dev/exempt=true."
)


def _phase_reason(situation: Situation) -> BudgetReason:
    if situation.order.phase is Phase.SUSPENDED:
        return BudgetReason.SUSPENDED
    if situation.order.phase is Phase.LIFTED:
        return BudgetReason.LIFTED
    return BudgetReason.HOLDING if situation.budget.on_expiry is Fallback.HOLD else BudgetReason.EXPIRED


def _slot_message(situation: Situation, applied: Verdict) -> str:
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
