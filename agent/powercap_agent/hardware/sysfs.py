"""Reading and writing power limits in sysfs files, for the drivers of powercap and hwmon.

Guarantees: a number without the newline that the kernel ends it with is not accepted, so that a short read is never
taken for a low limit; refusals by the kernel are raised as ``LimitError`` with a reason.
"""

import errno
from dataclasses import dataclass
from typing import Final

from powercap_api.reasons import ZoneReason

from .files import DriverError, Handle, KernelFiles
from .zone import Constraint, Device, LimitError

_READS: Final = 3
"""Attempts at a read that comes back short or not as a number."""

_DRIVER_REFUSALS: Final = {
    errno.EACCES: (ZoneReason.FIRMWARE_LOCKED, "firmware has locked the limit (BIOS setting)"),
    errno.EPERM: (ZoneReason.FIRMWARE_LOCKED, "firmware has locked the limit (BIOS setting)"),
}
"""What these mean from ``write()``. Some versions of the driver answer EACCES for a locked register; a container or a
security module refuses ``open()``."""
_REFUSALS: Final = {
    errno.EROFS: (
        ZoneReason.READ_ONLY,
        "the file system is mounted read-only: check the agent's volume mount",
    ),
    errno.EACCES: (
        ZoneReason.MASKED,
        "access denied: the container masks the files, or AppArmor or SELinux forbids writing",
    ),
    errno.EPERM: (ZoneReason.MASKED, "not permitted: the container or kernel lockdown forbids writing"),
    errno.ENODATA: (ZoneReason.FIRMWARE_LOCKED, "firmware has locked the limit (BIOS setting)"),
    errno.ENOSYS: (ZoneReason.FIRMWARE_LOCKED, "firmware keeps the zone disabled (BIOS setting)"),
    errno.EINVAL: (ZoneReason.UNSUPPORTED, "the kernel does not accept this limit"),
    errno.ENOENT: (ZoneReason.UNSUPPORTED, "the zone has vanished"),
    errno.ENODEV: (ZoneReason.UNSUPPORTED, "the zone's device has vanished"),
}


@dataclass(slots=True)
class FolderDevice(Device):
    """A device's folder, held open: its limits are files, which the constraints' addresses name, and so is its energy
    counter."""

    files: KernelFiles
    folder: Handle
    energy: str

    def is_there(self) -> bool:
        """Whether the path still leads to this folder."""
        return self.folder.is_there()

    def read(self, constraint: Constraint) -> int:
        """The limit in force, in microwatts."""
        return read_number(self.files, constraint.address, self.folder)

    def write(self, constraint: Constraint, power_uw: int) -> None:
        """Ask for a limit, in microwatts."""
        write_number(self.files, constraint.address, power_uw, self.folder)

    def energy_uj(self) -> int:
        """The energy counter, in microjoules."""
        return read_number(self.files, self.energy, self.folder)


def read_text(files: KernelFiles, name: str, folder: Handle) -> str | None:
    """A one-line attribute; None where it is missing or cannot be read."""
    try:
        return files.read(name, folder).strip()
    except OSError:
        return None


def read_flag(files: KernelFiles, name: str, folder: Handle) -> bool | None:
    """A 0-or-1 attribute; None where it is missing or neither."""
    return {"0": False, "1": True}.get(read_text(files, name, folder) or "")


def read_optional(files: KernelFiles, name: str, folder: Handle) -> int | None:
    """A number that not every device has (ENOENT) or knows (ENODATA)."""
    try:
        return read_number(files, name, folder)
    except LimitError:
        return None


def read_number(files: KernelFiles, name: str, folder: Handle) -> int:
    """A whole number of at least 0, and of 63 bits.

    Raises:
        LimitError: Unsupported where the kernel has none (ENODATA), Failed where what came is no whole number
            even when read again.
    """
    text = ""
    for _ in range(_READS):
        try:
            text = files.read(name, folder)
        except OSError as error:
            if error.errno == errno.ENODATA:
                raise LimitError(ZoneReason.UNSUPPORTED, "the limit cannot be read (no data)") from error
            raise refused(error) from error
        if text.endswith("\n") and text.strip().isdecimal() and int(text) < 2**63:
            return int(text)
    raise LimitError(ZoneReason.FAILED, f"{text[:20]!r} was read where a number was expected")


def write_number(files: KernelFiles, name: str, number: int, folder: Handle) -> None:
    """Write a whole number.

    Raises:
        LimitError: the kernel refused.
    """
    try:
        files.write(name, f"{number}\n", folder)
    except OSError as error:
        raise refused(error) from error


def refused(error: OSError) -> LimitError:
    """The error on a limit that an operating system error means."""
    meanings = _REFUSALS | _DRIVER_REFUSALS if isinstance(error, DriverError) else _REFUSALS
    reason, message = meanings.get(error.errno or 0, (ZoneReason.FAILED, error.strerror or str(error)))
    return LimitError(reason, f"{message} ({errno.errorcode.get(error.errno or 0, 'error')})")
