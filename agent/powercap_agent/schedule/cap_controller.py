"""What is to be in force now: the schedule's directive, changed by lifts and the ramp.

``schedule`` says what the budget asks for at a moment, from the clock alone. This module adds what depends on the
past: a cap that is kept, that is lowered step by step, or that is lifted because of pressure on the node.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from powercap_api.schedule import window_at

from .budget import Budget
from .directive import Action, Directive, Phase, directive_at, overridden
from .pressure_valve import PressureValve
from .ramp import Ramp


class CapController:
    """State between directives. ``standing`` returns the sum of the node's limits in force, in microwatts."""

    def __init__(self, valve: PressureValve, standing: Callable[[], int]) -> None:
        self._valve = valve
        self._standing = standing
        self._ramp = Ramp()
        self._kept_uw: int | None = None
        self._overrode = False

    @property
    def next_step_at(self) -> float | None:
        """When the cap in force changes next by the ramp or the dwell, in seconds of the monotonic clock; None: it
        does not."""
        return self._ramp.next_step_at

    def directive(self, budget: Budget | None, now: datetime, moment: float) -> Directive | None:
        """What is to be in force at ``now`` (wall clock) and ``moment`` (seconds of a monotonic clock)."""
        if budget is None:
            self._release()
            return None
        directive = overridden(budget, self._scheduled(budget, now), now)
        if directive.action is Action.CAP and not budget.dry_run:
            directive = self._lifted(budget, directive, now, moment)
        if directive.action is Action.RELEASE:
            self._ramp.reset()
            if directive.phase is not Phase.LIFTED:
                self._valve.reset()
        if directive.action is not Action.CAP or directive.cap_uw is None:
            return directive
        if budget.dry_run:
            self._ramp.reset()
            self._valve.reset()
            return replace(directive, now_uw=directive.cap_uw)
        now_uw = self._ramp.step(
            directive.cap_uw,
            moment,
            ramp_uw=budget.ramp_uw_per_second,
            dwell_seconds=budget.dwell_seconds,
            standing=self._standing,
        )
        return replace(directive, now_uw=now_uw)

    def _scheduled(self, budget: Budget, now: datetime) -> Directive:
        """What the schedule asks for, with the last cap of the schedule where a cap is to be kept.

        Where there was none, and an override has changed the limits since, the original limits are.
        """
        directive = directive_at(budget, now)
        if window_at(budget.overrides, now) is not None:
            self._overrode = True
        if directive.action is Action.KEEP:
            if self._kept_uw is not None:
                return replace(directive, action=Action.CAP, cap_uw=self._kept_uw)
            return replace(directive, action=Action.RELEASE) if self._overrode else directive
        self._kept_uw = directive.cap_uw if directive.action is Action.CAP else None
        self._overrode = False
        return directive

    def _lifted(self, budget: Budget, directive: Directive, now: datetime, moment: float) -> Directive:
        if budget.lift_until is not None and now < budget.lift_until:
            self._valve.reset()
            end = budget.lift_until if directive.end is None else min(directive.end, budget.lift_until)
            note = "the operator found the node not ready for long"
            return replace(directive, action=Action.RELEASE, phase=Phase.LIFTED, end=end, note=note)
        rule = budget.pressure
        if rule is None:
            self._valve.reset()
        elif self._valve.is_open(rule, moment):
            note = (
                f"tasks waited for a CPU {rule.some_percent} % of the time or more for {rule.for_seconds} s"
            )
            return replace(directive, action=Action.RELEASE, phase=Phase.LIFTED, note=note)
        return directive

    def _release(self) -> None:
        self._valve.reset()
        self._ramp.reset()
        self._kept_uw, self._overrode = None, False
