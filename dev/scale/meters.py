"""What the processes of a run have used, and how long the operator's loop was held up."""

import urllib.request
from dataclasses import dataclass
from pathlib import Path

from dev.cluster.control_plane import ControlPlane
from dev.cluster.process.component import Component
from dev.lab.processes import cpu_seconds, resident_mb

_LONGEST = "powercap_loop_longest_pause_seconds"
_STEP = "powercap_loop_longest_step_seconds"
_BUCKET = "powercap_loop_pause_seconds_bucket"


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

    def pauses(self) -> "Pauses":
        """Of the operator's event loop since it started."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        series = {
            name: float(value)
            for name, value in (line.rsplit(" ", 1) for line in lines if line.startswith("powercap_loop_"))
        }
        buckets = {
            float(name.split('"')[1]): value for name, value in series.items() if name.startswith(_BUCKET)
        }
        return Pauses(series[_LONGEST], series[_STEP], buckets)


@dataclass(frozen=True, slots=True)
class Pauses:
    """Longest pause in seconds, most processor time in one, and how many were not longer than each bound."""

    longest: float
    longest_step: float
    at_most: dict[float, float]

    def longest_since(self, before: "Pauses | None") -> str:
        """The longest pause since ``before``: exact where it is the longest of all, else its bucket's bound."""
        if before is None or self.longest > before.longest:
            return f"{self.longest * 1000:.0f} ms"
        counts = {bound: count - before.at_most[bound] for bound, count in self.at_most.items()}
        total = max(counts.values())
        bound = min((bound for bound, count in counts.items() if count == total), default=0.0)
        return f"≤ {min(bound, self.longest) * 1000:.0f} ms"


def _cpu(pid: int | None) -> float:
    return 0.0 if pid is None else cpu_seconds(pid)


def _database_mb(folder: Path) -> float:
    """The size of etcd's database file, which its quota is about. It grows in steps of 16 MiB at most."""
    return sum(file.stat().st_size for file in folder.glob("member/snap/db")) / 1e6
