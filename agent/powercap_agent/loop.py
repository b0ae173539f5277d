"""The main loop: what holds now, by the budget and the clock, and until when to sleep.

The loop touches hardware and files only, never the network: threads bring budgets into ``inbox`` and carry
statuses away. Whatever ends it, the original limits are put back on the way out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from powercap_api.clock import Clock
from powercap_api.reasons import Split

from .enforce.enforcer import Enforcer
from .enforce.results import Report
from .logs import Log
from .mailbox import BudgetSeen, Inbox, Stop
from .planning.limits import Terms
from .schedule.budget import Budget
from .schedule.directive import Governor
from .schedule.pressure_valve import Valve
from .schedule.schedule import Action, Order
from .state.known_budget import Knowledge
from .status.conditions import DrawSeen, Situation
from .status.energy import DrawMeter
from .status.publisher import Teller

START_GRACE_SECONDS: Final = 5.0
"""How long an agent that starts waits for the API server before it goes by what an earlier agent left."""
IDLE_CHECK_SECONDS: Final = 300
"""How often zones are looked for, and limits not yet put back are tried again, while there is no budget."""
FAULT_CHECK_SECONDS: Final = 10
"""The same after an input/output error."""
LOWERING_WAIT_SECONDS: Final = 0.1
"""How often the way to a lower cap is looked at: its steps are a second apart."""
LAST_WORDS_SECONDS: Final = 1.0
"""Time for the last status, after the originals are back."""


@dataclass(frozen=True, slots=True)
class Floors:
    """The agent's own floors, below which no policy gets."""

    hard_floor_uw: int
    floor_percent: int

    def terms(self, budget: Budget) -> Terms:
        """The terms on which the budget's caps are divided on this node."""
        return Terms(
            budget.min_power_uw,
            self.hard_floor_uw,
            self.floor_percent,
            even=budget.split is Split.EVEN,
            zones=budget.zones,
            devices=budget.devices,
        )


