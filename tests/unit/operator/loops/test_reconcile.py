"""The loop where the API server answers some requests and others not."""

import asyncio
import gc
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from powercap_api.clock import SystemClock
from powercap_api.names import API_VERSION, PLURALS, POWER_BUDGET, POWER_POLICY, POWER_REPORT
from powercap_operator.kube.cache import WorldCache
from powercap_operator.kube.client import Cluster, ClusterError
from powercap_operator.kube.event_recorder import Recorder
from powercap_operator.kube.follow import NODES_AND_BUDGETS, Follower
from powercap_operator.kube.leadership import AlwaysLeading
from powercap_operator.loops.pauses import LoopPauses
from powercap_operator.loops.reconcile import Reconciler
from powercap_operator.planning.decision import decide
from powercap_operator.planning.overrides.matching import Matching
from tests.support.cluster_client import cluster_at


class Api:
    """Lists of what is put here, and watches that say nothing; one plural may be ``refused``."""

    def __init__(self) -> None:
        self.refused = ""
        self.reports = [{"metadata": {"name": "r", "resourceVersion": "3"}, "spec": {}}]
        self.policies: list[dict[str, Any]] = []
        self.statuses: list[dict[str, Any]] = []
        self.written = asyncio.Event()
        self.cut = False

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """As the API server would, as far as the loop asks."""
        if request.query.get("watch") == "true":
            response = web.StreamResponse()
            await response.prepare(request)
            await asyncio.Event().wait()
        if request.method == "PATCH" and request.path.endswith("/status"):
            body = json.loads(await request.text())
            self.statuses.append(body["status"])
            self.written.set()
            metadata = {**self.policies[0]["metadata"], "resourceVersion": "9"}
            return web.json_response({**self.policies[0], "metadata": metadata, "status": body["status"]})
        if request.method != "GET":
            return web.json_response({})
        plural = request.path.rsplit("/", 1)[1]
        if plural == self.refused:
            return web.json_response({"message": "etcdserver: request timed out"}, status=500)
        items = {PLURALS[POWER_POLICY]: self.policies, PLURALS[POWER_REPORT]: self.reports}.get(plural, [])
        text = json.dumps({"metadata": {"resourceVersion": "9"}, "items": items})
        return web.Response(text=text[:-9] if self.cut else text, content_type="application/json")


