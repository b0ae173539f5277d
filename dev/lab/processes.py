"""What a process takes, by /proc."""

import os
from collections.abc import Callable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int, field: str = "VmRSS") -> float:
    """Resident memory in MB (10^6 bytes): now, or with ``VmHWM`` the peak."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(f"process {pid} has no resident memory")


def peak_growth_mb(work: Callable[[], object]) -> float:
    """By how much this process's resident memory grew at the peak of ``work``, in MB."""
    Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets the peak to what is resident now
    before = resident_mb(os.getpid())
    work()
    return resident_mb(os.getpid(), "VmHWM") - before


def cpu_seconds(pid: int) -> float:
    """Processor time used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
