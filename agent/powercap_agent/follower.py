"""Follows a budget on this node's hardware: what the budget asks for now, brought into force and measured."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from powercap_api.reasons import Split

from .enforce.enforcer import Enforcer
from .enforce.results import Report, ZoneResult, in_force
from .hardware.zone import SHORT_TERM, Zone
from .measuring import Measuring, Sample
from .planning.limits import Terms
from .planning.meaning import highest_draw_uw, silicon
from .planning.subzones import WITHIN
from .schedule.budget import Budget
from .schedule.cap_controller import CapController
from .schedule.directive import Action, Directive, Phase
from .schedule.pressure_valve import PressureValve
from .state.store import KeptFile
from .status.conditions import MeasuredDraw
from .status.energy_account import EnergyAccount, Regime
from .status.ledger import Part, binds, counters_of, part_of

SAVE_SECONDS: Final = 60.0
"""How often the energy counted is saved. What is drawn until an agent that was killed is back is in the counters, as
long as they do not wrap twice: the shortest time for that is five minutes."""


@dataclass(frozen=True, slots=True)
class Floors:
    """The agent's own floors, which hold whatever the policy says."""

    hard_floor_uw: int
    """Least cap of the node, in microwatts."""
    floor_percent: int
    """Least limit of each package, in percent of its original."""

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


