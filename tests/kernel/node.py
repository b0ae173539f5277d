"""One node in the machine: its agent as a process, and the stand-in API server with its budget."""

import os
import queue
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dev.lab.agent_process import eventually
from dev.lab.fake_api import Connection, FakeApi
from tests.kernel.launcher import Launcher
from tests.kernel.registers import ZONES
from tests.support.agent_parts import budget_body

NODE = "node-1"
WAIT_SECONDS = 60.0


class Node:
    """The node. Its budget is put, changed and deleted as the operator does; statuses are those that its agent sent."""

    def __init__(self, folder: Path, launcher: Launcher, api: FakeApi) -> None:
        self.state = folder / "state"
        self.log = folder / "log"
        self.look_seconds = 0.02
        """How often the API server looks for changes of the budget."""
        self._folder = folder
        self._launcher = launcher
        self._api = api
        self._generation = 0
        self._seen: dict[str, Any] = {}
        self._events: queue.SimpleQueue[tuple[str, dict[str, Any]]] = queue.SimpleQueue()
        self._watches = 0
        self._pid = 0
        (folder / "token").write_text("token", encoding="ascii")
        (folder / "hwmon").mkdir()
        self.log.touch()

    def put(self, cap_w: float, **spec: Any) -> None:
        """The budget from now on: this cap for the hours around now."""
        self._generation += 1
        now = datetime.now(UTC)
        start = now.replace(microsecond=0) - timedelta(minutes=1)
        body = budget_body([cap_w] * 8, start=start)
        body["spec"] |= {"onExpiry": "Hold", "stabilisationSeconds": 1} | spec
        body["metadata"] |= {"generation": self._generation, "resourceVersion": str(100 + self._generation)}
        self._publish("MODIFIED", body)
        self._api.budget = body

    def delete(self) -> None:
        """Delete the budget."""
        body = self._api.budget
        assert body is not None
        self._api.budget = None
        self._publish("DELETED", body)

    def start(self, *options: str) -> None:
        """Start the agent."""
        self._api.patches.clear()
        self._api.watches.append(self._watch)
        self._pid = self._launcher.start([*self._arguments(), *options], self.log)

    def start_in(self, group: Path) -> subprocess.Popen[bytes]:
        """Start the agent as a program of its own in a cgroup, so that all of its memory counts there.

        Whoever asks for it ends it.
        """
        self._api.patches.clear()
        self._api.watches.append(self._watch)
        enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
        agent = [sys.executable, "-m", "powercap_agent", *self._arguments()]
        with self.log.open("ab") as log:
            return subprocess.Popen(["sh", "-c", enter, str(group), *agent], stdout=log, stderr=log)

    def restore(self) -> int:
        """``powercap-agent restore``; its exit status."""
        return self._launcher.wait(self._launcher.start(["restore", *self._arguments()], self.log))

    def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        """End the agent by a signal; its exit status."""
        os.kill(self._pid, number)
        pid, self._pid = self._pid, 0
        return self._launcher.wait(pid)

    def stop(self) -> None:
        """End the agent, however the test went."""
        if self._pid:
            self.kill()

    def status(self) -> dict[str, Any]:
        """The newest status, which answers to the newest budget."""
        eventually(self._answered, lambda: f"no status\n{self.log.read_text()}", WAIT_SECONDS)
        status: dict[str, Any] = self._api.patches[-1]["status"]
        return status

    def until_status(self, fits: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Wait for a status that fits; it."""
        eventually(
            lambda: self._answered() and fits(self._api.patches[-1]["status"]),
            lambda: f"{what}: {self._api.patches[-1:]}\n{self.log.read_text()}",
            WAIT_SECONDS,
        )
        return self.status()

    def _answered(self) -> bool:
        said = [patch["status"] for patch in self._api.patches]
        return bool(said) and said[-1]["observedGeneration"] == self._generation

    def _arguments(self) -> list[str]:
        return [
            f"--node-name={NODE}",
            f"--server={self._api.url}",
            f"--token-file={self._folder / 'token'}",
            f"--powercap-root={ZONES}",
            f"--hwmon-root={self._folder / 'hwmon'}",
            f"--state-dir={self.state}",
        ]

    def _publish(self, kind: str, body: dict[str, Any]) -> None:
        self._events.put((kind, body))

    def _watch(self, connection: Connection) -> None:
        self._watches += 1
        number = self._watches
        # The watch of an agent that was killed takes no events from its successor's.
        while connection.silence(self.look_seconds) and number == self._watches:
            while not self._events.empty():
                kind, body = self._events.get()
                version = body["metadata"]["resourceVersion"]
                connection.event(kind, version, metadata=body["metadata"], spec=body["spec"])
