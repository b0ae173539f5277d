"""Gather, decide, apply, again and again: the operator's loop.

``gather`` is the cache that watch events and lists fill; ``decide`` is pure, and runs in a thread, as it takes a tenth
of a second for thousands of nodes; ``apply`` is here. Whatever fails is logged and decided again from the world as it
then is: there is no queue of things still to do. An object that decisions fail with is left out of them, and a write
that the API server refuses waits by itself: neither holds up another.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from powercap_api.clock import Clock
from powercap_api.names import (
    MARKET_DAY,
    POWER_BUDGET,
    POWER_OVERRIDE,
    POWER_POLICY,
    POWER_REPORT,
    WAIT_POLICY,
)

from ..kube.cache import EDITED, WorldCache
from ..kube.client import (
    Cluster,
    ClusterError,
    ConflictError,
    NotFoundError,
    path_of,
)
from ..kube.event_recorder import Recorder
from ..kube.follow import Collection, Follower, list_into
from ..kube.leadership import Election
from ..planning.decision import BudgetWrite, Decision, decide
from ..planning.events import ObjectEvent, budget_events
from ..planning.overrides.matching import Matching
from ..planning.reports.report import ReportWrite
from ..world.containment import Containment
from ..world.snapshot import BudgetView, World
from .status_writing import StatusWriter
from .writing import Work, Writer

logger = logging.getLogger(__name__)

SPACING_SECONDS: Final = 0.1
"""Least time from one pass to the next, so that a burst of events is one pass and not hundreds."""
TICK_SECONDS: Final = 1.0
"""How often the clock is looked at. A new minute is a reason for a pass: whatever time changes, such as the market
period or the delivery day, changes on a whole minute, but for overrides, which begin and end at any second."""
RESYNC_SECONDS: Final = 300.0
"""How often what people edit is relisted, for what kopf's watches missed."""
RELIST_SECONDS: Final = 2.0
"""The same after a watch restarted."""
FIRST_RESYNC_SECONDS: Final = 20.0
"""The same soon after start, when watches may have begun after the first list."""
MOST_REASONS: Final = 3
"""Of those that woke a pass, so many are said."""
CONFLICT_SECONDS: Final = 0.5
"""Until it is decided again what was refused because the object had changed: time for its watch event to come."""
LONGEST_BACKOFF_SECONDS: Final = 5.0
"""Longest pause after a pass that failed: so soon after the API server is back, everything is as it should be."""


