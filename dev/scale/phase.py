"""One phase of a run: begun, followed in the audit log until all of it is written and reported, and measured."""

import time
from collections import Counter
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from dev.lab.audit_log import AGENT, Asked, AuditLog
from dev.lab.stage import StageError
from dev.scale.meters import Meters, Usage

_LOOK_SECONDS = 0.2
_QUIET_SECONDS = 3.0
_UNSURE_QUIET_SECONDS = 30.0
_TIMED_OUT = 504
"""The API server did not wait for the end of such a write: it may be done all the same, and is not made again then."""


@dataclass(frozen=True, slots=True)
class Phase:
    """What to wait for."""

    what: str
    by: str
    """User-Agent whose writes of budgets are counted."""
    written: Collection[str] = ()
    """Budgets that have to be written, or, with ``gone``, deleted."""
    reported: Collection[str] = ()
    """Budgets whose status has to be written, by ``reporter``."""
    reporter: str = AGENT
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """How a phase went. It ends 3 s after the last write, which are part of what was used."""

    what: str
    written_seconds: float | None
    """Until the last budget was written for the first time; None where none had to be."""
    reported_seconds: float | None
    budget_writes: int
    status_writes: int
    statuses_a_second: int
    """Most status writes within one second."""
    refused: int
    """Writes that the API server did not take."""
    used: Usage
    longest_step_seconds: float | None
    """Most processor time that the operator's loop took in one step since it started; None where it does not run."""


@dataclass(slots=True)
class Stopwatch:
    """Runs phases, one after the other."""

    log: AuditLog
    meters: Meters
    seconds: float
    """The most that a phase may take."""

    def run(self, phase: Phase, begin: Callable[[], object]) -> Measured:
        """Begin it, and follow it to its end.

        Raises:
            StageError: it did not end in time.
        """
        self.log.new()
        before, began = self.meters.usage(), time.time()
        with ThreadPoolExecutor(1) as thread:
            begun = thread.submit(begin)
            writes = self._follow(phase, began, begun.done)
            begun.result()
        used = self.meters.usage().since(before)
        step = None if self.meters.operator.pid is None else self.meters.longest_step()
        return _measured(phase, writes, began, used, step)

    def _follow(self, phase: Phase, began: float, done: Callable[[], bool]) -> list[Asked]:
        writes: list[Asked] = []
        missing = {"budgets": set(phase.written), "statuses": set(phase.reported)}
        unsure: set[str] = set()
        while True:
            for write in self.log.new():
                writes.append(write)
                for what, fits in (("budgets", _is_budget), ("statuses", _is_status)):
                    if fits(phase, write) and write.is_applied:
                        missing[what].discard(write.name)
                    elif fits(phase, write) and write.code == _TIMED_OUT:
                        unsure.add(write.name)
            quiet = time.time() - max((write.done_at for write in writes), default=began)
            left = set().union(*missing.values())
            enough = _UNSURE_QUIET_SECONDS if left else _QUIET_SECONDS
            if done() and left <= unsure and quiet > enough:
                return writes
            if time.time() - began > self.seconds:
                lacking = ", ".join(f"{len(names)} {what}" for what, names in missing.items())
                raise StageError(f"{phase.what}: not within {self.seconds:.0f} s; missing: {lacking}")
            time.sleep(_LOOK_SECONDS)


def _is_budget(phase: Phase, write: Asked) -> bool:
    return (
        write.agent.startswith(phase.by)
        and write.resource == "powerbudgets"
        and (write.verb == "delete") == phase.gone
    )


def _is_status(phase: Phase, write: Asked) -> bool:
    return write.agent.startswith(phase.reporter) and write.resource == "powerbudgets/status"


def _measured(phase: Phase, writes: list[Asked], began: float, used: Usage, step: float | None) -> Measured:
    applied = [write for write in writes if write.is_applied]
    budgets = [write for write in applied if _is_budget(phase, write)]
    statuses = [write for write in applied if _is_status(phase, write)]
    a_second = Counter(int(write.done_at) for write in statuses)
    return Measured(
        phase.what,
        _until_first(budgets, began) if phase.written else None,
        _until_first(statuses, began) if phase.reported else None,
        len(budgets),
        len(statuses),
        max(a_second.values(), default=0),
        len(writes) - len(applied),
        used,
        step,
    )


def _until_first(writes: list[Asked], began: float) -> float:
    """Seconds until each name had been written once."""
    first: dict[str, float] = {}
    for write in writes:
        first.setdefault(write.name, write.done_at)
    return max(first.values()) - began
