"""What a budget asks for at a moment, from the wall clock alone. Pure.

At or past ``validUntil``, and before the first slot, that is what ``onExpiry`` says. What PowerOverrides ask for holds
over both. Earlier readings of the clock do
not matter, so that it may be set forward and back.
"""

from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from powercap_api.reasons import Fallback
from powercap_api.schedule import Slot, Window, cap_uw, next_bound, window_at

from .budget import Budget


class Action(StrEnum):
    """What to do with the node's limits."""

    CAP = "cap"
    RELEASE = "release"
    """The original limits are to be in force."""
    KEEP = "keep"
    """The limits stay as they are."""


class Phase(StrEnum):
    """Where a moment lies in the time of its budget."""

    SLOT = "slot"
    EARLY = "early"
    """Before the first slot."""
    EXPIRED = "expired"
    """At or past validUntil."""
    OVERRIDDEN = "overridden"
    """A PowerOverride lowers the cap or gives the original limits."""
    SUSPENDED = "suspended"
    NO_REFERENCE = "no reference"
    """A power is a percentage of what is not known on this node."""
    LIFTED = "lifted"
    """The cap is lifted for a while: the node is under pressure or not ready."""


@dataclass(frozen=True, slots=True)
class Directive:
    """What a budget asks for at a moment."""

    action: Action
    phase: Phase
    cap_uw: int | None = None
    """Cap of the node in microwatts, where the action is CAP."""
    slot: Slot | None = None
    """The slot in force, where the phase is SLOT."""
    end: datetime | None = None
    """When the directive next changes; None: it stays."""
    now_uw: int | None = None
    """Cap to bring into force now, in microwatts: above ``cap_uw`` while the cap is being lowered."""
    note: str | None = None
    """Why the cap is lifted, where the phase is LIFTED."""
    window: Window | None = None
    """What overrides the schedule, where the phase is OVERRIDDEN and it is no pod."""

    def continues(self, before: "Directive") -> bool:
        """Whether this is the same directive as ``before``, apart from steps of the ramp."""
        return replace(self, now_uw=None) == replace(before, now_uw=None)

    @property
    def lowering(self) -> bool:
        """Whether the cap is still being lowered."""
        return self.now_uw is not None and self.cap_uw is not None and self.now_uw > self.cap_uw


def overridden(budget: Budget, directive: Directive, now: datetime) -> Directive:
    """``directive`` of the schedule, with what PowerOverrides and pods ask for laid over it.

    A limit lowers a cap that is above it, and makes one where the original limits would be in force. A suspended
    budget, and one of which no cap can be worked out, stays as it is: its limits are the originals.
    """
    if budget.suspend or budget.no_reference:
        return directive
    if budget.exempt:
        return replace(directive, action=Action.RELEASE, phase=Phase.OVERRIDDEN, cap_uw=None)
    bounds = [at for at in (directive.end, next_bound(budget.overrides, now)) if at is not None]
    directive = replace(directive, end=min(bounds, default=None))
    window = window_at(budget.overrides, now)
    if window is None:
        return directive
    limit_uw = window.limit_uw(budget.min_power_uw, budget.max_source_uw)
    if limit_uw is None:
        return replace(directive, action=Action.RELEASE, phase=Phase.OVERRIDDEN, cap_uw=None, window=window)
    if directive.action is Action.CAP and directive.cap_uw is not None and directive.cap_uw <= limit_uw:
        return directive
    return replace(directive, action=Action.CAP, phase=Phase.OVERRIDDEN, cap_uw=limit_uw, window=window)


def directive_at(budget: Budget, now: datetime) -> Directive:
    """What the schedule of ``budget``, without overrides, asks for at ``now``."""
    if budget.suspend:
        return Directive(Action.RELEASE, Phase.SUSPENDED)
    if budget.no_reference:
        return Directive(Action.RELEASE, Phase.NO_REFERENCE)
    if now >= budget.valid_until:
        return _without_data(budget, Phase.EXPIRED, end=None)
    index = bisect_right(budget.slots, now, key=lambda slot: slot.start)
    next_start = budget.slots[index].start if index < len(budget.slots) else budget.valid_until
    end = min(next_start, budget.valid_until)
    if index == 0:
        return _without_data(budget, Phase.EARLY, end=end)
    slot = budget.slots[index - 1]
    return Directive(Action.CAP, Phase.SLOT, _cap_uw(budget, slot), slot, end)


def _cap_uw(budget: Budget, slot: Slot) -> int:
    return cap_uw(slot.share, budget.min_power_uw, budget.max_source_uw)


def _without_data(budget: Budget, phase: Phase, end: datetime | None) -> Directive:
    match budget.on_expiry:
        case Fallback.MIN_POWER:
            return Directive(Action.CAP, phase, budget.min_power_uw, end=end)
        case Fallback.RELEASE:
            return Directive(Action.RELEASE, phase, end=end)
        case Fallback.HOLD:
            if phase is Phase.EXPIRED and budget.slots:
                return Directive(Action.CAP, phase, _cap_uw(budget, budget.slots[-1]), end=end)
            return Directive(Action.KEEP, phase, end=end)
