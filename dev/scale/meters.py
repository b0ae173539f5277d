"""What the processes of a run have used, and how long the operator's loop was held up."""

import urllib.request
from dataclasses import dataclass
from pathlib import Path

from dev.cluster.control_plane import ControlPlane
from dev.cluster.process.component import Component
from dev.lab.processes import cpu_seconds, resident_mb

_STEP = "powercap_loop_longest_step_seconds"


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor seconds, and the database's size, at a moment; or between two."""

    api_server: float
    etcd: float
    operator: float
    agents: float
    etcd_mb: float

    def since(self, before: "Usage") -> "Usage":
        """What was used since ``before``."""
        return Usage(
            self.api_server - before.api_server,
            self.etcd - before.etcd,
            self.operator - before.operator,
            self.agents - before.agents,
            self.etcd_mb - before.etcd_mb,
        )


@dataclass(frozen=True, slots=True)
class Meters:
    """Reads them."""

    plane: ControlPlane
    operator: Component
    agents: Component
    metrics_port: int

    def usage(self) -> Usage:
        """Up to now; nothing for what does not run."""
        pids = self.plane.pids
        return Usage(
            cpu_seconds(pids["kube-apiserver"]),
            cpu_seconds(pids["etcd"]),
            _cpu(self.operator.pid),
            _cpu(self.agents.pid),
            _database_mb(self.plane.root / "etcd"),
        )

    def operator_mb(self, field: str = "VmRSS") -> float:
        """Resident memory of the operator: now, or with ``VmHWM`` the peak."""
        pid = self.operator.pid
        return 0.0 if pid is None else resident_mb(pid, field)

    def longest_step(self) -> float:
        """Most processor time that the operator's loop took between two looks since it started, in seconds."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{_STEP} "))


def _cpu(pid: int | None) -> float:
    return 0.0 if pid is None else cpu_seconds(pid)


def _database_mb(folder: Path) -> float:
    """The size of etcd's database file, which its quota is about. It grows in steps of 16 MiB at most."""
    return sum(file.stat().st_size for file in folder.glob("member/snap/db")) / 1e6
