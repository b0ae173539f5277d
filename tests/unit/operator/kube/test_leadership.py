"""Who may write, and until when, on a stand-in API server with clocks that the test sets."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from kubernetes_asyncio.client import Configuration
from kubernetes_asyncio.client.api_client import ApiClient

from powercap_operator.kube.client import Cluster, NotLeadingError
from powercap_operator.kube.leadership import (
    LEASE_SECONDS,
    MARGIN_SECONDS,
    RENEW_SECONDS,
    Leadership,
    Moment,
    read_clocks,
)
from powercap_operator.kube.lease import LeaseStore
from powercap_operator.loops.health import STALE_SECONDS, Heartbeats

COLLECTION = "/apis/coordination.k8s.io/v1/namespaces/ns/leases"


@dataclass
class Clocks:
    """Two clocks that stand still until they are moved."""

    running: float = 1000.0
    wall: float = 1_760_000_000.0

    def __call__(self) -> Moment:
        return Moment(self.running, self.wall)

    def pass_by(self, seconds: float) -> None:
        """On both."""
        self.running += seconds
        self.wall += seconds


@dataclass
class LeaseServer:
    """One Lease as an API server keeps it: each write needs the version that is there."""

    lease: dict[str, Any] | None = None
    down: bool = False
    version: int = 0
    app: web.Application = field(default_factory=web.Application)

    def __post_init__(self) -> None:
        self.app.add_routes(
            [
                web.get(f"{COLLECTION}/one", self._get),
                web.post(COLLECTION, self._post),
                web.put(f"{COLLECTION}/one", self._put),
            ]
        )

    def _answer(self, status: int) -> web.Response:
        return web.json_response(self.lease if status < 300 else {"message": "no"}, status=status)

    async def _get(self, _: web.Request) -> web.Response:
        return self._answer(503 if self.down else 200 if self.lease else 404)

    async def _post(self, request: web.Request) -> web.Response:
        return await self._write(request, self.lease is None)

    async def _put(self, request: web.Request) -> web.Response:
        body = await request.json()
        return await self._write(request, body["metadata"]["resourceVersion"] == str(self.version))

    async def _write(self, request: web.Request, fits: bool) -> web.Response:
        if self.down or not fits:
            return self._answer(503 if self.down else 409)
        self.version += 1
        self.lease = await request.json()
        self.lease["metadata"]["resourceVersion"] = str(self.version)
        return self._answer(200)

    @asynccontextmanager
    async def candidates(self, *clocks: Clocks) -> AsyncIterator[list[Leadership]]:
        """One candidate for each clock."""
        runner = web.AppRunner(self.app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        try:
            async with ApiClient(Configuration(host=f"http://127.0.0.1:{port}")) as client:
                store = LeaseStore(Cluster(client), "ns", "one")
                yield [Leadership(store, f"operator-{index}", clock) for index, clock in enumerate(clocks)]
        finally:
            await runner.cleanup()


def play(scene: Callable[[LeaseServer], Awaitable[None]]) -> None:
    asyncio.run(_play(scene))


async def _play(scene: Callable[[LeaseServer], Awaitable[None]]) -> None:
    await scene(LeaseServer())


def test_the_time_for_a_write_ends_before_the_lease() -> None:
    async def scene(server: LeaseServer) -> None:
        clocks = Clocks()
        async with server.candidates(clocks) as (one,):
            with pytest.raises(NotLeadingError, match="the leader is unknown"):
                one.write_seconds()
            await one.look()
            assert one.write_seconds() == LEASE_SECONDS - MARGIN_SECONDS
            clocks.pass_by(RENEW_SECONDS - 0.5)
            assert one.write_seconds() == LEASE_SECONDS - MARGIN_SECONDS - RENEW_SECONDS + 0.5
            clocks.pass_by(0.5)
            assert not one.leading
            with pytest.raises(NotLeadingError):
                one.write_seconds()
            await one.look()
            assert one.leading, "nobody else has taken it"

    play(scene)


@pytest.mark.parametrize("clock", ["running", "wall"])
def test_a_machine_that_slept_finds_the_lease_over_by_either_clock(clock: str) -> None:
    async def scene(server: LeaseServer) -> None:
        clocks = Clocks()
        async with server.candidates(clocks) as (one,):
            await one.look()
            setattr(clocks, clock, getattr(clocks, clock) + RENEW_SECONDS)
            assert not one.leading

    play(scene)


def test_a_wall_clock_that_is_set_back_lengthens_nothing() -> None:
    async def scene(server: LeaseServer) -> None:
        clocks = Clocks()
        async with server.candidates(clocks) as (one,):
            await one.look()
            clocks.wall -= 3600
            clocks.running += RENEW_SECONDS
            assert not one.leading

    play(scene)


def test_another_takes_it_only_when_it_has_not_changed_for_as_long_as_it_lasts() -> None:
    async def scene(server: LeaseServer) -> None:
        first, second = Clocks(), Clocks(running=5.0, wall=0.0)
        async with server.candidates(first, second) as (leader, other):
            await leader.look()
            for _ in range(10):
                await other.look()
                first.pass_by(2)
                second.pass_by(2)
                await leader.look()
            await other.look()
            second.pass_by(LEASE_SECONDS - 0.1)
            await other.look()
            assert (leader.leading, other.leading) == (True, False)
            second.pass_by(0.1)
            await other.look()
            assert other.leading
            assert server.lease is not None
            assert server.lease["spec"]["leaseTransitions"] == 1
            await leader.look()
            assert not leader.leading
            assert leader.leader == "operator-1"

    play(scene)


def test_a_lease_that_was_given_up_is_taken_at_once() -> None:
    async def scene(server: LeaseServer) -> None:
        async with server.candidates(Clocks(), Clocks()) as (leader, other):
            await leader.look()
            await other.look()
            await leader.release()
            assert not leader.leading
            await other.look()
            assert other.leading

    play(scene)


def test_a_leader_that_cannot_renew_stops_and_goes_on_when_it_can() -> None:
    async def scene(server: LeaseServer) -> None:
        clocks, leading = Clocks(), []
        async with server.candidates(clocks) as (one,):
            await one.look()
            server.down = True
            for seconds in (RENEW_SECONDS - 1, 1):
                clocks.pass_by(seconds)
                await one.look()
                leading.append(one.leading)
            server.down = False
            await one.look()
            leading.append(one.leading)
            assert leading == [True, False, True]
            assert one.terms == 2

    play(scene)


def test_a_renewal_whose_answer_was_lost_is_still_ones_own() -> None:
    async def scene(server: LeaseServer) -> None:
        clocks = Clocks()
        async with server.candidates(clocks) as (one,):
            await one.look()
            assert server.lease is not None
            server.version += 1
            server.lease = json.loads(json.dumps(server.lease))
            server.lease["metadata"]["resourceVersion"] = str(server.version)
            await one.look()
            clocks.pass_by(RENEW_SECONDS - 1)
            await one.look()
            clocks.pass_by(RENEW_SECONDS - 1)
            assert one.leading

    play(scene)


def test_the_real_clocks_go_on() -> None:
    before = read_clocks()
    assert read_clocks().since(before) >= 0


def test_a_loop_that_no_longer_turns_is_named() -> None:
    now = [0.0]
    heartbeats = Heartbeats(lambda: now[0])
    beat = heartbeats.of("reconciler")
    heartbeats.of("fetcher")
    now[0] = STALE_SECONDS
    beat()
    assert heartbeats.stuck() == []
    now[0] += 1
    assert heartbeats.stuck() == ["fetcher"]
