"""A thread for calls that may hang, so that nobody else does."""

import threading
import time
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

T = TypeVar("T")

CALL_SECONDS: Final = 2.0
"""A call that takes longer is given up by whoever waits for it."""


class HungError(Exception):
    """The call did not come back in time, or an earlier one still has not."""


class _Job:
    """A call whose outcome one may wait for."""

    def __init__(self, do: Callable[[], Any]) -> None:
        self._do = do
        self.outcome: SimpleQueue[tuple[Any, Exception | None]] = SimpleQueue()
        self.given_up = False

    def run(self) -> None:
        if not self.given_up:
            try:
                self.outcome.put((self._do(), None))
            except Exception as error:  # noqa: BLE001 - it is the caller's
                self.outcome.put((None, error))


class Worker:
    """Does what it is given one after the other, in a thread that is started with the first of it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._busy_since: float | None = None

    @property
    def busy(self) -> bool:
        """Whether something is being done, or waits to be."""
        return self._busy_since is not None or not self._jobs.empty()

    def offer(self, do: Callable[[], None]) -> bool:
        """Have ``do`` done, soon and without waiting for it, unless something else is being done; whether it will be.

        ``do`` raises nothing.
        """
        if self.busy:
            return False
        self._put(_Job(do))
        return True

    def call(self, do: Callable[[], T], seconds: float = CALL_SECONDS) -> T:
        """What ``do`` returns or raises.

        Raises:
            HungError: it did not end within ``seconds``; what was not begun by then is never done.
        """
        since = self._busy_since
        if since is not None and time.monotonic() - since >= seconds:
            raise HungError(f"an earlier call has not come back for {time.monotonic() - since:.0f} s")
        job = _Job(do)
        self._put(job)
        try:
            result, error = job.outcome.get(timeout=seconds)
        except Empty:
            job.given_up = True
            raise HungError(f"no answer within {seconds:.0f} s") from None
        if error is not None:
            raise error
        found: T = result
        return found

    def _put(self, job: _Job) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._jobs.put(job)

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            self._busy_since = time.monotonic()
            job.run()
            self._busy_since = None


def each_in_time(work: Mapping[str, Callable[[], T]], seconds: float, patience: float = 0.2) -> dict[str, T]:
    """What each call returned, by its key, of those that ended within ``seconds``.

    They run one after the other in one thread; where one takes longer than ``patience``, another thread goes on with
    the rest. A call that raises has no result here: the thread's end is told by ``threading.excepthook``.
    """
    left = list(work.items())
    ended: SimpleQueue[tuple[str, Any]] = SimpleQueue()

    def run() -> None:
        while left:
            try:
                key, do = left.pop(0)
            except IndexError:
                return
            outcome: list[T] = []
            try:
                outcome.append(do())
            finally:
                ended.put((key, outcome))

    def start() -> None:
        try:
            threading.Thread(target=run, name="limits of a zone", daemon=True).start()
        except RuntimeError:  # there may be no more threads
            run()

    results: dict[str, T] = {}
    missing, until = len(work), time.monotonic() + seconds
    if work:
        start()
    while missing and (rest := until - time.monotonic()) > 0:
        try:
            key, outcome = ended.get(timeout=min(patience, rest) if left else rest)
        except Empty:
            if left:
                start()
            continue
        missing -= 1
        if outcome:
            results[key] = outcome[0]
    return results
