"""A proxy before the API server that ends TLS, and does with requests what ``Weather`` says.

It has a certificate of the control plane's own authority, so that clients take it for the API server. It runs in a
thread of its own. What hangs when it is told to heal is cut then: a connection that stays half-open for longer is
tried on its own (``half_open``).
"""

import asyncio
import json
import logging
import ssl
import threading
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
from aiohttp import web

from dev.chaos.faults import STATUS, Fault, Request, Weather
from dev.cluster.control_plane import ControlPlane
from dev.cluster.pki import Authority
from dev.cluster.process.ports import free_port

_DROPPED: Final = frozenset({"host", "connection", "transfer-encoding", "content-length", "keep-alive"})
_LONGEST_HANG: Final = 120.0
_LARGEST_BODY: Final = 16 << 20


class FaultyProxy:
    """``start`` it, point clients to ``url``, ``stop`` it."""

    def __init__(self, plane: ControlPlane, weather: Weather) -> None:
        self._plane = plane
        self._weather = weather
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="faulty proxy", daemon=True)
        self._ready = threading.Event()
        self._healed = asyncio.Event()
        self._ending = asyncio.Event()
        self._mute_before = 0.0
        self._lists: dict[str, bytes] = {}
        self.port = free_port()
        self.seen: Counter[Fault] = Counter()
        """What became of requests so far."""

    @property
    def url(self) -> str:
        """Where clients find the API server."""
        return f"https://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """End, whatever is under way."""
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(10)

    def heal(self) -> None:
        """Cut what hangs; what comes from now on follows the weather, which is to be calm."""
        self._loop.call_soon_threadsafe(self._pulse)

    def half_open(self) -> None:
        """Let nothing more through on the watches that are open now, and let them be open. New ones work."""
        self._loop.call_soon_threadsafe(self._begin_mute)

    def _pulse(self) -> None:
        self._healed.set()
        self._healed = asyncio.Event()

    def _begin_mute(self) -> None:
        self._mute_before = self._loop.time()

    def _run(self) -> None:
        # The runner ends what is under way before it closes the loop.
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        root = self._plane.root / "pki"
        pair = Authority(root).issue("faulty-proxy", "faulty-proxy", addresses=["127.0.0.1", "localhost"])
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(pair.public, pair.private)
        upstream = ssl.create_default_context(cafile=str(self._plane.ca_file))
        connector = aiohttp.TCPConnector(ssl=upstream, limit=0)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        logging.getLogger("aiohttp.server").setLevel(
            logging.CRITICAL
        )  # of connections that were cut on purpose
        await runner.setup()
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, auto_decompress=False, read_bufsize=1 << 22
        ) as self._session:
            await web.TCPSite(runner, "127.0.0.1", self.port, ssl_context=tls).start()
            self._ready.set()
            await self._ending.wait()
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        asked = Request(
            request.method,
            request.path,
            request.query.get("watch") == "true",
            "powercap-agent" in request.headers.get("User-Agent", ""),
        )
        fault = self._weather.draw(asked)
        self.seen[fault] += 1
        body = await request.read()
        if fault in STATUS:
            return _refusal(STATUS[fault], int(self._weather.uniform(1, 4)))
        if fault is Fault.CUT:
            return _cut(request)
        if fault is Fault.SILENCE:
            await self._hang()
            return _cut(request)
        if fault is Fault.SLOW:
            await asyncio.sleep(self._weather.uniform(0.1, 5))
        if fault is Fault.STALE_LIST and request.path_qs in self._lists:
            return web.Response(body=self._lists[request.path_qs], content_type="application/json")
        try:
            if asked.is_watch:
                return await self._watch(request, fault)
            return await self._forward(request, body, fault)
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            return _cut(request)

    async def _hang(self) -> None:
        try:
            async with asyncio.timeout(_LONGEST_HANG):
                await self._healed.wait()
        except TimeoutError:
            return

    async def _forward(self, request: web.Request, body: bytes, fault: Fault) -> web.StreamResponse:
        url = self._plane.url + request.raw_path
        async with self._session.request(
            request.method,
            url,
            data=body or None,
            headers=_headers(request),
            skip_auto_headers=("User-Agent",),
        ) as answer:
            content = await answer.read()
            if fault is Fault.LOST_ANSWER:
                return _cut(request)
            if request.method == "GET" and answer.status == 200:
                # Kept for a while, so that a stale one is stale.
                self._lists.setdefault(request.path_qs, content)
                if self._weather.uniform(0, 1) < 0.2:
                    self._lists[request.path_qs] = content
            headers = {name: value for name, value in answer.headers.items() if name.lower() not in _DROPPED}
            return web.Response(status=answer.status, body=content, headers=headers)

    async def _watch(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        url, began = self._plane.url + request.raw_path, self._loop.time()
        async with self._session.get(url, headers=_headers(request)) as answer:
            response = web.StreamResponse(status=answer.status, headers={"Content-Type": "application/json"})
            response.enable_chunked_encoding()
            await response.prepare(request)
            events, left = 0, int(self._weather.uniform(0, 6))
            async for line in self._lines(answer, began):
                spoiled = events >= left and not self._weather.is_calm
                if spoiled and await self._spoil(request, response, fault, line):
                    return response
                await response.write(line)
                events += 1
            if began < self._mute_before:
                await self._ending.wait()
                return response
            await response.write_eof()
            return response

    async def _lines(self, answer: aiohttp.ClientResponse, began: float) -> AsyncIterator[bytes]:
        """The stream's lines, until it ends or is to be half-open."""
        pending = asyncio.ensure_future(answer.content.readline())
        try:
            while began >= self._mute_before:
                done, _ = await asyncio.wait([pending], timeout=0.2)
                if not done:
                    continue
                line = pending.result()
                if not line:
                    return
                yield line
                pending = asyncio.ensure_future(answer.content.readline())
        finally:
            pending.cancel()

    async def _spoil(
        self, request: web.Request, response: web.StreamResponse, fault: Fault, line: bytes
    ) -> bool:
        """Do to a stream what the fault says; whether that was its end."""
        match fault:
            case Fault.GONE_EVENT | Fault.ERROR_EVENT:
                code = 410 if fault is Fault.GONE_EVENT else 500
                event = {"type": "ERROR", "object": {"kind": "Status", "code": code, "message": "by chaos"}}
                await response.write(json.dumps(event).encode() + b"\n")
                await response.write_eof()
            case Fault.CUT_STREAM:
                await response.write(line[: len(line) // 2])
                _cut(request)
            case Fault.HALF_OPEN:
                await self._hang()
                _cut(request)
            case _:
                return False
        return True


def _headers(request: web.Request) -> dict[str, str]:
    return {name: value for name, value in request.headers.items() if name.lower() not in _DROPPED}


def _refusal(code: int, retry_seconds: int) -> web.Response:
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "by chaos"}
    headers = {"Retry-After": str(retry_seconds)} if code == 429 else {}
    return web.json_response(status, status=code, headers=headers)


def _cut(request: web.Request) -> web.StreamResponse:
    """Reset the connection; what is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)
