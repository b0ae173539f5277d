"""When each job that may wait is started, and why. Pure, but for the memory of starts that were found.

The latest start of a job is the earliest of: its creation and its ``wait``, or the policy's where it has none; what its
``finish-by`` leaves, on the policy's wall clock or on the CronJob's time zone; the policy's ``maxWait`` from its
creation. A job without ``duration`` is taken to run as long as the earlier jobs of its CronJob that are still there:
the 90th percentile of them for ``finish-by``, their median for the choice of the cheapest start.

Whatever keeps that from being worked out (no policy, no results, an annotation that cannot be read) starts the job at
once.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from powercap_api.names import DURATION, FINISH_BY, WAIT
from powercap_api.poweroverride import parse_duration
from powercap_api.reasons import ReleaseReason

from ...market.delivery_day import day_of
from ...market.known_days import DayResults, KnownDays
from ...world.job import JobView
from ...world.snapshot import World
from ...world.unreadable import FAULTS
from ..job_start import CostCurve
from ..reading import read_wait_policies
from .rule import Rule

_DAYS: Final = range(-3, 2)
"""From today, those of which results are looked at: what a start at creation would have cost is told too."""
_MINUTE: Final = timedelta(minutes=1)
NO_RUNS: Final[tuple[timedelta, ...]] = ()
MOST_NEW: Final = 2_000
"""Most starts worked out in one pass, about a second's work; jobs at their last moment need none."""


@dataclass(frozen=True, slots=True)
class JobPlan:
    """What becomes of a job."""

    job: JobView
    start: datetime
    """When it is to start: now where it should have started before."""
    latest: datetime
    reason: ReleaseReason
    """Why it starts then."""
    policy: str | None = None
    rule: Rule | None = None
    duration: timedelta = timedelta()
    at_once: Decimal | None = None
    """Cost of a start at its creation, where that is known."""
    cost: Decimal | None = None
    """Cost of the start."""
    fault: str = ""
    """What cannot be read, for people."""

    @property
    def saved(self) -> Decimal:
        """What is saved for each kilowatt, by the rule's ``saved_unit``; 0 where that is not known."""
        if self.rule is None or self.at_once is None or self.cost is None:
            return Decimal(0)
        return self.rule.saved(self.at_once, self.cost, self.duration)


class Terms(NamedTuple):
    """What a job's start depends on, beside the results."""

    latest: datetime
    duration: timedelta
    least_saving: Decimal


class _Followed(NamedTuple):
    """The results that a rule is applied to."""

    rule: Rule
    results: tuple[DayResults, ...]
    curve: CostCurve


class JobPlanner:
    """Plans jobs. A start that was found stands for as long as the job's terms and the results are the same."""

    def __init__(self) -> None:
        """Begin without any."""
        self._followed: dict[str, _Followed] = {}
        self._starts: dict[str, tuple[Terms, CostCurve, datetime]] = {}
        self._left = 0
        self.behind = False
        """Whether jobs were left out of the last plan, as there were too many for one go."""

    def plan(
        self, world: World, now: datetime, zones: Mapping[str, ZoneInfo], days: KnownDays | None = None
    ) -> list[JobPlan]:
        """A plan for every job that waits, or where ``behind`` is True for as many as time allows.

        Args:
            world: the cluster.
            now: the moment, in UTC.
            zones: time zones of the CronJobs that have one, by namespace and name.
            days: the world's market days, where they are put together already.
        """
        jobs = world.jobs or {}
        rules, faulty = read_wait_policies(world)
        days = KnownDays(world.days.values()) if days is None else days
        self._followed = {name: self._results(name, rule, days, now) for name, rule in rules.items()}
        policies = policies_of_namespaces(world, rules)
        runs = runs_of_cron_jobs(jobs.values())
        plans, starts = [], {}
        self._left, self.behind = MOST_NEW, False
        for job in jobs.values():
            if not job.waits:
                continue
            name = policies.get(job.namespace, policies.get(""))
            if name is None:
                reason = ReleaseReason.UNREADABLE_POLICY if faulty else ReleaseReason.NO_POLICY
                plans.append(JobPlan(job, now, now, reason, fault=", ".join(sorted(faulty))))
                continue
            cron = f"{job.namespace}/{job.cron_job}"
            plan = self._planned(job, name, now, runs.get(cron, NO_RUNS), zones.get(cron))
            if plan is None:
                self.behind = True
                continue
            plans.append(plan)
            if job.uid in self._starts:
                starts[job.uid] = self._starts[job.uid]
        self._starts = starts
        return plans

    def known_until(self, policy: str) -> datetime | None:
        """Up to when the results are known that jobs of the policy wait by; None where none are."""
        results = self._followed[policy].results
        return results[-1].periods.until if results else None

    def _results(self, name: str, rule: Rule, days: KnownDays, now: datetime) -> _Followed:
        today = day_of(now, rule.market.bidding_zone.zone)
        found = (days.own_results(rule.request, today + timedelta(days=ahead)) for ahead in _DAYS)
        results = tuple(one for one in found if one is not None)
        known = self._followed.get(name)
        if known is not None and (known.rule, known.results) == (rule, results):
            return known
        return _Followed(
            rule, results, CostCurve(period for day in results for period in rule.periods(day.periods))
        )

    def _planned(
        self, job: JobView, policy: str, now: datetime, runs: Sequence[timedelta], zone: ZoneInfo | None
    ) -> JobPlan | None:
        rule, _, curve = self._followed[policy]
        try:
            terms = terms_of(job, rule, runs, zone)
        except FAULTS as error:
            fault = str(error)
            return JobPlan(job, now, now, ReleaseReason.UNREADABLE_JOB, policy, rule, fault=fault)
        at_once = curve.mean(job.created, terms.duration)
        known = self._starts.get(job.uid)
        if terms.latest <= now:
            start, reason = now, ReleaseReason.DEADLINE
        elif known is not None and known[0] == terms and known[1] is curve:
            start, reason = max(known[2], now), ReleaseReason.WINDOW
        elif curve.mean(now, terms.duration) is None:
            start, reason = now, ReleaseReason.NO_DATA
        elif self._left <= 0:
            return None
        else:
            self._left -= 1
            start = curve.best_start(now, terms.latest, terms.duration, terms.least_saving)
            self._starts[job.uid] = terms, curve, start
            reason = ReleaseReason.WINDOW
        cost = curve.mean(start, terms.duration)
        if reason is ReleaseReason.WINDOW and start <= now and not _saves(at_once, cost, terms.least_saving):
            reason = ReleaseReason.NO_SAVING
        return JobPlan(job, start, terms.latest, reason, policy, rule, terms.duration, at_once, cost)


