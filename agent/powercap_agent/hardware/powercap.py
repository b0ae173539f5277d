"""Driver for the kernel's powercap framework: intel-rapl (MSR and TPMI), intel-rapl-mmio, dtpm, arm_scmi_powercap.

Discovery walks ``<root>/<control type>/<zone>[/<subzone>...]`` and matches by the names in the files, never by
index: ``intel-rapl:0`` may be package-1, and constraint numbers differ between kernels. The root may be
``/sys/devices/virtual/powercap``, a mount of it elsewhere (containers: the path itself is masked there), or
``/sys/class/powercap`` with its links.
"""

import posixpath
from collections import Counter
from dataclasses import dataclass
from typing import Final

from powercap_api.reasons import ZoneReason

from .files import Handle, KernelFiles
from .sysfs import FolderDevice, read_flag, read_optional, read_text, write_number
from .zone import PEAK_POWER, Constraint, LimitError, Zone

MAX_ZONES: Final = 1024
MAX_DEPTH: Final = 8
_ROUNDS_DOWN: Final = frozenset({"dtpm"})
"""dtpm picks the performance state below the limit and reads back that state's power."""
_ENERGY: Final = "energy_uj"


@dataclass(slots=True)
class PowercapZone(FolderDevice):
    """A zone's folder, held open. Writing a limit does not enable the zone, and the counter wraps around at
    ``Zone.max_energy_uj``."""

    peak: str | None
    """The file of peak_power, where there is one."""

    def enabled(self) -> bool | None:
        """What ``enabled`` reads: whether PL1 of the zone is enforced."""
        return read_flag(self.files, "enabled", self.folder)

    def switch(self, *, on: bool) -> None:
        """Write ``enabled`` where it differs. The kernel sets or clears the zone's clamp bits with it.

        Kernel 6.5 was seen to set peak_power to 0.125 W with that, so that it is read before, and put back after where
        it changed.
        """
        if self.enabled() is (not on):
            before_uw = self.peak_uw()
            write_number(self.files, "enabled", int(on), self.folder)
            if self.peak is not None and before_uw is not None and self.peak_uw() != before_uw:
                write_number(self.files, self.peak, before_uw, self.folder)
        if self.enabled() is (not on):
            if on:
                raise LimitError(
                    ZoneReason.FIRMWARE_LOCKED, "the zone stays disabled: firmware has locked it"
                )
            raise LimitError(ZoneReason.FAILED, "the zone was found disabled and stays enabled")

    def peak_uw(self) -> int | None:
        """What peak_power reads; None where there is none."""
        return None if self.peak is None else read_optional(self.files, self.peak, self.folder)


class PowercapTree:
    """The zones below one powercap folder."""

    def __init__(self, files: KernelFiles, root: str) -> None:
        self._files = files
        self._root = root

    def discover(self) -> tuple[Zone, ...]:
        """The zones there are now, every one once however many links lead to it."""
        zones: dict[tuple[int, int], Zone] = {}
        for control_type in self._entries(""):
            if ":" not in control_type:
                self._walk(control_type, control_type, control_type, 0, zones)
        return tuple(zones.values())

    def _walk(
        self, path: str, kind: str, parent_key: str, depth: int, zones: dict[tuple[int, int], Zone]
    ) -> None:
        """Add the zones in the folder ``path``, whose own key is ``parent_key``, and those below them."""
        if depth >= MAX_DEPTH:
            return
        found: list[tuple[str, Handle, str]] = []
        for entry in self._entries(path):
            if ":" in entry and len(zones) + len(found) < MAX_ZONES:
                try:
                    folder = self._files.hold(self._path(f"{path}/{entry}"))
                except OSError:
                    continue
                name = read_text(self._files, "name", folder)
                if name and folder.identity not in zones:
                    found.append((entry, folder, name))
        names = Counter(name for _, _, name in found)
        for entry, folder, name in found:
            # Of several of one name each has its number too: none is taken for another when one of them goes.
            key = f"{parent_key}/{name}" + (f"@{entry}" if names[name] > 1 else "")
            zones[folder.identity] = self._zone(f"{path}/{entry}", folder, kind, key, name, top=depth == 0)
            self._walk(f"{path}/{entry}", kind, key, depth + 1, zones)

    def _zone(self, path: str, folder: Handle, kind: str, key: str, name: str, *, top: bool) -> Zone:
        files = set(self._entries(path))
        constraints: list[Constraint] = []
        for file in sorted(files):
            index = file.removeprefix("constraint_").removesuffix("_name")
            limit = f"constraint_{index}_power_limit_uw"
            if file != f"constraint_{index}_name" or limit not in files:
                continue
            constraint = read_text(self._files, file, folder)
            if constraint and all(constraint != known.name for known in constraints):
                bounds = (
                    read_optional(self._files, f"constraint_{index}_{end}_power_uw", folder)
                    for end in ("min", "max")
                )
                constraints.append(Constraint(constraint, limit, *(uw or 0 for uw in bounds)))
        metered = _ENERGY in files
        peak = next((constraint.address for constraint in constraints if constraint.name == PEAK_POWER), None)
        device = PowercapZone(self._files, folder, _ENERGY, peak)
        return Zone(
            key=key,
            path=path,
            kind=kind,
            name=name,
            top=top,
            enabled=device.enabled(),
            constraints=tuple(constraints),
            energy=_ENERGY if metered else None,
            max_energy_uj=read_optional(self._files, "max_energy_range_uj", folder) if metered else None,
            peak_uw=device.peak_uw() or 0,
            rounds_down=kind in _ROUNDS_DOWN,
            device=device,
        )

    def _entries(self, path: str) -> list[str]:
        try:
            return self._files.entries(self._path(path))
        except OSError:
            return []

    def _path(self, path: str) -> str:
        return posixpath.join(self._root, path) if path else self._root
