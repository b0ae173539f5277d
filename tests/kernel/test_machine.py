"""The machine the tests run in: its kernel may change its own code, as it does for the first memory group or a trace.

Linux does so while every CPU goes on, by a breakpoint at the place it changes. Where an emulated CPU sees that
breakpoint late, the kernel no longer knows it and panics (``Oops: int3``), whatever test happens to run.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.machine("sockets")
CHANGES = 20
_ALLOCATING = "while :; do ls -lR /usr/lib/python3* > /dev/null 2>&1; done"


@pytest.fixture
def allocations(tmp_path: Path) -> Iterator[Path]:
    """The switch for the traces of each allocation and release of memory, while every CPU allocates."""
    traces = tmp_path / "tracing"
    traces.mkdir()
    subprocess.run(["mount", "-t", "tracefs", "tracefs", str(traces)], check=True)
    busy = [subprocess.Popen(["sh", "-c", _ALLOCATING]) for _ in range(2)]
    try:
        yield traces / "events" / "kmem" / "enable"
    finally:
        for process in busy:
            process.kill()
            process.wait()
        subprocess.run(["umount", str(traces)], check=True)


def test_a_kernel_that_changes_its_code_while_every_cpu_runs_it_stays_up(allocations: Path) -> None:
    for _ in range(CHANGES):
        allocations.write_text("1")
        assert allocations.read_text().strip() == "1"
        allocations.write_text("0")
        assert allocations.read_text().strip() == "0"