def _saves(at_once: Decimal | None, cost: Decimal | None, least: Decimal) -> bool:
    return at_once is not None and cost is not None and at_once - cost > least * abs(at_once)


def policies_of_namespaces(world: World, rules: Iterable[str]) -> dict[str, str]:
    """Names of the WaitPolicies that count, by namespace; that of all other namespaces under the empty text."""
    found: dict[str, str] = {}
    policies = [world.wait_policies[name] for name in rules]
    for policy in sorted(policies, key=lambda one: (str(one.metadata.creation_timestamp), one.metadata.name)):
        for namespace in policy.spec.namespaces or [""]:
            found.setdefault(namespace, policy.metadata.name)
    return found


def zone_of(cron_job: Mapping[str, Any]) -> ZoneInfo | None:
    """The time zone of a CronJob in wire form; None where it has none, or one that this image does not know."""
    try:
        return ZoneInfo(cron_job["spec"]["timeZone"])
    except (LookupError, TypeError, ValueError, OSError):
        return None


def runs_of_cron_jobs(jobs: Iterable[JobView]) -> dict[str, list[timedelta]]:
    """How long the jobs of each CronJob ran that succeeded and are still there, the shortest first."""
    runs: dict[str, list[timedelta]] = defaultdict(list)
    for job in jobs:
        if job.cron_job is not None and job.ran is not None:
            runs[f"{job.namespace}/{job.cron_job}"].append(job.ran)
    return {name: sorted(found) for name, found in runs.items()}


def terms_of(job: JobView, rule: Rule, runs: Sequence[timedelta], zone: ZoneInfo | None) -> Terms:
    """What the job's start depends on.

    Raises:
        ValueError: an annotation cannot be read; the message says which.
    """
    usual, longest = rule.default_duration, rule.default_duration
    if job.duration is not None:
        usual = longest = _duration(DURATION, job.duration)
    elif runs:
        usual, longest = (max(_MINUTE, _percentile(runs, percent)) for percent in (50, 90))
    wait = rule.max_wait if job.wait is None else _duration(WAIT, job.wait)
    latest = rule.latest_start(job.created, wait)
    if job.finish_by is not None:
        latest = min(latest, next_time(job.finish_by, job.created, zone or rule.wall_clock) - longest)
    return Terms(latest, usual, rule.least_saving)


def _percentile(runs: Sequence[timedelta], percent: int) -> timedelta:
    """By nearest rank."""
    return runs[max(0, -(-len(runs) * percent // 100) - 1)]


def _duration(annotation: str, text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ValueError(f"annotation {annotation}: {error}") from error


def next_time(text: str, after: datetime, zone: ZoneInfo) -> datetime:
    """When a clock next shows a time of day such as ``07:00``, in the time of ``after``. At the changes of the clock it
    is the earlier of two such moments, and of a time that is left out the moment before the gap.

    Raises:
        ValueError: it is no time of day.
    """
    try:
        clock = time.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"annotation {FINISH_BY}: {text!r} is no time of day such as 07:00") from error
    if clock.tzinfo is not None:
        raise ValueError(f"annotation {FINISH_BY}: {text!r} has an offset: write a time of day such as 07:00")
    today = after.astimezone(zone).date()
    moments = (
        datetime.combine(today + timedelta(days=ahead), clock.replace(fold=fold), zone).astimezone(
            after.tzinfo
        )
        for ahead in (0, 1)
        for fold in (0, 1)
    )
    return min(moment for moment in moments if moment > after)
