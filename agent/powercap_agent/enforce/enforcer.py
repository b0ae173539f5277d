"""Bringing limits into force and putting the originals back: the one place that writes to hardware.

Guarantees, whatever is asked for and whatever fails on the way:

- no limit is written outside [floor, original];
- a limit's original is safely stored before the limit is first written, and forgotten only when it reads back;
- success is a read-back;
- a refused limit is retried rarely (each try may spam the kernel's log), and so is one that somebody else keeps
  changing back;
- ``short_term`` stays at or above ``long_term`` between any two writes, and limits that go down are written
  before limits that go up, so that the node's sum never overshoots.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from powercap_api.reasons import ZoneReason

from ..hardware.zone import Constraint, Driver, LimitError, Zone, limit_key
from ..logs import Log
from ..planning.limits import Terms, Write, lead_constraint
from ..planning.plan import RAPL_MMIO, looked_after, package_candidates, plan_writes
from ..planning.write_order import in_order
from .limit_state import MAX_FIGHTS, Held
from .originals import OriginalsStore, StateError
from .results import Report, ZoneResult, clamped, failed, failures, good, report, tell_twins

_READS: Final = 3
"""Read-backs before a value that differs from the one written is believed: some reads lag behind."""
_FIGHT: Final = (
    "something else sets this limit again and again ({} checks in a row): look for thermald, firmware or another"
    " power manager on the node"
)


class OutOfBoundsError(Exception):
    """A plan holds a limit outside [floor, original]: a defect of this program, never to reach the hardware."""


@dataclass(slots=True)
class Enforcer:
    """Holds the node's limits. Used by one thread only."""

    drivers: Sequence[Driver]
    store: OriginalsStore
    monotonic: Callable[[], float]
    log: Log
    reapplied: int = 0
    """How often something else had changed a limit and it was set again."""
    _zones: dict[str, tuple[Driver, Zone]] = field(default_factory=dict)
    _held: dict[str, Held] = field(default_factory=dict)
    _not_put_back: set[str] = field(default_factory=set)
    """Originals whose return failed, so that it is said once."""

    @property
    def zones(self) -> tuple[Zone, ...]:
        """The zones found by the last ``survey``."""
        return tuple(zone for _, zone in self._zones.values())

    @property
    def supported(self) -> bool:
        """Whether the node has anything that can be capped."""
        return bool(package_candidates(self.zones))

    def survey(self) -> None:
        """Look anew which zones there are: drivers are loaded and packages plugged in while the agent runs."""
        self._zones = {zone.key: (driver, zone) for driver in self.drivers for zone in driver.discover()}

    def enforce(self, cap_uw: int, terms: Terms, *, dry_run: bool = False) -> Report:
        """Have ``cap_uw`` in force on the node, or with ``dry_run`` only say what would be.

        Called again with the same arguments it is the check: limits that hold are left alone, limits that
        somebody changed are set again and counted.
        """
        managed = looked_after(self.zones, terms)
        originals, unreadable = self._originals(managed)
        writes = plan_writes(self.zones, originals, cap_uw, terms)
        if dry_run:
            restored = self.release().results
            results = [self._rehearsed(write) for write in writes]
            return report([*results, *unreadable, *failures(restored)], clamped=clamped(writes))
        try:
            self.store.add({write.key: write.original_uw for write in writes})
        except StateError as error:
            problem = LimitError(
                ZoneReason.READ_ONLY, f"nothing is written, as the original cannot be saved: {error}"
            )
            results = [failed(write, problem, None) for write in writes]
            return report([*results, *unreadable], clamped=clamped(writes))
        planned = {write.key for write in writes}
        left_over = self._put_back(key for key in self.store.limits if key not in planned)
        results = self._bring_into_force(writes)
        return report([*results, *unreadable, *failures(left_over)], clamped=clamped(writes))

    def release(self) -> Report:
        """Have the originals in force, of every limit that was ever changed and not put back.

        The report also tells the limits that were never changed: what they read is their original.
        """
        put_back = {result.key: result for result in self._put_back(tuple(self.store.limits))}
        self._held.clear()
        results = []
        for zone, constraint in looked_after(self.zones):
            key = limit_key(zone, constraint)
            if key in put_back:
                results.append(put_back.pop(key))
            else:
                driver, _ = self._zones[zone.key]
                reading_uw = self._reading(driver, zone, constraint)
                results.append(
                    ZoneResult(zone, constraint.name, ZoneReason.RELEASED, reading_uw, None, reading_uw)
                )
        return Report((*results, *put_back.values()))

    def standing_uw(self, terms: Terms) -> int:
        """What the limits that share the node's cap add up to now, in microwatts, none above its original."""
        originals, _ = self._originals(looked_after(self.zones, terms))
        total_uw = 0
        for write in plan_writes(self.zones, originals, sum(originals.values()), terms):
            if write.counted:
                driver, zone = self._zones[write.zone.key]
                reading_uw = self._reading(driver, zone, write.constraint)
                total_uw += write.original_uw if reading_uw is None else min(reading_uw, write.original_uw)
        return total_uw

    def energies(self) -> dict[str, tuple[Zone, int]]:
        """Every energy counter that can be read, in microjoules by zone key."""
        readings = {}
        for driver, zone in self._zones.values():
            if zone.energy is not None and zone.kind != RAPL_MMIO:
                try:
                    readings[zone.key] = (zone, driver.energy_uj(zone))
                except LimitError:
                    continue
        return readings

    def _originals(
        self, managed: Iterable[tuple[Zone, Constraint]]
    ) -> tuple[dict[str, int], list[ZoneResult]]:
        """The original of every limit looked after, and a result for each that has none."""
        originals: dict[str, int] = {}
        unreadable = []
        for zone, constraint in managed:
            key = limit_key(zone, constraint)
            try:
                stored = self.store.limits.get(key)
                originals[key] = self._steady_read(zone, constraint) if stored is None else stored
                problem = LimitError(ZoneReason.UNSUPPORTED, "the limit reads 0: firmware has set none")
            except LimitError as error:
                problem = error
            if not originals.get(key) and constraint == lead_constraint(zone):
                unreadable.append(ZoneResult(zone, constraint.name, problem.reason, message=problem.message))
        return originals, unreadable

    def _steady_read(self, zone: Zone, constraint: Constraint) -> int:
        """A limit that two reads agree on: what is taken for the original must not be a stale or broken read."""
        driver, _ = self._zones[zone.key]
        before = driver.read(zone, constraint)
        for _ in range(_READS):
            after = driver.read(zone, constraint)
            if after == before:
                return after
            before = after
        raise LimitError(ZoneReason.FAILED, "the limit reads differently each time")

    def _bring_into_force(self, writes: Sequence[Write]) -> list[ZoneResult]:
        results: dict[str, ZoneResult] = {}
        due: list[tuple[Write, int]] = []
        for write in writes:
            driver, zone = self._zones[write.zone.key]
            # A limit that cannot be read may still be written: its original is known and stored.
            reading_uw = self._reading(driver, zone, write.constraint)
            settled = self._settled(write, reading_uw)
            if settled is None:
                due.append((write, -1 if reading_uw is None else reading_uw))
            else:
                results[write.key] = settled
        for write in in_order(due):
            results[write.key] = self._write(write)
        self._enable(writes, results)
        return tell_twins([results[write.key] for write in writes])

    def _settled(self, write: Write, reading_uw: int | None) -> ZoneResult | None:
        """The result of a limit that needs no writing now; None where it does."""
        held = self._held.get(write.key)
        if held is None:
            return None
        now = self.monotonic()
        if held.problem is not None and held.waits(now):
            return failed(write, held.problem, reading_uw)
        if held.requested_uw != write.power_uw or held.problem is not None or reading_uw is None:
            return None
        if reading_uw == held.read_back_uw:
            held.fights = 0
            return good(write, reading_uw)
        if held.fights >= MAX_FIGHTS and held.waits(now):
            problem = LimitError(ZoneReason.DRIFTED, _FIGHT.format(held.fights))
            return failed(write, problem, reading_uw)
        self.reapplied += 1
        held.fought(now)
        self.log.warning(
            "limit was changed by something else, setting it again",
            zone=write.key,
            found_uw=reading_uw,
            wanted_uw=write.power_uw,
        )
        return None

    def _write(self, write: Write) -> ZoneResult:
        if not min(write.floor_uw, write.original_uw) <= write.power_uw <= write.original_uw:
            raise OutOfBoundsError(f"{write.key}: {write.power_uw} µW")
        before = self._held.get(write.key)
        held = Held(write.power_uw) if before is None else before.rewritten(write.power_uw)
        self._held[write.key] = held
        driver, zone = self._zones[write.zone.key]
        try:
            driver.write(zone, write.constraint, write.power_uw)
            held.read_back_uw = self._confirm(driver, zone, write.constraint, write.power_uw)
        except LimitError as error:
            if before is None or before.problem is None or before.problem.reason is not error.reason:
                self.log.warning(
                    "limit was not accepted", zone=write.key, reason=error.reason.value, why=error.message
                )
            held.refused(error, self.monotonic())
            return failed(write, error, self._reading(driver, zone, write.constraint))
        held.failures = 0
        return good(write, held.read_back_uw)

    def _confirm(self, driver: Driver, zone: Zone, constraint: Constraint, wanted_uw: int) -> int:
        """The read-back, if it is what was written.

        Raises:
            LimitError: FirmwareLocked where the kernel took the value and it is not in force: older kernels do
                not tell that the register is locked.
        """
        reading_uw = 0
        for _ in range(_READS):
            reading_uw = driver.read(zone, constraint)
            if zone.holds(wanted_uw, reading_uw):
                return reading_uw
        raise LimitError(
            ZoneReason.FIRMWARE_LOCKED, f"{wanted_uw} µW was accepted but {reading_uw} µW is in force"
        )

    def _reading(self, driver: Driver, zone: Zone, constraint: Constraint) -> int | None:
        try:
            return driver.read(zone, constraint)
        except LimitError:
            return None

    def _enable(self, writes: Sequence[Write], results: dict[str, ZoneResult]) -> None:
        """Have the limits enforced where firmware left them off: written limits alone do nothing then."""
        disabled = {w.zone.key for w in writes if w.zone.enabled is False and w.zone.key in self._zones}
        for zone_key in sorted(disabled):
            driver, zone = self._zones[zone_key]
            own = [write for write in writes if write.zone.key == zone_key]
            if all(self._held[write.key].problem is not None for write in own if write.key in self._held):
                continue
            try:
                driver.enable(zone)
            except LimitError as error:
                for write in own:
                    results[write.key] = failed(write, error, results[write.key].read_back_uw)
                    if held := self._held.get(write.key):
                        held.refused(error, self.monotonic())

    def _rehearsed(self, write: Write) -> ZoneResult:
        driver, zone = self._zones[write.zone.key]
        return ZoneResult(
            zone,
            write.constraint.name,
            ZoneReason.DRY_RUN,
            write.original_uw,
            write.power_uw,
            self._reading(driver, zone, write.constraint),
            counted=write.counted,
        )

    def _put_back(self, keys: Iterable[str]) -> list[ZoneResult]:
        """Write the stored originals of ``keys``; those that read back are dropped from the store."""
        wanted = {key: self.store.limits[key] for key in keys}
        if not wanted:
            return []
        due: list[tuple[Write, int]] = []
        for driver, zone in self._zones.values():
            for constraint in zone.constraints:
                original_uw = wanted.get(limit_key(zone, constraint))
                if original_uw is None:
                    continue
                reading_uw = self._reading(driver, zone, constraint)
                write = Write(
                    zone, constraint, original_uw, original_uw, original_uw, clamped=False, counted=False
                )
                due.append((write, -1 if reading_uw is None else reading_uw))
        results = {write.key: self._put_back_one(write) for write in in_order(due)}
        try:
            self.store.drop(key for key, result in results.items() if result.reason is ZoneReason.RELEASED)
        except StateError as error:
            self.log.error(
                "the originals are in force again, but their file is still there", error=str(error)
            )
        return list(results.values())

    def _put_back_one(self, write: Write) -> ZoneResult:
        driver, zone = self._zones[write.zone.key]
        self._held.pop(write.key, None)
        reading_uw: int | None = None
        try:
            # One read alone could be a stale one that happens to tell the original.
            reading_uw = self._steady_read(zone, write.constraint)
        except LimitError:
            reading_uw = None
        try:
            if reading_uw != write.power_uw:
                driver.write(zone, write.constraint, write.power_uw)
                reading_uw = self._confirm(driver, zone, write.constraint, write.power_uw)
        except LimitError as error:
            if write.key not in self._not_put_back:
                self._not_put_back.add(write.key)
                reason = error.reason.value
                self.log.error(
                    "original limit could not be put back", zone=write.key, reason=reason, why=error.message
                )
            return failed(write, error, reading_uw)
        self._not_put_back.discard(write.key)
        return ZoneResult(
            zone, write.constraint.name, ZoneReason.RELEASED, write.original_uw, write.power_uw, reading_uw
        )
