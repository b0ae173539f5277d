"""Follows what comes in bulk: lists it once, page by page, and watches it from there on.

Guarantees:
- The cache hears of every change. A watch that has lasted its time is gone on with after the last version that it gave,
  a bookmark's too. After anything else (410, a stream that broke, ended early or was silent for ``IDLE_SECONDS``, what
  cannot be read) everything is relisted, which is always right, also where the API server's data went back.
- An event takes the time of one object, however many there are.

Data that went back without any watch's notice is noticed for all kinds at once (``RewindWatch``).
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from powercap_api.names import CHEAP_HOURS_LABEL, EXEMPT_LABEL, FLOOR_LABEL, NODE, POWER_BUDGET

from .cache import EXEMPT_POD, FLOOR_POD, JOB, WorldCache, name_of
from .client import Cluster, ClusterError, path_of

logger = logging.getLogger(__name__)

_LONGEST_PAUSE: Final = 15.0


@dataclass(frozen=True, slots=True)
class Collection:
    """Objects that are listed together."""

    kind: str
    """What the cache knows them as."""
    path: str
    selector: str = ""
    """Label selector: the API server sends only what it selects."""
    needed: bool = True
    """Whether nothing can be decided without them."""


NODES_AND_BUDGETS: Final = tuple(Collection(kind, path_of(kind)) for kind in (NODE, POWER_BUDGET))
PODS_THAT_ASK: Final = (
    Collection(FLOOR_POD, "/api/v1/pods", FLOOR_LABEL, needed=False),
    Collection(EXEMPT_POD, "/api/v1/pods", f"{EXEMPT_LABEL}=true", needed=False),
)
JOBS_THAT_WAIT: Final = Collection(JOB, "/apis/batch/v1/jobs", f"{CHEAP_HOURS_LABEL}=true", needed=False)


class EndlessBackoff:
    """Pauses between tries of an API request: doubling, 15 s at most, and no end."""

    def __iter__(self) -> Iterator[float]:
        """The pauses, in seconds."""
        pause = 1.0
        while True:
            yield pause
            pause = min(pause * 2, _LONGEST_PAUSE)


async def list_into(
    cache: WorldCache, cluster: Cluster, collection: Collection, beat: Callable[[], None] = lambda: None
) -> str:
    """List page by page, and take a page object by object: of each only what decisions need stays in memory.

    Returns:
        the resource version of the list.

    Raises:
        ClusterError: the list was not answered to its end; what came before is in the cache.
    """
    listed: set[str] = set()
    list_version = "0"
    async for bodies, version in cluster.pages(collection.path, collection.selector):
        list_version = version
        beat()
        for body in bodies:
            cache.put(collection.kind, body, version)
            listed.add(name_of(body))
            await asyncio.sleep(0)
    cache.drop_unlisted(collection.kind, listed, list_version)
    return list_version


class Follower:
    """Follows one collection."""

    def __init__(
        self, cluster: Cluster, cache: WorldCache, collection: Collection, wake: Callable[[str], None]
    ) -> None:
        """``wake`` is told what has changed, each time that decisions see something else."""
        self._cluster = cluster
        self._cache = cache
        self._collection = collection
        self._wake = wake
        self._version: str | None = None
        """The cache has heard of everything up to it; None where only a list tells."""
        self._failures = 0
        """In a row, without an event between them."""
        self._listed = False
        """Whether it was, ever."""

    @property
    def waited_for(self) -> bool:
        """Whether nothing should be decided yet: it was never listed. Where that fails, what is not needed is not
        waited for."""
        return not self._listed and (self._collection.needed or not self._failures)

    @property
    def in_touch(self) -> bool:
        """Whether the cache has what is needed of it as it is now; one break, which is mended at once, is no matter."""
        return not self._collection.needed or (self._listed and self._failures < 2)

    async def run(self, beat: Callable[[], None]) -> None:
        """Until cancelled; ``beat`` is called after each request, page and event."""
        pauses = iter(EndlessBackoff())
        while True:
            beat()
            if not self._failures:
                pauses = iter(EndlessBackoff())
            try:
                await self._go_on(beat)
            except ClusterError as error:
                level = logging.WARNING if self._failures or not self._listed else logging.INFO
                logger.log(level, "%ss are relisted: %s", self._collection.kind, error)
                self._version = None
                self._failures += 1
                await asyncio.sleep(next(pauses))

    async def _go_on(self, beat: Callable[[], None]) -> None:
        """Watch to the end of one stream, after a list where there is none to go on from."""
        kind = self._collection.kind
        if self._version is None:
            self._version = await list_into(self._cache, self._cluster, self._collection, beat)
            self._listed = True
            self._wake(f"a list of {kind}s")
        stream = self._cluster.watch(self._collection.path, self._version, self._collection.selector)
        async with aclosing(stream):
            async for event in stream:
                beat()
                self._failures = 0
                if self._cache.take(kind, event):
                    self._wake(f"{kind} {name_of(event['object'])}")
                self._version = event["object"]["metadata"]["resourceVersion"]
                await asyncio.sleep(0)
