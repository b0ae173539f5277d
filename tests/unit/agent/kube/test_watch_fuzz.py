"""Damaged bytes from the API server: each attempt ends in order, and "no budget" is told only where it was said.

The whole of the client is in play, from the status line to the event; only the socket is made of bytes.
"""

import http.client
import io
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
from hypothesis import given

from powercap_agent.kube.client import ApiClient, Endpoint
from powercap_agent.kube.watcher import Watcher
from powercap_agent.logs import Log, LogFormat
from powercap_agent.state.known_budget import KnownBudget
from powercap_agent.status.publisher import StatusPublisher, Urgency
from tests.support.agent_parts import budget_body
from tests.support.damage import BATCH, bounded, damaged, fuzz_settings, randoms, warped

FRAGMENTS = (
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 410 Gone\r\n",
    b"HTTP/1.0 999 \r\n",
    b"HTTP/9.9 200 OK\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: -1\r\n",
    b"Content-Length: 99999999999999999999\r\n",
    b"X: " + b"y" * 70_000 + b"\r\n",
    b"X: y\r\n" * 200,
    b"ffffffffffffffff\r\n",
    b"-5\r\n",
    b"0\r\n\r\n",
    b'{"type":"DELETED"}\n',
    b'{"type":"ERROR","object":{"code":410}}\n',
    b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"\\ud800"}}}\n',
)
BUDGET = budget_body([20 + quarter % 50 for quarter in range(24)])


class CannedSocket:
    """A connection on which the answer has come already."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def settimeout(self, seconds: float) -> None:
        """Nothing is waited for."""

    def sendall(self, data: bytes) -> None:
        """Nobody reads it."""

    def makefile(self, mode: str) -> io.BytesIO:
        """The answer."""
        assert mode == "rb"
        return io.BytesIO(self._answer)

    def close(self) -> None:
        """Nothing to end."""


class CannedConnection(http.client.HTTPConnection):
    """Connects to bytes."""

    def __init__(self, answer: bytes) -> None:
        super().__init__("canned")
        self._canned = answer

    def connect(self) -> None:
        """At once."""
        self.sock = cast("socket.socket", CannedSocket(self._canned))


class CannedClient(ApiClient):
    """Answers from a list; each answer is used once."""

    def __init__(self, answers: list[bytes]) -> None:
        super().__init__(Endpoint("http://canned"), "test")
        self._answers = answers

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        del timeout
        return CannedConnection(self._answers.pop(0) if self._answers else b"")


def chunked(pieces: list[bytes]) -> bytes:
    body = b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


def listed(body: Any) -> bytes:
    content = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content


def events(chance: Random) -> list[Any]:
    metadata = {"name": "node-1", "resourceVersion": "11"}
    return [
        {"type": "MODIFIED", "object": warped(BUDGET, chance) if chance.random() < 0.5 else BUDGET},
        {"type": "BOOKMARK", "object": {"metadata": metadata}},
        {"type": "DELETED", "object": {"metadata": metadata}},
        {"type": "ADDED", "object": BUDGET},
        {"type": "ERROR", "object": {"code": 410, "message": "too old"}},
    ][: chance.randint(0, 5)]


class Sink:
    """Takes statuses as JSON, as the API server would."""

    def submit(self, status: dict[str, Any], urgency: Urgency) -> None:
        """Encode it."""
        assert urgency in Urgency
        json.dumps(status).encode()

    def drop(self) -> None:
        """Nothing waits."""

    def close(self, seconds: float) -> bool:
        """Nothing waits."""
        return seconds >= 0


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with TemporaryDirectory() as name:
        yield Path(name)


def _a_damaged_stream_ends_in_order(folder: Path, chance: Random) -> None:
    listing: Any = {"items": [BUDGET], "metadata": {"resourceVersion": "10"}}
    whole = chance.random() < 0.7
    if not whole:
        listing = warped(listing, chance)
    answers = [
        listed(listing),
        chunked([json.dumps(event).encode() + b"\n" for event in events(chance)]),
        listed({"items": [BUDGET], "metadata": {"resourceVersion": "12"}}),
        chunked([]),
    ]
    broken = chance.randrange(3)
    answers[broken] = damaged(answers[broken], chance, FRAGMENTS)
    answers_sent = list(answers)
    told: list[dict[str, Any] | None] = []
    logged = io.StringIO()
    log = Log(LogFormat.JSON, logged)
    watcher = Watcher(CannedClient(answers), "node-1", told.append, log, backoff_first=0.0)
    known, publisher = KnownBudget(str(folder), "node-1", log), StatusPublisher(Sink())
    with bounded():
        for _ in range(4):
            watcher.attempt()
        for body in told:
            publisher.observe(body)
            known.learn(body)
            known.keep()
    logged.getvalue().encode("utf-8", errors="replace")
    if whole and broken == 1 and b"DELETED" not in answers_sent[1]:
        assert None not in told


@fuzz_settings(400)
@given(chance=randoms())
def test_a_damaged_stream_ends_in_order(folder: Path, chance: Random) -> None:
    for _ in range(BATCH):
        _a_damaged_stream_ends_in_order(folder, chance)
