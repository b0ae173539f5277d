"""An HTTP server of aiohttp that holds few connections and none for long: strangers cannot use up descriptors."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import web

MOST_CONNECTIONS: Final = 100
"""Beyond these the one that has been there longest is closed: who asks at once is answered before it is its turn."""
LONGEST_SECONDS: Final = 30.0
"""A connection is closed after so long, whatever it waits for."""
_CONNECTING_SECONDS: Final = 1.0
"""Age from which a handler without a connection has lost it and is not waiting for it."""


class _Bounded:
    """Makes the handlers of a server's connections."""

    def __init__(self, server: web.Server) -> None:
        self._server = server
        self._open: deque[tuple[Any, float]] = deque()

    def __call__(self) -> Any:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._open = deque(
            one for one in self._open if one[0].transport is not None or now - one[1] < _CONNECTING_SECONDS
        )
        while len(self._open) >= MOST_CONNECTIONS:
            _close(self._open.popleft()[0])
        handler = self._server()
        loop.call_later(LONGEST_SECONDS, _close, handler)
        self._open.append((handler, now))
        return handler


def _close(handler: Any) -> None:
    if handler.transport is not None:
        handler.transport.abort()


@asynccontextmanager
async def served(app: web.Application, at: tuple[str, int] | None) -> AsyncIterator[None]:
    """Serves the application meanwhile, at this address and port (an empty address: all of them); at None nowhere."""
    if at is None:
        yield
        return
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        if runner.server is None:
            raise RuntimeError("the runner was not set up")
        bounded, (address, port) = _Bounded(runner.server), at
        server = await asyncio.get_running_loop().create_server(bounded, address or None, port)
        yield
        server.close()
    finally:
        await runner.cleanup()
