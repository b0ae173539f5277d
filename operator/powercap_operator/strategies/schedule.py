"""Strategy Schedule: weekly windows with a power of their own, over another strategy.

    cap = power of the first window that holds when the period begins, else the other strategy's cap

A window holds on the clock on the wall of the market's zone: it starts on each of its days at ``start`` and ends at
the next ``end`` (on the day after, where that is not later in the day). That needs no care where clocks change: both
passes of a repeated hour are in the windows that name it, and a skipped hour has no periods. Never below minPower,
never above maxSource.

The other strategy sees the whole day, windows too: what is largest or cheapest does not depend on the schedule.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Self

from powercap_api.markets import BiddingZone
from powercap_api.strategy import ScheduleWindow, Weekday
from powercap_api.units import format_watts, parse_watts

from ..market.results import Period
from .base import Cap, Limits, Strategy, bounded

_WEEK = tuple(Weekday)


@dataclass(frozen=True, slots=True)
class Window:
    """A window in numbers: weekdays from 0 for Monday, minutes of the day, microwatts."""

    days: frozenset[int]
    start: int
    end: int
    power_uw: int
    text: str

    @classmethod
    def of(cls, spec: ScheduleWindow) -> Self:
        """The window that the policy describes."""
        days = frozenset(_WEEK.index(Weekday(day)) for day in spec.days)
        text = f"window {days_text(days)} {spec.start}–{spec.end}"
        return cls(days, _minutes(spec.start), _minutes(spec.end), parse_watts(spec.power), text)

    def holds(self, local: datetime) -> bool:
        """Whether the window holds at a moment of the zone's clock."""
        minute, weekday = local.hour * 60 + local.minute, local.weekday()
        if self.start < self.end:
            return weekday in self.days and self.start <= minute < self.end
        began_today = weekday in self.days and minute >= self.start
        return began_today or ((weekday - 1) % 7 in self.days and minute < self.end)


class ScheduleStrategy:
    """Caps of windows, and of another strategy between them."""

    def __init__(self, windows: Sequence[ScheduleWindow], otherwise: Strategy) -> None:
        """Windows in order of precedence, and the strategy that they override."""
        self._windows = [Window.of(window) for window in windows]
        self._otherwise = otherwise

    @property
    def needs_volume(self) -> bool:
        """As the strategy between the windows."""
        return self._otherwise.needs_volume

    @property
    def needs_price(self) -> bool:
        """As the strategy between the windows."""
        return self._otherwise.needs_price

    @property
    def needs_market(self) -> bool:
        """As the strategy between the windows."""
        return self._otherwise.needs_market

    def caps(self, periods: Sequence[Period], limits: Limits, where: BiddingZone) -> list[Cap]:
        """One cap per period: a window's where one holds."""
        between = self._otherwise.caps(periods, limits, where)
        zone = where.zone
        return [
            self._cap(period.start.astimezone(zone), limits) or cap
            for period, cap in zip(periods, between, strict=True)
        ]

    def _cap(self, local: datetime, limits: Limits) -> Cap | None:
        for window in self._windows:
            if window.holds(local):
                return bounded(window.power_uw, limits, f"{window.text}: {format_watts(window.power_uw)} W")
        return None


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


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)
