"""What is to be in force now: the schedule's order, as lifts, the ramp and what went before change it.

``schedule`` says what the budget asks for at a moment and knows nothing else. Here is what depends on how the node
got there: a cap that is kept, that comes down slowly, or that is lifted because the node suffers.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from .budget import Budget
from .pressure_valve import Valve
from .ramp import Pace
from .schedule import Action, Order, Phase, cap_at


class Governor:
    """The state between orders. ``standing`` tells what the node's limits add up to, in microwatts."""

    def __init__(self, valve: Valve, standing: Callable[[], int]) -> None:
        self._valve = valve
        self._standing = standing
        self._pace = Pace()
        self._kept_uw: int | None = None
        self._budget: Budget | None = None

    def order(self, budget: Budget | None, now: datetime, moment: float) -> Order | None:
        """What is to be in force at ``now`` (wall clock) and ``moment`` (seconds of a clock that only goes on)."""
        if budget is None:
            self._release()
            return None
        order = cap_at(budget, now)
        if order.action is Action.KEEP and self._kept_uw is not None:
            order = replace(order, action=Action.CAP, cap_uw=self._kept_uw)
        if order.action is Action.CAP and not budget.dry_run:
            order = self._lifted(budget, order, now, moment)
        if order.action is Action.RELEASE:
            self._release()
        if order.action is not Action.CAP or order.cap_uw is None:
            return order
        self._kept_uw = order.cap_uw
        if budget.dry_run:
            self._pace.reset()
            return replace(order, now_uw=order.cap_uw)
        now_uw = self._pace.step(
            order.cap_uw,
            moment,
            ramp_uw=budget.ramp_uw_per_second,
            dwell_seconds=budget.dwell_seconds,
            standing=self._standing,
        )
        return replace(order, now_uw=now_uw)

    def _lifted(self, budget: Budget, order: Order, now: datetime, moment: float) -> Order:
        if budget.lift_until is not None and now < budget.lift_until:
            end = budget.lift_until if order.end is None else min(order.end, budget.lift_until)
            note = "the operator found the node not ready for long"
            return replace(order, action=Action.RELEASE, phase=Phase.LIFTED, end=end, note=note)
        rule = budget.pressure
        if rule is not None and self._valve.left_open(rule, moment) is not None:
            note = (
                f"tasks waited for a CPU {rule.some_percent} % of the time or more for {rule.for_seconds} s"
            )
            return replace(order, action=Action.RELEASE, phase=Phase.LIFTED, note=note)
        return order

    def _release(self) -> None:
        self._pace.reset()
        self._kept_uw = None
