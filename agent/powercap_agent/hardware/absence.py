"""Why a node has no limits that can be used, and what to do. The cases look alike: each is a folder without zones."""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from .files import KernelFiles
from .zone import Zone

_EXEMPT = "exclude the node by the label powercap.dev/exempt=true"


@dataclass(frozen=True, slots=True)
class Absence:
    """Looks where a machine tells. Paths are those seen by the agent."""

    files: KernelFiles
    powercap_root: str
    class_root: str = "/sys/class/powercap"
    """Links to the zones, also where the zones themselves are masked."""
    cpuinfo: str = "/proc/cpuinfo"

    def explain(self, zones: Sequence[Zone]) -> str:
        """A sentence for people, given the zones that were found."""
        if zones:
            return (
                f"there are {len(zones)} power zones, and no package with a limit among them (AMD's processors have"
                f" only counters there): {_EXEMPT}, or cap what it has by way of hwmon"
            )
        try:
            entries = self.files.entries(self.powercap_root)
        except OSError as error:
            return (
                f"the powercap folder {self.powercap_root} cannot be read ({error.strerror}): the kernel is built"
                f" without CONFIG_POWERCAP, or the host's folder is not mounted there. Mount it, or {_EXEMPT}"
            )
        if not entries and self._class_links_dangle():
            return (
                f"the powercap folder {self.powercap_root} is masked: it is empty here, while the host has zones."
                " Container runtimes do so: mount the host's /sys/devices/virtual/powercap at another path, named"
                " by POWERCAP_ROOT (the chart does)"
            )
        if self._is_virtual():
            return f"this is a virtual machine without RAPL, which hypervisors do not pass on: {_EXEMPT}"
        if not entries:
            return (
                "no driver for power limits is loaded: run `modprobe intel_rapl_msr` on the node; where that finds"
                f" nothing the processor has no RAPL, or firmware has turned it off: {_EXEMPT}"
            )
        return f"the driver is loaded ({', '.join(entries)}) and finds no zone: this machine has no RAPL: {_EXEMPT}"

    def _class_links_dangle(self) -> bool:
        try:
            links = self.files.entries(self.class_root)
        except OSError:
            return False
        return bool(links) and not any(self._is_there(link) for link in links)

    def _is_there(self, link: str) -> bool:
        try:
            self.files.entries(self.files.real_path(posixpath.join(self.class_root, link)))
        except OSError:
            return False
        return True

    def _is_virtual(self) -> bool:
        try:
            text = self.files.read(self.cpuinfo)
        except OSError:
            return False
        return any(line.startswith("flags") and "hypervisor" in line.split() for line in text.splitlines())
