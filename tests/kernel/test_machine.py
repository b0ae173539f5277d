"""The machine the tests run in: its kernel may change its own code, as it does for the first memory group or a trace.

Linux does so while every CPU goes on, by a breakpoint at the place it changes. Where an emulated CPU sees that
breakpoint late, the kernel no longer knows it and panics (``Oops: int3``), whatever test happens to run.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.machine("sockets")
TRACES = Path("/sys/kernel/debug/tracing/events/kmem/enable")
"""The switch for the traces of each allocation and release of memory."""
CHANGES = 20
_ALLOCATING = "while :; do ls -lR /usr/lib/python3* > /dev/null 2>&1; done"


@pytest.fixture
def allocations() -> Iterator[None]:
    """Every CPU allocates memory."""
    busy = [subprocess.Popen(["sh", "-c", _ALLOCATING]) for _ in range(2)]
    yield
    for process in busy:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("allocations")
def test_a_kernel_that_changes_its_code_while_every_cpu_runs_it_stays_up() -> None:
    for _ in range(CHANGES):
        TRACES.write_text("1")
        assert TRACES.read_text().strip() == "1"
        TRACES.write_text("0")
        assert TRACES.read_text().strip() == "0"
