"""A proxy in the environment is for the market's sources, never for the API server."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from powercap_api.names import POWER_POLICY
from powercap_operator.kube.client import Cluster, path_of
from powercap_operator.kube.connection import kubernetes_client
from tests.support.cluster_client import kubeconfig_of

EMPTY_LIST = {"kind": "PowerPolicyList", "metadata": {"resourceVersion": "7"}, "items": []}


@contextmanager
def web_server(answer: bytes) -> Iterator[tuple[str, list[str]]]:
    """A server on loopback that gives every request this answer; its address, and the targets asked for."""
    targets: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            targets.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", targets
        finally:
            server.shutdown()
            thread.join()


def test_only_the_market_is_asked_through_the_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        web_server(json.dumps(EMPTY_LIST).encode()) as (api, api_targets),
        web_server(b"{}") as (proxy, proxied),
    ):
        kubeconfig = kubeconfig_of(api, tmp_path)
        environment = {"KUBECONFIG": str(kubeconfig), "HTTP_PROXY": proxy, "HTTPS_PROXY": proxy}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
            monkeypatch.setenv(name.lower(), value)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)

        async def ask_both() -> None:
            async with kubernetes_client(environment) as client, httpx.AsyncClient() as http:
                assert [page async for page in Cluster(client).pages(path_of(POWER_POLICY))] == [([], "7")]
                await http.get("http://exchange.example/market-results")

        asyncio.run(ask_both())

    assert len(api_targets) == 1
    assert proxied == ["http://exchange.example/market-results"]
