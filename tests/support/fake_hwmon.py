"""A hwmon folder as the kernel shows it, with its links, and a kernel that rounds and refuses as amdgpu's does."""

import errno
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from powercap_agent.hardware.files import Handle, KernelFiles

_UNITS_UW = {"amdgpu": 1_000_000, "amd_hsmp_hwmon": 1_000}


@dataclass(frozen=True)
class HwmonDevice:
    """One device; a ``cap_uw`` of None is a sensor without a cap."""

    name: str
    address: str
    cap_uw: int | None
    cap_max_uw: int | None = None
    cap_min_uw: int | None = None
    uid: str | None = None
    """``_UID`` of its ACPI device."""
    energy_uj: int | None = None


def build_hwmon(root: Path, devices: Sequence[HwmonDevice]) -> None:
    """Make ``root/class/hwmon/hwmonN`` for each device, as links into ``root/devices``."""
    (root / "class" / "hwmon").mkdir(parents=True)
    for index, device in enumerate(devices):
        home = root / "devices" / device.address
        folder = home / ("hwmon" if not (home / "hwmon").exists() else f"hwmon{index}")
        folder.mkdir(parents=True)
        (folder / "device").symlink_to(home)
        if device.uid is not None:
            (home / "firmware_node").mkdir()
            (home / "firmware_node" / "uid").write_text(f"{device.uid}\n", encoding="ascii")
        (root / "class" / "hwmon" / f"hwmon{index}").symlink_to(folder)
        values = {
            "name": device.name,
            "power1_cap": device.cap_uw,
            "power1_cap_max": device.cap_max_uw,
            "power1_cap_min": device.cap_min_uw,
            "energy1_input": device.energy_uj,
        }
        for file, value in values.items():
            if value is not None:
                (folder / file).write_text(f"{value}\n", encoding="ascii")


@dataclass
class HwmonKernel(KernelFiles):
    """Truncates caps to the device's unit; EINVAL outside the device's own bounds."""

    written: list[str] = field(default_factory=list)

    def write(self, path: str, text: str, folder: Handle | None = None) -> None:
        """Write as the kernel would."""
        unit_uw = _UNITS_UW[self.read("name", folder).strip()]
        power_uw = int(text) // unit_uw * unit_uw
        for file, broken in (("power1_cap_min", int.__lt__), ("power1_cap_max", int.__gt__)):
            try:
                bound_uw = int(self.read(file, folder))
            except FileNotFoundError:
                continue
            if broken(power_uw, bound_uw):
                raise OSError(errno.EINVAL, "Invalid argument", path)
        self.written.append(path)
        super().write(path, f"{power_uw}\n", folder)
