"""The main loop: what holds now, by the budget and the clock, and until when to sleep.

The loop touches hardware and files only, never the network: threads bring budgets into ``inbox`` and carry
statuses away. Whatever ends it, the original limits are put back on the way out.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Any, Final, Protocol

from powercap_api.clock import Clock

from .budget import Budget, InvalidBudgetError, read_budget
from .cache import BudgetCache
from .enforce import Enforcer
from .logs import Log
from .outcome import Report
from .rapl import Bounds
from .schedule import Action, Order, cap_at
from .status import Situation, Status, build_refusal, build_status, says_the_same

START_GRACE_SECONDS: Final = 5.0
"""How long an agent that starts waits for the API server before it goes by what an earlier agent left."""
IDLE_CHECK_SECONDS: Final = 300
"""How often zones are looked for, and limits not yet put back are tried again, while there is no budget."""
LAST_WORDS_SECONDS: Final = 1.0
"""Time for the last status, after the originals are back."""


@dataclass(frozen=True, slots=True)
class BudgetSeen:
    """The API server's word on the node's PowerBudget: the object, or None where there is none."""

    body: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Stop:
    """The agent is to end with this exit code."""

    why: str
    exit_code: int = 0


Event = BudgetSeen | Stop


class StatusSink(Protocol):
    """Takes statuses for the API server."""

    def submit(self, status: Status) -> None:
        """Have it written; returns at once."""
        ...

    def drop(self) -> None:
        """Forget what waits."""
        ...

    def close(self, seconds: float) -> bool:
        """Send what waits, for at most so long."""
        ...


@dataclass(frozen=True, slots=True)
class Floors:
    """The agent's own floors, below which no policy gets."""

    hard_floor_uw: int
    floor_percent: int


