"""What the kubelet is told of a process whose loops turn, and of one that has a loop that does not."""

import asyncio

import httpx

from dev.cluster.process.ports import free_port
from powercap_operator.loops.bounded_site import MOST_CONNECTIONS
from powercap_operator.loops.health import STALE_SECONDS, Heartbeats, probes


def test_a_process_is_alive_while_each_loop_turns_and_ready_once_it_knows_the_cluster() -> None:
    async def scene() -> None:
        now, ready, port = [0.0], [False], free_port()
        heartbeats = Heartbeats(lambda: now[0])
        beat = heartbeats.of("reconciler")
        async with (
            probes(("127.0.0.1", port), heartbeats, lambda: ready[0]),
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as kubelet,
        ):
            assert (await kubelet.get("/healthz")).status_code == 200
            refused = await kubelet.get("/readyz")
            assert (refused.status_code, refused.text) == (503, "the cluster has not been listed yet\n")
            ready[0] = True
            assert (await kubelet.get("/readyz")).status_code == 200
            now[0] = STALE_SECONDS + 1
            refused = await kubelet.get("/healthz")
            assert (refused.status_code, refused.text) == (503, "does not turn any more: reconciler\n")
            beat()
            assert (await kubelet.get("/healthz")).status_code == 200

    asyncio.run(scene())


def test_whoever_asks_at_once_is_answered_beside_connections_that_only_wait() -> None:
    async def scene() -> None:
        port = free_port()
        async with (
            probes(("127.0.0.1", port), Heartbeats(), lambda: True),
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as kubelet,
        ):
            waiting = []
            for _ in range(2 * MOST_CONNECTIONS):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
                waiting.append((reader, writer))
            for _ in range(3):
                assert (await kubelet.get("/healthz")).status_code == 200
            closed = await asyncio.wait_for(waiting[0][0].read(), 10)
            assert closed == b"", "the first of them was closed"
            for _, writer in waiting:
                writer.close()

    asyncio.run(scene())
