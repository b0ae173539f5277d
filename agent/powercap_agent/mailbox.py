"""What other threads and signals tell the main loop.

Of budgets only the latest counts: a loop that is busy with hardware does not collect the ones in between. ``stop``
may be called from a signal handler.
"""

import threading
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any


@dataclass(frozen=True, slots=True)
class BudgetSeen:
    """The API server's word on the node's PowerBudget: the object, or None where there is none."""

    body: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Stop:
    """The agent is to end with this exit code."""

    why: str
    exit_code: int = 0


Event = BudgetSeen | Stop


class Inbox:
    """The main loop's events."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Stop | None] = SimpleQueue()
        self._guard = threading.Lock()
        self._latest: BudgetSeen | None = None

    def see(self, body: dict[str, Any] | None) -> None:
        """The budget is so now, in place of what was seen before and not yet taken."""
        with self._guard:
            waiting, self._latest = self._latest is not None, BudgetSeen(body)
        if not waiting:
            self._queue.put(None)

    def stop(self, why: str, exit_code: int = 0) -> None:
        """The agent is to end."""
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
