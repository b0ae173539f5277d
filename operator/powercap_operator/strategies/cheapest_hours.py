"""Strategy CheapestHours: so many hours of each day at maxSource, the cheapest, and the rest at minPower.

    cap = maxSource    in the cheapest hours x 60 / length of a period periods of the day
    cap = minPower     in all others

The day is the delivery day, or the stretch ``within`` of it, which may run over midnight: it is then the day's whose
evening it begins in. Of equal prices the earliest counts. ``contiguous`` takes the stretch of so many hours in a row
whose prices have the least sum. A stretch that clocks make longer or shorter has more or fewer periods to choose from;
as many are chosen. Where it has fewer than are asked for, all of them are.

A choice is made from what is known when a period begins, and stands: hours used are those in which maxSource was in
force, whatever results asked for it. Results that come while the stretch runs, as those of tomorrow in the evening or
of another source, add their periods for the hours that are then still to be chosen; hours in a row that have begun go
on. Without a past, as in a plan on paper, it is worked out from when the results came: periods that begin before those
of their own day came are never chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from powercap_api.markets import BiddingZone
from powercap_api.policy.strategy import DEFAULT_HOURS, PlainStrategySpec, StrategySpec

from ..market.needs import Needs
from ..market.results import Period
from ..market.tariff import short_price
from ..market.weekly_window import minutes_of
from .base import Cap, Day, Limits, Stretch, full, least

_ALWAYS: Final = datetime.min.replace(tzinfo=UTC)
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A period that may be chosen."""

    start: datetime
    price: Decimal
    known_at: datetime
    has_begun: bool = False
    was_full: bool | None = None


class CheapestHoursStrategy:
    """Full power in the cheapest hours."""

    needs: Final = Needs(price=True)

    def __init__(self, spec: StrategySpec | PlainStrategySpec) -> None:
        """Take hours, contiguous and within from the policy."""
        self._hours = DEFAULT_HOURS if spec.hours is None else spec.hours
        self._contiguous = bool(spec.contiguous)
        self._within: tuple[int, int] | None = None
        self._where = ""
        if spec.within is not None:
            self._within = (minutes_of(spec.within.start), minutes_of(spec.within.end))
            self._where = f"{spec.within.start}–{spec.within.end}"

    def caps(self, day: Day) -> list[Cap]:
        """One cap per period. A period without a price gets minPower."""
        chosen = self._chosen(day.around or (Stretch(day.periods),), _step(day.periods), day.where)
        return [self._cap(period, chosen, day.limits, day.where) for period in day.periods]

    def _cap(self, period: Period, chosen: frozenset[datetime], limits: Limits, where: BiddingZone) -> Cap:
        if self._day(period.start, where) is None:
            return least(limits, f"outside {self._where}")
        if period.price is None:
            return least(limits, "no price")
        among = f"the cheapest {self._hours} h{' in a row' if self._contiguous else ''}"
        among += f" of {self._where}" if self._where else ""
        price = f"{short_price(period.price)} {where.currency}/MWh"
        if period.start in chosen:
            return full(limits, f"{price}, in {among}")
        return least(limits, f"{price}, not in {among}")

    def _day(self, moment: datetime, where: BiddingZone) -> date | None:
        """The day whose stretch a moment is in; None outside of every stretch.

        Without ``within`` that is the delivery day; ``within`` is on the clock on the wall.
        """
        if self._within is None:
            return moment.astimezone(where.zone).date()
        local = moment.astimezone(where.wall_clock)
        start, end = self._within
        minute = local.hour * 60 + local.minute
        if start < end:
            return local.date() if start <= minute < end else None
        if minute >= start:
            return local.date()
        return local.date() - timedelta(days=1) if minute < end else None

    def _chosen(self, around: Sequence[Stretch], step: timedelta, where: BiddingZone) -> frozenset[datetime]:
        days: dict[date, list[_Candidate]] = {}
        for stretch in around:
            for period in stretch.periods:
                day = self._day(period.start, where)
                if day is not None and period.price is not None:
                    known_at, past = stretch.known_at or _ALWAYS, stretch.was_full or {}
                    begun = period.start in past
                    one = _Candidate(period.start, period.price, known_at, begun, past.get(period.start))
                    days.setdefault(day, []).append(one)
        count = self._hours * _HOUR // step
        choose = self._choose if all(stretch.was_full is None for stretch in around) else self._choose_on
        return frozenset(start for day in days.values() for start in choose(day, count, step))

    def _choose_on(self, day: Sequence[_Candidate], count: int, step: timedelta) -> list[datetime]:
        """The starts at maxSource of one day's stretch of which some have begun: those in which it was in force, and
        as many of the coming ones as are left."""
        on_paper = frozenset(self._choose(day, count, step))
        used = sorted(
            one.start
            for one in day
            if one.has_begun and (one.start in on_paper if one.was_full is None else one.was_full)
        )
        coming = [one for one in day if not one.has_begun]
        return sorted([*used, *self._more(used, coming, max(count - len(used), 0), step)])

    def _choose(self, day: Sequence[_Candidate], count: int, step: timedelta) -> list[datetime]:
        """The starts chosen of one day's stretch, looked at each time that more of it became known."""
        chosen: list[datetime] = []
        for moment in sorted({candidate.known_at for candidate in day}):
            begun = [start for start in chosen if start < moment]
            coming = [one for one in day if one.known_at <= moment <= one.start]
            chosen = sorted([*begun, *self._more(begun, coming, count - len(begun), step)])
        return chosen

    def _more(
        self, begun: Sequence[datetime], coming: Sequence[_Candidate], missing: int, step: timedelta
    ) -> list[datetime]:
        """The starts of ``missing`` more periods of those that come, after those that have begun; fewer, where there
        are not so many."""
        if not self._contiguous:
            return [one.start for one in sorted(coming, key=lambda one: (one.price, one.start))[:missing]]
        if not begun:
            return _cheapest_run(coming, missing, step)
        known = {one.start for one in coming}
        following = [begun[-1] + step * place for place in range(1, missing + 1)]
        return following[: next((i for i, at in enumerate(following) if at not in known), missing)]


def _cheapest_run(candidates: Sequence[_Candidate], count: int, step: timedelta) -> list[datetime]:
    """Starts of the ``count`` candidates in a row with the least sum of prices; of fewer, where no row is so long."""
    ordered = sorted(candidates, key=lambda one: one.start)
    runs: list[list[_Candidate]] = []
    for candidate in ordered:
        if runs and candidate.start - runs[-1][-1].start == step:
            runs[-1].append(candidate)
        else:
            runs.append([candidate])
    length = min(count, max(map(len, runs), default=0))
    rows = [run[first : first + length] for run in runs for first in range(len(run) - length + 1)]
    cheapest = min(rows, key=lambda row: (sum(one.price for one in row), row[0].start), default=[])
    return [one.start for one in cheapest]


def _step(periods: Sequence[Period]) -> timedelta:
    return min((later.start - earlier.start for earlier, later in pairwise(periods)), default=_HOUR)
