"""Fetches the MarketDays that are due, each market and day once for the whole cluster.

The count of requests is written to the MarketDay before each request leaves: however often this process crashes,
it cannot ask more often than the daily limit. Where that write fails, the request is not made.
"""

import asyncio
import logging
import random
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import httpx

from powercap_api.clock import Clock
from powercap_api.marketday import MarketDay, MarketDayStatus, MarketSource
from powercap_api.names import MARKET_DAY
from powercap_api.powerpolicy import HAND_MADE

from .kube.cache import WorldCache
from .kube.client import Cluster, ClusterError, NotFoundError
from .kube.event_recorder import Recorder
from .market.errors import DayIncomplete, MarketError, RequestBudgetSpent
from .market.fallback import is_complete
from .market.publication import DAILY_LIMIT, History, next_attempt
from .planning import marketday_status
from .planning.events import condition_happenings
from .planning.wanted_days import query_of
from .sources import registry
from .sources.epex.provider import Epex
from .sources.registry import FetchedDay, Provider, ProviderSettings

logger = logging.getLogger(__name__)

TICK_SECONDS: Final = 0.5


class MarketDesk:
    """Looks twice a second for days that are due, and fetches each in a task of its own."""

    def __init__(
        self,
        cluster: Cluster,
        cache: WorldCache,
        http: httpx.AsyncClient,
        settings: ProviderSettings,
        clock: Clock,
        recorder: Recorder,
        wake: Callable[[], None],
    ) -> None:
        """``wake`` is called when a day has come to say something else."""
        self._cluster = cluster
        self._cache = cache
        self._http = http
        self._settings = settings
        self._clock = clock
        self._recorder = recorder
        self._wake = wake
        self._busy: set[str] = set()
        self._requests: dict[str, int] = {}
        self._providers: dict[str, Provider] = {}

    async def run(self, ready: asyncio.Event) -> None:
        """From when the cluster is known, until cancelled."""
        await ready.wait()
        async with asyncio.TaskGroup() as fetches:
            while True:
                now = self._clock.now()
                for name, day in self._cache.world().days.items():
                    if name not in self._busy and is_due(day, now):
                        self._busy.add(name)
                        fetches.create_task(self._attend(day))
                await asyncio.sleep(TICK_SECONDS)

    async def _attend(self, day: MarketDay) -> None:
        name = day.metadata.name
        try:
            await self._fetch(day)
        except NotFoundError:
            logger.info("MarketDay %s was deleted while it was being fetched", name)
        except ClusterError as error:
            logger.error("MarketDay %s: %s", name, error)
        finally:
            self._busy.discard(name)

    async def _fetch(self, day: MarketDay) -> None:
        name, query = day.metadata.name, query_of(day)

        async def spend() -> None:
            await self._spend(name)

        try:
            fetched = await self._provider(day.spec.provider).fetch(query, spend)
        except MarketError as error:
            logger.warning("%s: %s", query, error.line, extra={"marketDay": name, "reason": error.reason})
            await self._write(name, partial(_failed, error))
        else:
            how = f"{len(fetched.periods)} periods by {fetched.route}"
            logger.info("%s: %s", query, how, extra={"marketDay": name})
            if fetched.notice is not None:
                logger.warning("%s: %s", query, fetched.notice, extra={"marketDay": name})
            await self._write(name, partial(_fetched, fetched))
        self._wake()

    def _provider(self, name: str) -> Provider:
        if name not in self._providers:
            route = last_route(self._cache.world().days, name)
            settings = replace(self._settings, epex_route=route) if name == Epex.name else self._settings
            self._providers[name] = registry.create(name, self._http, settings)
        return self._providers[name]

    async def _spend(self, name: str) -> None:
        """Count a request before it leaves.

        Raises:
            RequestBudgetSpent: the limit is reached; the request must not be made.
        """
        day = self._newest(name)
        spent = max(marketday_status.fetch_of(day).requests, self._requests.get(name, 0))
        if spent >= DAILY_LIMIT:
            raise RequestBudgetSpent(f"{DAILY_LIMIT} requests were made for {query_of(day)}: no more are")
        self._requests[name] = spent + 1

        def counted(newest: MarketDay, now: datetime) -> MarketDayStatus:
            return marketday_status.with_request(newest, spent + 1, now + MarketError.patience, now)

        await self._write(name, counted)

    async def _write(self, name: str, status: Callable[[MarketDay, datetime], MarketDayStatus]) -> None:
        now, day = self._clock.now(), self._newest(name)
        body = await self._cluster.apply_status(MARKET_DAY, name, status(day, now).to_wire())
        self._cache.put(MARKET_DAY, body)
        before = [old.to_wire() for old in day.status.conditions]
        uid = day.metadata.uid or ""
        for happening in condition_happenings(MARKET_DAY, name, uid, before, body["status"]["conditions"]):
            await self._recorder.record(happening)

    def _newest(self, name: str) -> MarketDay:
        day = self._cache.world().days.get(name)
        if day is None:
            raise NotFoundError(f"MarketDay {name} is gone")
        return day


def _failed(error: MarketError, day: MarketDay, now: datetime) -> MarketDayStatus:
    return marketday_status.with_failure(day, error, _after_failure(day, error, now), now)


def _fetched(fetched: FetchedDay, day: MarketDay, now: datetime) -> MarketDayStatus:
    source = MarketSource(
        fetched_at=fetched.fetched_at,
        published_at=fetched.published_at,
        route=fetched.route,
        notice=fetched.notice,
    )
    again = None if fetched.day.complete else _after_failure(day, DayIncomplete(fetched.day.why), now)
    return marketday_status.with_results(day, fetched.day, source, again, now)


def is_due(day: MarketDay, now: datetime) -> bool:
    """Whether to ask for the day now. Pure."""
    if is_complete(day) or day.metadata.deletion_timestamp is not None or day.spec.provider in HAND_MADE:
        return False
    fetch = day.status.fetch
    if fetch is None or (fetch.requests == 0 and fetch.failures == 0):
        jitter = zlib.crc32(f"{day.metadata.uid}{day.metadata.name}".encode()) / 2**32
        first = next_attempt(query_of(day), now, History(), jitter=jitter)
        return first is not None and first <= now
    return fetch.next_attempt_at is not None and fetch.next_attempt_at <= now


def _after_failure(day: MarketDay, error: MarketError, now: datetime) -> datetime | None:
    """When to ask again after one more failure."""
    fetch = marketday_status.fetch_of(day)
    asked = fetch.last_request_at or now
    history = History(
        requests=fetch.requests,
        failures=fetch.failures + 1,
        last_request_at=asked,
        patience=error.patience,
        not_before=None if error.retry_after is None else asked + error.retry_after,
    )
    again = next_attempt(query_of(day), now, history, jitter=random.random())  # noqa: S311 - not to ask in step
    return None if again is None else max(again, now + timedelta(seconds=1))


def last_route(days: Mapping[str, MarketDay], provider: str) -> str | None:
    """The way in that worked for the provider's latest day, where there is one."""
    sources = [day.status.source for day in days.values() if day.spec.provider == provider]
    known = [source for source in sources if source is not None]
    return max(known, key=lambda source: source.fetched_at).route if known else None