class Loop:
    """The agent's state and what it does with it."""

    def __init__(
        self,
        clock: Clock,
        monotonic: Callable[[], float],
        inbox: SimpleQueue[Event],
        enforcer: Enforcer,
        cache: BudgetCache,
        sink: StatusSink,
        floors: Floors,
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
        self._cache = cache
        self._sink = sink
        self._floors = floors
        self._log = log
        self._longest_wait = longest_wait
        self._beat = beat
        self._budget: Budget | None = None
        self._unsaved: dict[str, Any] | None = None
        self._invalid: str | None = None
        self._generation: int | None = None
        self._order: Order | None = None
        self._last_cap_uw: int | None = None
        self._report = Report()
        self._fresh = False
        self._check_at = 0.0
        self._known = False
        self._grace_until = 0.0
        self._submitted: Status | None = None
        self._submitted_to: str | None = None

    def run(self) -> int:
        """Follow the budget until ``Stop``; the exit code. The originals are back when this returns or raises."""
        self._grace_until = self._monotonic() + START_GRACE_SECONDS
        try:
            self._enforcer.survey()
            self._greet()
            while True:
                self._beat()
                event = self._next_event(self._turn())
                if isinstance(event, Stop):
                    self._log.info("ending", why=event.why)
                    return event.exit_code
                if isinstance(event, BudgetSeen):
                    self._see(event.body)
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
        if not self._known:
            if moment < self._grace_until:
                return min(self._grace_until - moment, self._longest_wait)
            self._start_unheard()
        order = self._order_now()
        if self._fresh or order != self._order:
            self._carry_out(order)
        elif moment >= self._check_at:
            self._check_at = moment + self._stabilisation_seconds()
            self._enforcer.survey()
            self._carry_out(order)
        self._check_at = min(self._check_at, moment + self._stabilisation_seconds())
        wait = min(self._longest_wait, self._check_at - moment)
        if order is not None and order.end is not None:
            wait = min(wait, (order.end - self._clock.now()).total_seconds())
        return max(wait, 0.0)

    def _order_now(self) -> Order | None:
        """What holds by the clock. "Keep" means the cap that was last asked for, if one was."""
        if self._budget is None:
            return None
        order = cap_at(self._budget, self._clock.now())
        if order.action is Action.KEEP and self._last_cap_uw is not None:
            return replace(order, action=Action.CAP, cap_uw=self._last_cap_uw)
        return order

    def _stabilisation_seconds(self) -> int:
        return IDLE_CHECK_SECONDS if self._budget is None else self._budget.stabilisation_seconds

    def _next_event(self, seconds: float) -> Event | None:
        try:
            return self._inbox.get(timeout=seconds) if seconds > 0 else self._inbox.get_nowait()
        except Empty:
            return None

    def _carry_out(self, order: Order | None) -> None:
        """Have what ``order`` says in force, then say so; None: there is no budget."""
        changed = order != self._order
        budget = self._budget
        if order is None or budget is None or order.action is Action.RELEASE:
            self._last_cap_uw = None
            self._report = self._enforcer.release()
        elif order.cap_uw is not None:
            self._last_cap_uw = order.cap_uw
            bounds = Bounds(budget.min_power_uw, self._floors.hard_floor_uw, self._floors.floor_percent)
            self._report = self._enforcer.enforce(order.cap_uw, bounds, dry_run=budget.dry_run)
        self._order = order
        self._fresh = False
        self._tell()
        if changed and order is not None and self._enforcer.supported:
            self._log.info(
                "limits follow the budget",
                phase=order.phase.value,
                action=order.action.value,
                cap_uw=order.cap_uw,
                applied_uw=self._report.applied_uw,
            )
        if self._unsaved is not None:
            self._cache.keep(self._unsaved)
            self._unsaved = None

    def _see(self, body: dict[str, Any] | None) -> None:
        """Take in what the API server says. A spec that cannot be read leaves the last good one in force."""
        first, self._known = not self._known, True
        if body is None:
            if self._budget is not None or first:
                self._log.info("there is no PowerBudget for this node: the original limits are in force")
            self._sink.drop()
            self._cache.forget()
            self._budget = self._unsaved = self._invalid = self._generation = self._submitted = None
            self._fresh = True
            return
        metadata = body.get("metadata") or {}
        if metadata.get("uid") != self._submitted_to or not body.get("status"):
            self._submitted_to, self._submitted = metadata.get("uid"), body.get("status")
        try:
            budget = read_budget(body)
        except InvalidBudgetError as error:
            self._refuse(str(error), metadata.get("generation"))
            return
        if budget != self._budget or self._invalid is not None:
            self._budget, self._unsaved, self._fresh = budget, body, True
        self._invalid, self._generation = None, budget.generation

    def _refuse(self, why: str, generation: object) -> None:
        """The newest spec cannot be read: go on by the last good one, kept from before if need be."""
        if self._budget is None:
            self._recall()
        number = generation if isinstance(generation, int) else 0
        if self._invalid == why and self._generation == number:
            return
        self._invalid, self._generation, self._fresh = why, number, True
        self._log.error("the PowerBudget's spec cannot be followed", error=why)

    def _start_unheard(self) -> None:
        """The API server has not answered: go by the budget that an earlier agent kept, or put its limits back."""
        self._known = self._fresh = True
        self._recall()
        if self._budget is None:
            self._log.warning(
                "the API server does not answer: the original limits are in force until it does"
            )
        else:
            self._submitted_to = self._budget.uid
            self._log.warning("the API server does not answer: following the budget kept from before")

    def _recall(self) -> None:
        body = self._cache.recall()
        if body is None:
            return
        try:
            self._budget = read_budget(body)
        except InvalidBudgetError as error:
            self._log.warning("the budget kept from before cannot be followed", error=str(error))

    def _tell(self, *, stopped: bool = False) -> None:
        """Submit the status, if it says anything new."""
        now = self._clock.now()
        if self._budget is not None and self._order is not None:
            situation = Situation(
                self._budget,
                self._order,
                self._report,
                supported=self._enforcer.supported,
                reapplied=self._enforcer.reapplied,
                invalid=self._invalid,
                generation=self._generation,
                stopped=stopped,
            )
            status = build_status(situation, now, self._submitted)
        elif self._invalid is not None:
            status = build_refusal(self._invalid, self._generation or 0, now, self._submitted)
        else:
            return
        if not says_the_same(status, self._submitted):
            self._submitted = status
            self._sink.submit(status)

    def _leave(self) -> None:
        """Put the originals back, then say so if there is time."""
        self._report = self._enforcer.release()
        self._tell(stopped=True)
        if not self._sink.close(LAST_WORDS_SECONDS):
            self._log.warning("the API server did not take the last status in time")
