"""Fetches the MarketDays that are due, each market and day once for the whole cluster, one at a time for each source.

The count of requests is written to a MarketDay before each request leaves: however often this process crashes, and
however many MarketDays stand for one market and day, it cannot ask more often than the daily limit. Where that write
fails, the request is not made.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from math import inf
from typing import Final

import httpx

from powercap_api.clock import Clock
from powercap_api.marketday import MarketDay, MarketDayStatus, MarketSource
from powercap_api.names import MARKET_DAY

from ..kube.cache import WorldCache
from ..kube.client import Cluster, ClusterError, ConflictError, NotFoundError, RefusedError
from ..kube.event_recorder import Recorder
from ..kube.leadership import Election
from ..market.errors import DayIncomplete, Malformed, MarketError, RequestBudgetSpent
from ..market.known_days import DayKey
from ..market.plausibility import doubt
from ..market.publication import DAILY_LIMIT
from ..planning import marketday_status
from ..planning.due_days import DayGroup, after_failure, days_before, last_route, next_groups, once_more
from ..planning.reading import followed
from ..planning.wanted_days import needs_of_markets, query_of
from ..sources import registry
from ..sources.epex.site import EpexSite
from ..sources.mock import Mock
from ..sources.registry import FetchedDay, Provider, ProviderSettings
from ..world.containment import Containment
from ..world.snapshot import World
from ..world.unreadable import FAULTS, what_is_wrong
from .refusals import Refusals
from .status_writing import StatusWriter

logger = logging.getLogger(__name__)

TICK_SECONDS: Final = 0.5
_RETRY_SECONDS: Final = 2.0
"""Pause after the API server did not take what was to be written."""
OUTCOME_TRIES: Final = 10
"""How often the outcome of a request is written again where the MarketDay has changed meanwhile."""


class Fetcher:
    """Looks twice a second for days that are due, and fetches one at a time from each source."""

    def __init__(
        self,
        cluster: Cluster,
        cache: WorldCache,
        http: httpx.AsyncClient,
        settings: ProviderSettings,
        clock: Clock,
        recorder: Recorder,
        wake: Callable[[], None],
        election: Election,
        beat: Callable[[], None],
    ) -> None:
        """``wake`` is called when a day has come to say something else, ``beat`` at each look."""
        self._election = election
        self._beat = beat
        self._cache = cache
        self._http = http
        self._settings = settings
        self._clock = clock
        self._statuses = StatusWriter(cluster, cache, recorder)
        self._wake = wake
        self._refusals = Refusals(time.monotonic)
        self._containment = Containment("what is due")
        self._free_at: dict[str, float] = {}
        self._requests: dict[DayKey, int] = {}
        self._providers: dict[str, Provider] = {}

    async def run(self, ready: asyncio.Event) -> None:
        """From when the cluster is known, until cancelled; nothing is fetched while another operator leads."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as fetches:
            while True:
                self._beat()
                if ready.is_set() and self._election.leading:
                    for provider, group in self._due().items():
                        self._free_at[provider] = inf
                        fetches.create_task(self._attend(group, loop))
                await asyncio.sleep(TICK_SECONDS)

    def _due(self) -> Mapping[str, DayGroup]:
        """What to ask each source for; of days and policies that this fails with nothing is asked."""
        try:
            return self._containment.run(self._cache.world(), self._next_groups)
        except Exception:  # no object is to blame that could be left out: the process goes on, and tells
            logger.exception("no source could be asked")
            return {}

    def _next_groups(self, world: World) -> Mapping[str, DayGroup]:
        needs = needs_of_markets(followed(world))
        days = [day for name, day in world.days.items() if not self._refusals.waits(name)]
        return next_groups(days, self._clock.now(), self._is_free, needs)

    def _is_free(self, provider: str) -> bool:
        return self._free_at.get(provider, 0) <= asyncio.get_running_loop().time()

    async def _attend(self, group: DayGroup, loop: asyncio.AbstractEventLoop) -> None:
        """Give the group's days what one of them knows; ask the source where none lacks anything."""
        query, pause = query_of(group.first), 0.0
        try:
            if group.behind:
                for day in group.behind:
                    await self._write(day.metadata.name, partial(_copied, group.first))
            else:
                pause = registry.PROVIDERS[group.key.provider].pause_seconds
                await self._fetch(group)
        except NotFoundError as error:
            logger.info("%s: deleted meanwhile: %s", query, error)
        except RefusedError as error:
            for day in group.days:
                self._refusals.refused(day.metadata.name)
            logger.error("%s: %s", query, error)
        except ClusterError as error:
            pause = max(pause, _RETRY_SECONDS)
            logger.error("%s: %s", query, error)
        except FAULTS:  # what is known of the day cannot be worked with: other days go on
            for day in group.days:
                self._refusals.refused(day.metadata.name)
            logger.exception("%s: nothing could be done for it", query)
        else:
            for day in group.days:
                self._refusals.taken(day.metadata.name)
        finally:
            self._free_at[group.key.provider] = loop.time() + pause
        self._wake()

    async def _fetch(self, group: DayGroup) -> None:
        name, query = group.first.metadata.name, query_of(group.first)

        async def spend() -> None:
            await self._spend(group)
            self._election.write_seconds()  # the lease may have ended while the count was written

        try:
            fetched = await self._provider(group.key.provider).fetch(query, spend)
        except MarketError as error:
            logger.warning("%s: %s", query, error.line, extra={"marketDay": name, "reason": error.reason})
            await self._write_outcome(name, partial(_failed, error))
        except ClusterError:
            raise
        except Exception as error:  # whatever a source does is a fetch that failed
            logger.exception("%s: the answer could not be worked with", query, extra={"marketDay": name})
            await self._write_outcome(name, partial(_failed, Malformed(what_is_wrong(error))))
        else:
            how = f"{len(fetched.periods)} periods by {fetched.route}"
            logger.info("%s: %s", query, how, extra={"marketDay": name})
            if fetched.notice is not None:
                logger.warning("%s: %s", query, fetched.notice, extra={"marketDay": name})
            await self._write_outcome(name, partial(_fetched, fetched, self._cache.world().days))

    def _provider(self, name: str) -> Provider:
        if name not in self._providers:
            route = last_route(self._cache.world().days, name)
            settings = replace(self._settings, epex_route=route) if name == EpexSite.name else self._settings
            self._providers[name] = registry.create(name, self._http, settings)
        return self._providers[name]

    async def _spend(self, group: DayGroup) -> None:
        """Count a request before it leaves.

        Raises:
            RequestBudgetSpent: the limit is reached; the request must not be made.
            ClusterError: it could not be counted; the request must not be made.
        """
        name = group.first.metadata.name
        known = marketday_status.fetch_of(self._newest(name)).requests
        spent = max(known, group.requests, self._requests.get(group.key, 0))
        if spent >= DAILY_LIMIT:
            raise RequestBudgetSpent(
                f"{DAILY_LIMIT} requests were made for {query_of(group.first)}: no more are"
            )

        def counted(newest: MarketDay, now: datetime) -> MarketDayStatus:
            return marketday_status.with_request(newest, spent + 1, now + MarketError.patience, now)

        await self._write(name, counted)
        self._requests[group.key] = spent + 1

    async def _write_outcome(
        self, name: str, status: Callable[[MarketDay, datetime], MarketDayStatus]
    ) -> None:
        """Write what came of a request; where the day has changed meanwhile, over what it says then."""
        for _ in range(OUTCOME_TRIES):
            try:
                return await self._write(name, status)
            except ConflictError as error:
                logger.debug("written again: %s", error)
                await asyncio.sleep(TICK_SECONDS)
        return await self._write(name, status)

    async def _write(self, name: str, status: Callable[[MarketDay, datetime], MarketDayStatus]) -> None:
        now, day = self._clock.now(), self._newest(name)
        await self._statuses.write(MARKET_DAY, name, status(day, now).to_wire())

    def _newest(self, name: str) -> MarketDay:
        day = self._cache.world().days.get(name)
        if day is None:
            raise NotFoundError(f"MarketDay {name} is gone")
        return day


def _copied(first: MarketDay, day: MarketDay, now: datetime) -> MarketDayStatus:
    return marketday_status.with_copy(day, first, now)


def _failed(error: MarketError, day: MarketDay, now: datetime) -> MarketDayStatus:
    return marketday_status.with_failure(day, error, after_failure(day, error, now), now)


def _fetched(
    fetched: FetchedDay, known: Mapping[str, MarketDay], day: MarketDay, now: datetime
) -> MarketDayStatus:
    source = MarketSource(
        fetched_at=fetched.fetched_at,
        published_at=fetched.published_at,
        route=fetched.route,
        notice=fetched.notice,
    )
    before, recent = days_before(day, known)
    totals = [Decimal(one.total_volume) for one in recent if one.total_volume is not None]
    made_up = day.spec.provider == Mock.name
    doubted = None if made_up else doubt(fetched.day, before, totals)
    again = None if fetched.day.complete else after_failure(day, DayIncomplete(fetched.day.why), now)
    if fetched.day.complete and doubted is not None:
        again = once_more(day, now)
    return marketday_status.with_results(day, fetched.day, source, again, now, doubted, recent)
