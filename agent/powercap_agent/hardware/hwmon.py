"""Driver for power caps that the kernel shows as hwmon devices: AMD EPYC sockets (amd_hsmp_hwmon) and amdgpu.

Files, in microwatts: ``power1_cap`` (read and write), ``power1_cap_max`` and, with amdgpu, ``power1_cap_min``
(Documentation/hwmon/sysfs-interface.rst). A device is identified by its PCI or ACPI address, as
hwmon's own numbers change from boot to boot.
"""

import posixpath
from typing import Final

from powercap_api.reasons import ZoneReason

from .files import Files
from .sysfs import read_number, read_text, write_number
from .zone import Constraint, LimitError, Zone

CAP: Final = "power1_cap"
_TOLERANCES_UW: Final = {
    "amd_hsmp_hwmon": 1_000,
    "amdgpu": 1_000_000,
}
"""The devices that are known to take a cap, and the unit to which each truncates: the socket's firmware counts in
milliwatts, a graphics card's in watts."""


class Hwmon:
    """The capped devices below one hwmon folder."""

    def __init__(self, files: Files, root: str) -> None:
        self._files = files
        self._root = root

    def discover(self) -> tuple[Zone, ...]:
        """The devices there are now."""
        try:
            entries = self._files.entries(self._root)
        except OSError:
            return ()
        zones: dict[str, Zone] = {}
        for entry in entries:
            kind = read_text(self._files, self._path(f"{entry}/name"))
            if kind not in _TOLERANCES_UW or read_text(self._files, self._path(f"{entry}/{CAP}")) is None:
                continue
            address = posixpath.basename(self._files.real_path(self._path(f"{entry}/device")))
            key = f"{kind}/{address}"
            if key in zones:
                key = f"{key}@{entry}"
            zones[key] = Zone(
                key=key,
                path=f"hwmon/{entry}",
                kind=kind,
                name=address,
                top=True,
                enabled=None,
                constraints=(Constraint(CAP, f"{entry}/{CAP}", self._lowest(entry)),),
                tolerance_uw=_TOLERANCES_UW[kind],
            )
        return tuple(zones.values())

    def read(self, zone: Zone, constraint: Constraint) -> int:
        """The limit in force, in microwatts."""
        del zone
        return read_number(self._files, self._path(constraint.address))

    def write(self, zone: Zone, constraint: Constraint, power_uw: int) -> None:
        """Write a limit, in microwatts."""
        del zone
        write_number(self._files, self._path(constraint.address), power_uw)

    def enable(self, zone: Zone) -> None:
        """Nothing: hwmon caps are always enforced."""

    def enabled(self, zone: Zone) -> bool | None:
        """None: the limit is always enforced."""
        del zone
        return None

    def disable(self, zone: Zone) -> None:
        """Nothing: the limit is always enforced."""

    def energy_uj(self, zone: Zone) -> int:
        """None of these devices has an energy counter here."""
        raise LimitError(ZoneReason.UNSUPPORTED, f"{zone.path} has no energy counter")

    def _lowest(self, entry: str) -> int:
        try:
            return read_number(self._files, self._path(f"{entry}/{CAP}_min"))
        except LimitError:
            return 0

    def _path(self, path: str) -> str:
        return posixpath.join(self._root, path)
