"""Brings caps into force on the node and puts the originals back. Nothing else writes to hardware.

Guarantees, whatever is asked for and whatever fails on the way:

- no limit is written outside [floor, original];
- a limit's original is safely stored before the limit is first written, and forgotten only when it reads back;
- ``short_term`` stays at or above ``long_term`` between any two writes;
- limits go up only as far as the limits in force leave room under the node's cap.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from powercap_api.reasons import ZoneReason

from ..hardware.inventory import Inventory
from ..hardware.read_back import reading
from ..hardware.worker import each_in_time
from ..hardware.zone import LimitError, Zone, gone
from ..logs import Log
from ..planning.limits import Terms, Write
from ..planning.meaning import (
    capped_constraints,
    highest_of_unknown,
    is_limit,
    is_psys,
    lead_constraint,
    package_candidates,
)
from ..planning.plan import managed_limits, node_reference, plan_writes, references
from ..state.originals_store import OriginalsStore
from ..state.store import StateError
from .limit_writer import LimitWriter
from .originals import Originals, low_originals
from .results import LowOriginal, Report, ZoneResult, clamped, mark_binding, report, result_of
from .transition import Transition, reading_of

RELEASE_SECONDS: Final = 2.0
"""Time for putting originals back while the agent goes on; what hangs for longer is tried again at the next check."""


class Enforcer:
    """The node's limits. Used by one thread only."""

    def __init__(
        self,
        hardware: Inventory,
        store: OriginalsStore,
        monotonic: Callable[[], float],
        log: Log,
        stated_original_uw: int | None = None,
    ) -> None:
        """``stated_original_uw`` is each package's original long_term, where less is found."""
        self.hardware = hardware
        self.store = store
        self._originals = Originals(store, log, stated_original_uw)
        self._writer = LimitWriter(store.written, monotonic, log)
        self._log = log
        self._low: tuple[LowOriginal, ...] = ()
        self._reenabled: dict[str, Zone] = {}

    @property
    def zones(self) -> tuple[Zone, ...]:
        """The zones found by the last ``survey``."""
        return self.hardware.zones

    @property
    def supported(self) -> bool:
        """Whether the node has anything that can be capped."""
        return bool(package_candidates(self.zones))

    @property
    def reapplied(self) -> int:
        """How often something else had changed a limit and it was set again."""
        return self._writer.reapplied

    def survey(self) -> None:
        """Find the node's zones again."""
        self.hardware.survey()

    def close(self) -> None:
        """Write no limits any more but originals: the agent ends, and what hangs may wake up later."""
        self._writer.closed = True

    def away(self) -> bool:
        """Whether an original waits for a zone that is not there."""
        return bool(self._originals.missing(self.zones))

    def enforce(self, cap_uw: int, terms: Terms, *, dry_run: bool = False) -> Report:
        """Bring ``cap_uw`` into force on the node, or with ``dry_run`` report what would be.

        Called again with the same arguments it is the check: limits that hold are left alone, limits that
        something else changed are set again and counted. Zones are looked for again where one is not where it was.
        """
        if self.hardware.stale() or self.away():
            self.survey()
        found = self._enforce(cap_uw, terms, dry_run=dry_run)
        if any(result.failed for result in found.results) and self.hardware.stale():
            self.survey()
            found = self._enforce(cap_uw, terms, dry_run=dry_run)
        return found

    def _enforce(self, cap_uw: int, terms: Terms, *, dry_run: bool) -> Report:
        originals, unreadable = self._originals.find(managed_limits(self.zones, terms))
        unreadable = [*self._assumed(unreadable, originals), *self._unknown_devices(terms)]
        writes = plan_writes(self.zones, originals, cap_uw, terms)
        self._note_low(originals)
        if dry_run:
            not_put_back = _failures(self.release().results)
            results = [result_of(write, ZoneReason.DRY_RUN, reading_of(write)) for write in writes]
            return self._report([*results, *unreadable, *not_put_back], writes)
        planned = {write.key for write in writes}
        not_put_back = _failures(self._put_back([key for key in self.store.limits if key not in planned]))
        transition = Transition(self._writer, self._save)
        written, results = transition.run(
            # Without excess it is the plan just made: this is on the way from a slot's begin to its limits.
            lambda excess: plan_writes(self.zones, originals, cap_uw, terms, excess) if excess else writes
        )
        self._note_reenabled()
        psys_uw = self._psys_uw({write.zone.key for write in written})
        results = mark_binding(results, psys_uw)
        return self._report([*results, *unreadable, *not_put_back], written, psys_uw)

    def release(self, seconds: float = RELEASE_SECONDS, *, last: bool = False) -> Report:
        """Put back the original of every limit that was changed, on the zones that there are now, within ``seconds``
        and half as much to find them.

        The report also has the limits that were never changed: what they read is their original. With ``last``, it has
        the originals too whose zones are not there.
        """
        each_in_time({"survey": self.survey}, seconds / 2)
        results = self._put_back(
            tuple(self.store.limits), [zone for zone, _ in managed_limits(self.zones)], seconds
        )
        self._writer.forget()
        missing = self._originals.missing(self.zones) if last else []
        return Report((*results, *missing), reenabled=tuple(self._reenabled.values()))

    def found(self, terms: Terms) -> Report:
        """What the limits read, which stay as they are; ``applied_uw`` only where this agent, or one before it, wrote
        some."""
        originals, _ = self._originals.find(managed_limits(self.zones, terms))
        results = []
        for write in plan_writes(self.zones, originals, sum(originals.values()), terms):
            reason = ZoneReason.APPLIED if write.key in self.store.limits else ZoneReason.RELEASED
            results.append(replace(result_of(write, reason, reading_of(write)), requested_uw=None))
        told = report(results, clamped=False)
        return told if self.store.limits else replace(told, applied_uw=None)

    def standing_uw(self, terms: Terms) -> int:
        """The sum of the limits that share the node's cap, as they read now, none above its reference. What has no
        reference counts nothing: nobody knows from where it would be lowered."""
        originals, _ = self._originals.find(managed_limits(self.zones, terms))
        total_uw = 0
        for zone, reference_uw in references(self.zones, originals, terms):
            lead = lead_constraint(zone)
            reading_uw = None if lead is None else reading(zone, lead)
            if reference_uw is not None:
                total_uw += reference_uw if reading_uw is None else min(reading_uw, reference_uw)
        return total_uw

    def node_reference_uw(self, terms: Terms) -> int | None:
        """What the node's original limits add up to, in microwatts: what percentages of a budget are of. None where
        that is not known."""
        originals, _ = self._originals.find(managed_limits(self.zones, terms))
        return node_reference(self.zones, originals, terms)

    def _psys_uw(self, planned: Collection[str]) -> int | None:
        """The limit of the whole platform that is in force; None where there is none but the policy's own."""
        limits = [
            (zone, reading(zone, constraint))
            for zone in self.zones
            if is_psys(zone) and zone.enabled is not False and zone.key not in planned
            for constraint in capped_constraints(zone)
        ]
        return min((uw for zone, uw in limits if uw is not None and is_limit(zone, uw)), default=None)

    def _report(
        self, results: Sequence[ZoneResult], writes: Sequence[Write], psys_uw: int | None = None
    ) -> Report:
        reenabled = tuple(self._reenabled.values())
        found = report(results, clamped=clamped(writes), psys_uw=psys_uw)
        return replace(found, low_originals=self._low, reenabled=reenabled)

    def _note_low(self, originals: Mapping[str, int]) -> None:
        """See which packages' originals are far below what they may draw; log it where that is new."""
        found = low_originals(self.zones, originals)
        if found != self._low:
            for low in found:
                self._log.warning(
                    "the limit found at first is far below what the hardware may draw: is it the original?",
                    zone=low.zone.key,
                    found_uw=low.original_uw,
                    max_power_uw=low.most_uw,
                )
        self._low = found

    def _note_reenabled(self) -> None:
        """See which zones were enabled that had not been found disabled; log it where that is new."""
        for key, zone in self._writer.enabled.items():
            if key not in self.store.disabled and key not in self._reenabled:
                self._reenabled[key] = zone
                self._log.warning(
                    "something disabled this zone under its cap; it is enabled again, and its clamp bits stay set",
                    zone=key,
                )

    def _put_back(
        self, keys: Sequence[str], besides: Sequence[Zone] = (), seconds: float = RELEASE_SECONDS
    ) -> list[ZoneResult]:
        """Put the originals of ``keys`` back, and see what the zones ``besides`` hold."""
        self._writer.forget(keys)
        due = {key.rpartition(":")[0] for key in keys} | {zone.key for zone in besides}
        return self._originals.put_back([zone for zone in self.zones if zone.key in due], keys, seconds)

    def _assumed(self, unreadable: Sequence[ZoneResult], originals: Mapping[str, int]) -> list[ZoneResult]:
        """The results of limits without an original, with what they count as in the node's sum."""
        highest = highest_of_unknown(self.zones, originals)
        return [
            replace(r, counted=True, assumed_uw=highest[r.zone.key]) if r.zone.key in highest else r
            for r in unreadable
        ]

    def _unknown_devices(self, terms: Terms) -> list[ZoneResult]:
        """A result for each kind of device that is to be capped, and whose driver tells of none for the moment."""
        named = {rule.name for rule in terms.devices}
        return [
            ZoneResult(gone(kind, kind), "power_limit", ZoneReason.FAILED, message=trouble)
            for kind, trouble in self.hardware.troubles().items()
            if kind in named
        ]

    def _save(self, writes: Sequence[Write]) -> dict[str, LimitError]:
        """Save what must be on disk before ``writes``; the problem of each that must not be written, by key."""
        problems: dict[str, LimitError] = {}
        try:
            self._originals.save(writes)
        except StateError as error:
            message = f"nothing is written, as the original cannot be saved: {error}"
            problem = LimitError(ZoneReason.READ_ONLY, message)
            problems = {write.key: problem for write in writes if write.key not in self.store.limits}
        try:
            self._originals.note(writes)
        except StateError as error:
            if self._log.changed("noted", str(error)):
                self._log.warning("what is written could not be noted for a restart", error=str(error))
        return problems


def _failures(results: Iterable[ZoneResult]) -> list[ZoneResult]:
    """The results of limits that could not be put back."""
    return [result for result in results if result.reason is not ZoneReason.RELEASED]
