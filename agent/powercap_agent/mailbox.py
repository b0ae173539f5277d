"""Events from other threads and signal handlers to the main loop.

Only the newest budget is kept until the loop takes it.
"""

import threading
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any


@dataclass(frozen=True, slots=True)
class BudgetSeen:
    """The node's PowerBudget as the API server has it; None where there is none."""

    body: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Stop:
    """The agent is to end with this exit code."""

    why: str
    exit_code: int = 0


Event = BudgetSeen | Stop


class Mailbox:
    """The events that wait for the main loop. Any thread may put, one thread takes."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Stop | None] = SimpleQueue()
        self._guard = threading.Lock()
        self._latest: BudgetSeen | None = None

    def see(self, body: dict[str, Any] | None) -> None:
        """Put the budget in; it replaces one that was not taken yet."""
        with self._guard:
            waiting, self._latest = self._latest is not None, BudgetSeen(body)
        if not waiting:
            self._queue.put(None)

    def stop(self, why: str, exit_code: int = 0) -> None:
        """Have the main loop end. May be called from a signal handler."""
        self._queue.put(Stop(why, exit_code))

    def take(self, seconds: float) -> Event | None:
        """The next event, waiting for it for at most so long; None where there was none."""
        try:
            event = self._queue.get(timeout=seconds) if seconds > 0 else self._queue.get_nowait()
        except Empty:
            return None
        if event is not None:
            return event
        with self._guard:
            latest, self._latest = self._latest, None
        return latest
