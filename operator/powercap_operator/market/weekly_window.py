"""Stretches of the week on the clock on the wall. Pure.

A window starts on each of its days at ``start`` and ends at the next ``end`` (on the day after, where that is not later
in the day). That needs no care where clocks change: both passes of a repeated hour are in the windows that name it, and
a skipped hour has no periods.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Self

from powercap_api.policy.week import Weekday, WeekWindow

_WEEK = tuple(Weekday)


@dataclass(frozen=True, slots=True)
class WeeklyWindow:
    """A window in numbers: weekdays from 0 for Monday, minutes of the day."""

    days: frozenset[int]
    start: int
    end: int
    text: str
    """For people: ``Mon–Fri 22:00–06:00``."""

    @classmethod
    def of(cls, spec: WeekWindow) -> Self:
        weekdays, start, end = frozenset(map(_WEEK.index, spec.days)), spec.start, spec.end
        return cls(weekdays, minutes_of(start), minutes_of(end), f"{days_text(weekdays)} {start}–{end}")

    def holds(self, local: datetime) -> bool:
        """Whether the window holds at a moment of the zone's clock."""
        minute, weekday = local.hour * 60 + local.minute, local.weekday()
        if self.start < self.end:
            return weekday in self.days and self.start <= minute < self.end
        began_today = weekday in self.days and minute >= self.start
        return began_today or ((weekday - 1) % 7 in self.days and minute < self.end)


def days_text(days: frozenset[int]) -> str:
    """Weekdays for people: ``daily``, ``Mon–Fri``, ``Mon, Wed–Fri``; of two neighbours, ``Sat, Sun``."""
    if len(days) == len(_WEEK):
        return "daily"
    runs = [
        [day for _, day in run]
        for _, run in groupby(enumerate(sorted(days)), key=lambda placed: placed[1] - placed[0])
    ]
    return ", ".join(
        f"{_WEEK[run[0]]}–{_WEEK[run[-1]]}" if len(run) > 2 else ", ".join(_WEEK[day] for day in run)
        for run in runs
    )


def minutes_of(clock: str) -> int:
    """Minutes of the day at a time such as ``22:00``, 0 to 1440."""
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)
