"""When a job that can wait is started. Pure.

    cost of a start = mean of the signal over [start, start + duration)

that is, the job is taken to draw the same power all the while. A job is started at the earliest moment from which on
no later start that it may have, of those whose whole run is known, has a cost that is lower by the least saving. Asked
again later, the same data never give a later start, and more data never a dearer one.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class CostPeriod:
    """A stretch of time with one value of the signal."""

    start: datetime
    end: datetime
    value: Decimal
    """What is to be small: a price paid, a carbon intensity, or less the share of renewable power."""


class CostCurve:
    """The signal where it is known: periods that do not overlap, with or without gaps."""

    def __init__(self, periods: Iterable[CostPeriod]) -> None:
        """Take the periods, in any order."""
        ordered = sorted(periods, key=lambda period: period.start)
        self._starts = [_seconds(period.start) for period in ordered]
        self._ends = [_seconds(period.end) for period in ordered]
        self._edges = sorted({*self._starts, *self._ends})
        self._values = [period.value for period in ordered]
        self._sums = [Decimal(0)]
        """Of value times seconds, before each period."""
        for start, end, value in zip(self._starts, self._ends, self._values, strict=True):
            self._sums.append(self._sums[-1] + value * (end - start))
        self._known_until = list(self._ends)
        """Up to when there is no gap, for each period."""
        for index in range(len(ordered) - 2, -1, -1):
            if self._ends[index] == self._starts[index + 1]:
                self._known_until[index] = self._known_until[index + 1]

    def mean(self, start: datetime, duration: timedelta) -> Decimal | None:
        """The cost of a start; None where the signal is not known all the while. ``duration`` is a second or more."""
        begin, length = _seconds(start), duration // _SECOND
        total = self._total(begin, length)
        return None if total is None else total / length

    def _total(self, begin: int, length: int) -> Decimal | None:
        index = bisect_right(self._starts, begin) - 1
        if index < 0 or begin >= self._ends[index] or begin + length > self._known_until[index]:
            return None
        return self._integral(begin + length) - self._integral(begin)

    def _integral(self, moment: int) -> Decimal:
        """Value times seconds up to a moment in or at the end of a period."""
        index = bisect_right(self._starts, moment) - 1
        return self._sums[index] + self._values[index] * (moment - self._starts[index])

    def best_start(self, now: datetime, latest: datetime, duration: timedelta, saving: Decimal) -> datetime:
        """When to start a job that may start from ``now`` to ``latest`` and runs for ``duration``: ``now`` or later,
        on a whole second.

        ``saving`` is the least part of a start's cost that putting it off must save, 0 to 1; with 0 it is the cheapest
        start, the earliest of several. ``now`` where the cost of a start at once is not known: nothing waits for data.
        """
        length = duration // _SECOND
        candidates = self._candidates(_seconds(now), _seconds(latest), length)
        totals = [(begin, self._total(begin, length)) for begin in candidates]
        if totals[0][1] is None:
            return now
        chosen, later = now, None
        for begin, total in reversed(totals):
            if total is None:
                continue
            if later is None or total - later <= saving * abs(total):
                chosen = max(now, _EPOCH + begin * _SECOND)
            later = total if later is None else min(later, total)
        return chosen

    def _candidates(self, first: int, last: int, length: int) -> Sequence[int]:
        """Moments at which the cost as a function of the start changes its slope, and the two ends."""
        edges = self._edges
        found = {first, max(first, last)}
        found.update(edges[bisect_right(edges, first) : bisect_left(edges, last)])
        shifted = edges[bisect_right(edges, first + length) : bisect_left(edges, last + length)]
        found.update([edge - length for edge in shifted])
        return sorted(found)


def _seconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _SECOND
