"""Agents that do not report: since when a node's budget has been waiting for a status. Pure.

Agents write no heartbeats. One reports when its slot ends and when it takes up another spec, so the budget alone tells
when a report is due. An agent whose report has been due for ten minutes is silent, until nothing is due. The operator
that leads says so on the budget, and whoever tells of the node reads it there: nobody judges it a second time.

A clock that is set ahead, and an operator that stood still, make many reports overdue at once. Agents are then judged
by the moment before, until each has had its turn to report (``Passage``).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

SILENT_AFTER: Final = timedelta(minutes=10)
"""Time after a report was due from which its agent is silent: ten times what it takes when all report in turn."""
TAKE_UP: Final = timedelta(minutes=2)
"""An agent takes up another spec within seconds; after so long its node does not follow its budget any more."""
LONGEST_GAP: Final = timedelta(minutes=1)
"""The operator looks at the clock once a second. Where it finds it further ahead than this since its last look, that
time did not pass for the agents' reports: the clock was set, or the operator stood still."""
GRACE: Final = timedelta(minutes=2)
"""By then every agent has reported: in its turn, which comes within a minute, and what the request takes."""


@dataclass(frozen=True, slots=True)
class Jump:
    """Time that was skipped."""

    before: datetime
    """The last moment before it."""
    until: datetime
    """When every agent that lives has reported since."""


class Passage:
    """How time went on, as the operator saw it."""

    def __init__(self) -> None:
        self._last: datetime | None = None
        self.jump: Jump | None = None
        """The last time that was skipped; None where there was none, where all agents have had their turn since, and
        where the clock was set back to before its end: what it made overdue is not overdue then."""

    def look(self, now: datetime) -> bool:
        """Take in the time; whether some was skipped since the last look."""
        last, self._last = self._last, now
        if last is not None and now - last > LONGEST_GAP:
            self.jump = Jump(last if self.jump is None else self.jump.before, now + GRACE)
            return True
        if self.jump is not None and (now >= self.jump.until or now < self.jump.until - GRACE - LONGEST_GAP):
            self.jump = None
        return False


@dataclass(frozen=True, slots=True)
class Reporting:
    """What a budget tells of its agent's reports."""

    generation: int | None = None
    """Of the spec."""
    observed_generation: int | None = None
    """Of the spec that the agent last reported on; None where it never has."""
    written_at: datetime | None = None
    """When the operator last wrote the spec."""
    slot_end: datetime | None = None
    """End of the slot that the agent reported: it reports the next one then."""

    @property
    def lags(self) -> bool:
        """Whether there is a newer spec than the agent has reported on."""
        return self.generation is not None and (self.observed_generation or 0) < self.generation

    def due_since(self, now: datetime) -> datetime | None:
        """Since when a report is due; None where none is."""
        moments = [self.slot_end] if self.slot_end is not None and self.slot_end <= now else []
        if self.lags and self.written_at is not None:
            moments.append(self.written_at)
        return min(moments, default=None)

    def is_behind(self, now: datetime) -> bool:
        """Whether the agent has not taken up the newest spec in the time that this takes."""
        return self.lags and self.written_at is not None and now - self.written_at > TAKE_UP


def silent_since(
    reporting: Reporting,
    before: datetime | None,
    now: datetime,
    judged_at: datetime,
    seen_since: datetime | None,
) -> datetime | None:
    """Since when the agent is silent; None where it reports.

    Args:
        reporting: what the budget tells.
        before: what was found earlier. It stays while anything is due.
        now: the moment.
        judged_at: the moment by which an agent is newly found silent: ``now``, or an earlier one (``Jump``).
        seen_since: since when the operator has seen the cluster without a break; None where it does not. A report
            that nobody could have seen is not missed, so that no outage of the API server makes all agents silent.
    """
    due = reporting.due_since(now)
    if due is None:
        return None
    if before is not None:
        return before
    if seen_since is None or judged_at - max(due, seen_since) < SILENT_AFTER:
        return None
    return due