class Reconciler:
    """Runs passes until cancelled."""

    def __init__(
        self,
        cluster: Cluster,
        cache: WorldCache,
        clock: Clock,
        recorder: Recorder,
        history: timedelta,
        matching: Matching,
        election: Election,
        beat: Callable[[], None],
    ) -> None:
        """``history`` is how long days and reports are kept after their day; ``matching`` what is known of overrides;
        ``beat`` is called while all is well."""
        self._election = election
        self._beat = beat
        self._recorder = recorder
        self._statuses = StatusWriter(cluster, cache, recorder)
        self._cluster = cluster
        self._cache = cache
        self._clock = clock
        self._history = history
        self._matching = matching
        self._woken = asyncio.Event()
        self._reasons: dict[str, None] = {}
        self._followers: Sequence[Follower] = ()
        self._failures = 0
        self.containment = Containment("decisions")
        self.writer = Writer(self._look)
        self._budgets_seen: Mapping[str, BudgetView] = {}
        self._passed_minute = _minute(clock.now())
        self._next_look: datetime | None = None
        self._seen_since: datetime | None = None
        """Since when the cluster has been seen without a break; None where it is not."""
        self._listed = False
        """Whether the last lists of what people edit came."""
        self.passes = 0
        """Looks at the cluster so far."""
        self.failed_passes = 0
        """Those after which not everything could be written."""
        self._resync_at = 0.0
        self.synced = asyncio.Event()
        """Set once the whole cluster has been listed."""

    def wake(self, reason: str) -> None:
        """Something changed, such as a kind's object: make a pass soon, and say why if it writes budgets."""
        self._reasons[reason] = None
        self._woken.set()

    def list_anew(self) -> None:
        """A watch of kopf's restarted, which does not tell what was deleted meanwhile: list its kinds soon."""
        self._resync_at = min(self._resync_at, asyncio.get_running_loop().time() + RELIST_SECONDS)

    async def run(self, followers: Sequence[Follower]) -> None:
        """Pass after pass, once all is known; those of an operator that does not lead decide nothing.

        Returns only by cancellation or by an error that is a bug.
        """
        self._followers = followers
        loop = asyncio.get_running_loop()
        lists_failed = 0
        while True:
            self._woken.clear()
            self._look()
            if loop.time() >= self._resync_at:
                pause = RESYNC_SECONDS if self.synced.is_set() else FIRST_RESYNC_SECONDS
                lists_failed = 0 if await self._resync() else lists_failed + 1
                self._resync_at = loop.time() + (_backoff(lists_failed) if lists_failed else pause)
            if not self._is_known():
                await asyncio.sleep(SPACING_SECONDS)
                continue
            failed = await self._pass()
            self._failures = self._failures + 1 if failed else 0
            self.passes += 1
            self.failed_passes += failed
            if failed:
                await asyncio.sleep(_backoff(self._failures))
            elif self.writer.conflicts:
                await asyncio.sleep(CONFLICT_SECONDS)
            else:
                await asyncio.sleep(SPACING_SECONDS)
                await self._wait()

    def _look(self) -> datetime:
        """Say that all is well, and note the time and whether the cluster is seen; the moment."""
        self._beat()
        self._cache.look(now := self._clock.now())
        seen = self._listed and all(follower.in_touch for follower in self._followers)
        self._seen_since = (self._seen_since or now) if seen else None
        return now

    def _is_known(self) -> bool:
        if self._listed and not any(follower.waited_for for follower in self._followers):
            self.synced.set()
        return self.synced.is_set()

    async def _wait(self) -> None:
        """Until something changed, the minute is over, an override begins or ends, or it is time to list."""
        loop = asyncio.get_running_loop()
        while not self._time_has_come(self._look()) and loop.time() < self._resync_at:
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await self._woken.wait()
                    return
            except TimeoutError:
                continue

    def _time_has_come(self, now: datetime) -> bool:
        """Whether time alone has changed what is to be decided or tried since the last pass."""
        if _minute(now) != self._passed_minute or self.writer.refusals.are_due():
            return True
        return self._next_look is not None and now >= self._next_look

    async def _resync(self) -> bool:
        """List again what people edit; whether it could be. What is known of a kind stands where its list fails."""
        self._cluster.forget_schemas()
        failed = 0
        for kind in EDITED:
            try:
                await list_into(self._cache, self._cluster, Collection(kind, path_of(kind)))
            except ClusterError as error:
                if kind == WAIT_POLICY and isinstance(error, NotFoundError):
                    continue  # a kind that this cluster does not have (yet), and that nothing else depends on
                failed += 1
                logger.error("cannot list the cluster: %s", error)
        self._listed = not failed
        return self._listed

    async def _pass(self) -> bool:
        """One pass; whether anything failed."""
        now, world = self._look(), self._cache.world()
        self._passed_minute, self._next_look = _minute(now), None
        reasons, self._reasons = [*self._reasons], {}
        self.writer.conflicts = False
        if not self._election.leading:
            self._budgets_seen = world.budgets
            return False
        try:
            decision = await asyncio.to_thread(self._decide, world, now)
        except Exception:  # no object is to blame that could be left out: the process goes on, and tells
            logger.exception("nothing could be decided")
            return True
        self._next_look = decision.next_look
        news = budget_events(self._budgets_seen, world.budgets)
        self._budgets_seen = world.budgets
        if not decision and not news:
            return False
        tried: set[tuple[str, ...]] = set()
        written = await self.writer.done(self._budget_works(decision), tried)
        written &= await self.writer.done(self._other_works(decision, news), tried)
        self.writer.refusals.keep(tried)
        if decision.write_budgets:
            logger.info("budgets written: %d, because of %s", len(decision.write_budgets), _said(reasons))
            self.wake("the budgets written")  # what is said of the policies follows from them
        return not written

    def _decide(self, world: World, now: datetime) -> Decision:
        return self.containment.run(
            world, lambda some: decide(some, now, self._history, self._seen_since, self._matching)
        )

    def _budget_works(self, decision: Decision) -> Iterator[Work]:
        """What nodes wait for."""
        for name in decision.delete_budgets:
            yield (POWER_BUDGET, name), partial(self._delete, POWER_BUDGET, name)
        for write in decision.write_budgets:
            yield (POWER_BUDGET, write.node.name), partial(self._write_budget, write)

    def _other_works(self, decision: Decision, news: Sequence[ObjectEvent]) -> Iterator[Work]:
        for name, spec in decision.create_days.items():
            yield (MARKET_DAY, name), partial(self._create_day, name, spec.to_wire())
        for kind, names in (
            (MARKET_DAY, decision.delete_days),
            (POWER_OVERRIDE, decision.delete_overrides),
            (POWER_REPORT, decision.delete_reports),
        ):
            for name in names:
                yield (kind, name), partial(self._delete, kind, name)
        for write in decision.write_reports:
            yield (POWER_REPORT, write.name), partial(self._write_report, write)
        for kind, statuses in (
            (POWER_POLICY, decision.policy_statuses),
            (MARKET_DAY, decision.day_statuses),
            (POWER_OVERRIDE, decision.override_statuses),
        ):
            for name, status in statuses.items():
                yield (kind, name, "status"), partial(self._write_status, kind, name, status)
        for event in news:
            yield ("Event", event.name), partial(self._recorder.record, event)

    async def _write_budget(self, write: BudgetWrite) -> None:
        version = self._cache.version(POWER_BUDGET, write.node.name)
        body = await self._cluster.apply(POWER_BUDGET, write.node.name, write.metadata, write.spec, version)
        self._cache.put(POWER_BUDGET, body)
        self._cache.learn(write.spec, body)
        logger.info(
            "budget of node %s written: policy %s, valid until %s",
            write.node.name,
            write.policy,
            write.spec["validUntil"],
            extra={"node": write.node.name, "policy": write.policy},
        )

    async def _write_report(self, write: ReportWrite) -> None:
        version = self._cache.version(POWER_REPORT, write.name)
        body = await self._cluster.apply(POWER_REPORT, write.name, write.metadata, write.spec, version)
        self._cache.put(POWER_REPORT, body)

    async def _delete(self, kind: str, name: str) -> None:
        await self._cluster.delete(kind, name, self._cache.version(kind, name))
        self._cache.drop(kind, name)
        logger.info("%s %s deleted", kind, name)

    async def _create_day(self, name: str, spec: Mapping[str, object]) -> None:
        try:
            self._cache.put(MARKET_DAY, await self._cluster.create(MARKET_DAY, name, spec))
        except ConflictError:
            logger.debug("MarketDay %s is there already; its watch event will tell", name)

    async def _write_status(self, kind: str, name: str, status: Mapping[str, object]) -> None:
        with contextlib.suppress(NotFoundError):  # it is gone, and so is what was to be said of it
            if await self._statuses.write(kind, name, status) and kind == MARKET_DAY:
                self.wake(f"{kind} {name}")


def _said(reasons: Sequence[str]) -> str:
    """What woke a pass; where nothing did, the time did."""
    more = [f"{len(reasons) - MOST_REASONS} more"] if len(reasons) > MOST_REASONS else []
    return ", ".join([*reasons[:MOST_REASONS], *more]) or "the time"


def _backoff(failures: int) -> float:
    return min(2.0 ** min(failures, 10) / 2, LONGEST_BACKOFF_SECONDS)


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
