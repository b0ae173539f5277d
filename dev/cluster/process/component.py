"""One running program of the control plane: started, found again, stopped.

Guarantees: `stop` returns when the process is gone. A component that is not detached dies with this process,
at kill -9 too (Linux; elsewhere only `stop` ends it). A process is known by its pid and by its command line
naming the control plane's folder, so that a pid that went to someone else after a reboot is never signalled.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from dev.cluster.errors import ControlPlaneError
from dev.cluster.process import launch

_POLL_SECONDS = 0.02
_QUOTED_LINES = 15
GRACE_SECONDS = 1.0
"""Enough for a control plane: with clients connected the API server takes over 10 s to end by itself and etcd
7 s, and neither needs it. etcd hands each write to the kernel before it acknowledges it, so that only a power
failure could lose it."""
_SURVIVAL_SECONDS = 10.0
"""A process that SIGKILL has not ended by then hangs in the kernel."""


class Component:
    """The program `name` of the control plane in `root`, which has its log and its pid file."""

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self.log = root / "logs" / f"{name}.log"
        self._root = root
        self._pid_file = root / "run" / f"{name}.pid"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, command: list[str], environ: Mapping[str, str], detached: bool) -> None:
        """Starts `command`, which must name the folder somewhere. The log begins anew; .1 is the last one."""
        for file in (self.log, self._pid_file):
            file.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists():
            self.log.rename(self.log.with_suffix(".log.1"))
        if not detached and sys.platform == "linux":
            command = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), *command]
        started = threading.Event()
        failure: list[OSError] = []

        def hold() -> None:
            # To the kernel a child's parent is the thread that started it, and the caller's may end soon:
            # so each child has a thread that stays as long as the child.
            try:
                with self.log.open("wb") as log:
                    self._process = subprocess.Popen(
                        command,
                        env=dict(environ),
                        cwd=self._root,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        # Ctrl-C goes to the whole foreground group: ending them in order is `stop`'s work.
                        start_new_session=True,
                    )
                self._pid_file.write_text(f"{self._process.pid}\n")
            except OSError as error:
                failure.append(error)
                return
            finally:
                started.set()
            self._process.wait()

        threading.Thread(target=hold, name=f"holds {self.name}", daemon=True).start()
        started.wait()
        if failure:
            raise ControlPlaneError(f"{self.name} could not be started: {failure[0]}") from failure[0]

    @property
    def pid(self) -> int | None:
        """Of the running process, whoever started it; None where it does not run."""
        if self._process is not None:
            return self._process.pid if self._process.poll() is None else None
        try:
            pid = int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if f"{self._root}{os.sep}".encode() in _command_line(pid) else None

    def stop(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """SIGTERM, SIGKILL after the grace; nothing where it does not run."""
        pid = self.pid
        if pid is not None:
            self._signal(pid, signal.SIGTERM)
            if not self._gone_within(grace_seconds):
                self._signal(pid, signal.SIGKILL)
                if not self._gone_within(_SURVIVAL_SECONDS):
                    raise ControlPlaneError(f"{self.name} (pid {pid}) outlives SIGKILL")
        self._process = None
        self._pid_file.unlink(missing_ok=True)

    def _signal(self, pid: int, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):  # it may end by itself just now
            os.kill(pid, number)

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.pid is not None:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def last_lines(self) -> str:
        """The end of the log, to be quoted in an error."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return "(no log)"
        return "\n".join([f"{self.log} ends with:", *lines[-_QUOTED_LINES:]])

    def port_was_taken(self) -> bool:
        """Whether the log says that another program has the port."""
        return "address already in use" in self.last_lines()


def _command_line(pid: int) -> bytes:
    """Empty where there is no such process, or only what a dead one leaves until its parent asks for it."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return b""
    else:
        asked = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
        return subprocess.run(asked, capture_output=True, check=False).stdout
