"""One simulated agent: the real one's decisions about budget, cap and status, without threads and files.

What it takes from the real agent: the reading of budgets, the schedule with ramp and dwell, the plan of limits, the
building of statuses and whether one is worth a write. What it leaves out: files, the pressure valve (no node is
under pressure) and the measurement of energy (``hardware.drawn`` in place of counters).
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from dev.scale import hardware
from powercap_agent.enforce.results import Report
from powercap_agent.follower import Floors
from powercap_agent.options import DEFAULT_FLOOR_PERCENT, DEFAULT_FLOOR_UW
from powercap_agent.schedule.budget import Budget, read_budget
from powercap_agent.schedule.cap_controller import CapController
from powercap_agent.schedule.directive import Action, Directive, Phase
from powercap_agent.schedule.pressure_valve import PressureValve
from powercap_agent.status.conditions import MeasuredDraw, NodeState
from powercap_agent.status.energy_account import EnergyAccount, Regime
from powercap_agent.status.ledger import SHORTEST_SECONDS, Part
from powercap_agent.status.publisher import StatusPublisher, StatusSink

_FLOORS = Floors(DEFAULT_FLOOR_UW, DEFAULT_FLOOR_PERCENT)


class SimulatedAgent:
    """The state of one node's agent."""

    def __init__(self, name: str, sink: StatusSink, now: Callable[[], datetime]) -> None:
        self.name = name
        self._now = now
        self._publisher = StatusPublisher(sink)
        self._applied_uw = hardware.ORIGINAL_UW
        self._controller = CapController(PressureValve(lambda: None, lambda: None), lambda: self._applied_uw)
        self._budget: Budget | None = None
        self._directive: Directive | None = None
        self._began: datetime | None = None
        self._draw: MeasuredDraw | None = None
        self._account = EnergyAccount()
        self._regime = Regime()
        self._counted_at: float | None = None
        self._counter_uj = 0.0

    @property
    def next_turn(self) -> datetime | None:
        """When the directive changes by itself; None: only with the budget."""
        return None if self._directive is None else self._directive.end

    @property
    def lowering(self) -> bool:
        """Whether the cap is on its way down, so that turns are due all the time."""
        return self._directive is not None and self._directive.lowering

    def see(self, body: dict[str, Any] | None, moment: float) -> None:
        """The budget as the API server has it now; None: there is none."""
        self._publisher.observe(body)
        if body is None:
            self._budget = self._directive = self._draw = None
            self._controller.directive(None, self._now(), moment)
            self._applied_uw = hardware.ORIGINAL_UW
            return
        metadata = body["metadata"]
        parsed = _read_spec(json.dumps(body["spec"]))
        budget = replace(parsed, uid=metadata["uid"], generation=metadata["generation"])
        fresh, self._budget = budget != self._budget, budget
        self.turn(moment, fresh=fresh)

    def turn(self, moment: float, *, fresh: bool = False) -> None:
        """Do what is due at ``moment``, in seconds of a clock that only goes on."""
        now = self._now()
        directive = self._controller.directive(self._budget, now, moment)
        if self._budget is None or directive is None or (directive == self._directive and not fresh):
            return
        if self._directive is None or not directive.continues(self._directive):
            self._measure(now)
        self._count(now, moment)
        caps = {} if directive.now_uw is None else {Part.PACKAGES: directive.now_uw}
        self._regime = Regime(self._budget.policy, caps, lifted=directive.phase is Phase.LIFTED)
        self._directive = directive
        report = self._report(directive)
        self._applied_uw = report.applied_uw or hardware.ORIGINAL_UW
        state = NodeState(
            self._budget,
            directive,
            report,
            supported=True,
            reapplied=0,
            generation=self._budget.generation,
            draw=self._draw,
            energy=self._account.published(now),
        )
        self._publisher.publish(state, now)

    def _measure(self, now: datetime) -> None:
        before, began, self._began = self._directive, self._began, now
        seconds = 0.0 if began is None else (now - began).total_seconds()
        if (
            before is not None
            and before.action is Action.CAP
            and before.cap_uw
            and seconds >= SHORTEST_SECONDS
        ):
            self._draw = MeasuredDraw(hardware.drawn(before.cap_uw, seconds), {Part.PACKAGES: before.cap_uw})

    def _count(self, now: datetime, moment: float) -> None:
        """Let the counters have run since the last turn, and read them."""
        seconds = 0.0 if self._counted_at is None else moment - self._counted_at
        self._counted_at = moment
        self._counter_uj += (
            hardware.drawn(self._regime.caps_uw.get(Part.PACKAGES, hardware.ORIGINAL_UW), 1).total.average_uw
            * seconds
        )
        self._account.sample(now, moment, hardware.counters(self._counter_uj), self._regime)

    def _report(self, directive: Directive) -> Report:
        if self._budget is None or directive.action is Action.RELEASE or directive.now_uw is None:
            return hardware.released()
        return hardware.capped(directive.now_uw, _FLOORS.terms(self._budget))


@lru_cache(maxsize=64)
def _read_spec(text: str) -> Budget:
    """Nodes under one policy have one spec; what differs is in the metadata. All nodes have the same hardware."""
    budget = read_budget({"metadata": {}, "spec": json.loads(text)})
    return budget.on_node(hardware.ORIGINAL_UW) if budget.in_percent else budget
