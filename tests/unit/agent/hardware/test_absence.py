"""No zones: masked, no driver, no RAPL, and energy only are told apart."""

from pathlib import Path

import pytest

from dev.lab.fake_sysfs import ENERGY_ONLY, NO_POWERCAP, Layout, build_tree
from powercap_agent.hardware.absence import Absence
from powercap_agent.hardware.files import KernelFiles
from powercap_agent.hardware.powercap import PowercapTree

INTEL = "processor : 0\nflags\t\t: fpu vme msr sse2\n"
VIRTUAL = "processor : 0\nflags\t\t: fpu vme msr sse2 hypervisor\n"


def explained(folder: Path, layout: Layout | None, cpuinfo: str = INTEL, links: tuple[str, ...] = ()) -> str:
    root, classes, cpus = folder / "powercap", folder / "class", folder / "cpuinfo"
    if layout is not None:
        build_tree(root, layout)
    classes.mkdir()
    for link in links:
        (classes / link).symlink_to(root / "intel-rapl" / link)
    cpus.write_text(cpuinfo, encoding="ascii")
    zones = PowercapTree(KernelFiles(), str(root)).discover()
    return Absence(KernelFiles(), str(root), str(classes), str(cpus)).explain(zones)


@pytest.mark.parametrize(
    ("layout", "cpuinfo", "links", "said"),
    [
        (None, INTEL, (), "cannot be read (No such file or directory)"),
        (NO_POWERCAP, INTEL, ("intel-rapl:0",), "is masked: it is empty here"),
        (NO_POWERCAP, VIRTUAL, ("intel-rapl:0",), "is masked: it is empty here"),
        (NO_POWERCAP, INTEL, (), "run `modprobe intel_rapl_msr`"),
        (NO_POWERCAP, VIRTUAL, (), "a virtual machine without RAPL"),
        (Layout(), INTEL, (), "the driver is loaded (intel-rapl) and finds no zone"),
        (ENERGY_ONLY, INTEL, (), "only counters"),
    ],
)
def test_each_case_has_words_of_its_own(
    tmp_path: Path, layout: Layout | None, cpuinfo: str, links: tuple[str, ...], said: str
) -> None:
    assert said in explained(tmp_path, layout, cpuinfo, links)
