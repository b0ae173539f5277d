"""Whose rights requests have: those of the kubeconfig's user, never more."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_asyncio.config import ConfigException

from powercap_api.names import POWER_POLICY
from powercap_cli.cluster.client import connected
from powercap_cli.cluster.impersonation import NOBODY_ELSE, Impersonation
from powercap_cli.cluster.kubeconfig import KubeconfigError, read_connection
from powercap_cli.main import main
from powercap_operator.kube.connection import kubernetes_client

Headers = list[tuple[str, str]]


class ApiServer:
    """Answers every request with an empty list, and keeps the headers that say who asks."""

    def __init__(self, address: str, headers: list[Headers]) -> None:
        self.address = address
        self._headers = headers

    @property
    def asked(self) -> list[Headers]:
        """Of each request."""
        return self._headers


@pytest.fixture
def server() -> Iterator[ApiServer]:
    headers: list[Headers] = []
    answer = json.dumps({"kind": "List", "metadata": {"resourceVersion": "7"}, "items": []}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            who = ("impersonate-", "authorization")
            headers.append([(k.title(), v) for k, v in self.headers.items() if k.lower().startswith(who)])
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield ApiServer(f"http://127.0.0.1:{http.server_address[1]}", headers)
        http.shutdown()
        thread.join()


def kubeconfig(folder: Path, server: ApiServer, **user: Any) -> str:
    file = folder / "kubeconfig"
    context = {"name": "here", "context": {"cluster": "here", "user": "me"}}
    body = {
        "current-context": "here",
        "contexts": [context],
        "clusters": [{"name": "here", "cluster": {"server": server.address}}],
        "users": [{"name": "other", "user": {"as-new": "x"}}, {"name": "me", "user": {"token": "t", **user}}],
    }
    file.write_text(yaml.safe_dump(body))
    return str(file)


def ask(file: str, acts_as: Impersonation = NOBODY_ELSE) -> None:
    with connected(read_connection(file, None, {}, acts_as), "powercap/0") as cluster:
        for _ in range(2):
            assert cluster.list_kind(POWER_POLICY) == []


ME = ("Authorization", "Bearer t")
NARROW = {
    "as": "system:serviceaccount:team:reader",
    "as-uid": "7",
    "as-groups": ["readers", "team-a"],
    "as-user-extra": {"example.org/scope": ["one", "two"]},
}
NARROWED = [
    ME,
    ("Impersonate-User", "system:serviceaccount:team:reader"),
    ("Impersonate-Uid", "7"),
    ("Impersonate-Group", "readers"),
    ("Impersonate-Group", "team-a"),
    ("Impersonate-Extra-Example.Org%2Fscope", "one"),
    ("Impersonate-Extra-Example.Org%2Fscope", "two"),
]


@pytest.mark.parametrize(
    ("user", "given", "expected"),
    [
        ({}, Impersonation(), [ME]),
        (NARROW, Impersonation(), NARROWED),
        ({"as": "reader"}, Impersonation("someone"), [ME, ("Impersonate-User", "someone")]),
        (
            {"as": "reader", "as-groups": ["a"]},
            Impersonation(groups=("b", "c")),
            [ME, ("Impersonate-User", "reader"), ("Impersonate-Group", "b"), ("Impersonate-Group", "c")],
        ),
    ],
)
def test_every_request_says_as_whom(
    tmp_path: Path, server: ApiServer, user: dict[str, Any], given: Impersonation, expected: Headers
) -> None:
    ask(kubeconfig(tmp_path, server, **user), given)
    assert [sorted(headers) for headers in server.asked] == [sorted(expected)] * 2


def test_the_operator_acts_as_nobody_else(tmp_path: Path, server: ApiServer) -> None:
    async def opened() -> None:
        async with kubernetes_client({"KUBECONFIG": kubeconfig(tmp_path, server, **NARROW)}):
            pass

    with pytest.raises(ConfigException, match="the operator acts as nobody else"):
        asyncio.run(opened())


@pytest.mark.parametrize("user", [{"as-groups": ["a"]}, {"as-uid": "7"}, {"as-user-extra": {"a": ["b"]}}])
def test_narrowing_without_a_user_is_refused(tmp_path: Path, server: ApiServer, user: dict[str, Any]) -> None:
    with pytest.raises(KubeconfigError, match="need a user to act as"):
        ask(kubeconfig(tmp_path, server, **user))
    assert server.asked == []


def test_what_is_not_known_is_refused(tmp_path: Path, server: ApiServer) -> None:
    with pytest.raises(KubeconfigError, match=r"the kubeconfig's user has as-scope"):
        ask(kubeconfig(tmp_path, server, **{"as": "reader", "as-scope": "narrow"}))
    assert server.asked == []


def test_the_command_takes_as(tmp_path: Path, server: ApiServer, capsys: pytest.CaptureFixture[str]) -> None:
    file = kubeconfig(tmp_path, server)
    words = ["status", "--kubeconfig", file, "--as", "reader", "--as-group", "a", "--as-group", "b"]
    main(words)
    capsys.readouterr()
    acting = [ME, ("Impersonate-User", "reader"), ("Impersonate-Group", "a"), ("Impersonate-Group", "b")]
    assert server.asked
    assert all(sorted(headers) == sorted(acting) for headers in server.asked)
    assert main(["status", "--kubeconfig", file, "--as-group", "a"]) == 1
    assert "give --as too" in capsys.readouterr().err
