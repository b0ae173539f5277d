"""A stand-in for the sources of market results, on loopback: answers as they do, and misbehaves when told to.

    with ExchangeSite() as site:
        site.publish(query, periods)
        ...  # ask site.epex_url, site.energy_charts_url or site.entsoe_url
        assert len(site.requests) == 1

One thread a connection; every public method may be called while it serves.
"""

import gzip
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

import brotli  # type: ignore[import-untyped]  # ships no types
import httpx

from dev.lab.exchange import generation_answers, grid_answers, pages, price_answers
from dev.lab.exchange.facts import PATH, page_parameters
from powercap_api.markets import GridData
from powercap_operator.market.results import Period, Query
from powercap_operator.sources.entsoe.generation import Power


def loopback_client() -> httpx.AsyncClient:
    """A client for sites on loopback: without the certificates of the world, which take 60 ms to load."""
    return httpx.AsyncClient(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


@dataclass(frozen=True)
class Behaviour:
    """How the site answers. The defaults are a site that gives its table to everyone."""

    page_has_table: bool = True
    """The page itself has the table; False: the shell, as since the end of October 2025."""
    ajax: bool = True
    """The page's own script gets its list of commands; False: the shell."""
    disclaimer: bool = True
    """Accepting the conditions sets the cookie with which the page has its table."""
    status: int = 200
    """Another status than 200 comes with the body of a refusal."""
    retry_after: str | None = None
    body: str | None = None
    """Answer every request with this."""
    compression: str = ""
    """``gzip``, ``br``, or something that nobody knows."""
    broken_compression: bool = False
    redirects: int = 0
    """So many redirects to itself before the answer."""
    redirect_to: str | None = None
    """Redirect everything there."""
    reset: bool = False
    """Cut the connection before the answer."""
    cut_body: bool = False
    """Cut the connection in the middle of the body."""
    silent: bool = False
    """Accept the connection and say nothing."""
    drip_seconds: float = 0
    """Send the body in pieces of 64 bytes with so much time between them."""
    megabytes: int = 0
    """So many megabytes instead of the page; with compression they are few on the wire."""
    times: int | None = None
    """For how many requests this lasts; then everything is as by default. None: until told otherwise."""


@dataclass(frozen=True)
class SeenRequest:
    """A request as it came in."""

    method: str
    path: str
    parameters: dict[str, str]
    form: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""

    @property
    def way(self) -> str:
        """Which way in it belongs to."""
        if not self.path.startswith(PATH):
            return self.path
        if self.method == "GET":
            return "page"
        return "ajax" if "ajax_form" in self.parameters else "disclaimer"


Key = tuple[tuple[str, str], ...]


def _key(parameters: dict[str, str]) -> Key:
    names = ("market_area", "auction", "delivery_date", "modality", "sub_modality", "product")
    return tuple((name, parameters.get(name, "")) for name in names)


@dataclass
class ExchangeSite:
    """The site. ``start`` binds a free port of ``host``; ``stop`` ends every connection."""

    port: int = 0
    host: str = "127.0.0.1"
    """Address to serve at; pods of a real node cannot reach loopback."""
    behaviour: Behaviour = field(default_factory=Behaviour)
    requests: list[SeenRequest] = field(default_factory=list)
    most_at_once: int = 0
    """The largest number of requests that were being answered at one moment."""
    _days: dict[Key, tuple[Query, tuple[Period, ...], pages.Style]] = field(default_factory=dict)
    _prices: dict[tuple[str, date], tuple[Query, tuple[Period, ...]]] = field(default_factory=dict)
    _grid: grid_answers.Grid = field(default_factory=dict)
    _generation: generation_answers.Generation = field(default_factory=dict)
    _page: str | None = None
    _server: ThreadingHTTPServer | None = None
    _thread: threading.Thread | None = None
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> Self:
        """Begin to serve."""
        handler = type("Handler", (_Handler,), {"site": self})
        self._server = _Server((self.host, self.port), handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """End, whatever is under way."""
        self.stopping.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def url(self) -> str:
        """The site's root."""
        return f"http://{self.host}:{self.port}"

    @property
    def epex_url(self) -> str:
        """The market-results page."""
        return self.url + PATH

    @property
    def energy_charts_url(self) -> str:
        """Where Energy-Charts would be."""
        return self.url + "/energy-charts"

    @property
    def carbon_intensity_url(self) -> str:
        """Where Great Britain's Carbon Intensity API would be."""
        return self.url + "/carbon-intensity"

    @property
    def entsoe_url(self) -> str:
        """Where ENTSO-E would be."""
        return self.url + "/entsoe"

    def publish(self, query: Query, periods: Sequence[Period], style: pages.Style | None = None) -> None:
        """From now on the site has these results, and the other sources their prices."""
        if isinstance(query.market.auction, GridData):
            with self._lock:
                self._grid[query.market.area, query.market.auction, query.delivery_day] = tuple(periods)
            return
        with self._lock:
            self._days[_key(page_parameters(query))] = (query, tuple(periods), style or pages.Style())
            self._prices[query.market.area, query.delivery_day] = (query, tuple(periods))

    def publish_generation(self, area: str, document: str, power: Power) -> None:
        """From now on ENTSO-E has these powers in its documents of that type."""
        with self._lock:
            self._generation[area, document] = power

    def publish_page(self, html: str | None) -> None:
        """Serve this page to every GET of the market-results page; None ends that."""
        with self._lock:
            self._page = html

    def withdraw(self, query: Query) -> None:
        """As if the results had never been published."""
        with self._lock:
            self._days.pop(_key(page_parameters(query)), None)
            self._prices.pop((query.market.area, query.delivery_day), None)

    def behave(self, behaviour: Behaviour | None = None) -> None:
        """Answer so from now on; without an argument as by default."""
        with self._lock:
            self.behaviour = behaviour or Behaviour()

    def take_behaviour(self, request: SeenRequest) -> Behaviour:
        """Record a request and say how to answer it."""
        with self._lock:
            self.requests.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            behaviour = self.behaviour
            if behaviour.times is not None:
                left = behaviour.times - 1
                self.behaviour = replace(behaviour, times=left) if left > 0 else Behaviour()
            if behaviour.redirects:
                self.behaviour = replace(self.behaviour, redirects=behaviour.redirects - 1)
            return behaviour

    def answered(self) -> None:
        """A request that ``take_behaviour`` recorded has its answer."""
        with self._lock:
            self._at_once -= 1

    def _other_source(self, request: SeenRequest) -> tuple[int, dict[str, str], str] | None:
        """The answer of a source that is not the exchange; None where the address is none of theirs."""
        if request.path.startswith("/energy-charts") and not request.path.endswith("price"):
            return grid_answers.energy_charts(request.path, request.parameters, self._grid)
        if request.path.startswith("/carbon-intensity"):
            return grid_answers.carbon_intensity(request.path, self._grid)
        if request.path.startswith("/energy-charts"):
            return price_answers.energy_charts(request.path, request.parameters, self._prices)
        if request.path.startswith("/entsoe") and request.parameters.get("documentType") != "A44":
            return generation_answers.generation(request.parameters, self._generation)
        if request.path.startswith("/entsoe"):
            return price_answers.entsoe(request.parameters, self._prices)
        return None

    def answer(self, request: SeenRequest, behaviour: Behaviour) -> tuple[int, dict[str, str], str]:
        """Status, headers and body of a request to a site that behaves well but for its ways in."""
        other = self._other_source(request)
        if other is not None:
            return other
        if not request.path.startswith(PATH):
            return 404, {}, "<html><head><title>404 Not Found</title></head></html>"
        with self._lock:
            page, found = self._page, self._days.get(_key(request.parameters))
        accepted = behaviour.disclaimer and "accepted=yes" in request.headers.get("cookie", "")
        if request.way == "disclaimer":
            good = request.form.get("form_build_id") == "form-DISCLAIMER" and "op" in request.form
            headers = {"Location": _same_address(request)}
            return 303, {**headers, "Set-Cookie": "accepted=yes; Path=/"} if good else headers, ""
        if request.way == "ajax":
            if not behaviour.ajax or request.form.get("form_id") != "market_data_filters_form":
                return 200, {}, pages.shell_page()
            if found is None:
                return 200, {}, pages.ajax_commands('<div class="no-data">No data available</div>')
            return 200, {}, pages.ajax_answer(*found)
        if not (behaviour.page_has_table or accepted):
            return 200, {}, pages.shell_page()
        if page is not None:
            return 200, {}, page
        if found is None:
            return 200, {}, pages.frame('<div class="no-data">No data available</div>')
        return 200, {}, pages.market_page(*found)


def _same_address(request: SeenRequest) -> str:
    return request.path + "?" + "&".join(f"{name}={value}" for name, value in request.parameters.items())


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up on purpose here."""


class _Handler(BaseHTTPRequestHandler):
    site: ExchangeSite
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer."""
        self._serve({})

    def do_POST(self) -> None:
        """Read the form and answer."""
        length = int(self.headers.get("Content-Length", "0"))
        self._serve(dict(parse_qsl(self.rfile.read(length).decode(), keep_blank_values=True)))

    def _serve(self, form: dict[str, str]) -> None:
        parts = urlsplit(self.path)
        request = SeenRequest(
            method=self.command,
            path=parts.path,
            parameters=dict(parse_qsl(parts.query, keep_blank_values=True)),
            form=form,
            headers={name.lower(): value for name, value in self.headers.items()},
        )
        behaviour = self.site.take_behaviour(request)
        try:
            with suppress(ConnectionError):
                self._misbehave(request, behaviour)
        finally:
            self.site.answered()

    def _misbehave(self, request: SeenRequest, behaviour: Behaviour) -> None:
        if behaviour.silent:
            self.site.stopping.wait(60)
        if behaviour.reset or behaviour.silent:
            self._cut()
            return
        if behaviour.redirects or behaviour.redirect_to:
            self._send(302, {"Location": behaviour.redirect_to or _same_address(request)}, b"", behaviour)
            return
        if behaviour.status != 200:
            headers = {"Retry-After": behaviour.retry_after} if behaviour.retry_after else {}
            body = behaviour.body or (pages.CHALLENGE if behaviour.status == 202 else pages.FORBIDDEN)
            self._send(behaviour.status, headers, body.encode(), behaviour)
            return
        if behaviour.megabytes:
            self._send(200, {}, b"<p>many</p>" * (behaviour.megabytes * 1_000_000 // 11), behaviour)
            return
        if behaviour.body is not None:
            self._send(200, {}, behaviour.body.encode(), behaviour)
            return
        status, headers, text = self.site.answer(request, behaviour)
        self._send(status, headers, text.encode(), behaviour)

    def _send(self, status: int, headers: dict[str, str], body: bytes, behaviour: Behaviour) -> None:
        if behaviour.compression:
            body = _compress(body, behaviour.compression)
            headers = {**headers, "Content-Encoding": behaviour.compression}
        if behaviour.broken_compression:
            body = body[: len(body) // 2] + b"\0" * 100
        self.send_response(status)
        for name, value in {"Content-Type": "text/html; charset=UTF-8", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if behaviour.cut_body:
            self.wfile.write(body[: len(body) // 2])
            self._cut()
        elif behaviour.drip_seconds:
            for begin in range(0, len(body), 64):
                self.wfile.write(body[begin : begin + 64])
                if self.site.stopping.wait(behaviour.drip_seconds):
                    break
        else:
            self.wfile.write(body)

    def _cut(self) -> None:
        """Reset the connection."""
        self.close_connection = True
        with suppress(OSError):
            self.wfile.flush()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()


def _compress(body: bytes, encoding: str) -> bytes:
    match encoding:
        case "gzip":
            return gzip.compress(body, 1)
        case "deflate":
            return zlib.compress(body)
        case "br":
            compressed: bytes = brotli.compress(body, quality=4)
            return compressed
        case _:
            return body
