"""A fake tree whose files answer as Linux's RAPL driver does: one table (``driver_answers``) holds both to the same."""

import errno
import re
from dataclasses import dataclass

from dev.lab.fake_sysfs import POWER_UNIT_UW, FakeKernel
from powercap_agent.hardware.files import DriverError, Handle
from tests.support.driver_answers import FAULT, NEWER

_FIELD = 0x7FFF
_PEAK_FIELD = 0x1FFF
"""Bits of a limit in its register: it wraps above."""
_NUMBER = re.compile(r"\d+\n?")


@dataclass
class RaplKernel(FakeKernel):
    """The driver of one kernel series over registers that firmware may have locked."""

    series: str = NEWER
    lock: str = ""

    def write(self, path: str, text: str, folder: Handle | None = None) -> None:
        """Write as the driver would."""
        limit = path.endswith("_power_limit_uw")
        if limit and not (_NUMBER.fullmatch(text) and int(text) < 2**64):
            raise DriverError(errno.EINVAL, "EINVAL", path)
        if self.lock:
            if self.lock == FAULT and self.series == NEWER:
                number = errno.ENODATA if limit else errno.ENOSYS
                raise DriverError(number, errno.errorcode[number], path)
            return
        if limit:
            field = _PEAK_FIELD if self._constraint(path, folder) == "peak_power" else _FIELD
            text = f"{(int(text) // POWER_UNIT_UW & field) * POWER_UNIT_UW}\n"
        super().write(path, text if text.endswith("\n") else f"{text}\n", folder)

    def _constraint(self, path: str, folder: Handle | None) -> str:
        return self.real.read(path.replace("_power_limit_uw", "_name"), folder).strip()
