"""Strategy Schedule: weekly windows with a power of their own, over another strategy.

    cap = power of the first window that holds when the period begins, else the other strategy's cap

A window holds on the clock on the wall of the market's zone (``market/weekly_window``). Never below minPower, never
above maxSource.

The other strategy sees the whole day, windows too: what is largest or cheapest does not depend on the schedule.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from powercap_api.policy.strategy import ScheduleWindow
from powercap_api.units import Power

from ..market.needs import Needs
from ..market.weekly_window import WeeklyWindow
from .base import Cap, Day, Limits, Strategy, bounded


class ScheduleStrategy:
    """Caps of windows, and of another strategy between them."""

    def __init__(self, windows: Sequence[ScheduleWindow], otherwise: Strategy) -> None:
        """Windows in order of precedence, and the strategy that they override."""
        self._windows = [(WeeklyWindow.of(window), Power.parse(window.power)) for window in windows]
        self._otherwise = otherwise

    @property
    def needs(self) -> Needs:
        return self._otherwise.needs

    def caps(self, day: Day) -> list[Cap]:
        """One cap per period: a window's where one holds."""
        zone = day.where.wall_clock
        around = [replace(one, was_full=self._between(one.was_full, zone)) for one in day.around]
        between = self._otherwise.caps(replace(day, around=around))
        return [
            self._cap(period.start.astimezone(zone), day.limits) or cap
            for period, cap in zip(day.periods, between, strict=True)
        ]

    def _between(
        self, was_full: Mapping[datetime, bool | None] | None, zone: ZoneInfo
    ) -> dict[datetime, bool | None] | None:
        """The past without what windows asked for: of that the other strategy's share is not known."""
        if was_full is None:
            return None
        return {
            start: None if any(window.holds(start.astimezone(zone)) for window, _ in self._windows) else full
            for start, full in was_full.items()
        }

    def _cap(self, local: datetime, limits: Limits) -> Cap | None:
        for window, power in self._windows:
            if window.holds(local):
                return bounded(limits.power_uw(power), limits, f"window {window.text}: {power}")
        return None
