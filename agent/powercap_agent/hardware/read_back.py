"""Limits that are believed: what was read twice, or read back after a write."""

from typing import Final

from powercap_api.reasons import ZoneReason

from .zone import Constraint, LimitError, Zone

_READS: Final = 3
"""Read-backs before a value that differs from the one written is believed: some reads lag behind."""


def reading(zone: Zone, constraint: Constraint) -> int | None:
    """The limit in force, in microwatts; None where it cannot be read."""
    try:
        return zone.device.read(constraint)
    except LimitError:
        return None


def steady_read(zone: Zone, constraint: Constraint) -> int:
    """The limit that two successive reads agree on, in microwatts: a single read may be stale or broken.

    Raises:
        LimitError: the limit cannot be read, or no two successive reads agree (Failed).
    """
    before = zone.device.read(constraint)
    for _ in range(_READS):
        after = zone.device.read(constraint)
        if after == before:
            return after
        before = after
    raise LimitError(ZoneReason.FAILED, "the limit reads differently each time")


def write_and_confirm(zone: Zone, constraint: Constraint, power_uw: int) -> int:
    """Write a limit and return what reads back, in microwatts.

    Raises:
        LimitError: the kernel refused the value, or took it and another one is in force (FirmwareLocked):
            older kernels do not report that the register is locked.
    """
    zone.device.write(constraint, power_uw)
    reading_uw = 0
    for _ in range(_READS):
        reading_uw = zone.device.read(constraint)
        if zone.holds(power_uw, reading_uw):
            return reading_uw
    raise LimitError(
        ZoneReason.FIRMWARE_LOCKED, f"{power_uw} µW was accepted but {reading_uw} µW is in force"
    )
