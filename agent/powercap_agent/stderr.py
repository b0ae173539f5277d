"""Standard error that never blocks: what nobody reads is dropped and counted.

A pipe holds 64 KiB. When its reader stops (a container runtime that hangs), a plain write blocks, and with it whoever
logs: the main loop would miss its slots, SIGTERM and its own end.
"""

import contextlib
import os
import socket
import stat
from typing import Final

STDERR: Final = 2


class NonBlockingStderr:
    """Writes lines to standard error. A line is written whole or dropped; the next one that can be written is preceded
    by the number of those dropped. May be used by several threads."""

    def __init__(self, descriptor: int = STDERR) -> None:
        self._descriptor = non_blocking(descriptor)
        self._is_socket = stat.S_ISSOCK(os.fstat(descriptor).st_mode)
        self._cut = False
        self.dropped = 0
        """Lines dropped since the last one that was written."""

    def write(self, line: str) -> None:
        """Write a line that ends in a newline, or drop it."""
        if self.dropped:
            line = f"{self.dropped} log lines were dropped, as nobody read them\n{line}"
        data = (b"\n" if self._cut else b"") + line.encode("utf-8", errors="replace")
        try:
            written = self._send(data)
        except OSError:
            self.dropped += 1
        else:
            # Only lines longer than PIPE_BUF (4096 bytes) can be cut.
            self._cut = written < len(data)
            self.dropped = 0

    def _send(self, data: bytes) -> int:
        if self._is_socket:
            with socket.socket(fileno=os.dup(self._descriptor)) as stream:
                return stream.send(data, socket.MSG_DONTWAIT)
        return os.write(self._descriptor, data)


def non_blocking(descriptor: int) -> int:
    """A descriptor for the same file that does not block, where ``descriptor`` is a pipe or a terminal; else itself.

    The file is opened again: O_NONBLOCK on ``descriptor`` itself would hold for all processes that share it.
    """
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        with contextlib.suppress(OSError):
            return os.open(
                f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
            )
    return descriptor
