"""The agent as a process of its own, on a fake tree, for tests and measurements."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from dev.lab.fake_sysfs import Layout, build_tree, read_limits
from powercap_api.clock import write_offset


def eventually(
    is_so: Callable[[], object],
    what: str | Callable[[], object],
    seconds: float = 20.0,
    every: float = 0.02,
) -> float:
    """Wait until ``is_so()``; the seconds that took.

    A field that is not there yet, such as the status of an object just made, counts as not so.
    """
    began = time.monotonic()
    while True:
        missing: KeyError | None = None
        try:
            if is_so():
                return time.monotonic() - began
        except KeyError as error:
            missing = error
        if time.monotonic() - began > seconds:
            explained = what if isinstance(what, str) else what()
            raise AssertionError(f"not within {seconds} s: {explained}") from missing
        time.sleep(every)


class AgentProcess:
    """``python -m powercap_agent`` for one node: its tree, state folder, clock file and log in ``folder``."""

    def __init__(
        self, folder: Path, node: str, layout: Layout, *, server: str, token: str, ca_file: Path | None = None
    ) -> None:
        self.node = node
        self.root = folder / "powercap"
        self.state = folder / "state"
        self.clock_file = folder / "clock"
        self.log_file = folder / "agent.log"
        self.token_file = folder / "token"
        self.boot_id_file = folder / "boot_id"
        build_tree(self.root, layout)
        self.original = self.limits()
        self.token_file.write_text(token, encoding="ascii")
        self.boot_id_file.write_text("boot-1\n", encoding="ascii")
        self._server, self._ca_file = server, ca_file
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the running agent."""
        assert self._process is not None
        return self._process.pid

    def start(self, *options: str, stderr: int | None = None) -> None:
        """Start it, its log in a file or to ``stderr``; it may be started again after its end."""
        command = [
            sys.executable,
            "-m",
            "powercap_agent",
            f"--node-name={self.node}",
            f"--server={self._server}",
            f"--token-file={self.token_file}",
            f"--powercap-root={self.root}",
            f"--state-dir={self.state}",
            f"--clock-file={self.clock_file}",
            f"--boot-id-file={self.boot_id_file}",
            *([f"--ca-file={self._ca_file}"] if self._ca_file else []),
            *options,
        ]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(command, stderr=log if stderr is None else stderr, stdout=log)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def limits(self) -> dict[str, int]:
        """Every limit in the tree."""
        return read_limits(self.root)

    def log(self) -> str:
        """What it has logged."""
        return self.log_file.read_text(encoding="utf-8")

    def set_clock(self, offset: timedelta) -> None:
        """Shift its clock."""
        write_offset(self.clock_file, offset)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def wait(self, seconds: float = 10.0) -> int:
        """Its exit code."""
        assert self._process is not None
        return self._process.wait(seconds)

    def until_limits(self, seconds: float = 20.0, **expected: int) -> float:
        """Wait until the limits are so, by zone and constraint with ``:`` and ``/`` as they are in ``limits``."""
        return self.until(
            lambda limits: all(limits[name] == value for name, value in expected.items()), seconds
        )

    def until(self, fits: Callable[[dict[str, int]], bool], seconds: float = 20.0) -> float:
        """Wait until the limits fit; the seconds that took."""
        return eventually(
            lambda: fits(self.limits()), lambda: f"limits are {self.limits()}\n{self.log()}", seconds
        )
