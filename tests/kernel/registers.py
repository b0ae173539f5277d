"""The simulated registers of the machine: loaded in a configuration, read, set as firmware would, and their trace."""

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MODULES = Path("/mnt/modules")
DEBUG = Path("/sys/kernel/debug/simrapl")
ZONES = Path("/sys/devices/virtual/powercap")

UNIT_UW = 125_000
FIELD = 0x7FFF
"""15 bits in 1/8 W: a limit."""
PL1_ENABLE, PL1_CLAMP = 1 << 15, 1 << 16
PL2_ENABLE, PL2_CLAMP = 1 << 47, 1 << 48
LOCK = 1 << 63


@dataclass(frozen=True)
class Write:
    """One write of the kernel to a register."""

    at_ns: int
    package: int
    register: str
    mask: int
    value: int
    now: int
    error: int

    @property
    def pl1_uw(self) -> int | None:
        """What was asked for as PL1 (or dram's only limit), where it was."""
        return (self.value & FIELD) * UNIT_UW if self.mask & FIELD else None

    @property
    def pl2_uw(self) -> int | None:
        """What was asked for as PL2, where it was."""
        return (self.value >> 32 & FIELD) * UNIT_UW if self.mask >> 32 & FIELD else None


def load(parameters: Mapping[str, object]) -> None:
    """Load the driver anew, then the registers, so that both are as after power-up."""
    unload()
    _run("insmod", str(MODULES / "intel_rapl_common.ko"))
    _run("insmod", str(MODULES / "simrapl.ko"), *(f"{name}={value}" for name, value in parameters.items()))
    clear_trace()


def unload() -> None:
    """Take both away, where they are loaded."""
    loaded = {line.split()[0] for line in Path("/proc/modules").read_text(encoding="ascii").splitlines()}
    for module in ("simrapl", "intel_rapl_common"):
        if module in loaded:
            _run("rmmod", module)


def read(register: str) -> int:
    """A raw register, such as ``package-0/limit``."""
    return int((DEBUG / register).read_text(encoding="ascii"), 16)


def put(register: str, value: int) -> None:
    """Set a raw register as firmware does: the kernel does not notice, and the trace does not have it."""
    (DEBUG / register).write_text(f"{value:#x}\n", encoding="ascii")


def snapshot() -> dict[str, int]:
    """Every register with limits, as it is compared bit for bit.

    A clamp bit behind a cleared enable bit has no effect: it is left out.
    """
    return {name: _compared(name, read(name)) for name in _names()}


def trace() -> list[Write]:
    """The kernel's writes since the trace was cleared, in order."""
    found = []
    for line in (DEBUG / "trace").read_text(encoding="ascii").splitlines():
        assert line != "full", "more writes than the trace takes"
        at_ns, package, register, mask, value, now, error = line.split()
        bits = [int(text, 16) for text in (mask, value, now)]
        found.append(Write(int(at_ns), int(package), register, bits[0], bits[1], bits[2], int(error)))
    return found


def clear_trace() -> None:
    """Forget the writes so far."""
    (DEBUG / "trace").write_text("\n", encoding="ascii")


def pl1_uw(value: int) -> int:
    """PL1 of a limit register."""
    return (value & FIELD) * UNIT_UW


def pl2_uw(value: int) -> int:
    """PL2 of a limit register."""
    return (value >> 32 & FIELD) * UNIT_UW


def with_pl1(value: int, units: int) -> int:
    """The register with another PL1, in 1/8 W."""
    return value & ~FIELD | units


def with_pl2(value: int, units: int) -> int:
    """The register with another PL2, in 1/8 W."""
    return value & ~(FIELD << 32) | units << 32


def _names() -> Iterator[str]:
    for folder in sorted(DEBUG.glob("package-*")):
        yield f"{folder.name}/limit"
        yield f"{folder.name}/pl4"
        yield f"{folder.name}/dram_limit"
    yield "psys_limit"


def _compared(name: str, value: int) -> int:
    if not name.endswith("limit"):
        return value
    if not value & PL1_ENABLE:
        value &= ~PL1_CLAMP
    if not value & PL2_ENABLE:
        value &= ~PL2_CLAMP
    return value


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
