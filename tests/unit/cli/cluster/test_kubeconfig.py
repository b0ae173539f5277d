"""Which API server the command asks, and as whom, by the files that kubectl reads."""

import json
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from powercap_cli.cluster.client import ClusterError, NotFoundError, connected
from powercap_cli.cluster.kubeconfig import KubeconfigError, read_connection


class Server:
    """An API server on loopback that gives answers by path, and notes what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
        self.asked: list[tuple[str, str, str | None]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append((self.command, self.path, self.headers.get("Authorization")))
                status, body = server.answers.get(self.path, (404, {"message": "there is none"}))
                text = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
                """Print nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> "Server":
        self._thread = threading.Thread(target=self._http.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def kubeconfig(path: Path, server: str, user: Mapping[str, Any], **changes: Any) -> Path:
    whole = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "me"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": dict(user)}],
    }
    path.write_text(yaml.safe_dump(whole | changes), encoding="utf-8")
    return path


def program(folder: Path, text: str) -> str:
    """A program that brings credentials."""
    path = folder / "credentials"
    path.write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
    path.chmod(0o755)
    return path.name


@pytest.mark.parametrize("way", ["token", "file", "basic", "program"])
def test_who_asks(tmp_path: Path, server: Server, way: str) -> None:
    (tmp_path / "secret").write_text("from-a-file\n", encoding="utf-8")
    printed = '{"status": {"token": "from-a-program"}}'
    name = program(tmp_path, f"import os\nassert 'KUBERNETES_EXEC_INFO' in os.environ\nprint('{printed}')\n")
    users: dict[str, tuple[dict[str, Any], str]] = {
        "token": ({"token": "t"}, "Bearer t"),
        "file": ({"tokenFile": "secret"}, "Bearer from-a-file"),
        "basic": ({"username": "u", "password": "p"}, "Basic dTpw"),
        "program": ({"exec": {"apiVersion": "v1", "command": f"./{name}"}}, "Bearer from-a-program"),
    }
    user, expected = users[way]
    file = kubeconfig(tmp_path / "config", server.url, user)
    server.answers["/version"] = (200, {"major": "1"})
    with connected(read_connection(str(file), None, {}), "test") as cluster:
        assert cluster.request("GET", "/version") == {"major": "1"}
    assert server.asked == [("GET", "/version", expected)]


def test_the_first_of_several_files_counts_and_home_where_none_is_named(tmp_path: Path) -> None:
    first = kubeconfig(tmp_path / "first", "https://first", {}, contexts=[], users=[])
    second = kubeconfig(tmp_path / "second", "https://second", {"token": "t"}, **{"current-context": "other"})
    both = {"KUBECONFIG": f"{tmp_path / 'missing'}:{first}:{second}"}
    assert read_connection(None, None, both).server == "https://first"
    (tmp_path / ".kube").mkdir()
    kubeconfig(tmp_path / ".kube" / "config", "https://home", {})
    assert read_connection(None, None, {"HOME": str(tmp_path)}).server == "https://home"


@pytest.mark.parametrize(
    ("changes", "user", "context", "said"),
    [
        ({"current-context": ""}, {}, None, "no current context"),
        ({}, {}, "there", "no context there"),
        ({"clusters": []}, {}, None, "no cluster c"),
        ({"clusters": [{"name": "c", "cluster": {}}]}, {}, None, "has no server"),
        ({"users": []}, {}, None, "no user me"),
        ({}, {"exec": {"command": "./not-there"}}, None, "gives no credentials"),
        ({}, {"auth-provider": {"name": "gcp"}}, None, "not supported"),
        ({}, {"tokenFile": "not-there"}, None, "token cannot be read"),
        (
            {},
            {"client-certificate-data": "AAAA", "client-key-data": "AAAA"},
            None,
            "certificates cannot be used",
        ),
    ],
)
def test_what_cannot_be_used_is_said(
    tmp_path: Path, changes: dict[str, Any], user: dict[str, Any], context: str | None, said: str
) -> None:
    file = kubeconfig(tmp_path / "config", "https://127.0.0.1:1", user, **changes)
    with pytest.raises(KubeconfigError, match=said):
        read_connection(str(file), context, {})


@pytest.mark.parametrize("text", ["[", "- 1", "\x00"])
def test_a_file_that_is_no_kubeconfig(tmp_path: Path, text: str) -> None:
    (tmp_path / "config").write_text(text, encoding="utf-8")
    with pytest.raises(KubeconfigError):
        read_connection(str(tmp_path / "config"), None, {})
    with pytest.raises(KubeconfigError, match="there is no kubeconfig"):
        read_connection(None, None, {"HOME": str(tmp_path)})


def test_lists_are_read_page_by_page_and_whole_where_a_page_is_gone(tmp_path: Path, server: Server) -> None:
    path = "/apis/powercap.dev/v1alpha1/powerpolicies"
    file = kubeconfig(tmp_path / "config", server.url, {})
    server.answers[f"{path}?limit=500"] = (200, {"items": [{"n": 1}], "metadata": {"continue": "x"}})
    server.answers[f"{path}?limit=500&continue=x"] = (200, {"items": [{"n": 2}], "metadata": {}})
    server.answers[path] = (200, {"items": [{"n": 3}], "metadata": {}})
    with connected(read_connection(str(file), None, {}), "test") as cluster:
        assert cluster.list_kind("PowerPolicy") == [{"n": 1}, {"n": 2}]
        server.answers[f"{path}?limit=500&continue=x"] = (410, {"message": "too old"})
        assert cluster.list_kind("PowerPolicy") == [{"n": 3}]


def test_refusals_and_answers_that_are_none(tmp_path: Path, server: Server) -> None:
    file = kubeconfig(tmp_path / "config", server.url, {})
    server.answers |= {"/secret": (403, {"message": "you may not"}), "/odd": (200, b"<"), "/list": (200, [])}
    with connected(read_connection(str(file), None, {}), "test") as cluster:
        with pytest.raises(NotFoundError, match="404: there is none"):
            cluster.request("GET", "/nothing")
        with pytest.raises(ClusterError, match="403: you may not"):
            cluster.request("GET", "/secret")
        with pytest.raises(ClusterError, match="no JSON"):
            cluster.request("GET", "/odd")
        with pytest.raises(ClusterError, match="no object"):
            cluster.request("GET", "/list")
    nobody = kubeconfig(tmp_path / "config", "http://127.0.0.1:1", {})
    with (
        connected(read_connection(str(nobody), None, {}), "test") as cluster,
        pytest.raises(ClusterError, match="no answer from the API server"),
    ):
        cluster.request("GET", "/")
