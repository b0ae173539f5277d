"""That one of kopf's watches has ended is known soon: with the kopf that is installed, on an API of the test's own."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import kopf
import pytest
from aiohttp import web

from dev.cluster.pki import Authority
from powercap_api.names import GROUP, VERSION
from powercap_operator.kube.cache import WorldCache
from powercap_operator.kube.watches import quiet_settings, run
from tests.support.cluster_client import kubeconfig_of

KINDS = {
    "powerpolicies": "PowerPolicy",
    "poweroverrides": "PowerOverride",
    "marketdays": "MarketDay",
    "powerreports": "PowerReport",
    "waitpolicies": "WaitPolicy",
}
POLICY = {
    "kind": "PowerPolicy",
    "metadata": {"name": "default", "uid": "u", "resourceVersion": "7"},
    "spec": {"maxSource": "40"},
}
LOOK_SECONDS = 0.1
ERROR = {
    "type": "ERROR",
    "object": {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": 500,
        "message": "etcdserver",
    },
}


class Api:
    """Our kinds; one policy; watches that say nothing, but where ``broken`` is set: an error."""

    def __init__(self) -> None:
        self._watched: set[str] = set()
        self.all_watched = asyncio.Event()
        self.broken = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """As the API server does what kopf asks of it."""
        plural = request.path.rsplit("/", 1)[1]
        if request.query.get("watch") == "true":
            return await self._watch(request, plural)
        version = {"groupVersion": f"{GROUP}/{VERSION}", "version": VERSION}
        found: dict[str, dict[str, Any]] = {
            "/api": {"versions": ["v1"]},
            "/apis": {"groups": [{"name": GROUP, "versions": [version], "preferredVersion": version}]},
            f"/apis/{GROUP}/{VERSION}": {"resources": [_resource(*one) for one in KINDS.items()]},
            "/api/v1": {"resources": [_resource("namespaces", "Namespace")]},
        }
        items = [POLICY] if plural == "powerpolicies" else []
        listed = {"metadata": {"resourceVersion": "9"}, "items": items, "resources": []}
        return web.json_response({**listed, **found.get(request.path, {})})

    async def _watch(self, request: web.Request, plural: str) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        self._watched.add(plural)
        if set(KINDS) <= self._watched:
            self.all_watched.set()
        await self.broken.wait()
        if plural == "poweroverrides":
            await response.write(json.dumps(ERROR).encode() + b"\n")
        await asyncio.Event().wait()
        return response


def _resource(plural: str, kind: str) -> dict[str, Any]:
    verbs = ["list", "watch", "patch", "create", "delete"]
    return {"name": plural, "singularName": kind.lower(), "kind": kind, "namespaced": False, "verbs": verbs}


@asynccontextmanager
async def watching(
    api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch, wake: Callable[[str], None]
) -> AsyncIterator["asyncio.Task[str | None]"]:
    """kopf's watches of that API, once all of them are there. Its authority is as those of clusters made long ago:
    without key identifiers, and trusted by Python 3.13 and newer only where they are told to.
    """
    authority = Authority(folder / "pki", key_identifiers=False)
    pair = authority.issue("server", "kube-apiserver", addresses=["127.0.0.1"])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.public, pair.private)
    app = web.Application()
    app.add_routes([web.get("/{path:.*}", api.answer)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    host, port = runner.addresses[0][:2]
    kubeconfig = kubeconfig_of(f"https://{host}:{port}", folder, authority.files.public)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    try:
        task = asyncio.create_task(run(WorldCache(), wake, lambda: None, LOOK_SECONDS))
        await asyncio.wait_for(api.all_watched.wait(), 30)
        yield task
    finally:
        await _end(task for task in asyncio.all_tasks() if task.get_name().startswith("watcher for "))
        await runner.cleanup()


async def _end(watches: Iterable["asyncio.Task[Any]"]) -> None:
    """End kopf's watches before the loop cancels all tasks at once, which those of a watch wait for in vain."""
    ending = set(watches)
    for task in ending:
        task.cancel()
    if ending:
        await asyncio.wait(ending)


def test_an_error_in_a_watch_is_told_and_what_was_edited_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reasons: list[str] = []

    async def story() -> str | None:
        api = Api()
        async with watching(api, tmp_path, monkeypatch, reasons.append) as told:
            api.broken.set()
            return await asyncio.wait_for(told, 30)

    said = asyncio.run(story())
    assert said is not None
    assert "Error in the watch-stream" in said or "watcher for poweroverrides" in said
    assert reasons == ["PowerPolicy default"]


def test_a_watch_that_ends_without_an_error_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """kopf's orchestrator takes a watch that was cancelled for one that is not wanted any more."""

    async def story() -> str | None:
        async with watching(Api(), tmp_path, monkeypatch, lambda _: None) as told:
            watch = next(
                task for task in asyncio.all_tasks() if task.get_name().startswith("watcher for powerreports")
            )
            await asyncio.sleep(2 * LOOK_SECONDS)  # it has been seen by then
            watch.cancel()
            return await asyncio.wait_for(told, 30)

    said = asyncio.run(story())
    assert said is not None
    assert "powerreports" in said


def test_a_silent_watch_is_given_up_within_75_seconds() -> None:
    settings: kopf.OperatorSettings = quiet_settings()
    assert settings.watching.inactivity_timeout <= 70
