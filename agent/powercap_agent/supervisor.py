"""The main thread: waits for a signal while the loop runs in a thread of its own, and sees to the end.

The loop may hang in a file of the kernel's at any moment, and a thread that hangs there handles no signal. Whatever it
does, the originals of all other zones are put back, the last status is sent, and the process ends.
"""

import faulthandler
import signal
import threading
import time
from typing import Final

from .logs import Log
from .loop import Loop
from .mailbox import Mailbox
from .stderr import STDERR, non_blocking

ENDINGS: Final = (signal.SIGTERM, signal.SIGINT)
STALL_SECONDS: Final = 60.0
"""A loop that does not turn for so long is stuck in the kernel or dead: the agent ends, and the kubelet starts a new
one."""
YIELD_SECONDS: Final = 0.5
"""Time for the loop to end its turn."""
END_SECONDS: Final = 8.0
"""The process ends after so long whatever happens: a graceful shutdown of a node often leaves it ten."""
_LOOK_SECONDS: Final = 1.0


class Supervisor:
    """Runs one loop, which calls ``beat`` in each turn."""

    def __init__(
        self,
        mailbox: Mailbox,
        log: Log,
        stall_seconds: float = STALL_SECONDS,
        end_seconds: float = END_SECONDS,
    ) -> None:
        self._mailbox = mailbox
        self._log = log
        self._stall_seconds = stall_seconds
        self._end_seconds = end_seconds
        self._ended = threading.Event()
        self._code = 1
        self._beaten = time.monotonic()

    def beat(self) -> None:
        """The loop turns."""
        self._beaten = time.monotonic()

    def run(self, loop: Loop) -> int:
        """Run the loop until a signal comes or it ends, and put the originals back. ``ENDINGS`` must be blocked in all
        threads.

        Returns the exit code: 1 where an original could not be put back, where the loop was stuck, or as it says.
        """
        self.beat()
        threading.Thread(target=self._follow, args=(loop,), name="limits", daemon=True).start()
        while not self._ended.is_set():
            number = signal.sigtimedwait(ENDINGS, _LOOK_SECONDS)
            if number is not None:
                self._code = 0
                self._mailbox.stop(signal.Signals(number.si_signo).name)
                break
            if time.monotonic() - self._beaten > self._stall_seconds:
                self._log.error("the loop is stuck: the agent ends", seconds=round(self._stall_seconds))
                # A traceback that nobody reads must not keep the process from ending.
                faulthandler.dump_traceback(file=non_blocking(STDERR))
                break
        file = non_blocking(STDERR)
        faulthandler.dump_traceback_later(self._end_seconds, exit=True, file=file)
        if not self._ended.wait(YIELD_SECONDS):
            self._log.warning("the loop did not end its turn: originals are put back without it")
        back = loop.end()
        faulthandler.cancel_dump_traceback_later()
        return self._code if back else 1

    def _follow(self, loop: Loop) -> None:
        try:
            self._code = loop.run()
        finally:
            self._ended.set()
