"""The way from the limits in force to those of a plan, such that the node's sum stays under its cap on the way.

- Limits that go down are written first. Limits go up only as far as those that could not be lowered leave room.
- A zone is a unit of work: after one of its limits could not be written, another is written only if short_term
  stays at or above long_term.
- A limit that cannot be read counts as its original.
- No limit is tried again after a refusal.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from ..hardware.read_back import reading
from ..hardware.zone import LimitError
from ..planning.limits import Write
from ..planning.write_order import ZoneStep, zone_steps
from .limit_writer import LimitWriter
from .results import ZoneResult, failed, in_force

Plan = Callable[[Mapping[str, int]], Sequence[Write]]
"""The limits of all zones, given the power of zones that hold more than their share, in microwatts by zone key."""
Save = Callable[[Sequence[Write]], Mapping[str, LimitError]]
"""Saves what must be on disk before the limits are written; returns the problem of each that must not be, by key."""


class Transition:
    """One such way. To be used once."""

    def __init__(self, writer: LimitWriter, save: Save) -> None:
        self._writer = writer
        self._save = save
        self._unsaved: Mapping[str, LimitError] = {}
        self._results: dict[str, ZoneResult] = {}
        self._failed: set[str] = set()

    def run(self, plan: Plan) -> tuple[list[Write], list[ZoneResult]]:
        """Write the limits; what was asked for in the end, and a result for each."""
        shares = list(plan({}))
        excess: dict[str, int] = {}
        while True:
            # A zone that holds more than its share is still asked for that share.
            writes = [write for write in shares if write.zone.key in excess]
            writes += [write for write in plan(excess) if write.zone.key not in excess]
            self._unsaved = self._save(writes)
            steps = zone_steps(writes, {write.key: reading_of(write) for write in writes})
            self._take(step for step in steps if not step.raises)
            more = self._excess(writes)
            if more.keys() <= excess.keys():
                break
            excess |= more
        self._take(step for step in steps if step.raises)
        problems = self._writer.enable(writes, self._results)
        for write in writes:
            if write.key in problems:
                reading_uw = self._results[write.key].read_back_uw
                self._results[write.key] = failed(write, problems[write.key], reading_uw)
        return writes, [self._results[write.key] for write in writes]

    def _take(self, steps: Iterable[ZoneStep]) -> None:
        for step in steps:
            for write in step.writes:
                if write.key not in self._failed:
                    self._results[write.key] = self._bring(write, step)

    def _bring(self, write: Write, step: ZoneStep) -> ZoneResult:
        # A limit that cannot be read may still be written: its original is known and saved.
        reading_uw = reading_of(write)
        problem = self._unsaved.get(write.key) or self._out_of_order(write, step)
        if problem is not None:
            result = failed(write, problem, reading_uw)
        else:
            result = self._writer.settled(write, reading_uw) or self._writer.write(write)
        if result.failed:
            self._failed.add(write.key)
        return result

    def _out_of_order(self, write: Write, step: ZoneStep) -> LimitError | None:
        """Why the limit must not be written after another one of its zone failed; None where it may be."""
        for other in step.writes:
            result = self._results.get(other.key)
            if other.key == write.key or other.key not in self._failed or result is None:
                continue
            other_uw = reading_of(other)
            short_uw, long_uw = (other_uw, write.power_uw) if write.leads else (write.power_uw, other_uw)
            if short_uw is None or long_uw is None or short_uw < long_uw:
                message = (
                    f"not written, as {other.constraint.name} of the zone could not be: {result.message}"
                )
                return LimitError(result.reason, message)
        return None

    def _excess(self, writes: Sequence[Write]) -> dict[str, int]:
        """The power of zones that count and hold more than their share, in microwatts by zone key."""
        found = {}
        for write in writes:
            result = self._results.get(write.key)
            if write.counted and result is not None and result.failed:
                power_uw = in_force(result, self._results.values())
                power_uw = write.original_uw if power_uw is None else power_uw
                if power_uw > write.power_uw + write.zone.tolerance_uw:
                    found[write.zone.key] = power_uw
        return found


def reading_of(write: Write) -> int | None:
    """What the limit reads, in microwatts; None where it cannot be read."""
    return reading(write.zone, write.constraint)
