"""Which zones are the packages that share a node's cap. Pure."""

from collections.abc import Iterable
from typing import Final

from ..hardware.zone import RAPL, RAPL_MMIO, Zone
from .limits import lead_constraint

PACKAGE_KINDS: Final = (RAPL, RAPL_MMIO, "arm_scmi_powercap", "dtpm", "amd_hsmp_hwmon")
"""Interfaces that cap packages; the first one with a usable limit is the one that counts."""


def is_package(zone: Zone) -> bool:
    """Whether the zone is a whole package on some interface; twins are, too."""
    return (
        zone.kind in PACKAGE_KINDS
        and zone.top
        and (zone.name.startswith("package-") or zone.kind not in {RAPL, RAPL_MMIO})
    )


def package_candidates(zones: Iterable[Zone]) -> list[Zone]:
    """The packages that have a limit, twins included."""
    return [zone for zone in zones if is_package(zone) and lead_constraint(zone) is not None]
