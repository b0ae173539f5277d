"""What the kubelet's probes ask: does every loop of this process still turn, and does it know the cluster.

``/healthz`` is 200 while each loop has turned lately, and 503 with the name of the one that has not: an answer alone
would only prove that the process answers. A stand-by is live and ready like the leader. ``/readyz`` is 200 once the
whole cluster has been listed, so that a rollout goes on when a new pod could take over.
"""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from .bounded_site import served

STALE_SECONDS: Final = 180.0
"""A loop that has not turned for so long is stuck. Above the longest backoff and the longest request together."""


@dataclass(slots=True)
class Heartbeats:
    """When each loop last turned. ``monotonic`` gives seconds of a clock that only goes on."""

    monotonic: Callable[[], float] = time.monotonic
    _turned: dict[str, float] = field(default_factory=dict)

    def of(self, loop: str) -> Callable[[], None]:
        """What the loop of that name is to call at each turn; it counts as turned now."""

        def beat() -> None:
            self._turned[loop] = self.monotonic()

        beat()
        return beat

    def idle_seconds(self) -> dict[str, float]:
        """Time since each loop last turned; may be asked from any thread."""
        now = self.monotonic()
        return {loop: max(now - turned, 0.0) for loop, turned in self._turned.copy().items()}

    def stuck(self) -> list[str]:
        return [loop for loop, seconds in self.idle_seconds().items() if seconds > STALE_SECONDS]


def probes(
    at: tuple[str, int] | None, heartbeats: Heartbeats, ready: Callable[[], bool]
) -> AbstractAsyncContextManager[None]:
    """Answers them meanwhile, at this address and port; at None nowhere."""

    async def healthz(_: web.Request) -> web.Response:
        stuck = heartbeats.stuck()
        if stuck:
            return web.Response(status=503, text=f"does not turn any more: {', '.join(stuck)}\n")
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        if not ready():
            return web.Response(status=503, text="the cluster has not been listed yet\n")
        return web.Response(text="ok\n")

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz)])
    return served(app, at)
