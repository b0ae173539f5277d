"""Scrapes are answered beside connections that only wait."""

import contextlib
import socket
import urllib.request

from dev.cluster.process.ports import free_port
from powercap_operator.metrics.server import MOST_CONNECTIONS, serve


def test_few_connections_are_held_and_a_scrape_is_answered() -> None:
    port = free_port()
    serve(("127.0.0.1", port), lambda: b"powercap_leader 1.0\n")
    with contextlib.ExitStack() as waiting:
        held = []
        for _ in range(MOST_CONNECTIONS + 8):
            one = waiting.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            one.sendall(b"GET /metrics HTTP/1.1\r\n")
            held.append(one)
        assert [one.recv(1) for one in held[:8]] == [b""] * 8, "those that have been there longest are closed"
        for _ in range(3):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
                assert answer.read() == b"powercap_leader 1.0\n"
