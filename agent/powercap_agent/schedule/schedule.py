"""What a budget says at a moment: pure, by the wall clock alone, so that whatever the clock did before is no matter.

A clock that leaps to next year finds the budget expired and does what onExpiry says; one that leaps back an hour
finds that hour's slot; one that leaps back before the first slot finds no data and does what onExpiry says, too.
"""

from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from powercap_api.reasons import Fallback

from .budget import Budget, Slot


class Action(StrEnum):
    """What to do with the node's limits."""

    CAP = "cap"
    RELEASE = "release"
    """The original limits are to be in force."""
    KEEP = "keep"
    """What is in force stays: there is nothing to hold but that."""


class Phase(StrEnum):
    """Where in its budget's life a moment lies."""

    SLOT = "slot"
    EARLY = "early"
    """Before the first slot."""
    EXPIRED = "expired"
    """At or past validUntil."""
    SUSPENDED = "suspended"
    LIFTED = "lifted"
    """The cap is lifted for a while, for the node's good."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a budget asks for at a moment."""

    action: Action
    phase: Phase
    cap_uw: int | None = None
    """Cap of the node in microwatts, where the action is CAP."""
    slot: Slot | None = None
    """The slot in force, where the phase is SLOT."""
    end: datetime | None = None
    """When the order next changes by itself; None: it does not."""
    now_uw: int | None = None
    """What to have in force now, in microwatts: above ``cap_uw`` while the cap is being lowered."""
    note: str | None = None
    """Why the cap is lifted, where the phase is LIFTED."""

    def continues(self, before: "Order") -> bool:
        """Whether this is the same order as ``before``, at most further on the way to its cap."""
        return replace(self, now_uw=None) == replace(before, now_uw=None)

    @property
    def lowering(self) -> bool:
        """Whether the cap is still on its way down."""
        return self.now_uw is not None and self.cap_uw is not None and self.now_uw > self.cap_uw


def cap_at(budget: Budget, now: datetime) -> Order:
    """What ``budget`` asks for at ``now``."""
    if budget.suspend:
        return Order(Action.RELEASE, Phase.SUSPENDED)
    if now >= budget.valid_until:
        return _without_data(budget, Phase.EXPIRED, end=None)
    index = bisect_right(budget.slots, now, key=lambda slot: slot.start)
    next_start = budget.slots[index].start if index < len(budget.slots) else budget.valid_until
    end = min(next_start, budget.valid_until)
    if index == 0:
        return _without_data(budget, Phase.EARLY, end=end)
    slot = budget.slots[index - 1]
    return Order(Action.CAP, Phase.SLOT, slot.cap_uw, slot, end)


def _without_data(budget: Budget, phase: Phase, end: datetime | None) -> Order:
    match budget.on_expiry:
        case Fallback.MIN_POWER:
            return Order(Action.CAP, phase, budget.min_power_uw, end=end)
        case Fallback.RELEASE:
            return Order(Action.RELEASE, phase, end=end)
        case Fallback.HOLD:
            if phase is Phase.EXPIRED and budget.slots:
                return Order(Action.CAP, phase, budget.slots[-1].cap_uw, end=end)
            return Order(Action.KEEP, phase, end=end)
