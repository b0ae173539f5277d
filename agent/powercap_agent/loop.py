"""The main loop: takes budgets from the mailbox, brings into force what they ask for now, and sleeps.

The loop touches hardware and files only, never the network: threads put budgets into the mailbox and send statuses.
However it ends, the original limits are put back then.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from powercap_api.clock import Clock

from .follower import Follower
from .logs import Log
from .mailbox import BudgetSeen, Mailbox, Stop
from .schedule.directive import Directive
from .state.known_budget import KnownBudget
from .status.conditions import NodeState
from .status.publisher import StatusPublisher

START_GRACE_SECONDS: Final = 5.0
"""How long a starting agent waits for the API server before it follows the budget that an earlier agent kept."""
IDLE_CHECK_SECONDS: Final = 300
"""How often zones are looked for, and originals not yet put back are tried again, while there is no budget."""
FAULT_CHECK_SECONDS: Final = 10
"""The same after an input/output error."""
RELEASE_SECONDS: Final = 5.0
"""For so long the end tries again to put back what could not be."""
RELEASE_TRY_SECONDS: Final = 1.0
"""One try waits for so long for what hangs."""
RELEASE_PAUSE_SECONDS: Final = 0.2
LAST_STATUS_SECONDS: Final = 1.0
"""Time for the last status, after the originals are back."""


@dataclass(frozen=True, slots=True)
class Times:
    """The loop's clocks."""

    clock: Clock
    """The wall clock, by which slots change."""
    monotonic: Callable[[], float]
    """Seconds, for intervals."""
    longest_wait: float
    """The wall clock is read at least this often, in seconds: it may be set, and the machine may sleep."""
    pause: Callable[[float], None] = time.sleep
    """Waits for so many seconds."""


