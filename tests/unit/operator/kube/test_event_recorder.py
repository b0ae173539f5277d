"""How many events an object has, whoever makes it change."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web

from powercap_api.names import POWER_BUDGET
from powercap_operator.kube.event_recorder import MOST_EVENTS, Recorder
from powercap_operator.planning.events import ObjectEvent
from tests.support.cluster_client import cluster_at


class SetClock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.moment = datetime(2025, 10, 9, 12, tzinfo=UTC)

    def now(self) -> datetime:
        """The moment."""
        return self.moment


def test_an_object_has_so_many_events_in_ten_minutes_and_another_its_own(tmp_path: Path) -> None:
    taken: list[str] = []

    async def take(request: web.Request) -> web.Response:
        body = await request.json()
        taken.append(body["involvedObject"]["name"])
        return web.json_response(body, status=201)

    async def run() -> None:
        app = web.Application()
        app.add_routes([web.post("/{path:.*}", take)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        clock = SetClock()
        try:
            async with cluster_at(f"http://{host}:{port}", tmp_path) as cluster:
                recorder = Recorder(cluster, clock)
                for number in range(3 * MOST_EVENTS):
                    event = ObjectEvent(POWER_BUDGET, "node-a", "uid", True, f"Reason{number}", "m")
                    await recorder.record(event)
                    clock.moment += timedelta(seconds=1)
                await recorder.record(ObjectEvent(POWER_BUDGET, "node-b", "uid-b", True, "R", "m"))
                clock.moment += timedelta(minutes=10)
                await recorder.record(ObjectEvent(POWER_BUDGET, "node-a", "uid", True, "R", "m"))
        finally:
            await runner.cleanup()

    asyncio.run(run())
    assert taken == ["node-a"] * MOST_EVENTS + ["node-b", "node-a"]
