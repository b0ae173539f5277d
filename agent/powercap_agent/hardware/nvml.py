"""Driver for NVIDIA accelerators, by NVIDIA's management library (NVML) through ctypes.

The library comes with NVIDIA's driver; where it is missing there are no such zones. NVML counts in milliwatts and
refuses limits outside the card's own bounds. A card is identified by its UUID.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from powercap_api.reasons import ZoneReason

from .worker import HungError, Worker
from .zone import Constraint, Device, LimitError, Zone

KIND: Final = "nvidia"
LIMIT: Final = "power_limit"
_SUCCESS: Final = 0
_REASONS: Final = {
    2: (ZoneReason.UNSUPPORTED, "the card does not accept this limit"),
    3: (ZoneReason.UNSUPPORTED, "the card cannot be limited"),
    4: (
        ZoneReason.MASKED,
        "no permission: setting limits takes root on the host and the device in the container",
    ),
    15: (ZoneReason.FAILED, "the card has fallen off the bus"),
}
"""By nvmlReturn_t."""
_TEXT_BYTES: Final = 96


def load_library(name: str) -> Any:
    """The library; None where it is not installed."""
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None


@dataclass(slots=True)
class Card(Device):
    """One card. Its limit is always enforced."""

    library: Any
    handle: ctypes.c_void_p
    worker: Worker

    def read(self, constraint: Constraint) -> int:
        """The limit in force, in microwatts."""
        del constraint
        limit_mw = ctypes.c_uint()
        self._ask(lambda: self.library.nvmlDeviceGetPowerManagementLimit(self.handle, ctypes.byref(limit_mw)))
        return limit_mw.value * 1000

    def write(self, constraint: Constraint, power_uw: int) -> None:
        """Write a limit in microwatts, truncated to a milliwatt."""
        del constraint
        limit_mw = ctypes.c_uint(power_uw // 1000)
        self._ask(lambda: self.library.nvmlDeviceSetPowerManagementLimit(self.handle, limit_mw))

    def energy_uj(self) -> int:
        """The card's energy since its driver was loaded."""
        energy_mj = ctypes.c_ulonglong()
        self._ask(
            lambda: self.library.nvmlDeviceGetTotalEnergyConsumption(self.handle, ctypes.byref(energy_mj))
        )
        return energy_mj.value * 1000

    def _ask(self, call: Callable[[], int]) -> None:
        try:
            code = self.worker.call(call)
        except HungError as error:
            raise LimitError(ZoneReason.FAILED, f"NVIDIA's driver hangs: {error}") from error
        if code != _SUCCESS:
            reason, message = _REASONS.get(code, (ZoneReason.FAILED, "NVML reports an error"))
            raise LimitError(reason, f"{message} (NVML {code})")


class Nvml:
    """The machine's NVIDIA cards. The library is loaded, and initialised, when cards are looked for, until it is."""

    def __init__(self, load: Callable[[], Any], worker: Worker) -> None:
        """``worker`` makes all calls: one that hangs holds up nothing else."""
        self._load = load
        self._worker = worker
        self._library: Any = None
        self._zones: tuple[Zone, ...] = ()
        self._trouble: str | None = None

    def troubles(self) -> dict[str, str]:
        """Why nothing is known of any card, where that may pass."""
        return {} if self._trouble is None else {KIND: self._trouble}

    def discover(self) -> tuple[Zone, ...]:
        """The cards there are now that have a power limit; those known before while the driver hangs."""
        try:
            self._zones = self._worker.call(self._look)
        except HungError as error:
            self._trouble = f"NVIDIA's driver hangs: {error}"
        return self._zones

    def _look(self) -> tuple[Zone, ...]:
        self._trouble = None
        if self._library is None:
            library = self._load()
            if library is None:
                return ()
            code = library.nvmlInit_v2()
            if code != _SUCCESS:
                self._trouble = f"NVIDIA's driver is not ready (NVML {code}); it is tried again"
                return ()
            self._library = library
        count = ctypes.c_uint()
        code = self._library.nvmlDeviceGetCount_v2(ctypes.byref(count))
        if code != _SUCCESS:
            self._trouble = f"NVIDIA's driver does not tell its cards (NVML {code}); it is tried again"
            self._library = None
            return ()
        zones = (self._zone(index) for index in range(count.value))
        return tuple(zone for zone in zones if zone is not None)

    def _zone(self, index: int) -> Zone | None:
        handle, limit_mw = ctypes.c_void_p(), ctypes.c_uint()
        lowest_mw, highest_mw, energy_mj = ctypes.c_uint(), ctypes.c_uint(), ctypes.c_ulonglong()
        uuid, name = ctypes.create_string_buffer(_TEXT_BYTES), ctypes.create_string_buffer(_TEXT_BYTES)
        library = self._library
        if (
            library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) != _SUCCESS
            or library.nvmlDeviceGetUUID(handle, uuid, _TEXT_BYTES) != _SUCCESS
            or library.nvmlDeviceGetPowerManagementLimit(handle, ctypes.byref(limit_mw)) != _SUCCESS
        ):
            return None
        if library.nvmlDeviceGetName(handle, name, _TEXT_BYTES) != _SUCCESS:
            name.value = KIND.encode()
        bounds = (ctypes.byref(lowest_mw), ctypes.byref(highest_mw))
        if library.nvmlDeviceGetPowerManagementLimitConstraints(handle, *bounds) != _SUCCESS:
            lowest_mw.value = highest_mw.value = 0
        metered = library.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(energy_mj)) == _SUCCESS
        identity = uuid.value.decode()
        return Zone(
            key=f"{KIND}/{identity}",
            path=f"{KIND}/{index}",
            kind=KIND,
            name=name.value.decode(),
            top=True,
            enabled=None,
            constraints=(Constraint(LIMIT, LIMIT, lowest_mw.value * 1000, highest_mw.value * 1000),),
            energy=identity if metered else None,
            tolerance_uw=1_000,
            device=Card(library, handle, self._worker),
        )
