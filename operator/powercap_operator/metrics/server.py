"""Serves ``/metrics`` from threads of its own, so that it answers also while the event loop is held up."""

import contextlib
import gzip
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

MOST_CONNECTIONS: Final = 64
_COMPRESSION: Final = 1
"""The quickest: the text is as good as all repetition."""


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each connection; beyond ``MOST_CONNECTIONS`` the one that has been there longest is closed."""

    daemon_threads = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._open: dict[int, socket.socket] = {}
        super().__init__(*arguments, **options)

    def process_request(self, request: Any, client_address: Any) -> None:
        while len(self._open) >= MOST_CONNECTIONS:
            oldest = self._open.pop(next(iter(self._open)))
            with contextlib.suppress(OSError):  # it has just ended by itself
                oldest.shutdown(socket.SHUT_RDWR)
        self._open[id(request)] = request
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.pop(id(request), None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle of a request is none of our troubles."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = 5
    """Seconds that a client may take over a piece of a request: one that stays away holds no thread."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
        """Scrapes are not logged."""


def serve(at: tuple[str, int], text: Callable[[], bytes]) -> None:
    """Answer scrapes at this address and port (an empty address: all of them) until the process ends.

    Raises:
        OSError: the port is taken.
    """

    def app(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"] not in {"/", "/metrics"}:
            start("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"metrics are at /metrics\n"]
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            start("405 Method Not Allowed", [("Allow", "GET, HEAD")])
            return []
        body, headers = text(), [("Content-Type", CONTENT_TYPE_PLAIN_0_0_4), ("Vary", "Accept-Encoding")]
        if "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""):
            body = gzip.compress(body, _COMPRESSION)
            headers.append(("Content-Encoding", "gzip"))
        start("200 OK", headers)
        return [body]

    every_address = "::" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104 - scrapes come from outside
    host = at[0] or every_address
    server = make_server(host, at[1], app, _Server6 if ":" in host else _Server, _Handler)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
