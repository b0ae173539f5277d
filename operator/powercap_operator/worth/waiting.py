"""What waiting for cheap hours would have bought jobs of the past, by what was known at each time. Pure.

Three starts of the same job are compared by their cost, the mean of the signal over its run: at once, where the rule
of ``planning.job_start`` would have put it, and the best possible one within its wait. The rule is asked when the job
is submitted, and again at each publication of results until it starts. Sums over jobs weigh each by its hours: they
are means per MWh of jobs that draw the same power.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final

from powercap_api.markets import Market
from powercap_api.waitpolicy import Signal

from ..market.delivery_day import day_of, period_starts
from ..market.known_days import layers
from ..market.publication import known_from
from ..market.results import Period, Query, merge
from ..planning.job_start import CostCurve, CostPeriod
from ..planning.jobs.rule import Rule

_BEYOND: Final = timedelta(days=3)
"""So far from a moment no result counts that is known then."""
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Job:
    """A job of the past."""

    submitted: datetime
    duration: timedelta
    wait: timedelta
    """The longest that its start may be put off."""


@dataclass(frozen=True, slots=True)
class WaitedJob:
    """What became of a job. Costs are means of the signal over its run."""

    job: Job
    started: datetime
    at_once: Decimal
    waiting: Decimal
    best: Decimal

    @property
    def dearer(self) -> bool:
        return self.waiting > self.at_once


class PastDays:
    """Days of results, and from when each of them was known."""

    def __init__(self, read: Iterable[tuple[Query, Sequence[Period]]], rule: Rule) -> None:
        """Take what was read; of several results for one day of one auction the first counts. Grid data may stand in
        columns of an auction's results."""
        self._rule = rule
        found: dict[Query, Sequence[Period]] = {}
        for query, periods in read:
            if rule.signal is Signal.PRICE:
                found.setdefault(query, periods)
            elif rule.periods(periods):
                found.setdefault(Query(rule.market, query.delivery_day), periods)
        published = sorted((query for query in found if query.market in layers(rule.market)), key=known_from)
        self._moments = [known_from(query) for query in published]
        self._days = [
            (query.delivery_day, rule.periods(_laid_over(found, query, rule.market))) for query in published
        ]
        self._known = lru_cache(maxsize=64)(self._known_after)
        final: Mapping[date, Sequence[CostPeriod]] = dict(self._days)
        self.final = CostCurve(period for day in final.values() for period in day)
        """What came in the end."""

    def known(self, moment: datetime) -> CostCurve:
        """What was known of the time around a moment."""
        return self._known(
            bisect_right(self._moments, moment), day_of(moment, self._rule.market.bidding_zone.zone)
        )

    def next_publication(self, moment: datetime) -> datetime | None:
        """When results are next published after a moment; None: never."""
        index = bisect_right(self._moments, moment)
        return self._moments[index] if index < len(self._moments) else None

    def _known_after(self, count: int, today: date) -> CostCurve:
        around = {day: periods for day, periods in self._days[:count][-12:] if abs(day - today) <= _BEYOND}
        return CostCurve(period for day in around.values() for period in day)


def _laid_over(found: Mapping[Query, Sequence[Period]], query: Query, market: Market) -> tuple[Period, ...]:
    """A day's results together with those of the auctions before it, as known when its own come."""
    periods: tuple[Period, ...] = ()
    for layer in layers(market):
        periods = merge(periods, found.get(Query(layer, query.delivery_day), ()))
        if layer == query.market:
            break
    starts = period_starts(query.delivery_day, market.bidding_zone.zone, market.resolution_minutes)
    return tuple(period for period in periods if period.start in set(starts))


def wait(job: Job, days: PastDays, rule: Rule) -> WaitedJob | None:
    """When the job would have started, and what that came to; None where its costs are not known."""
    latest = rule.latest_start(job.submitted, job.wait)
    at_once = days.final.mean(job.submitted, job.duration)
    if at_once is None:
        return None
    started, asked = job.submitted, job.submitted
    while True:
        started = days.known(asked).best_start(asked, latest, job.duration, rule.least_saving)
        published = days.next_publication(asked)
        if published is None or published >= started:
            break
        asked = published
    best_start = days.final.best_start(job.submitted, latest, job.duration, Decimal(0))
    waiting, best = days.final.mean(started, job.duration), days.final.mean(best_start, job.duration)
    return None if waiting is None or best is None else WaitedJob(job, started, at_once, waiting, best)


@dataclass(frozen=True, slots=True)
class Sums:
    """What jobs came to together. Means of the signal are weighted by hours."""

    jobs: int
    hours: float
    at_once: Decimal
    waiting: Decimal
    best: Decimal
    mean_delay_hours: float
    dearer_than_at_once: int

    @property
    def saved_percent(self) -> float | None:
        """How much lower the mean was for waiting; None where at once it is 0."""
        return float((self.at_once - self.waiting) / abs(self.at_once) * 100) if self.at_once else None


def sums(waited: Sequence[WaitedJob]) -> Sums:
    hours = [Decimal(str(one.job.duration / _HOUR)) for one in waited]
    total = sum(hours, Decimal(0))

    def mean(costs: Iterable[Decimal]) -> Decimal:
        return sum((cost * weight for cost, weight in zip(costs, hours, strict=True)), Decimal(0)) / total

    return Sums(
        jobs=len(waited),
        hours=float(total),
        at_once=mean(one.at_once for one in waited),
        waiting=mean(one.waiting for one in waited),
        best=mean(one.best for one in waited),
        mean_delay_hours=sum((one.started - one.job.submitted) / _HOUR for one in waited) / len(waited),
        dearer_than_at_once=sum(one.dearer for one in waited),
    )


def by_month(waited: Iterable[WaitedJob], rule: Rule) -> dict[str, Sums]:
    """The sums of each month in which jobs were submitted, on the clock of the market."""
    zone = rule.market.bidding_zone.wall_clock
    months: dict[str, list[WaitedJob]] = {}
    for one in waited:
        months.setdefault(f"{one.job.submitted.astimezone(zone):%Y-%m}", []).append(one)
    return {month: sums(jobs) for month, jobs in sorted(months.items())}
