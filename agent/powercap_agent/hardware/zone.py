"""Power zones, their constraints, and the driver of an interface to them.

The terms are those of the kernel's powercap framework: a *zone* is something whose power can be limited (a package, its
dram, an accelerator), a *constraint* one of its limits (``long_term``). Zones are told apart by ``key``, made of
names only (control type, the parent's key, name; a PCI address, a UUID): the kernel numbers zones again whenever a
driver is loaded, so that an original limit saved under ``intel-rapl:0`` could be put back on the wrong package. All
that is read or written goes through ``device``, which is never another zone's.
"""

from dataclasses import dataclass, field
from typing import Final

from powercap_api.reasons import ZoneReason

RAPL: Final = "intel-rapl"
RAPL_MMIO: Final = "intel-rapl-mmio"
LONG_TERM: Final = "long_term"
SHORT_TERM: Final = "short_term"
PEAK_POWER: Final = "peak_power"


class LimitError(Exception):
    """A limit could not be read or written."""

    def __init__(self, reason: ZoneReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Constraint:
    """One limit of a zone."""

    name: str
    address: str
    """What the zone's device calls the limit: for files, the name in the zone's folder."""
    min_power_uw: int = 0
    """The least that the hardware takes, in microwatts; 0 where it does not say."""
    max_power_uw: int = 0
    """What the hardware may draw by its own data, in microwatts; 0 where it does not say. Limits above are accepted."""


class Device:
    """The one device whose limits a zone shows, and no other: what is gone answers with errors for ever.

    Powers are microwatts whatever the interface's unit. This one has no limits; drivers have their own.
    """

    def is_there(self) -> bool:
        """Whether the device is where it was found. False: zones have to be looked for again."""
        return True

    def read(self, constraint: Constraint) -> int:
        """The limit in force.

        Raises:
            LimitError: it cannot be read.
        """
        raise LimitError(ZoneReason.UNSUPPORTED, f"there is no {constraint.name}")

    def write(self, constraint: Constraint, power_uw: int) -> None:
        """Ask for a limit. Only a following ``read`` proves that it is in force.

        Raises:
            LimitError: it was refused.
        """
        raise LimitError(ZoneReason.UNSUPPORTED, f"there is no {constraint.name} to set to {power_uw} µW")

    def enabled(self) -> bool | None:
        """Whether limits are enforced now; None where the device does not say: they always are."""
        return None

    def switch(self, *, on: bool) -> None:
        """Have limits enforced, or not.

        Raises:
            LimitError: it stays as it was.
        """

    def energy_uj(self) -> int:
        """The energy counter, in microjoules.

        Raises:
            LimitError: there is none, or it cannot be read.
        """
        raise LimitError(ZoneReason.UNSUPPORTED, "there is no energy counter")


@dataclass(frozen=True, slots=True)
class Zone:
    """Something whose power can be limited."""

    key: str
    """Unique on the node and the same after a driver was reloaded, such as ``intel-rapl/package-0``."""
    path: str
    """Where a person finds it, such as ``intel-rapl/intel-rapl:0``."""
    kind: str
    """The interface: the powercap control type, or the name of the hwmon or NVML driver."""
    name: str
    """The zone's own name, such as ``package-0``."""
    top: bool
    """False where another zone contains this one."""
    enabled: bool | None
    """Whether limits were enforced when the zone was found; None where the zone does not say."""
    constraints: tuple[Constraint, ...]
    energy: str | None = None
    """What the device calls the energy counter, if there is one."""
    max_energy_uj: int | None = None
    """Where the energy counter wraps around, in microjoules."""
    tolerance_uw: int = 125_000
    """How far a read-back may lie from what was written, in microwatts. The kernel truncates to the power unit,
    which is 1/8 W on nearly all processors and finer on the others."""
    peak_uw: int = 0
    """peak_power when the zone was found, in microwatts; 0 where there is none."""
    rounds_down: bool = False
    """True where the interface picks the next lower of a few states, so that a read-back may lie any way below
    what was written."""

    device: Device = field(default=Device(), compare=False, repr=False)

    def constraint(self, name: str) -> Constraint | None:
        """The constraint of that name."""
        for constraint in self.constraints:
            if constraint.name == name:
                return constraint
        return None

    def holds(self, wanted_uw: int, read_uw: int) -> bool:
        """Whether a limit that reads ``read_uw`` is what writing ``wanted_uw`` gives."""
        if self.rounds_down and read_uw <= wanted_uw:
            return True
        return abs(read_uw - wanted_uw) <= self.tolerance_uw


def gone(key: str, kind: str) -> Zone:
    """Stands for a zone of which no more is known for the moment."""
    return Zone(key, key, kind, key, True, None, ())


def limit_key(zone: Zone, constraint_name: str) -> str:
    """Name of one limit of the node, as unique and lasting as ``Zone.key``."""
    return f"{zone.key}:{constraint_name}"
