"""The programs of a run: control plane, exchange, two operators, agents on fake trees, all through the faulty proxy.

What the kubelet does is done here too: a program that ended is started again, after a pause.
"""

import os
import shutil
import signal
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

from dev.chaos.faults import Weather
from dev.chaos.proxy import FaultyProxy
from dev.cluster.binaries import Binaries
from dev.cluster.control_plane import ControlPlane
from dev.cluster.process.component import Component
from dev.lab.fake_sysfs import DIES, ONE_SOCKET, TWO_SOCKETS, build_tree, read_limits
from dev.lab.processes import resident_mb
from dev.lab.results import DEFAULT_MARKET, periods_for
from dev.lab.stage import Stage
from powercap_api.clock import write_offset
from powercap_operator.market.results import Query

NAMESPACE: Final = "powercap-system"
LEASE: Final = "powercap-operator"
AGENTS: Final = {"lasting-one": ONE_SOCKET, "lasting-two": TWO_SOCKETS, "lasting-dies": DIES}
OPERATORS: Final = ("operator-a", "operator-b")
_RESTART_SECONDS: Final = 1.0
_GRACE_SECONDS: Final = 5.0


class ChaosWorld:
    """Everything in one folder; ``close`` ends it."""

    def __init__(self, root: Path, binaries: Binaries, chance: Random) -> None:
        """Nothing is started yet."""
        self.root = root
        self.plane = ControlPlane(binaries, root / "control-plane", controller_manager=True)
        self.stage = Stage(root, self.plane, {})
        self.weather = Weather(chance)
        self.proxy = FaultyProxy(self.plane, self.weather)
        self.programs = {
            name: Component(name, root) for name in (*OPERATORS, *(f"agent-{name}" for name in AGENTS))
        }
        self.ended: Counter[str] = Counter()
        """How often a program ended by itself: each is a defect."""
        self.rewound: Counter[str] = Counter()
        """How often an operator ended to restart, as the data went back or a watch had failed."""
        self.wanted: set[str] = set()
        self._killed: set[str] = set()
        self._started_at: dict[str, float] = {}

    @property
    def clock(self) -> Any:
        """The clock of operators and agents."""
        return self.stage.clock

    def start(self) -> None:
        """The whole of it, at ten in the morning of today's delivery day."""
        zone = DEFAULT_MARKET.bidding_zone.zone
        now = datetime.now(UTC).astimezone(zone)
        write_offset(self.stage.clock_file, now.replace(hour=10, minute=0, second=0) - now)
        self.stage.start_cluster()
        self.plane.kubectl("create", "namespace", NAMESPACE)
        today = self.stage.clock.now().astimezone(zone).date()
        for ahead in range(-12, 6):
            day = today + timedelta(days=ahead)
            self.stage.exchange.publish(Query(DEFAULT_MARKET, day), periods_for(day, None))
        for node, layout in AGENTS.items():
            build_tree(self.stage.tree(node), layout)
            self.stage.originals[node] = read_limits(self.stage.tree(node))
        self.proxy.start()

    def start_programs(self) -> None:
        """Operators and agents."""
        self.wanted = set(self.programs)
        for name in self.programs:
            self.start_program(name)

    def start_program(self, name: str) -> None:
        """One of them, through the proxy."""
        self._keep_log(name)
        command = self._operator() if name in OPERATORS else self._agent(name.removeprefix("agent-"))
        environ = {
            **os.environ,
            "PYTHONDONTWRITEBYTECODE": "",
            "KUBECONFIG": str(self.stage.kubeconfig_by(self.proxy.url, name, by_token=True)),
            "POD_NAME": name,
        }
        self.programs[name].start(command, environ, detached=False)
        self._started_at[name] = time.monotonic()

    def _keep_log(self, name: str) -> None:
        """Put the log of the run before to those before it."""
        log = self.programs[name].log
        if log.exists():
            with log.with_suffix(".all").open("ab") as kept:
                kept.write(log.read_bytes())

    def _operator(self) -> list[str]:
        return self.stage.operator_command("--jobs", "--lease", f"{NAMESPACE}/{LEASE}")

    def _agent(self, node: str) -> list[str]:
        return self.stage.agent_command(
            node, "--server", self.proxy.url, "--pressure-file", str(self.root / "no-pressure")
        )

    def supervise(self) -> None:
        """Start again what has ended."""
        for name in self.wanted:
            program = self.programs[name]
            if program.pid is not None or time.monotonic() - self._started_at[name] < _RESTART_SECONDS:
                continue
            if name in self._killed:
                self._killed.discard(name)
            elif "to restart" in program.log.read_text(encoding="utf-8", errors="replace"):
                self.rewound[name] += 1
            else:
                self.ended[name] += 1
                shutil.copy(program.log, self.root / f"{name}-ended-{self.ended[name]}.log")
            self.start_program(name)

    def kill(self, name: str) -> None:
        """As the kernel does when memory is short."""
        pid = self.programs[name].pid
        if pid is not None:
            self._killed.add(name)
            os.kill(pid, signal.SIGKILL)

    def memory_mb(self) -> dict[str, float]:
        """Resident memory of what runs, by program and process."""
        return {
            f"{name}/{program.pid}": resident_mb(program.pid)
            for name, program in self.programs.items()
            if program.pid is not None
        }

    def close(self) -> None:
        """End everything."""
        self.wanted = set()
        for name in sorted(self.programs):
            self.programs[name].stop(_GRACE_SECONDS if name not in OPERATORS else 1.0)
        self.proxy.stop()
        self.stage.stop()
