"""Driver for the kernel's powercap framework: intel-rapl (MSR and TPMI), intel-rapl-mmio, dtpm, arm_scmi_powercap.

Discovery walks ``<root>/<control type>/<zone>[/<subzone>...]`` and matches by the names in the files, never by
index: ``intel-rapl:0`` may be package-1, and constraint numbers differ between kernels. The root may be
``/sys/devices/virtual/powercap``, a mount of it elsewhere (containers: the path itself is masked there), or
``/sys/class/powercap`` with its links.
"""

import posixpath
from typing import Final

from powercap_api.reasons import ZoneReason

from .files import Files
from .sysfs import read_flag, read_number, read_text, write_number
from .zone import PEAK_POWER, Constraint, LimitError, Zone

MAX_ZONES: Final = 1024
MAX_DEPTH: Final = 8
_ROUNDS_DOWN: Final = frozenset({"dtpm"})
"""dtpm picks the performance state below the limit and reads back that state's power."""


class PowercapTree:
    """The zones below one powercap folder."""

    def __init__(self, files: Files, root: str) -> None:
        self._files = files
        self._root = root

    def discover(self) -> tuple[Zone, ...]:
        """The zones there are now, every one once however many links lead to it."""
        zones: dict[str, Zone] = {}
        for control_type in self._entries(""):
            if ":" not in control_type:
                self._walk(control_type, control_type, control_type, 0, zones)
        return tuple(zones.values())

    def read(self, zone: Zone, constraint: Constraint) -> int:
        """The limit in force, in microwatts."""
        del zone
        return read_number(self._files, self._path(constraint.address))

    def write(self, zone: Zone, constraint: Constraint, power_uw: int) -> None:
        """Ask for a limit. Writing it does not enable the zone."""
        del zone
        write_number(self._files, self._path(constraint.address), power_uw)

    def enabled(self, zone: Zone) -> bool | None:
        """What ``enabled`` reads: whether PL1 of the zone is enforced."""
        return read_flag(self._files, self._path(f"{zone.path}/enabled"))

    def enable(self, zone: Zone) -> None:
        """Write 1 to ``enabled`` where it reads 0. The kernel sets the zone's clamp bits with it."""
        self._switch(zone, on=True)
        if self.enabled(zone) is False:
            raise LimitError(ZoneReason.FIRMWARE_LOCKED, "the zone stays disabled: firmware has locked it")

    def disable(self, zone: Zone) -> None:
        """Write 0 to ``enabled`` where it reads 1. The kernel clears the zone's clamp bits with it."""
        self._switch(zone, on=False)
        if self.enabled(zone) is True:
            raise LimitError(ZoneReason.FAILED, "the zone was found disabled and stays enabled")

    def _switch(self, zone: Zone, *, on: bool) -> None:
        """Write ``enabled`` where it differs. Kernel 6.5 was seen to set peak_power to 0.125 W with that, so that it
        is read before, and put back after where it changed."""
        if self.enabled(zone) is not (not on):
            return
        peak = zone.constraint(PEAK_POWER)
        before_uw = None if peak is None else self._optional(peak.address)
        write_number(self._files, self._path(f"{zone.path}/enabled"), int(on))
        if peak is not None and before_uw is not None and self._optional(peak.address) != before_uw:
            self.write(zone, peak, before_uw)

    def energy_uj(self, zone: Zone) -> int:
        """The zone's energy counter, in microjoules; it wraps around at ``Zone.max_energy_uj``."""
        if zone.energy is None:
            raise LimitError(ZoneReason.UNSUPPORTED, "the zone has no energy counter")
        return read_number(self._files, self._path(zone.energy))

    def _walk(self, path: str, kind: str, parent_key: str, depth: int, zones: dict[str, Zone]) -> None:
        """Add the zones in the folder ``path``, whose own key is ``parent_key``, and those below them."""
        for entry in self._entries(path):
            zone_path = f"{path}/{entry}"
            if ":" not in entry or depth >= MAX_DEPTH or len(zones) >= MAX_ZONES:
                continue
            name = read_text(self._files, self._path(f"{zone_path}/name"))
            real_path = self._files.real_path(self._path(zone_path))
            if not name or real_path in zones:
                continue
            key = f"{parent_key}/{name}"
            if any(zone.key == key for zone in zones.values()):
                key = f"{key}@{entry}"
            zones[real_path] = self._zone(zone_path, kind, key, name, top=depth == 0)
            self._walk(zone_path, kind, key, depth + 1, zones)

    def _zone(self, path: str, kind: str, key: str, name: str, *, top: bool) -> Zone:
        files = set(self._entries(path))
        constraints: list[Constraint] = []
        for file in sorted(files):
            index = file.removeprefix("constraint_").removesuffix("_name")
            limit = f"constraint_{index}_power_limit_uw"
            if file != f"constraint_{index}_name" or limit not in files:
                continue
            constraint = read_text(self._files, self._path(f"{path}/{file}"))
            if constraint and all(constraint != known.name for known in constraints):
                bounds = (
                    self._optional(f"{path}/constraint_{index}_{end}_power_uw") for end in ("min", "max")
                )
                constraints.append(Constraint(constraint, f"{path}/{limit}", *(uw or 0 for uw in bounds)))
        return Zone(
            key=key,
            path=path,
            kind=kind,
            name=name,
            top=top,
            enabled=read_flag(self._files, self._path(f"{path}/enabled")),
            constraints=tuple(constraints),
            energy=f"{path}/energy_uj" if "energy_uj" in files else None,
            max_energy_uj=self._optional(f"{path}/max_energy_range_uj") if "energy_uj" in files else None,
            rounds_down=kind in _ROUNDS_DOWN,
        )

    def _optional(self, path: str) -> int | None:
        """A number that not every zone has (ENOENT) or knows (ENODATA)."""
        try:
            return read_number(self._files, self._path(path))
        except LimitError:
            return None

    def _entries(self, path: str) -> list[str]:
        try:
            return self._files.entries(self._path(path))
        except OSError:
            return []

    def _path(self, path: str) -> str:
        return posixpath.join(self._root, path) if path else self._root
