"""Driver for NVIDIA accelerators, by NVIDIA's management library (NVML) through ctypes.

The library comes with NVIDIA's driver; where it is missing there are no such zones. NVML counts in milliwatts and
refuses limits outside the card's own bounds. A card is identified by its UUID.
"""

import ctypes
from collections.abc import Callable
from typing import Any, Final

from powercap_api.reasons import ZoneReason

from .zone import Constraint, LimitError, Zone

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


class Nvml:
    """The machine's NVIDIA cards. The library is loaded, and initialised, when cards are first looked for."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load
        self._library: Any = None
        self._looked = False
        self._handles: dict[str, ctypes.c_void_p] = {}

    def discover(self) -> tuple[Zone, ...]:
        """The cards there are now that have a power limit."""
        if not self._looked:
            self._looked = True
            library = self._load()
            if library is not None and library.nvmlInit_v2() == _SUCCESS:
                self._library = library
        count = ctypes.c_uint()
        if self._library is None or self._library.nvmlDeviceGetCount_v2(ctypes.byref(count)) != _SUCCESS:
            return ()
        self._handles = {}
        zones = (self._zone(index) for index in range(count.value))
        return tuple(zone for zone in zones if zone is not None)

    def read(self, zone: Zone, constraint: Constraint) -> int:
        """The limit in force, in microwatts."""
        del zone
        limit_mw = ctypes.c_uint()
        handle = self._handle(constraint)
        _check(self._library.nvmlDeviceGetPowerManagementLimit(handle, ctypes.byref(limit_mw)))
        return limit_mw.value * 1000

    def write(self, zone: Zone, constraint: Constraint, power_uw: int) -> None:
        """Write a limit in microwatts, truncated to a milliwatt."""
        del zone
        limit_mw = ctypes.c_uint(power_uw // 1000)
        _check(self._library.nvmlDeviceSetPowerManagementLimit(self._handle(constraint), limit_mw))

    def enable(self, zone: Zone) -> None:
        """Nothing: the limit is always enforced."""

    def enabled(self, zone: Zone) -> bool | None:
        """None: the limit is always enforced."""
        del zone
        return None

    def disable(self, zone: Zone) -> None:
        """Nothing: the limit is always enforced."""

    def energy_uj(self, zone: Zone) -> int:
        """The card's energy since its driver was loaded."""
        if zone.energy is None:
            raise LimitError(ZoneReason.UNSUPPORTED, f"{zone.path} has no energy counter")
        energy_mj = ctypes.c_ulonglong()
        handle = self._handles.get(zone.energy)
        _check(self._library.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(energy_mj)))
        return energy_mj.value * 1000

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
            lowest_mw.value = 0
        metered = library.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(energy_mj)) == _SUCCESS
        identity = uuid.value.decode()
        self._handles[identity] = handle
        return Zone(
            key=f"{KIND}/{identity}",
            path=f"{KIND}/{index}",
            kind=KIND,
            name=name.value.decode(),
            top=True,
            enabled=None,
            constraints=(Constraint(LIMIT, identity, min_power_uw=lowest_mw.value * 1000),),
            energy=identity if metered else None,
            tolerance_uw=1_000,
        )

    def _handle(self, constraint: Constraint) -> ctypes.c_void_p:
        handle = self._handles.get(constraint.address)
        if handle is None:
            raise LimitError(ZoneReason.UNSUPPORTED, "the card has vanished")
        return handle


def _check(code: int) -> None:
    if code != _SUCCESS:
        reason, message = _REASONS.get(code, (ZoneReason.FAILED, "NVML reports an error"))
        raise LimitError(reason, f"{message} (NVML {code})")