@asynccontextmanager
async def cluster_of(api: Api, folder: Path) -> AsyncIterator[Cluster]:
    """The operator's client of that API."""
    app = web.Application()
    app.add_routes([web.route("*", "/{path:.*}", api.answer)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        async with cluster_at(f"http://{host}:{port}", folder) as cluster:
            yield cluster
    finally:
        await runner.cleanup()


def policy(version: int, name: str = "default", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "uid": "u", "generation": version, "resourceVersion": str(version)}
    return {
        "apiVersion": API_VERSION,
        "kind": POWER_POLICY,
        "metadata": metadata,
        "spec": {"maxSource": "40", **spec},
    }


def reconciler_of(cluster: Cluster, cache: WorldCache) -> Reconciler:
    clock = SystemClock()
    recorder = Recorder(cluster, clock)
    return Reconciler(
        cluster, cache, clock, recorder, timedelta(days=14), Matching(), AlwaysLeading(), lambda: None
    )


_FIXED = {"market": {"providers": ["Mock"]}, "strategy": {"type": "Fixed", "power": "30"}}


class ManyNodes(Api):
    """So many nodes, in pages; ``written`` once there are so many ``budgets``."""

    def __init__(self, nodes: int, budgets: int) -> None:
        super().__init__()
        self._pages = []
        for begin in range(0, nodes, 500):
            items = [
                {
                    "metadata": {
                        "name": f"node-{number:04}",
                        "uid": f"uid-{number}",
                        "resourceVersion": "1",
                        "labels": {"pool": str(number % 20)},
                    }
                }
                for number in range(begin, begin + 500)
            ]
            metadata = {"resourceVersion": "9", "continue": str(begin // 500 + 1)}
            if begin + 500 >= nodes:
                del metadata["continue"]
            self._pages.append(json.dumps({"metadata": metadata, "items": items}))
        self._wanted = budgets
        self.policies = [
            policy(2, name=f"pool-{number:02}", nodeSelector={"pool": str(number)}, **_FIXED)
            for number in range(20)
        ]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """As above."""
        if request.path.endswith("/nodes") and "watch" not in request.query:
            text = self._pages[int(request.query.get("continue", 0))]
            return web.Response(text=text, content_type="application/json")
        if request.method == "PATCH" and PLURALS[POWER_BUDGET] in request.path:
            body = json.loads(await request.text())
            body["metadata"] |= {"resourceVersion": "10", "uid": "u"}
            self._wanted -= 1
            if not self._wanted:
                self.written.set()
            return web.json_response(body)
        return await super().answer(request)


def test_thousands_of_nodes_do_not_hold_up_the_loop(tmp_path: Path) -> None:
    """They are listed, decided on and written, and no step takes nearly as long as the decision, in processor time."""
    api, cache, pauses = ManyNodes(nodes=5000, budgets=200), WorldCache(), LoopPauses()

    async def run() -> None:
        async with cluster_of(api, tmp_path) as cluster:
            reconciler = reconciler_of(cluster, cache)
            followers = [Follower(cluster, cache, one, reconciler.wake) for one in NODES_AND_BUDGETS]
            loops = [reconciler.run(followers), pauses.run(), *(one.run(lambda: None) for one in followers)]
            tasks = [asyncio.create_task(loop) for loop in loops]
            await asyncio.wait_for(api.written.wait(), 60)
            for task in tasks:
                task.cancel()

    gc.collect()
    gc.freeze()  # as the operator does when it starts
    try:
        asyncio.run(run())
    finally:
        gc.unfreeze()
    world = replace(cache.world(), budgets={})
    assert len(world.nodes) == 5000
    began = time.thread_time()
    decide(world, SystemClock().now(), timedelta(days=14))
    taken = time.thread_time() - began
    assert pauses.longest_step_seconds < taken * 3 / 4


class Said(logging.Handler):
    """The first line of the log that has ``part``."""

    def __init__(self, part: str) -> None:
        super().__init__()
        self._part = part
        self.line: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line."""
        if self._part in record.getMessage() and not self.line.done():
            self.line.set_result(record.getMessage())


def test_the_log_says_what_a_pass_that_wrote_budgets_was_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    api, cache = ManyNodes(nodes=500, budgets=500), WorldCache()
    logger = logging.getLogger("powercap_operator.loops.reconcile")

    async def run() -> str:
        async with cluster_of(api, tmp_path) as cluster:
            said = Said("budgets written")
            logger.addHandler(said)
            reconciler = reconciler_of(cluster, cache)
            for number in range(5):
                reconciler.wake(f"Node a{number}")
            followers = [Follower(cluster, cache, one, reconciler.wake) for one in NODES_AND_BUDGETS]
            loops = [reconciler.run(followers), *(one.run(lambda: None) for one in followers)]
            tasks = [asyncio.create_task(loop) for loop in loops]
            line = await asyncio.wait_for(said.line, 60)
            logger.removeHandler(said)
            for task in tasks:
                task.cancel()
            return line

    with caplog.at_level("INFO"):
        assert asyncio.run(run()) == "budgets written: 500, because of Node a0, Node a1, Node a2, 4 more"


def test_a_list_that_fails_stops_neither_the_others_nor_the_passes(tmp_path: Path) -> None:
    api, cache = Api(), WorldCache()
    api.policies = [policy(2, nodeSelector={"none": "such"})]

    async def run() -> None:
        async with cluster_of(api, tmp_path) as cluster:
            reconciler = reconciler_of(cluster, cache)
            assert await reconciler._resync()
            api.refused = PLURALS[POWER_REPORT]
            api.policies = [policy(5, nodeSelector={"none": "such"}, priority=7)]
            assert not await reconciler._resync()
            assert cache.world().policies["default"].spec.priority == 7, "listed all the same"
            assert (POWER_REPORT, "r") in cache.world().unreadable, "what is known stands"
            api.refused = ""
            loop = asyncio.create_task(reconciler.run([]))
            await api.written.wait()
            loop.cancel()
            assert api.statuses[0]["observedGeneration"] == 5

    asyncio.run(run())


def test_an_answer_that_was_cut_is_told_like_any_failure(tmp_path: Path) -> None:
    api = Api()
    api.cut = True

    async def run() -> None:
        async with cluster_of(api, tmp_path) as cluster:
            with pytest.raises(ClusterError, match="the answer is no JSON"):
                await cluster.newest_version()
            assert not await reconciler_of(cluster, WorldCache())._resync()

    asyncio.run(run())
