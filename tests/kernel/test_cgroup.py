"""The agent in a group of cgroup v2 with the chart's limits, as a kubelet on cgroup v2 runs it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from powercap_agent.hardware.files import KernelFiles
from powercap_agent.hardware.pressure import read_cpu_pressure
from tests.kernel import registers
from tests.kernel.configurations import Configuration, prepare
from tests.kernel.judge import judge_status, judge_writes
from tests.kernel.node import WAIT_SECONDS, Node

pytestmark = pytest.mark.machine("sockets")
VALUES = Path(__file__).parents[2] / "charts" / "powercap" / "values.yaml"
SIXTY_W = 60 * 8
MIB = 1 << 20


def _mebibytes(kind: str) -> int:
    resources = yaml.safe_load(VALUES.read_text(encoding="utf-8"))["agent"]["resources"]
    return int(resources[kind]["memory"].removesuffix("Mi"))


def _figures(file: Path) -> dict[str, int]:
    return {name: int(value) for name, value in (line.split() for line in file.read_text().splitlines())}


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Path]:
    """An empty group with the memory limit of the agent's container, and the least processor time a group can have."""
    root = tmp_path / "cgroup"
    root.mkdir()
    subprocess.run(["mount", "-t", "cgroup2", "cgroup2", str(root)], check=True)
    try:
        (root / "cgroup.subtree_control").write_text("+cpu +memory +pids")
        made = root / "agent"
        made.mkdir()
        (made / "memory.max").write_text(str(_mebibytes("limits") * MIB))
        (made / "cpu.weight").write_text("1")
        yield made
        made.rmdir()
    finally:
        subprocess.run(["umount", str(root)], check=True)


def test_the_agent_works_within_the_charts_limits(node: Node, group: Path) -> None:
    prepare(Configuration("two-packages"))
    before = registers.snapshot()
    node.put(120)
    with node.start_in(group) as process:
        try:
            judge_status(node.status())
            assert registers.read("package-1/limit") & registers.FIELD == SIXTY_W
            assert (group / "cgroup.procs").read_text().split() == [str(process.pid)]
            # Its own memory; what the kernel keeps of the files that it read may be dropped at any time.
            own = _figures(group / "memory.stat")["anon"]
            assert own <= _mebibytes("requests") * MIB, f"{own / MIB:.1f} MiB"
            assert _figures(group / "memory.events")["oom_kill"] == 0
        finally:
            process.terminate()
    assert process.wait(WAIT_SECONDS) == 0
    assert registers.snapshot() == before
    judge_writes(registers.trace(), before, 105)


def test_the_cpu_pressure_that_it_reads_is_the_machines(group: Path) -> None:
    """From within a group too: a container sees the host's figure."""
    command = ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && cat /proc/pressure/cpu', str(group)]
    within = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert within.startswith("some avg10=")
    assert read_cpu_pressure(KernelFiles(), "/proc/pressure/cpu") is not None
