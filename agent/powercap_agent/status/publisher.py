"""Publishes a status if it differs from the one that the object has, or if its energy is an hour old."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final, Protocol

from powercap_api.clock import format_time
from powercap_api.reasons import BudgetReason

from .budget_status import Status, build_failure, build_refusal, build_status, says_the_same
from .conditions import NodeState

_ON_PURPOSE: Final = BudgetReason.DRY_RUN
"""Applied is False with this reason because the policy says so."""
ENERGY_EVERY: Final = timedelta(hours=1)
"""Energy alone is a reason to write a status this long after the last one."""


class Urgency(Enum):
    """When a status is to be written."""

    AT_ONCE = 0
    """It says that something is wrong that was not wrong before."""
    SOON = 1
    """It says something new: an edit, a recovery, a limit that was set again."""
    ROUTINE = 2
    """It says what every node says at a new market period. Nodes take turns, so that the API server's load is even."""


class StatusSink(Protocol):
    """Takes statuses for the API server."""

    def submit(self, status: Status, urgency: Urgency) -> None:
        """Queue a status; a newer one replaces it, and is written no later than it would have been. Returns at once."""
        ...

    def drop(self) -> None:
        """Discard the queued status."""
        ...

    def close(self, seconds: float) -> bool:
        """Send the queued status within ``seconds``; whether it was written."""
        ...


class StatusPublisher:
    """Remembers the status last seen on the object, or submitted since."""

    def __init__(self, sink: StatusSink) -> None:
        self._sink = sink
        self._failure: str | None = None
        self._published: Status | None = None
        self._state: NodeState | None = None

    def observe(self, body: dict[str, Any] | None) -> bool:
        """Take in the object as the API server has it. Where its status is not the one published, whoever wrote it, the
        next one is published."""
        if body is None:
            self._sink.drop()
            self._state = self._published = None
            return True
        status = body.get("status")
        seen = status if _is_whole(status) else None
        same = seen is not None and says_the_same(seen, self._published)
        if not same:
            self._state = None
        self._published = seen
        return same

    def publish(self, state: NodeState, now: datetime) -> None:
        """Submit the status of ``state``, unless it says the same as the last one or is only one more step of the
        same lowering. Energy counted up is nothing new within an hour."""
        if not state.is_next_step_of(self._state):
            self._state = state
            self._submit(build_status(state, now, self._published), now)

    def publish_refusal(self, why: str, generation: int, now: datetime) -> None:
        """Submit the status of a spec that cannot be read where no earlier one is known."""
        self._submit(build_refusal(why, generation, now, self._published), now)

    def publish_failure(self, error: Exception, generation: int, now: datetime) -> None:
        """Submit, once, that the right status could not be made."""
        if self._failure != repr(error):
            self._failure, self._state, self._published = repr(error), None, None
            self._sink.submit(build_failure(error, generation, now), Urgency.AT_ONCE)

    def close(self, seconds: float) -> bool:
        """Wait until the last status is written, for at most ``seconds``; whether it was."""
        return self._sink.close(seconds)

    def energy_due(self, now: datetime) -> bool:
        """Whether a status is to be published for its energy alone."""
        energy = (self._published or {}).get("energy")
        return energy is not None and str(energy["until"]) <= format_time(now - ENERGY_EVERY)

    def _submit(self, status: Status, now: datetime) -> None:
        if not says_the_same(status, self._published) or self._energy_is_new(status, now):
            urgency = urgency_of(status, self._published)
            self._published, self._failure = status, None
            self._sink.submit(status, urgency)

    def _energy_is_new(self, status: Status, now: datetime) -> bool:
        if status.get("energy") is None:
            return False
        return (self._published or {}).get("energy") is None or self.energy_due(now)


def _is_whole(status: object) -> bool:
    """Whether a status is one that an agent may have written, as far as it is compared."""
    if not isinstance(status, dict):
        return False
    energy, conditions = status.get("energy"), status.get("conditions") or []
    return (
        (energy is None or (isinstance(energy, dict) and "until" in energy))
        and isinstance(conditions, list)
        and all(isinstance(one, dict) and {"type", "status", "reason"} <= one.keys() for one in conditions)
    )


def urgency_of(status: Status, before: Mapping[str, Any] | None) -> Urgency:
    """When to write ``status`` in place of the one written ``before``."""
    old, new = _said(before or {}), _said(status)
    if any(
        new[kind] != old.get(kind) and new[kind][0] != "True" and new[kind][1] != _ON_PURPOSE for kind in new
    ):
        return Urgency.AT_ONCE
    unchanged = all(
        status.get(name) == (before or {}).get(name) for name in ("observedGeneration", "reapplied")
    )
    return Urgency.ROUTINE if new == old and unchanged else Urgency.SOON


def _said(status: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Status and reason of each condition, by type."""
    return {one["type"]: (one["status"], one["reason"]) for one in status.get("conditions") or ()}
