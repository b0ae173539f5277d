"""The state of the hardware before the first write, limits and disabled zones: found, saved, put back."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

from powercap_api.reasons import ZoneReason

from ..hardware.read_back import reading, steady_read, write_and_confirm
from ..hardware.worker import each_in_time
from ..hardware.zone import Constraint, LimitError, Zone, gone, limit_key
from ..logs import Log
from ..planning.limits import Write
from ..planning.meaning import (
    capped_constraints,
    far_below_named,
    is_package,
    lead_constraint,
    lead_original,
    packages_of,
    silicon,
)
from ..planning.write_order import zone_steps
from ..state.originals_store import OriginalsStore
from ..state.store import StateError
from .results import LowOriginal, ZoneResult, failed, result_of


class Originals:
    """The node's original limits. A limit's original is saved before the limit is first written, and forgotten
    only when it reads back."""

    def __init__(self, store: OriginalsStore, log: Log, stated_uw: int | None = None) -> None:
        """``stated_uw`` is the original of each package's long_term, where less is found at first; short_term is not
        below it then."""
        self._store = store
        self._log = log
        self._stated_uw = stated_uw
        self._under_way: set[str] = set()
        """Keys of the zones at which a thread is, among them those that hang."""

    def find(self, managed: Collection[tuple[Zone, Constraint]]) -> tuple[dict[str, int], list[ZoneResult]]:
        """The original of each limit in microwatts by key, and a result for each lead limit that has none."""
        originals: dict[str, int] = {}
        unreadable = []
        for zone, constraint in managed:
            key = limit_key(zone, constraint.name)
            try:
                saved_uw = self._store.limits.get(key)
                originals[key] = self._first_sight(zone, constraint) if saved_uw is None else saved_uw
                problem = LimitError(ZoneReason.UNSUPPORTED, "the limit reads 0: firmware has set none")
            except LimitError as error:
                problem = error
            if not originals.get(key) and constraint == lead_constraint(zone):
                if key in originals and zone.device.enabled() is False:
                    message = "reads 0 and is disabled: nothing limits this zone, and nothing is capped in it"
                    problem = LimitError(ZoneReason.RELEASED, message)
                unreadable.append(ZoneResult(zone, constraint.name, problem.reason, message=problem.message))
        limited = {silicon(package.zones[0]) for package in packages_of((z for z, _ in managed), originals)}
        # A part of a package needs no limit of its own, nor an interface beside another; a package by itself does.
        return originals, [
            replace(r, reason=ZoneReason.UNSUPPORTED)
            if r.reason is ZoneReason.RELEASED and is_package(r.zone) and silicon(r.zone) not in limited
            else r
            for r in unreadable
        ]

    def _first_sight(self, zone: Zone, constraint: Constraint) -> int:
        found_uw = steady_read(zone, constraint)
        if self._stated_uw is None or not is_package(zone) or not found_uw:
            return found_uw
        return max(found_uw, self._stated_uw)

    def save(self, writes: Iterable[Write]) -> None:
        """Save the originals of limits that are about to be written, and which of their zones are disabled.

        Raises:
            StateError: they are not safely on disk; the limits must not be written.
        """
        new = [write for write in writes if write.key not in self._store.limits]
        known = {key.rsplit(":", 1)[0] for key in self._store.limits}
        # A zone that was enabled when its limits were saved, and is not any more, was not found disabled.
        zones = {write.zone.key: write.zone for write in new if write.zone.key not in known}
        disabled = [key for key, zone in zones.items() if zone.device.enabled() is False]
        self._store.add({write.key: write.original_uw for write in new}, disabled)

    def note(self, writes: Iterable[Write]) -> None:
        """Save the values of ``writes`` that change, and what is in force before: an agent after a crash knows either
        for its own.

        Raises:
            StateError: they are not safely on disk.
        """
        noted: dict[str, list[int]] = {}
        for write in writes:
            before = self._store.written(write.key)
            if write.power_uw not in before[-1:]:
                now_uw = reading(write.zone, write.constraint)
                if before:  # what reads otherwise is somebody else's
                    stands = [uw for uw in before if now_uw is not None and write.zone.holds(uw, now_uw)]
                    before = stands[-1:] or before[-2:]
                elif now_uw is not None:
                    before = [now_uw]
                noted[write.key] = [*before, write.power_uw]
        self._store.note(noted)

    def put_back(self, zones: Iterable[Zone], keys: Iterable[str], seconds: float) -> list[ZoneResult]:
        """Write the saved originals of ``keys``, and read the other limits of ``zones``; what there is of ``keys`` that
        reads back is dropped from the store.

        Each zone is apart from the others: one whose file hangs is given up after ``seconds``, and holds up none.
        """
        due = set(keys)
        zones = list(zones)
        work = {
            zone.key: partial(self._apart, zone, due) for zone in zones if zone.key not in self._under_way
        }
        ended = each_in_time(work, seconds)
        results = [result for zone in zones if zone.key in ended for result in ended[zone.key][0]]
        back = [limit_key(r.zone, r.constraint) for r in results if r.reason is ZoneReason.RELEASED]
        off = {key for key, (_, disabled) in ended.items() if disabled}
        for zone in zones:
            if zone.key not in ended:
                problem = LimitError(ZoneReason.FAILED, "the zone's files do not answer")
                results += [failed(write, problem, None) for write in self._writes(zone, due)]
        try:
            self._store.drop([key for key in back if key in due], off)
        except StateError as error:
            self._log.error(
                "the originals are in force again, but their file could not be removed", error=str(error)
            )
        return results

    def missing(self, zones: Iterable[Zone]) -> list[ZoneResult]:
        """A result for each saved original whose zone is not there."""
        there = {limit_key(zone, constraint.name) for zone in zones for constraint in zone.constraints}
        results = []
        for key, original_uw in self._store.limits.items():
            if key not in there:
                zone_key, _, name = key.rpartition(":")
                zone = gone(zone_key, zone_key.partition("/")[0])
                message = "the zone is not there: its original is put back once it is again"
                results.append(
                    ZoneResult(zone, name, ZoneReason.FAILED, original_uw, original_uw, message=message)
                )
        return results

    def _apart(self, zone: Zone, due: set[str]) -> tuple[list[ZoneResult], bool]:
        self._under_way.add(zone.key)
        try:
            return self._put_back_zone(zone, due)
        finally:
            self._under_way.discard(zone.key)

    def _put_back_zone(self, zone: Zone, due: set[str]) -> tuple[list[ZoneResult], bool]:
        """A result for each limit of the zone that is due or capped, and whether the zone is disabled again.

        A zone that was found disabled is disabled first, so that its original limits are not enforced meanwhile.
        """
        writes = self._writes(zone, due)
        problem, disabled = None, False
        if writes and zone.key in self._store.disabled:
            try:
                zone.device.switch(on=False)
                disabled = True
            except LimitError as error:
                problem = error
                self._log_once(f"{zone.key}:enabled", error)
        readings = {write.key: reading(zone, write.constraint) for write in writes}
        results = []
        for write in [write for step in zone_steps(writes, readings) for write in step.writes]:
            result = self._put_back(write)
            if problem is not None and result.reason is ZoneReason.RELEASED:
                result = failed(write, problem, result.read_back_uw)
            results.append(result)
        written = {write.constraint.name for write in writes}
        for constraint in capped_constraints(zone):
            if constraint.name not in written:
                uw = reading(zone, constraint)
                results.append(ZoneResult(zone, constraint.name, ZoneReason.RELEASED, uw, None, uw))
        order = [constraint.name for constraint in zone.constraints]
        return sorted(results, key=lambda result: order.index(result.constraint)), disabled

    def _log_once(self, key: str, error: LimitError) -> None:
        if self._log.changed(key, "not put back"):
            self._log.error(
                "what was found at first could not be put back",
                zone=key,
                reason=error.reason.value,
                why=error.message,
            )

    def _writes(self, zone: Zone, due: set[str]) -> list[Write]:
        """The writes that put back the originals of a zone that are ``due``."""
        writes = []
        for constraint in zone.constraints:
            key = limit_key(zone, constraint.name)
            uw = self._store.limits.get(key)
            if key in due and uw is not None:
                writes.append(Write(zone, constraint, uw, uw, uw, clamped=False, counted=False))
        return writes

    def _put_back(self, write: Write) -> ZoneResult:
        reading_uw = None
        # One read alone could be a stale one that happens to be the original.
        with suppress(LimitError):
            reading_uw = steady_read(write.zone, write.constraint)
        try:
            if reading_uw != write.power_uw:
                reading_uw = write_and_confirm(write.zone, write.constraint, write.power_uw)
        except LimitError as error:
            self._log_once(write.key, error)
            return failed(write, error, reading_uw)
        self._log.changed(write.key, None)
        return result_of(write, ZoneReason.RELEASED, reading_uw)


def low_originals(zones: Iterable[Zone], originals: Mapping[str, int]) -> tuple[LowOriginal, ...]:
    """The packages whose original is far below what they name."""
    found = ((zone, far_below_named(zone, originals)) for zone in zones)
    return tuple(
        LowOriginal(zone, lead_original(zone, originals), named) for zone, named in found if named is not None
    )
