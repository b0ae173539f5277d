"""Starts agents by fork from a process that has loaded the agent's modules: Python alone takes seconds to start under
emulation. What is forked is the agent's own ``main``, as a process with its own threads and signals.

A request is a line of JSON on standard input, ``{"start": [ARGUMENT...], "log": FILE}``, answered by the process id, or
``{"wait": PID}``, answered by the exit status as a shell gives it (128 + signal).
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from powercap_agent.main import main


class Launcher:
    """The other side: the process that forks."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kernel.launcher"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def start(self, arguments: list[str], log: Path) -> int:
        """Start an agent; its process id."""
        return self._ask({"start": arguments, "log": str(log)})

    def wait(self, pid: int) -> int:
        """Its exit status, once it has ended."""
        return self._ask({"wait": pid})

    def _ask(self, request: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def _start(arguments: list[str], log: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, descriptor in enumerate((nothing, written, written)):
            os.dup2(descriptor, number)
        status = main(arguments)
        sys.stdout.flush()
    finally:
        os._exit(status)


def _serve() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        if "start" in request:
            answer = _start(request["start"], request["log"])
        else:
            answer = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
        print(answer if answer >= 0 else 128 - answer, flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    _serve()
