"""Decides which statuses are worth a write to the API: those that say something new to this very object."""

from datetime import datetime
from typing import Any, Protocol

from .conditions import Situation
from .status import Status, build_refusal, build_status, says_the_same


class StatusSink(Protocol):
    """Takes statuses for the API server."""

    def submit(self, status: Status) -> None:
        """Have it written; returns at once."""
        ...

    def drop(self) -> None:
        """Forget what waits."""
        ...

    def close(self, seconds: float) -> bool:
        """Send what waits, for at most so long; whether that worked."""
        ...


class Teller:
    """Remembers what was told last, and to which object."""

    def __init__(self, sink: StatusSink) -> None:
        self._sink = sink
        self._uid: str | None = None
        self._told: Status | None = None
        self._situation: Situation | None = None

    def see(self, body: dict[str, Any] | None) -> None:
        """The object as the API server has it: one made anew, or emptied, has not been told anything yet."""
        if body is None:
            self._sink.drop()
            self._uid = self._told = self._situation = None
            return
        metadata, status = body.get("metadata"), body.get("status")
        uid = metadata.get("uid") if isinstance(metadata, dict) else None
        if uid != self._uid or not status:
            self._uid = uid
            self._told = status if isinstance(status, dict) else None
            self._situation = None

    def tell(self, situation: Situation, now: datetime) -> None:
        """Submit the status of ``situation``, unless it says what was told before, or no more than one step more
        on the way to a cap."""
        if not situation.is_only_a_step_on_from(self._situation):
            self._situation = situation
            self._submit(build_status(situation, now, self._told))

    def tell_refusal(self, why: str, generation: int, now: datetime) -> None:
        """Submit that the spec cannot be read and that nothing is followed."""
        self._submit(build_refusal(why, generation, now, self._told))

    def close(self, seconds: float) -> bool:
        """Wait for what was submitted; whether it was written."""
        return self._sink.close(seconds)

    def _submit(self, status: Status) -> None:
        if not says_the_same(status, self._told):
            self._told = status
            self._sink.submit(status)