class Follower:
    """State of the node's limits: the directive in force, its report, and the draw under it.

    Moments are seconds of a monotonic clock.
    """

    def __init__(
        self,
        enforcer: Enforcer,
        floors: Floors,
        read_pressure_percent: Callable[[], float | None],
        kept_energy: KeptFile,
        measuring: Measuring,
    ) -> None:
        self.enforcer = enforcer
        self._measuring = measuring
        self._moment = 0.0
        self._ended: tuple[Directive | None, float] | None = None
        """The directive whose draw waits for the sample that closes it, and when it ended."""
        self._kept_energy = kept_energy
        self._account = EnergyAccount()
        kept_energy.recall(self._go_on)
        self._regime = self._counted_under = Regime()
        self._save_at = 0.0
        self._floors = floors
        self._given: Budget | None = None
        self.budget: Budget | None = None
        """The budget that is followed, with percentages worked out for this node."""
        self.valve = PressureValve(read_pressure_percent, self._limit_binds)
        self.controller = CapController(self.valve, self._standing_uw)
        self._ledger = self._account.ledger
        self._ledger.highest_uw = self._highest_uw
        self.directive: Directive | None = None
        """What was last brought into force; None: the originals, as there is no budget."""
        self.report = Report()
        self.draw: MeasuredDraw | None = None
        """What was drawn under the directive before this one."""

    def next_directive(self, budget: Budget | None, now: datetime, moment: float) -> Directive | None:
        """What is to be in force at ``now``; None: there is no budget."""
        self._moment = moment
        if budget != self._given:
            self._given, self.budget = budget, self._on_node(budget)
        return self.controller.directive(self.budget, now, moment)

    def carry_out(self, directive: Directive | None) -> bool:
        """Bring ``directive`` of the budget last given into force; whether it is another than before."""
        budget, before = self.budget, self.directive
        if directive is None or budget is None or directive.action is Action.RELEASE:
            self.report = self.enforcer.release()
        else:
            terms = self._floors.terms(budget)
            if directive.now_uw is None:
                self.report = self.enforcer.found(terms)
            else:
                self.report = self.enforcer.enforce(directive.now_uw, terms, dry_run=budget.dry_run)
        # Packages may have come or become readable meanwhile; the next directive is of the node as it is now.
        self.budget = self._on_node(self._given)
        self.directive = directive
        return directive is None or before is None or not directive.continues(before)

    def changed(self, before: Directive | None, moment: float, *, another: bool) -> None:
        """Measure from now on under the directive just carried out, in place of ``before``."""
        self._take()  # what was drawn until now, but for the last seconds, was drawn under ``before``
        self._regime = self._regime_under(self.directive)
        if another:
            self._ended = (before, moment)
        self._ledger.beside = {result.zone.key for result in self.report.results if result.counted}
        self._measuring.zones = self.enforcer.zones
        self._measuring.ask()
        self._take()  # it may be there already

    def release(self, seconds: float) -> None:
        """Put back the originals a last time, within ``seconds``."""
        self.report = self.enforcer.release(seconds, last=True)

    def last_sample(self, moment: float) -> None:
        """Count and save what was drawn, as far as it is known."""
        self._take()
        self._save(moment)

    def sample(self, moment: float) -> bool:
        """Take in the samples there are, and have one taken if it is due; whether a draw was measured."""
        measured = self._take()
        if self._ended is not None or self._ledger.due(moment):
            self._measuring.ask()
            measured = self._take() or measured
        if moment >= self._save_at:
            self._save(moment)
        return measured

    def energy(self, now: datetime, *, ended: bool) -> Mapping[str, Any] | None:
        """The energy counted, as the status tells it."""
        return self._account.published(now, ended=ended)

    def adopt_energy(self, published: object) -> None:
        """Go on from the energy that the node's status told when this agent came, where nothing was kept on disk."""
        if isinstance(published, Mapping):
            self._kept_energy.understand(published, self._account.adopt)

    def _take(self) -> bool:
        """Take in the samples there are; whether one of them closed a measurement."""
        measured = False
        for sample in self._measuring.taken():
            self._account.sample(
                sample.now, sample.moment, sample.readings, self._counted_under, sample.absent
            )
            self._counted_under = self._regime
            if self._ended is not None and sample.moment >= self._ended[1]:
                measured = self._close(self._ended[0], sample) or measured
                self._ended = None
        return measured

    def _close(self, before: Directive | None, sample: Sample) -> bool:
        """End the measurement under ``before`` with this sample, and begin another; whether it was long enough."""
        if not self._ledger.enough(sample.moment):
            return False
        drawn, caps = self._ledger.close(), self._account.close_caps()
        self.draw = None if drawn is None or before is None else MeasuredDraw(drawn, caps)
        return True

    def _save(self, moment: float) -> None:
        self._save_at = moment + SAVE_SECONDS
        account = self._account.saved()
        if account is not None:
            self._kept_energy.keep({"bootId": self.enforcer.store.boot_id, "account": account})

    def _go_on(self, kept: Mapping[str, Any]) -> None:
        """Go on from the energy that an earlier agent kept."""
        self._account.load(kept["account"], same_boot=kept["bootId"] == self.enforcer.store.boot_id)

    def _regime_under(self, directive: Directive | None) -> Regime:
        budget = self.budget
        if budget is None or directive is None:
            return Regime()
        return Regime(budget.policy, self._caps_in_force_uw(), lifted=directive.phase is Phase.LIFTED)

    def _on_node(self, budget: Budget | None) -> Budget | None:
        if budget is None or not budget.in_percent:
            return budget
        return budget.on_node(self.enforcer.node_reference_uw(self._floors.terms(budget)))

    def _caps_in_force_uw(self) -> dict[Part, int]:
        """The cap of each part as the limits have it; a part is not there where something of it that has a counter has
        no cap, or something that has a cap no counter."""
        directive, budget = self.directive, self.budget
        if directive is None or budget is None or budget.dry_run or directive.action is Action.RELEASE:
            return {}
        caps: dict[Part, int] = {}
        for part in Part:
            limits = self._limits(part)
            metered = {
                silicon(zone): zone.key
                for zone in reversed(self.enforcer.zones)
                if zone.energy is not None and part_of(zone) is part
            }
            told = {key for _, _, keys in limits for key in keys} >= set(metered.values())
            if limits and told and all(uw is not None and keys for _, uw, keys in limits):
                # What was asked for, where that reads back rounded.
                caps[part] = sum(
                    r.requested_uw
                    if r.requested_uw and abs(uw - r.requested_uw) <= r.zone.tolerance_uw
                    else uw
                    for r, uw, _ in limits
                    if uw is not None
                )
        if Part.PACKAGES in caps and self.report.psys_uw is not None:
            caps[Part.PACKAGES] = min(caps[Part.PACKAGES], self.report.psys_uw)
        return caps

    def _limits(self, part: Part) -> list[tuple[ZoneResult, int | None, list[str]]]:
        """The limits that hold the part's zones, which are no bursts and no twins: each with what binds there in
        microwatts, and the counters that tell what it draws."""
        return [
            (r, in_force(r, self.report.results), counters_of(r.zone, self.enforcer.zones))
            for r in self.report.results
            if r.constraint != SHORT_TERM
            and part_of(r.zone) is part
            and (r.counted or part is Part.ACCELERATORS)
        ]

    def _limit_binds(self) -> bool | None:
        """Whether a package draws what its limit in force lets it; None where that is not known."""
        unknown = False
        for _, limit_uw, keys in self._limits(Part.PACKAGES):
            power_uw = self._ledger.power_uw(keys, self._moment)
            if limit_uw is None or power_uw is None:
                unknown = True
            elif binds(power_uw, limit_uw):
                return True
        return None if unknown else False

    def _highest_uw(self, zone: Zone) -> int:
        """More than this a zone does not draw, by the limits that it, or the package that it is a part of, was found
        with and has."""
        if zone.name in WITHIN:
            parent = zone.key.rpartition("/")[0]
            zone = next((one for one in self.enforcer.zones if one.key == parent), zone)
        own = [result for result in self.report.results if silicon(result.zone) == silicon(zone)]
        limits = [uw for result in own for uw in (result.original_uw, result.read_back_uw) if uw is not None]
        return highest_draw_uw(zone, limits)

    def _standing_uw(self) -> int:
        return 0 if self.budget is None else self.enforcer.standing_uw(self._floors.terms(self.budget))
