"""Watches the pods that ask for something by a label, and no others: the API server selects them.

kopf selects by labels only after it has received every pod, so this is a list and a watch of its own, for each of the
two labels. It runs while some policy lets pods ask; a stream that breaks is begun anew with a list.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from powercap_api.names import EXEMPT_LABEL, FLOOR_LABEL

from ..planning.overrides.pod_floors import allowed_floors, view_pod
from ..world.snapshot import PodView
from .cache import WorldCache
from .client import Cluster, ClusterError

logger = logging.getLogger(__name__)

_SELECTORS: Final = (FLOOR_LABEL, f"{EXEMPT_LABEL}=true")
_PAUSE_SECONDS: Final = 2.0
"""Between two tries, and between two looks at whether any policy lets pods ask."""
_STREAM_SECONDS: Final = 60
"""After so long all is listed anew: these pods are few, and a connection that died unnoticed is found out."""


class PodWatch:
    """Keeps the cache's pods as the API server has them."""

    def __init__(self, cluster: Cluster, cache: WorldCache, wake: Callable[[], None]) -> None:
        """``wake`` is called after each change."""
        self._cluster = cluster
        self._cache = cache
        self._wake = wake
        self._pods: dict[str, dict[str, PodView]] = {selector: {} for selector in _SELECTORS}

    async def run(self, beat: Callable[[], None]) -> None:
        """Until cancelled; ``beat`` is called all the while."""
        async with asyncio.TaskGroup() as tasks:
            for selector in _SELECTORS:
                tasks.create_task(self._follow(selector), name=f"pods with {selector}")
            while True:
                beat()
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _follow(self, selector: str) -> None:
        while True:
            if self._allowed():
                try:
                    await self._list_and_watch(selector)
                except ClusterError as error:
                    logger.warning("pods with %s are not known: %s", selector, error)
            elif self._pods[selector]:
                self._take(selector, {})
            await asyncio.sleep(_PAUSE_SECONDS)

    def _allowed(self) -> bool:
        return allowed_floors(self._cache.world().policies.values())

    async def _list_and_watch(self, selector: str) -> None:
        bodies, version = await self._cluster.list_pods(selector)
        views = {_key(body): view_pod(body) for body in bodies}
        self._take(selector, {key: view for key, view in views.items() if view is not None})
        async for event in self._cluster.watch_pods(selector, version, _STREAM_SECONDS):
            if event["type"] == "ERROR" or not self._allowed():
                return
            self._feed(selector, event)

    def _feed(self, selector: str, event: Mapping[str, Any]) -> None:
        if event["type"] not in {"ADDED", "MODIFIED", "DELETED"}:
            return
        key, pods = _key(event["object"]), dict(self._pods[selector])
        view = None if event["type"] == "DELETED" else view_pod(event["object"])
        if view is None:
            pods.pop(key, None)
        else:
            pods[key] = view
        self._take(selector, pods)

    def _take(self, selector: str, pods: dict[str, PodView]) -> None:
        if pods != self._pods[selector]:
            self._pods[selector] = pods
            self._cache.pods = {key: view for known in self._pods.values() for key, view in known.items()}
            self._wake()


def _key(body: Mapping[str, Any]) -> str:
    return f"{body['metadata']['namespace']}/{body['metadata']['name']}"
