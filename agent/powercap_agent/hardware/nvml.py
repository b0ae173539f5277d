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
_NOT_FOUND: Final = 13
_REASONS: Final = {
    2: (ZoneReason.UNSUPPORTED, "the card does not accept this limit"),
    3: (ZoneReason.UNSUPPORTED, "the card cannot be limited"),
    4: (
        ZoneReason.MASKED,
        "no permission: setting limits takes root on the host and the device in the container",
    ),
    _NOT_FOUND: (ZoneReason.UNSUPPORTED, "the driver's library is too old for this"),
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


class _Functions:
    """The library's functions; those that it lacks answer so."""

    def __init__(self, library: Any) -> None:
        self._library = library

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name, lambda *_: _NOT_FOUND)


@dataclass(slots=True)
class Card(Device):
    """One card. Its limit is always enforced."""

    library: Any
    handle: ctypes.c_void_p
    worker: Worker

    def read(self, constraint: Constraint) -> int:
        """The limit in force, in microwatts."""
        del constraint
        return 1000 * self._ask(lambda: _get(self.library.nvmlDeviceGetPowerManagementLimit, self.handle))

    def write(self, constraint: Constraint, power_uw: int) -> None:
        """Write a limit in microwatts, truncated to a milliwatt."""
        del constraint
        limit_mw = ctypes.c_uint(power_uw // 1000)
        self._ask(lambda: (self.library.nvmlDeviceSetPowerManagementLimit(self.handle, limit_mw), 0))

    def energy_uj(self) -> int:
        """The card's energy since its driver was loaded."""
        energy = self.library.nvmlDeviceGetTotalEnergyConsumption
        return 1000 * self._ask(lambda: _get(energy, self.handle, ctypes.c_ulonglong))

    def _ask(self, call: Callable[[], tuple[int, int]]) -> int:
        try:
            code, value = self.worker.call(call)
        except HungError as error:
            raise LimitError(ZoneReason.FAILED, f"NVIDIA's driver hangs: {error}") from error
        if code != _SUCCESS:
            reason, message = _REASONS.get(code, (ZoneReason.FAILED, "NVML reports an error"))
            raise LimitError(reason, f"{message} (NVML {code})")
        return value


def _get(call: Any, handle: ctypes.c_void_p, kind: type[Any] = ctypes.c_uint) -> tuple[int, int]:
    """What a query answers: its code, and the number."""
    value = kind()
    code = call(handle, ctypes.byref(value))
    return code, value.value


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
            loaded = self._load()
            if loaded is None:
                return ()
            library = _Functions(loaded)
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
        library, handle = self._library, ctypes.c_void_p()
        lowest_mw, highest_mw = ctypes.c_uint(), ctypes.c_uint()
        uuid, name = ctypes.create_string_buffer(_TEXT_BYTES), ctypes.create_string_buffer(_TEXT_BYTES)
        if (
            library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) != _SUCCESS
            or library.nvmlDeviceGetUUID(handle, uuid, _TEXT_BYTES) != _SUCCESS
            or _get(library.nvmlDeviceGetPowerManagementLimit, handle)[0] != _SUCCESS
        ):
            return None
        if library.nvmlDeviceGetName(handle, name, _TEXT_BYTES) != _SUCCESS:
            name.value = KIND.encode()
        bounds = (ctypes.byref(lowest_mw), ctypes.byref(highest_mw))
        if library.nvmlDeviceGetPowerManagementLimitConstraints(handle, *bounds) != _SUCCESS:
            lowest_mw.value = highest_mw.value = 0
        energy = library.nvmlDeviceGetTotalEnergyConsumption
        identity = uuid.value.decode(errors="replace")
        return Zone(
            key=f"{KIND}/{identity}",
            path=f"{KIND}/{index}",
            kind=KIND,
            name=name.value.decode(errors="replace"),
            top=True,
            enabled=None,
            constraints=(Constraint(LIMIT, LIMIT, lowest_mw.value * 1000, highest_mw.value * 1000),),
            energy=identity if _get(energy, handle, ctypes.c_ulonglong)[0] == _SUCCESS else None,
            tolerance_uw=1_000,
            device=Card(library, handle, self._worker),
        )
