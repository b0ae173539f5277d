"""The kopf layer: puts watch events into the cache and wakes the reconciler. No decisions here.

Only ``on.event`` handlers are used: they leave no finalizers and no annotations on anybody's objects, so that a
dead operator blocks nothing.
"""

import asyncio
import dataclasses
import logging
import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import kopf
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory

from powercap_api.names import GROUP, NODE, PLURALS, VERSION

from .cache import KINDS, WorldCache

_LONGEST_PAUSE: Final = 15.0
_WATCHES_LOGGER: Final = "kopf._core.reactor.orchestration"
_FAILED: Final = " has failed: "
IDLE_SECONDS: Final = 70.0
"""A watch that is silent for so long, without even a bookmark, which come about once a minute, is taken for dead and
begun anew: as by the agents."""


class _LikeKubectl(kopf.ConnectionInfo):
    """Accepts authorities without key identifiers (RFC 5280, 4.2.1), which clusters made long ago have."""

    def as_ssl_context(self) -> ssl.SSLContext:
        context = super().as_ssl_context()
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


def _like_kubectl(account: kopf.ConnectionInfo) -> kopf.ConnectionInfo:
    return _LikeKubectl(**{field.name: getattr(account, field.name) for field in dataclasses.fields(account)})


class EndlessBackoff:
    """Pauses between tries of an API request: doubling, 15 s at most, and no end.

    kopf gives up, and with it the process, when its list of pauses is used up: an API server that is away for
    long would become a crash loop.
    """

    def __iter__(self) -> Iterator[float]:
        """The pauses, in seconds."""
        pause = 1.0
        while True:
            yield pause
            pause = min(pause * 2, _LONGEST_PAUSE)


def quiet_settings() -> kopf.OperatorSettings:
    """Settings under which no watch hangs silently and nothing of kopf's own is written to the API."""
    settings = kopf.OperatorSettings()
    settings.watching.server_timeout = 270
    settings.watching.client_timeout = 280
    settings.watching.inactivity_timeout = IDLE_SECONDS
    settings.watching.connect_timeout = 10
    settings.watching.chunk_size = 500
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    settings.networking.error_backoffs = EndlessBackoff()
    settings.posting.enabled = False
    settings.queueing.idle_timeout = 0.1
    return settings


def _server(environ: Mapping[str, str]) -> str:
    """The API server's address as the kubelet gives it to every pod; kopf's own needs the cluster's DNS."""
    host = environ["KUBERNETES_SERVICE_HOST"]
    return f"https://{f'[{host}]' if ':' in host else host}:{environ['KUBERNETES_SERVICE_PORT']}"


class NoMemories(ResourceMemories):
    """Keeps nothing of any object: only handlers of other kinds than ``on.event`` need what kopf would remember.

    That is 2 kB and six objects for the garbage collector, for each of 10,000 nodes and budgets.
    """

    async def recall(self, raw_body: Any, **options: Any) -> ResourceMemory:
        """A new one each time."""
        return await super().recall(raw_body, **{**options, "ephemeral": True})


class WatchFailures(logging.Handler):
    """Learns from kopf's log that a watch has failed for good: the API server sent an error in it.

    kopf ends then, but takes up to half a minute to do so while the API server is in trouble, and receives nothing
    meanwhile.
    """

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._loop = asyncio.get_running_loop()
        self._failed: asyncio.Future[str] = self._loop.create_future()
        logging.getLogger(_WATCHES_LOGGER).addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line of kopf's log."""
        message = record.getMessage()
        if _FAILED in message:
            self._loop.call_soon_threadsafe(self._note, message)

    async def first(self) -> str:
        """What kopf says of the first watch that fails."""
        return await asyncio.shield(self._failed)

    def _note(self, message: str) -> None:
        if not self._failed.done():
            self._failed.set_result(message)


async def run(cache: WorldCache, wake: Callable[[], None], list_anew: Callable[[], None]) -> None:
    """Watch until the process is asked to end."""
    await kopf.operator(
        registry=feeding(cache, wake, list_anew),
        settings=quiet_settings(),
        memories=NoMemories(),
        clusterwide=True,
        standalone=True,
    )


def feeding(
    cache: WorldCache, wake: Callable[[], None], list_anew: Callable[[], None]
) -> kopf.OperatorRegistry:
    """Handlers that feed the cache with every kind that decisions are made from.

    ``wake`` is called after each event that changed what decisions see, ``list_anew`` where a watch began (anew): kopf
    then gives what is there, and not what was deleted meanwhile.
    """
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**arguments: Any) -> Any:
        account = kopf.login_with_service_account(**arguments)
        if account is not None:
            return _like_kubectl(dataclasses.replace(account, server=_server(os.environ)))
        account = kopf.login_with_kubeconfig(**arguments)
        return account and _like_kubectl(account)

    async def feed(event: Any, param: Any = None, **_: Any) -> None:
        if event["type"] is None:
            list_anew()
        body, metadata = event["object"], event["object"]["metadata"]
        if event["type"] == "DELETED":
            changed = cache.drop(param, metadata["name"], metadata["resourceVersion"])
        else:
            changed = cache.put(param, body)
        if changed:
            wake()

    for kind in KINDS:
        resource = ("", "v1", "nodes") if kind == NODE else (GROUP, VERSION, PLURALS[kind])
        kopf.on.event(*resource, registry=registry, param=kind)(feed)
    return registry
