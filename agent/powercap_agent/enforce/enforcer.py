"""Brings caps into force on the node and puts the originals back. Nothing else writes to hardware.

Guarantees, whatever is asked for and whatever fails on the way:

- no limit is written outside [floor, original];
- a limit's original is safely stored before the limit is first written, and forgotten only when it reads back;
- ``short_term`` stays at or above ``long_term`` between any two writes, and limits that go down are written
  before limits that go up, so that the node's sum never overshoots.
"""

from collections.abc import Callable, Sequence

from powercap_api.reasons import ZoneReason

from ..hardware.node import NodeHardware
from ..hardware.zone import LimitError, Zone, limit_key
from ..logs import Log
from ..planning.limits import Terms, Write, reference
from ..planning.packages import package_candidates
from ..planning.plan import managed_limits, plan_writes
from ..planning.write_order import in_order
from ..state.originals_store import OriginalsStore
from ..state.store import StateError
from .limit_writer import LimitWriter
from .originals import Originals
from .results import Report, ZoneResult, clamped, failed, failures, mark_lower_twins, report


class Enforcer:
    """The node's limits. Used by one thread only."""

    def __init__(
        self, hardware: NodeHardware, store: OriginalsStore, monotonic: Callable[[], float], log: Log
    ) -> None:
        self.hardware = hardware
        self.store = store
        self._originals = Originals(hardware, store, log)
        self._writer = LimitWriter(hardware, monotonic, log)

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

    def enforce(self, cap_uw: int, terms: Terms, *, dry_run: bool = False) -> Report:
        """Bring ``cap_uw`` into force on the node, or with ``dry_run`` report what would be.

        Called again with the same arguments it is the check: limits that hold are left alone, limits that
        something else changed are set again and counted.
        """
        originals, unreadable = self._originals.find(managed_limits(self.zones, terms))
        writes = plan_writes(self.zones, originals, cap_uw, terms)
        if dry_run:
            not_put_back = failures(self.release().results)
            results = [self._rehearsed(write) for write in writes]
            return report([*results, *unreadable, *not_put_back], clamped=clamped(writes))
        try:
            self._originals.save(writes)
        except StateError as error:
            problem = LimitError(
                ZoneReason.READ_ONLY, f"nothing is written, as the original cannot be saved: {error}"
            )
            results = [failed(write, problem, None) for write in writes]
            return report([*results, *unreadable], clamped=clamped(writes))
        planned = {write.key for write in writes}
        not_put_back = failures(self._put_back([key for key in self.store.limits if key not in planned]))
        results = self._bring_into_force(writes)
        return report([*results, *unreadable, *not_put_back], clamped=clamped(writes))

    def release(self) -> Report:
        """Put back the original of every limit that was changed.

        The report also has the limits that were never changed: what they read is their original.
        """
        put_back = {limit_key(r.zone, r.constraint): r for r in self._put_back(tuple(self.store.limits))}
        self._writer.forget_all()
        results = []
        for zone, constraint in managed_limits(self.zones):
            result = put_back.pop(limit_key(zone, constraint.name), None)
            if result is None:
                reading_uw = self.hardware.reading(zone, constraint)
                result = ZoneResult(zone, constraint.name, ZoneReason.RELEASED, reading_uw, None, reading_uw)
            results.append(result)
        return Report((*results, *put_back.values()))

    def standing_uw(self, terms: Terms) -> int:
        """The sum of the limits that share the node's cap, as they read now, none above its reference."""
        originals, _ = self._originals.find(managed_limits(self.zones, terms))
        total_uw = 0
        for write in plan_writes(self.zones, originals, sum(originals.values()), terms):
            if write.counted:
                reading_uw = self.hardware.reading(write.zone, write.constraint)
                most_uw = reference(write.zone, originals)
                total_uw += most_uw if reading_uw is None else min(reading_uw, most_uw)
        return total_uw

    def _put_back(self, keys: Sequence[str]) -> list[ZoneResult]:
        for key in keys:
            self._writer.forget(key)
        return self._originals.put_back(keys)

    def _bring_into_force(self, writes: Sequence[Write]) -> list[ZoneResult]:
        results: dict[str, ZoneResult] = {}
        due: list[tuple[Write, int]] = []
        for write in writes:
            # A limit that cannot be read may still be written: its original is known and stored.
            reading_uw = self.hardware.reading(write.zone, write.constraint)
            settled = self._writer.settled(write, reading_uw)
            if settled is None:
                due.append((write, -1 if reading_uw is None else reading_uw))
            else:
                results[write.key] = settled
        for write in in_order(due):
            results[write.key] = self._writer.write(write)
        problems = self._writer.enable(writes)
        for write in writes:
            if write.key in problems:
                results[write.key] = failed(write, problems[write.key], results[write.key].read_back_uw)
        return mark_lower_twins([results[write.key] for write in writes])

    def _rehearsed(self, write: Write) -> ZoneResult:
        reading_uw = self.hardware.reading(write.zone, write.constraint)
        return ZoneResult(
            write.zone,
            write.constraint.name,
            ZoneReason.DRY_RUN,
            write.original_uw,
            write.power_uw,
            reading_uw,
            counted=write.counted,
        )
