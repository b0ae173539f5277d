"""Releases jobs that wait for cheap hours: gather, decide, apply, in a loop of its own beside the reconciler.

Nothing is kept of what was decided: a job that is suspended and has not been released is looked at again, by whichever
operator leads. A release names the version of the job that it was decided from, so that none is released twice, and
none that has changed meanwhile.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from powercap_api.clock import Clock, format_time
from powercap_api.names import RELEASED_AT, RELEASED_BECAUSE, WAIT_POLICY
from powercap_api.reasons import ReleaseReason
from powercap_api.waitpolicy import DEFAULT_MOST_AT_ONCE

from ..kube.cache import JOB, WorldCache
from ..kube.client import Cluster, ClusterError, NotFoundError
from ..kube.event_recorder import Recorder
from ..kube.leadership import Election
from ..planning.events import ObjectEvent
from ..planning.jobs.plan import JobPlan, JobPlanner, zone_of
from ..planning.jobs.release import JobDecision, decide_jobs
from ..planning.jobs.rule import Rule
from ..planning.jobs.status import (
    jobs_off_status,
    release_sentence,
    wait_policy_status,
    wait_sentence,
)
from ..planning.reading import read_wait_policies
from ..world.job import JobView
from ..world.snapshot import World
from ..world.unreadable import FAULTS, Unreadable, unreadable_status
from .status_writing import StatusWriter
from .writing import Work, Writer

logger = logging.getLogger(__name__)

TICK_SECONDS: Final = 0.5
_MINUTE: Final = timedelta(minutes=1)
_NORMAL: Final = (ReleaseReason.WINDOW, ReleaseReason.NO_SAVING, ReleaseReason.DEADLINE)
_SKIPS: Final = {
    "Forbid": "concurrencyPolicy Forbid: while this job waits, runs of CronJob {} are skipped",
    "Replace": "concurrencyPolicy Replace: the next run of CronJob {} deletes this job if it still waits",
}


class JobReleaser:
    """Makes passes while this operator leads. Where it does not follow jobs, it only tells WaitPolicies so."""

    def __init__(
        self,
        cluster: Cluster,
        cache: WorldCache,
        clock: Clock,
        recorder: Recorder,
        election: Election,
        beat: Callable[[], None],
    ) -> None:
        """``beat`` is called while all is well."""
        self._cluster = cluster
        self._cache = cache
        self._clock = clock
        self._recorder = recorder
        self._election = election
        self._beat = beat
        self._statuses = StatusWriter(cluster, cache, recorder)
        self._planner = JobPlanner()
        self.writer = Writer(beat)
        self._seen: tuple[Any, ...] = ()
        """What the last pass was made from."""
        self._next_look: datetime | None = None
        self._passed_at: datetime | None = None
        self._led = False
        self._orphans_at_once = DEFAULT_MOST_AT_ONCE
        self._zones: dict[str, ZoneInfo] = {}
        self._looked_at: set[str] = set()
        """Waiting jobs, by uid, whose CronJobs were asked for."""
        self._told: dict[str, datetime] = {}
        """Until when jobs wait, by uid, as events have said."""
        self._released: dict[str, list[JobPlan]] = defaultdict(list)
        """What the policies' statuses do not yet say."""

    async def run(self, synced: asyncio.Event) -> None:
        """Until cancelled; begins once the cluster is known."""
        while True:
            self._beat()
            if synced.is_set() and self._election.leading:
                world, now = self._cache.world(), self._clock.now()
                seen = (world.jobs, world.days, world.wait_policies, world.unreadable)
                if seen != self._seen or self._is_due(now):
                    self._seen = seen
                    if not await self._pass(world, now):
                        self._seen = ()
            else:
                self._led = False
            await asyncio.sleep(TICK_SECONDS)

    def _is_due(self, now: datetime) -> bool:
        if self._passed_at is None or not timedelta() <= now - self._passed_at < _MINUTE:
            return True
        return self.writer.refusals.are_due() or (self._next_look is not None and now >= self._next_look)

    async def _pass(self, world: World, now: datetime) -> bool:
        """One pass; False where something is to be tried again."""
        tried: set[tuple[str, ...]] = set()
        news: list[ObjectEvent] = []
        self.writer.conflicts, self._passed_at, self._next_look = False, now, None
        rules, faulty = read_wait_policies(world)
        if rules:
            self._orphans_at_once = min(rule.most_at_once for rule in rules.values())
        written = await self.writer.done(self._looks_at_cron_jobs(world, news), tried)
        try:
            plans = await asyncio.to_thread(self._planner.plan, world, now, self._zones)
            decision = decide_jobs(world, plans, now, self._orphans_at_once)
        except FAULTS:
            logger.exception("nothing could be decided of jobs")
            return False
        self._next_look = decision.next_look
        written &= await self.writer.done(self._releases(decision, news), tried)
        self._tell(decision, now, news)
        works = [*self._status_works(world, rules, faulty, decision, now), *self._event_works(news)]
        written &= await self.writer.done(iter(works), tried)
        self.writer.refusals.keep(tried)
        return written and not (self.writer.conflicts or self._planner.behind)

    def _looks_at_cron_jobs(self, world: World, news: list[ObjectEvent]) -> Iterator[Work]:
        """Time zone and concurrency of the CronJobs of jobs that have begun to wait."""
        waiting = [job for job in (world.jobs or {}).values() if job.waits and job.cron_job is not None]
        new = [job for job in waiting if job.uid not in self._looked_at]
        self._looked_at = {job.uid for job in waiting}
        for job in new:
            yield ("CronJob", job.key), partial(self._look_at_cron_job, job, news)

    async def _look_at_cron_job(self, job: JobView, news: list[ObjectEvent]) -> None:
        key = f"{job.namespace}/{job.cron_job}"
        try:
            found = await self._cluster.cron_job(job.namespace, job.cron_job or "")
        except ClusterError as error:
            if not isinstance(error, NotFoundError):
                logger.warning("the clock of the policy counts for jobs of CronJob %s: %s", key, error)
            return
        self._zones.pop(key, None)
        if (zone := zone_of(found)) is not None:
            self._zones[key] = zone
        text = _SKIPS.get(found["spec"].get("concurrencyPolicy"), "").format(job.cron_job)
        if text:
            news.append(_event(job, "CronJobWaits", text, warning=True))

    def _releases(self, decision: JobDecision, news: list[ObjectEvent]) -> Iterator[Work]:
        for plan in (*decision.release, *decision.mark):
            yield (JOB, plan.job.key), partial(self._release, plan, news)

    async def _release(self, plan: JobPlan, news: list[ObjectEvent]) -> None:
        job = plan.job
        annotations = {RELEASED_AT: format_time(self._clock.now()), RELEASED_BECAUSE: str(plan.reason)}
        starts = plan.reason is not ReleaseReason.NOT_SUSPENDED
        try:
            body = await self._cluster.release_job(
                job.namespace, job.name, job.version, annotations, start=starts
            )
        except NotFoundError:
            self._cache.drop(JOB, job.key)
            return
        self._cache.put(JOB, body)
        text = release_sentence(plan)
        logger.info("job %s %s", job.key, text, extra={"reason": str(plan.reason)})
        news.append(
            _event(job, "Released" if starts else str(plan.reason), text, warning=plan.reason not in _NORMAL)
        )
        if plan.policy is not None:
            self._released[plan.policy].append(plan)

    def _tell(self, decision: JobDecision, now: datetime, news: list[ObjectEvent]) -> None:
        """Events on jobs that wait until another moment than was said. What an operator before this one may have said
        of jobs that are not new is not said again."""
        told = {}
        for plan in decision.waiting:
            job = plan.job
            told[job.uid] = known = self._told.get(job.uid, plan.start)
            is_news = job.uid not in self._told and (self._led or now - job.created < _MINUTE)
            if plan.start > now and (is_news or abs(plan.start - known) >= _MINUTE):
                news.append(_event(job, "Waiting", wait_sentence(plan), warning=False))
                told[job.uid] = plan.start
        self._told, self._led = told, True

    def _status_works(
        self,
        world: World,
        rules: Mapping[str, Rule],
        faulty: Mapping[str, Unreadable],
        decision: JobDecision,
        now: datetime,
    ) -> Iterator[Work]:
        for name, policy in world.wait_policies.items():
            released = self._released.pop(name, [])
            if world.jobs is None:
                status = jobs_off_status(policy, now)
            elif name in rules:
                waiting = [plan for plan in decision.waiting if plan.policy == name]
                until = self._planner.known_until(name)
                status = wait_policy_status(policy, rules[name], waiting, released, until, now)
            else:
                status = unreadable_status(faulty[name], now)
            if status != policy.status.to_wire():
                work = partial(self._write_status, name, status, released)
                yield (WAIT_POLICY, name, "status"), work
        for (kind, name), one in world.unreadable.items():
            if kind == WAIT_POLICY and (status := unreadable_status(one, now)) != dict(one.status):
                work = partial(self._write_status, name, status, [])
                yield (WAIT_POLICY, name, "status"), work
        self._released.clear()  # of policies that are gone

    async def _write_status(self, name: str, status: dict[str, Any], released: list[JobPlan]) -> None:
        try:
            await self._statuses.write(WAIT_POLICY, name, status)
        except NotFoundError:
            return
        except ClusterError:
            self._released[name] += released
            raise

    def _event_works(self, news: list[ObjectEvent]) -> Iterator[Work]:
        for event in news:
            yield ("Event", event.uid, event.reason), partial(self._recorder.record, event)


def _event(job: JobView, reason: str, message: str, *, warning: bool) -> ObjectEvent:
    return ObjectEvent(JOB, job.name, job.uid, warning, reason, message, job.namespace)
