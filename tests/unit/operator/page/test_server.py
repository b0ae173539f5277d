"""Who gets the page, and what goes with it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from aiohttp import ClientConnectionError, ClientResponse, ClientSession
from aiohttp.test_utils import TestClient, TestServer

from dev.cluster.process.ports import free_port
from powercap_operator.page.overview import Seen
from powercap_operator.page.server import application, is_own_host, page
from powercap_operator.world.snapshot import World
from tests.unit.operator.page.test_overview import world_of


def ask(
    path: str, *, method: str = "GET", host: str = "127.0.0.1", world: World | None = None
) -> ClientResponse:
    """The answer, read to its end."""
    known = Seen(world or World(), listed=True, leading=True, stuck=(), version="1", name="a")

    async def told() -> ClientResponse:
        app = application(frozenset({"power.example.org"}), lambda: known, lambda: datetime.now(UTC), None)
        async with TestClient(TestServer(app)) as client:
            answer = await client.request(method, path, headers={"Host": host})
            await answer.read()
            return answer

    return asyncio.run(told())


def body(answer: ClientResponse) -> str:
    read: Callable[[], Awaitable[str]] = answer.text
    return asyncio.run(_read(read))


async def _read(read: Callable[[], Awaitable[str]]) -> str:
    return await read()


def test_it_is_served_at_its_address_and_only_meanwhile() -> None:
    known = Seen(World(), listed=True, leading=True, stuck=(), version="1", name="a")

    async def statuses() -> list[object]:
        port = free_port()
        url, found = f"http://127.0.0.1:{port}/", list[object]()
        async with ClientSession() as client:
            for at in (("127.0.0.1", port), None):
                async with page(at, frozenset(), lambda: known, lambda: datetime.now(UTC), None):
                    try:
                        async with client.get(url) as answer:
                            found.append(answer.status)
                    except ClientConnectionError:
                        found.append("nobody there")
        return found

    assert asyncio.run(statuses()) == [200, "nobody there"]


@pytest.mark.parametrize("path", ["/", "/page.css", "/page.js", "/icon.svg", "/nothing"])
def test_every_answer_has_the_headers_that_keep_strangers_out(path: str) -> None:
    headers = ask(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "Server" not in headers
    assert "Set-Cookie" not in headers


def test_what_there_is() -> None:
    answers = {path: ask(path) for path in ("/", "/page.css", "/page.js", "/icon.svg")}
    assert [answer.status for answer in answers.values()] == [200] * 4
    assert [answer.content_type for answer in answers.values()] == [
        "text/html", "text/css", "text/javascript", "image/svg+xml",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "path", ["/nothing", "/templates", "/..%2fserver.py", "/page.html", "/static/page.css"]
)
def test_there_is_nothing_else(path: str) -> None:
    assert ask(path).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_written(method: str) -> None:
    assert ask("/", method=method).status == 405


def test_it_refers_to_nothing_elsewhere() -> None:
    text = body(ask("/", world=world_of()))
    assert "http://" not in text
    assert "https://" not in text
    assert " style=" not in text
    assert " onclick=" not in text


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1:8082", True),
        ("localhost:8082", True),
        ("[::1]:8082", True),
        ("powercap-operator-page", True),
        ("powercap-operator-page.powercap-system.svc:8082", True),
        ("powercap-operator-page.powercap-system.svc.cluster.local", True),
        ("power.example.org", True),
        ("POWER.example.org:443", True),
        ("evil.example.org:8082", False),
        ("power.example.org.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("a.svc.evil.example", False),
    ],
)
def test_names_of_strangers_are_refused(host: str, own: bool) -> None:
    assert is_own_host(host, frozenset({"power.example.org"})) is own
    assert ask("/", host=host).status == (200 if own else 421)
