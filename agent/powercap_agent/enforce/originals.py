"""The state of the hardware before the first write, limits and disabled zones: found, saved, put back."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from powercap_api.reasons import ZoneReason

from ..hardware.node import NodeHardware
from ..hardware.zone import Constraint, LimitError, Zone, limit_key
from ..logs import Log
from ..planning.limits import Write, lead_constraint, lead_original
from ..planning.packages import is_package
from ..planning.write_order import zone_steps
from ..state.originals_store import OriginalsStore
from ..state.store import StateError
from .results import LowOriginal, ZoneResult, failed

FAR_BELOW_PERCENT: Final = 50
"""A package whose limit is found at less than this part of what it may draw is told. Makers set packages to somewhat
less than their maximum power, not to less than half of it."""
_NOTED: Final = 8
"""Values of a limit that are kept as its own while it is not known which of them is in force."""


class Originals:
    """The node's original limits. A limit's original is saved before the limit is first written, and forgotten
    only when it reads back."""

    def __init__(
        self, hardware: NodeHardware, store: OriginalsStore, log: Log, stated_uw: int | None = None
    ) -> None:
        """``stated_uw`` is the original of each package's long_term, where less is found at first; short_term is not
        below it then."""
        self._hardware = hardware
        self._store = store
        self._log = log
        self._stated_uw = stated_uw
        self._not_put_back: set[str] = set()
        """Keys of originals whose return failed, so that it is logged once."""

    def find(self, managed: Iterable[tuple[Zone, Constraint]]) -> tuple[dict[str, int], list[ZoneResult]]:
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
                unreadable.append(ZoneResult(zone, constraint.name, problem.reason, message=problem.message))
        return originals, unreadable

    def _first_sight(self, zone: Zone, constraint: Constraint) -> int:
        found_uw = self._hardware.steady_read(zone, constraint)
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
        disabled = [key for key, zone in zones.items() if self._hardware.enabled(zone) is False]
        self._store.add({write.key: write.original_uw for write in new}, disabled)

    def note(self, writes: Iterable[Write], in_force_uw: Callable[[str], int | None]) -> None:
        """Save the values of ``writes`` that change, so that an agent after a crash knows them for its own.

        Raises:
            StateError: they are not safely on disk.
        """
        noted: dict[str, list[int]] = {}
        for write in writes:
            before = list(self._store.written(write.key))
            if write.power_uw != (before[-1] if before else None):
                before_uw = in_force_uw(write.key)
                if not before and before_uw is None:
                    before_uw = self._hardware.reading(write.zone, write.constraint)
                kept = before[-_NOTED:] if before_uw is None else [before_uw]
                noted[write.key] = [*kept, write.power_uw]
        self._store.note(noted)

    def put_back(self, keys: Iterable[str]) -> list[ZoneResult]:
        """Write the saved originals of ``keys``; those that read back are dropped from the store.

        A zone that was found disabled is disabled first, so that its original limits are not enforced meanwhile.
        """
        writes = self._writes(set(keys))
        problems = self._disable({write.zone.key: write.zone for write in writes})
        results = {}
        for write in writes:
            result = self._put_back(write)
            problem = problems.get(write.zone.key)
            if problem is not None and result.reason is ZoneReason.RELEASED:
                result = failed(write, problem, result.read_back_uw)
            results[write.key] = result
        back = [key for key, result in results.items() if result.reason is ZoneReason.RELEASED]
        try:
            self._store.drop(back, {write.zone.key for write in writes} - set(problems))
        except StateError as error:
            self._log.error(
                "the originals are in force again, but their file could not be removed", error=str(error)
            )
        return list(results.values())

    def _disable(self, zones: Mapping[str, Zone]) -> dict[str, LimitError]:
        """Disable those of ``zones`` that were found disabled; the problems by zone key."""
        problems: dict[str, LimitError] = {}
        for key in sorted(self._store.disabled & set(zones)):
            try:
                self._hardware.disable(zones[key])
            except LimitError as error:
                problems[key] = error
                self._log_once(f"{key}:enabled", error)
            else:
                self._not_put_back.discard(f"{key}:enabled")
        return problems

    def _log_once(self, key: str, error: LimitError) -> None:
        if key not in self._not_put_back:
            self._not_put_back.add(key)
            self._log.error(
                "what was found at first could not be put back",
                zone=key,
                reason=error.reason.value,
                why=error.message,
            )

    def _writes(self, keys: set[str]) -> list[Write]:
        """The writes that put back the originals of ``keys``, in the order that is safe."""
        due: list[Write] = []
        for zone in self._hardware.zones if keys else ():
            for constraint in zone.constraints:
                key = limit_key(zone, constraint.name)
                original_uw = self._store.limits.get(key)
                if key in keys and original_uw is not None:
                    write = Write(
                        zone, constraint, original_uw, original_uw, original_uw, clamped=False, counted=False
                    )
                    due.append(write)
        readings = {write.key: self._hardware.reading(write.zone, write.constraint) for write in due}
        return [write for step in zone_steps(due, readings) for write in step.writes]

    def _put_back(self, write: Write) -> ZoneResult:
        reading_uw: int | None = None
        try:
            # One read alone could be a stale one that happens to be the original.
            reading_uw = self._hardware.steady_read(write.zone, write.constraint)
        except LimitError:
            reading_uw = None
        try:
            if reading_uw != write.power_uw:
                reading_uw = self._hardware.write_and_confirm(write.zone, write.constraint, write.power_uw)
        except LimitError as error:
            self._log_once(write.key, error)
            return failed(write, error, reading_uw)
        self._not_put_back.discard(write.key)
        return ZoneResult(
            write.zone,
            write.constraint.name,
            ZoneReason.RELEASED,
            write.original_uw,
            write.power_uw,
            reading_uw,
        )


def low_originals(zones: Iterable[Zone], originals: Mapping[str, int]) -> tuple[LowOriginal, ...]:
    """The packages whose original is far below what they may draw."""
    found = []
    for zone in zones:
        lead, original_uw = lead_constraint(zone), lead_original(zone, originals)
        if lead is None or not original_uw or not is_package(zone):
            continue
        if 100 * original_uw < FAR_BELOW_PERCENT * lead.max_power_uw:
            found.append(LowOriginal(zone, original_uw, lead.max_power_uw))
    return tuple(found)