class Loop:
    """Runs the agent until it is told to stop."""

    def __init__(
        self,
        times: Times,
        mailbox: Mailbox,
        known: KnownBudget,
        follower: Follower,
        publisher: StatusPublisher,
        log: Log,
        beat: Callable[[], None],
    ) -> None:
        """``beat`` is called once for each turn; the supervisor watches it."""
        self._times = times
        self._mailbox = mailbox
        self._known = known
        self._follower = follower
        self._enforcer = follower.enforcer
        self._publisher = publisher
        self._log = log
        self._beat = beat
        self._fresh = False
        self._check_at = float("inf")
        self._grace_until = 0.0

    def run(self) -> int:
        """Follow the budget until ``Stop``; its exit code. ``end`` is to be called then, whatever this raises."""
        self._grace_until = self._times.monotonic() + START_GRACE_SECONDS
        self._enforcer.survey()
        self._log_zones()
        while True:
            self._beat()
            event = self._mailbox.take(self._turn())
            if isinstance(event, Stop):
                self._log.info("ending", why=event.why)
                return event.exit_code
            if isinstance(event, BudgetSeen):
                self._fresh = self._known.learn(event.body) or self._fresh
                self._tell(partial(self._observe, event.body))

    def end(self) -> bool:
        """Put the originals back, then send the last status if there is time; whether all are back.

        May be called while ``run`` hangs in another thread: it writes no limits any more.
        """
        self._enforcer.close()
        until = self._times.monotonic() + RELEASE_SECONDS
        while True:
            self._follower.release(min(RELEASE_TRY_SECONDS, max(until - self._times.monotonic(), 0.1)))
            if not self._enforcer.store.limits or self._times.monotonic() >= until:
                break
            self._times.pause(RELEASE_PAUSE_SECONDS)
        self._tell(partial(self._publish, stopped=True))
        if not self._publisher.close(LAST_STATUS_SECONDS):
            self._log.warning("the API server did not take the last status in time")
        for key, original_uw in self._enforcer.store.limits.items():
            self._log.error("an original could not be put back", limit=key, original_uw=original_uw)
        self._tell(partial(self._follower.last_sample, self._times.monotonic()))
        return not self._enforcer.store.limits

    def _observe(self, body: dict[str, Any] | None) -> None:
        if not self._publisher.observe(body):
            self._fresh = True  # what is told then is read then
        self._follower.adopt_energy(((body or {}).get("status") or {}).get("energy"))

    def _tell(self, do: Callable[[], None]) -> None:
        """Do what only tells of limits: whatever it raises is told, and limits are held all the same."""
        try:
            do()
        except Exception as error:  # noqa: BLE001 - a defect anywhere in the status must not end the limits
            self._log.error("the status could not be made", error=repr(error), at=_place(error))
            generation = self._known.generation or 0
            try:
                self._publisher.publish_failure(error, generation, self._times.clock.now())
            except Exception as failed:  # noqa: BLE001 - nor must the clock's file
                self._log.error("the status could not be sent", error=repr(failed))

    def _log_zones(self) -> None:
        zones = ", ".join(f"{zone.path} ({zone.name})" for zone in self._enforcer.zones) or "none"
        if self._enforcer.supported:
            self._log.info("power zones found", zones=zones)
        else:
            why = self._enforcer.hardware.why_unusable()
            self._log.warning("this node has no power capping that can be used", zones=zones, why=why)

    def _turn(self) -> float:
        """Do what is due; the seconds until something is due again."""
        moment = self._times.monotonic()
        if not self._known.settled:
            if moment < self._grace_until:
                return min(self._grace_until - moment, self._times.longest_wait)
            self._known.give_up_waiting()
            self._fresh = True
        directive = self._follower.next_directive(self._known.budget, self._times.clock.now(), moment)
        if self._fresh or directive != self._follower.directive:
            self._carry_out(directive)
        elif moment >= self._check_at:
            self._check_at = moment + self._check_seconds()
            self._enforcer.survey()
            self._carry_out(directive)
        self._tell(partial(self._measure, moment))
        self._check_at = min(self._check_at, moment + self._check_seconds())
        return self._wait_seconds(directive, moment)

    def _measure(self, moment: float) -> None:
        if self._follower.sample(moment) or self._publisher.energy_due(self._times.clock.now()):
            self._fresh = True  # what is told then is read then

    def _wait_seconds(self, directive: Directive | None, moment: float) -> float:
        wait = min(self._times.longest_wait, self._check_at - moment)
        if self._follower.controller.next_step_at is not None:
            wait = min(wait, self._follower.controller.next_step_at - moment)
        if directive is not None and directive.end is not None:
            wait = min(wait, (directive.end - self._times.clock.now()).total_seconds())
        return max(wait, 0.0)

    def _check_seconds(self) -> int:
        """Time between checks: the policy's, or less after a fault that may pass within seconds."""
        budget = self._known.budget
        seconds = IDLE_CHECK_SECONDS if budget is None else budget.stabilisation_seconds
        soon = self._follower.report.passing_fault or self._enforcer.away()
        return min(seconds, FAULT_CHECK_SECONDS) if soon else seconds

    def _carry_out(self, directive: Directive | None) -> None:
        """Bring ``directive`` into force and publish the status."""
        before = self._follower.directive
        another = self._follower.carry_out(directive)
        self._fresh = False
        moment = self._times.monotonic()
        self._tell(lambda: self._follower.changed(before, moment, another=another))
        self._tell(self._publish)
        if another and directive is not None and self._enforcer.supported:
            self._log.info(
                "limits follow the budget",
                phase=directive.phase.value,
                action=directive.action.value,
                cap_uw=directive.cap_uw,
                applied_uw=self._follower.report.applied_uw,
            )
        self._known.keep()

    def _publish(self, *, stopped: bool = False) -> None:
        known, follower, now = self._known, self._follower, self._times.clock.now()
        if known.budget is not None and follower.budget is not None and follower.directive is not None:
            state = NodeState(
                follower.budget,
                follower.directive,
                follower.report,
                supported=self._enforcer.supported,
                why_unsupported="" if self._enforcer.supported else self._enforcer.hardware.why_unusable(),
                reapplied=self._enforcer.reapplied,
                invalid=known.invalid,
                generation=known.generation,
                stopped=stopped,
                draw=follower.draw,
                valve_trouble=follower.valve.trouble,
                energy=follower.energy(now, ended=stopped),
            )
            self._publisher.publish(state, now)
        elif known.invalid is not None:
            self._publisher.publish_refusal(known.invalid, known.generation or 0, now)


def _place(error: Exception) -> str:
    """Where it was raised, as file and line."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
