"""Driver for power caps that the kernel shows as hwmon devices: AMD EPYC sockets (amd_hsmp_hwmon) and amdgpu.

Files, in microwatts: ``power1_cap`` (read and write), ``power1_cap_max`` and, with amdgpu, ``power1_cap_min``; and
``energy1_input`` in microjoules, where the driver has it (Documentation/hwmon/sysfs-interface.rst). A device is
identified by its PCI or ACPI address, as hwmon's own numbers change from boot to boot.

A socket is named by the physical id of its package, as RAPL's zones are: ``package-1``. The socket's number is in the
ACPI device's ``_UID`` (``ID01``; where that is not shown, the device's own number is taken); the platform driver has
one device for all sockets and registers them in order (drivers/platform/x86/amd/hsmp/{acpi,plat}.c).
"""

import posixpath
from collections import Counter
from dataclasses import replace
from typing import Final

from .files import KernelFiles
from .sysfs import FolderDevice, read_optional, read_text
from .zone import Constraint, Zone

CAP: Final = "power1_cap"
_ENERGY: Final = "energy1_input"
_HSMP: Final = "amd_hsmp_hwmon"
_TOLERANCES_UW: Final = {
    _HSMP: 1_000,
    "amdgpu": 1_000_000,
}
"""The devices that are known to take a cap, and the unit to which each truncates: the socket's firmware counts in
milliwatts, a graphics card's in watts."""


class Hwmon:
    """The capped devices below one hwmon folder. Their caps are always enforced."""

    def __init__(self, files: KernelFiles, root: str) -> None:
        self._files = files
        self._root = root

    def discover(self) -> tuple[Zone, ...]:
        """The devices there are now."""
        try:
            entries = sorted(self._files.entries(self._root), key=lambda entry: (len(entry), entry))
        except OSError:
            return ()
        found = [zone for entry in entries if (zone := self._zone(entry)) is not None]
        shared = Counter(zone.key for zone in found)
        unnumbered = [zone for zone in found if zone.kind == _HSMP and zone.key.endswith(f"/{zone.name}")]
        names = {zone.path: zone.name for zone in found}
        if len({zone.key for zone in unnumbered}) == 1:
            names |= {zone.path: f"package-{place}" for place, zone in enumerate(unnumbered)}
        # Of several at one address each has its number too: none is taken for another when one of them goes.
        return tuple(
            replace(zone, name=names[zone.path], key=zone.key + f"@{zone.path}" * (shared[zone.key] > 1))
            for zone in found
        )

    def _zone(self, entry: str) -> Zone | None:
        path = posixpath.join(self._root, entry)
        try:
            folder = self._files.hold(path)
        except OSError:
            return None
        kind = read_text(self._files, "name", folder)
        if kind not in _TOLERANCES_UW or read_text(self._files, CAP, folder) is None:
            return None
        address = posixpath.basename(self._files.real_path(f"{path}/device"))
        uid = read_text(self._files, "device/firmware_node/uid", folder) or address.partition(":")[2]
        number = uid.removeprefix("ID")
        # What a socket names as its highest cap may be 2 kW: no power of a part.
        ends = ("min",) if kind == _HSMP else ("min", "max")
        bounds = (read_optional(self._files, f"{CAP}_{end}", folder) or 0 for end in ends)
        return Zone(
            key=f"{kind}/{address}",
            path=f"hwmon/{entry}",
            kind=kind,
            name=f"package-{int(number)}" if kind == _HSMP and number.isdecimal() else address,
            top=True,
            enabled=None,
            constraints=(Constraint(CAP, CAP, *bounds),),
            energy=_ENERGY if read_optional(self._files, _ENERGY, folder) is not None else None,
            tolerance_uw=_TOLERANCES_UW[kind],
            device=FolderDevice(self._files, folder, _ENERGY),
        )
