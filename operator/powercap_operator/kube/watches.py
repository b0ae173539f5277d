"""The kopf layer: what people edit. Puts watch events into the cache and wakes the reconciler. No decisions here.

Only ``on.event`` handlers are used: they leave no finalizers and no annotations on anybody's objects, so that a
dead operator blocks nothing.
"""

import asyncio
import dataclasses
import os
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final

import kopf
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory

from powercap_api.names import GROUP, PLURALS, VERSION

from .cache import EDITED, WorldCache, name_of
from .client import IDLE_SECONDS
from .follow import EndlessBackoff

_WATCHER: Final = "watcher for "
"""How kopf names the task of each watch."""
LOOK_SECONDS: Final = 5.0
"""Between two looks at whether all of kopf's watches are still there."""


class _LikeKubectl(kopf.ConnectionInfo):
    """Accepts authorities without key identifiers (RFC 5280, 4.2.1), which clusters made long ago have."""

    def as_ssl_context(self) -> ssl.SSLContext:
        context = super().as_ssl_context()
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


def _like_kubectl(account: kopf.ConnectionInfo) -> kopf.ConnectionInfo:
    return _LikeKubectl(**{field.name: getattr(account, field.name) for field in dataclasses.fields(account)})


def quiet_settings() -> kopf.OperatorSettings:
    """Settings under which no watch hangs silently and nothing of kopf's own is written to the API.

    kopf gives up, and with it the process, when its list of pauses is used up: an API server that is away for long
    would become a crash loop.
    """
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


class NoMemories(ResourceMemories):
    """Keeps nothing of any object: only handlers of other kinds than ``on.event`` need what kopf would remember."""

    async def recall(self, raw_body: Any, **options: Any) -> ResourceMemory:
        return await super().recall(raw_body, **{**options, "ephemeral": True})


async def run(
    cache: WorldCache,
    wake: Callable[[str], None],
    list_anew: Callable[[], None],
    look_seconds: float = LOOK_SECONDS,
) -> str | None:
    """Watch until the process is asked to end; or, where a watch or a part of kopf has ended, what is to be said of it.

    kopf then ends by itself, but takes up to half a minute to do so while the API server is in trouble, and receives
    nothing meanwhile.
    """
    before = asyncio.all_tasks()
    parts = set(
        await kopf.spawn_tasks(
            registry=feeding(cache, wake, list_anew),
            settings=quiet_settings(),
            memories=NoMemories(),
            clusterwide=True,
            standalone=True,
        )
    )
    ended = asyncio.create_task(_ended_watch(look_seconds), name="kopf's watches")
    done, _ = await asyncio.wait({*parts, ended}, return_when=asyncio.FIRST_COMPLETED)
    ended.cancel()
    for task in done:
        if task is ended:
            return ended.result()
        if not task.cancelled() and (error := task.exception()) is not None:
            return f"{task.get_name()}: {error!r}"
    await kopf.run_tasks(parts, ignored=before)
    return None


async def _ended_watch(look_seconds: float) -> str:
    """Look again and again until there is no task any more for one of kopf's watches; what is to be said."""
    known: set[str] = set()
    while True:
        names = {task.get_name() for task in asyncio.all_tasks()}
        alive = {name for name in names if name.startswith(_WATCHER)}
        if ended := known - alive:
            return f"kopf's {', '.join(sorted(ended))} has ended"
        known = alive
        await asyncio.sleep(look_seconds)


def _server(environ: Mapping[str, str]) -> str:
    """The API server's address as the kubelet gives it to every pod; kopf's own needs the cluster's DNS."""
    host = environ["KUBERNETES_SERVICE_HOST"]
    return f"https://{f'[{host}]' if ':' in host else host}:{environ['KUBERNETES_SERVICE_PORT']}"


def feeding(
    cache: WorldCache, wake: Callable[[str], None], list_anew: Callable[[], None]
) -> kopf.OperatorRegistry:
    """Handlers that feed the cache with every kind that people edit.

    ``wake`` is told what was edited, where decisions see it; ``list_anew`` is called where a watch began (again): kopf
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
        if cache.take(param, event):
            wake(f"{param} {name_of(event['object'])}")

    for kind in EDITED:
        kopf.on.event(GROUP, VERSION, PLURALS[kind], registry=registry, param=kind)(feed)
    return registry
