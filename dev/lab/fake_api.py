"""A stand-in for an API server that misbehaves on the wire: what a real one cannot be made to do.

Everything else is tested on the real one (tests/api). Each watch request takes the next plan of ``watches``; a
plan is a function that writes to the connection as it likes and returns to close it.
"""

import contextlib
import json
import ssl
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

BUDGETS: Final = "/apis/powercap.dev/v1alpha1/powerbudgets"
PATCHES: Final = ("application/merge-patch+json", "application/apply-patch+yaml")
"""Content types that a server takes for a custom resource's patch, of those that the agent could send."""
_BOOKMARK_SECONDS: Final = 60


class Connection:
    """One watch, from the server's side."""

    def __init__(self, handler: BaseHTTPRequestHandler, closing: threading.Event) -> None:
        self._handler = handler
        self._closing = closing

    def event(self, kind: str, version: str, **fields: Any) -> None:
        """Send a watch event."""
        seen = {"metadata": {"name": "node-1", "resourceVersion": version}} | fields
        self.bytes(json.dumps({"type": kind, "object": seen}).encode() + b"\n")

    def bytes(self, data: bytes) -> None:
        """Send a chunk of whatever."""
        self._handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self._handler.wfile.flush()

    def end(self) -> None:
        """End the stream as a server does whose timeoutSeconds are over."""
        self._handler.wfile.write(b"0\r\n\r\n")

    def silence(self, seconds: float) -> bool:
        """Send nothing; whether the server is still wanted."""
        return not self._closing.wait(seconds)


Plan = Callable[[Connection], None]


@dataclass
class FakeApi:
    """An HTTP server on loopback."""

    budget: dict[str, Any] | None = None
    node: str | None = "node-1"
    """The node whose agent asks: it may write the status of no other's budget, and an error is raised at the end if it
    has asked for another's. None: an operator asks, which may all."""
    others: list[dict[str, Any]] = field(default_factory=list)
    """Objects that lists name beside it."""
    version: str = "10"
    status_codes: deque[int] = field(default_factory=deque)
    """Answers to the next requests of any kind, before anything else is considered; 0: a broken connection."""
    accepted_token: str | None = None
    """Other tokens get 401."""
    watches: deque[Plan] = field(default_factory=deque)
    requests: list[tuple[str, str]] = field(default_factory=list)
    patches: list[Any] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    """What an agent has asked for that is not its own: the server lets it, and no agent is to do so."""
    tls: ssl.SSLContext | None = None
    """Of a server that speaks HTTPS."""
    body: bytes | None = None
    """Answered to every list in place of the budget."""
    on_request: Callable[[int], None] = lambda _: None
    """Called with the number of each request (1, 2, ...) before it is answered."""

    def __enter__(self) -> Self:
        self._closing = threading.Event()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                api._note("GET", self.path)
                if api._refused(self):
                    return
                if "watch=true" in self.path:
                    api._watch(self)
                elif api.body is not None:
                    _send(self, 200, api.body)
                else:
                    items = [*api.others, *([] if api.budget is None else [api.budget])]
                    _answer(self, 200, {"items": items, "metadata": {"resourceVersion": api.version}})

            def do_PATCH(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                api._note("PATCH", self.path)
                if not api._refused(self):
                    api.patches.append(json.loads(body))
                    _answer(self, 200, {})

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base class
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        assert error is not None or not self.strays, f"asked for others' budgets: {self.strays}"

    @property
    def url(self) -> str:
        """Where it is."""
        host, port = self._server.server_address[:2]
        return f"{'http' if self.tls is None else 'https'}://{host!s}:{port}"

    def count(self, part: str) -> int:
        """How many requests had ``part`` in their path."""
        return sum(part in path for _, path in self.requests)

    def lists(self) -> int:
        """How many lists there were."""
        return sum(method == "GET" and "watch=true" not in path for method, path in self.requests)

    def _note(self, method: str, path: str) -> None:
        self.requests.append((method, path))
        self.on_request(len(self.requests))

    def _wrong(self, handler: BaseHTTPRequestHandler) -> tuple[int, str] | None:
        """What a real server says to a request that is no agent's."""
        parts = urlsplit(handler.path)
        if self.node is None:
            return None
        if parts.path != BUDGETS and not parts.path.startswith(f"{BUDGETS}/"):
            return 403, "forbidden: an agent may use nothing but budgets"
        if handler.command == "GET":
            own = parse_qs(parts.query).get("fieldSelector") == [f"metadata.name={self.node}"]
            self.strays += [] if own and parts.path == BUDGETS else [handler.path]
            return None
        if parts.path != f"{BUDGETS}/{self.node}/status":
            return 403, "no other node's status"
        sent = handler.headers["Content-Type"]
        return None if sent in PATCHES else (415, f"the body of the request was in an unknown format: {sent}")

    def _refused(self, handler: BaseHTTPRequestHandler) -> bool:
        if self.accepted_token and handler.headers["Authorization"] != f"Bearer {self.accepted_token}":
            _answer(handler, 401, {"message": "Unauthorized"})
            return True
        if not self.status_codes:
            wrong = self._wrong(handler)
            if wrong is not None:
                _answer(handler, wrong[0], {"message": wrong[1]})
            return wrong is not None
        code = self.status_codes.popleft()
        if code:
            _answer(handler, code, {"message": f"told to answer {code}"})
        handler.close_connection = True
        return True

    def _watch(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        plan = self.watches.popleft() if self.watches else stay
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            plan(Connection(handler, self._closing))
        handler.close_connection = True


def stay(connection: Connection) -> None:
    """Say nothing until the test ends but that the watch is alive, about once a minute as a real server does."""
    while connection.silence(_BOOKMARK_SECONDS):
        connection.event("BOOKMARK", "10")


def _answer(handler: BaseHTTPRequestHandler, code: int, body: object) -> None:
    _send(handler, code, json.dumps(body).encode())


def _send(handler: BaseHTTPRequestHandler, code: int, data: bytes) -> None:
    handler.send_response(code)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)
