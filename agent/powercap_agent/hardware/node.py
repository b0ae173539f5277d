"""All power zones of the node, whatever their driver."""

from collections.abc import Callable, Sequence
from typing import Final

from powercap_api.reasons import ZoneReason

from .zone import RAPL_MMIO, Constraint, Driver, LimitError, Zone

_READS: Final = 3
"""Read-backs before a value that differs from the one written is believed: some reads lag behind."""


class NodeHardware:
    """The zones of all drivers. Used by one thread only."""

    def __init__(
        self, drivers: Sequence[Driver], explain: Callable[[Sequence[Zone]], str] = lambda _: ""
    ) -> None:
        """``explain`` says why none of the zones found can be used."""
        self._drivers = drivers
        self._explain = explain
        self._found: dict[str, tuple[Driver, Zone]] = {}

    @property
    def zones(self) -> tuple[Zone, ...]:
        """The zones found by the last ``survey``."""
        return tuple(zone for _, zone in self._found.values())

    def survey(self) -> None:
        """Find the zones again: drivers are loaded and packages plugged in while the agent runs."""
        self._found = {zone.key: (driver, zone) for driver in self._drivers for zone in driver.discover()}

    def why_unusable(self) -> str:
        """Why none of the zones can be used, and what to do."""
        return self._explain(self.zones)

    def has(self, zone: Zone) -> bool:
        """Whether the last ``survey`` found the zone."""
        return zone.key in self._found

    def read(self, zone: Zone, constraint: Constraint) -> int:
        """The limit in force, in microwatts.

        Raises:
            LimitError: it cannot be read.
        """
        return self._driver(zone).read(zone, constraint)

    def reading(self, zone: Zone, constraint: Constraint) -> int | None:
        """The limit in force, in microwatts; None where it cannot be read."""
        try:
            return self.read(zone, constraint)
        except LimitError:
            return None

    def steady_read(self, zone: Zone, constraint: Constraint) -> int:
        """The limit that two successive reads agree on, in microwatts: a single read may be stale or broken.

        Raises:
            LimitError: the limit cannot be read, or no two successive reads agree (Failed).
        """
        before = self.read(zone, constraint)
        for _ in range(_READS):
            after = self.read(zone, constraint)
            if after == before:
                return after
            before = after
        raise LimitError(ZoneReason.FAILED, "the limit reads differently each time")

    def write_and_confirm(self, zone: Zone, constraint: Constraint, power_uw: int) -> int:
        """Write a limit and return what reads back, in microwatts.

        Raises:
            LimitError: the kernel refused the value, or took it and another one is in force (FirmwareLocked):
                older kernels do not report that the register is locked.
        """
        self._driver(zone).write(zone, constraint, power_uw)
        reading_uw = 0
        for _ in range(_READS):
            reading_uw = self.read(zone, constraint)
            if zone.holds(power_uw, reading_uw):
                return reading_uw
        raise LimitError(
            ZoneReason.FIRMWARE_LOCKED, f"{power_uw} µW was accepted but {reading_uw} µW is in force"
        )

    def enable(self, zone: Zone) -> None:
        """Enable the zone, so that its limits are enforced.

        Raises:
            LimitError: the zone stays disabled.
        """
        self._driver(zone).enable(zone)

    def enabled(self, zone: Zone) -> bool | None:
        """Whether the zone's limits are enforced now; None where the zone does not say."""
        return self._driver(zone).enabled(zone)

    def disable(self, zone: Zone) -> None:
        """Disable a zone that was found disabled.

        Raises:
            LimitError: the zone stays enabled.
        """
        self._driver(zone).disable(zone)

    def energies(self) -> dict[str, tuple[Zone, int]]:
        """The energy counters that can be read, in microjoules by zone key. intel-rapl-mmio shows those of intel-rapl
        again, and is left out."""
        readings = {}
        for driver, zone in self._found.values():
            if zone.energy is not None and zone.kind != RAPL_MMIO:
                try:
                    readings[zone.key] = (zone, driver.energy_uj(zone))
                except LimitError:
                    continue
        return readings

    def _driver(self, zone: Zone) -> Driver:
        return self._found[zone.key][0]
