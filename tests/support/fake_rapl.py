"""A fake tree over registers that firmware may have locked: one table (``driver_answers``) holds it to the real one."""

import errno
from dataclasses import dataclass

from dev.lab.fake_sysfs import FakeKernel
from powercap_agent.hardware.files import DriverError, Handle
from tests.support.driver_answers import FAULT, NEWER


@dataclass
class RaplKernel(FakeKernel):
    """The driver of one kernel series."""

    series: str = NEWER
    lock: str = ""

    def write(self, path: str, text: str, folder: Handle | None = None) -> None:
        """Write as the driver would."""
        if not self.lock:
            super().write(path, text, folder)
        elif self.lock == FAULT and self.series == NEWER:
            number = errno.ENODATA if path.endswith("_power_limit_uw") else errno.ENOSYS
            raise DriverError(number, errno.errorcode[number], path)
