"""Ends a process whose main loop is stuck, with the traceback of every thread."""

import faulthandler
import time

from .stderr import STDERR, non_blocking


class Watchdog:
    """Ends the process, with exit code 1, where ``beat`` is not called for ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._armed_at: float | None = None
        self._file = non_blocking(STDERR)
        """A traceback that nobody reads must not keep the process from ending."""

    def beat(self) -> None:
        """Start the time again. Arming starts a thread, so that it is done a few times in ``seconds`` at most."""
        now = time.monotonic()
        if self._armed_at is None or now - self._armed_at > self._seconds / 6:
            faulthandler.dump_traceback_later(self._seconds, exit=True, file=self._file)
            self._armed_at = now

    def cancel(self) -> None:
        """Stop watching."""
        faulthandler.cancel_dump_traceback_later()