class Loop:
    """The agent's state and what it does with it."""

    def __init__(
        self,
        clock: Clock,
        monotonic: Callable[[], float],
        inbox: Inbox,
        enforcer: Enforcer,
        knowledge: Knowledge,
        teller: Teller,
        floors: Floors,
        valve: Valve,
        log: Log,
        *,
        longest_wait: float,
        beat: Callable[[], None],
    ) -> None:
        """``longest_wait``: the clock is read at least so often, in seconds, as it may be set and the machine may
        sleep. ``beat`` is called at every turn, as the watchdog's proof that the loop runs."""
        self._clock = clock
        self._monotonic = monotonic
        self._inbox = inbox
        self._enforcer = enforcer
        self._knowledge = knowledge
        self._teller = teller
        self._floors = floors
        self._governor = Governor(valve, self._standing)
        self._log = log
        self._longest_wait = longest_wait
        self._beat = beat
        self._order: Order | None = None
        self._meter = DrawMeter()
        self._draw: DrawSeen | None = None
        self._report = Report()
        self._fresh = False
        self._check_at = float("inf")
        self._grace_until = 0.0

    def run(self) -> int:
        """Follow the budget until ``Stop``; the exit code. The originals are back when this returns or raises."""
        self._grace_until = self._monotonic() + START_GRACE_SECONDS
        try:
            self._enforcer.survey()
            self._greet()
            while True:
                self._beat()
                event = self._inbox.take(self._turn())
                if isinstance(event, Stop):
                    self._log.info("ending", why=event.why)
                    return event.exit_code
                if isinstance(event, BudgetSeen):
                    self._teller.see(event.body)
                    self._fresh = self._knowledge.learn(event.body) or self._fresh
        finally:
            self._leave()

    def _greet(self) -> None:
        zones = ", ".join(f"{zone.path} ({zone.name})" for zone in self._enforcer.zones) or "none"
        if self._enforcer.supported:
            self._log.info("power zones found", zones=zones)
        else:
            self._log.warning("this node has no power capping that can be used", zones=zones)

    def _turn(self) -> float:
        """Do what is due; the seconds until something is due again."""
        moment = self._monotonic()
        if not self._knowledge.settled:
            if moment < self._grace_until:
                return min(self._grace_until - moment, self._longest_wait)
            self._knowledge.give_up_waiting()
            self._fresh = True
        order = self._governor.order(self._knowledge.budget, self._clock.now(), moment)
        if self._fresh or order != self._order:
            self._carry_out(order)
        elif moment >= self._check_at:
            self._check_at = moment + self._check_seconds()
            self._enforcer.survey()
            self._carry_out(order)
        if self._meter.due(moment):
            self._meter.sample(moment, self._enforcer.energies())
        self._check_at = min(self._check_at, moment + self._check_seconds())
        wait = min(self._longest_wait, self._check_at - moment)
        if order is not None and order.lowering:
            wait = min(wait, LOWERING_WAIT_SECONDS)
        if order is not None and order.end is not None:
            wait = min(wait, (order.end - self._clock.now()).total_seconds())
        return max(wait, 0.0)

    def _standing(self) -> int:
        budget = self._knowledge.budget
        return 0 if budget is None else self._enforcer.standing_uw(self._floors.terms(budget))

    def _check_seconds(self) -> int:
        """Time between checks: the policy's, or less after a fault that may be well in a moment."""
        budget = self._knowledge.budget
        seconds = IDLE_CHECK_SECONDS if budget is None else budget.stabilisation_seconds
        return min(seconds, FAULT_CHECK_SECONDS) if self._report.passing_fault else seconds

    def _carry_out(self, order: Order | None) -> None:
        """Have what ``order`` says in force, then say so; None: there is no budget."""
        budget, before = self._knowledge.budget, self._order
        if order is None or budget is None or order.action is Action.RELEASE:
            self._report = self._enforcer.release()
        elif order.now_uw is not None:
            terms = self._floors.terms(budget)
            self._report = self._enforcer.enforce(order.now_uw, terms, dry_run=budget.dry_run)
        self._order = order
        self._fresh = False
        another = order is None or before is None or not order.continues(before)
        if another:
            self._measure(before)
        self._tell()
        if another and order is not None and self._enforcer.supported:
            self._log.info(
                "limits follow the budget",
                phase=order.phase.value,
                action=order.action.value,
                cap_uw=order.cap_uw,
                applied_uw=self._report.applied_uw,
            )
        self._knowledge.keep()

    def _measure(self, order: Order | None) -> None:
        """The time of ``order`` is over: what was drawn in it."""
        moment = self._monotonic()
        self._meter.sample(moment, self._enforcer.energies())
        if not self._meter.enough(moment):
            return
        drawn = self._meter.close()
        if drawn is not None and order is not None:
            cap_uw = order.cap_uw if order.action is Action.CAP and self._enforcer.supported else None
            self._draw = DrawSeen(drawn, self._clock.now(), cap_uw)
        self._meter.sample(moment, self._enforcer.energies())

    def _tell(self, *, stopped: bool = False) -> None:
        knowledge, now = self._knowledge, self._clock.now()
        if knowledge.budget is not None and self._order is not None:
            situation = Situation(
                knowledge.budget,
                self._order,
                self._report,
                supported=self._enforcer.supported,
                reapplied=self._enforcer.reapplied,
                invalid=knowledge.invalid,
                generation=knowledge.generation,
                stopped=stopped,
                draw=self._draw,
            )
            self._teller.tell(situation, now)
        elif knowledge.invalid is not None:
            self._teller.tell_refusal(knowledge.invalid, knowledge.generation or 0, now)

    def _leave(self) -> None:
        """Put the originals back, then say so if there is time."""
        self._report = self._enforcer.release()
        self._tell(stopped=True)
        if not self._teller.close(LAST_WORDS_SECONDS):
            self._log.warning("the API server did not take the last status in time")
