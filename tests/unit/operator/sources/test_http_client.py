"""One request, politely: who asks, where redirects may lead, how long to wait."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from dev.lab.exchange.site import loopback_client
from powercap_operator.market.errors import Unavailable
from powercap_operator.sources.http_client import PoliteHttp, retry_after, user_agent
from tests.support.purse import Purse

NOW = datetime(2025, 10, 8, 14, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("location", "allowed"),
    [
        ("https://example.org/en", True),
        ("https://www.example.org/en", True),
        ("http://www.example.org/en", False),
        ("https://example.com/en", False),
        ("https://badexample.org/en", False),
        ("https://example.org:443/en", True),
        ("https://example.org:8443/en", False),
        ("https://example.org:0/en", False),
        ("https://example.org:99999/en", False),
        ("file:///etc/passwd", False),
    ],
)
def test_redirects_stay_on_the_site_and_encrypted(location: str, allowed: bool) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/start":
            return httpx.Response(301, headers={"Location": location})
        return httpx.Response(200, content=b"fine")

    async def ask() -> bytes:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            polite = PoliteHttp(http, now=lambda: NOW)
            return (await polite.ask("GET", "https://example.org/start", Purse().spend)).body

    if allowed:
        assert asyncio.run(ask()) == b"fine"
    else:
        with pytest.raises(Unavailable, match="redirect"):
            asyncio.run(ask())


@pytest.mark.parametrize("url", ["", "no address", "http://", "ftp://example.org", "http://[", "http://a:b"])
def test_addresses_that_cannot_be_asked(url: str) -> None:
    async def ask() -> None:
        async with loopback_client() as http:
            await PoliteHttp(http, now=lambda: NOW).ask("GET", url, Purse().spend)

    with pytest.raises(Unavailable):
        asyncio.run(ask())


@pytest.mark.parametrize(
    ("contact", "agent"),
    [
        ("", r"powercap/\S+"),
        ("ops@example.org", r"powercap/\S+ \(\+ops@example\.org\)"),
        ("https://example.org/(us)\r\nX: y", r"powercap/\S+ \(\+https://example\.org/usX: y\)"),
    ],
)
def test_the_user_agent_is_honest_and_one_header(contact: str, agent: str) -> None:
    assert re.fullmatch(agent, user_agent(contact))


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, None),
        ("0", timedelta()),
        (" 30 ", timedelta(seconds=30)),
        ("-5", None),
        ("Wed, 08 Oct 2025 13:00:00 GMT", timedelta()),
        ("Wed, 08 Oct 2025 14:00:30", timedelta(seconds=30)),
        ("Wed, 99 Oct 2025 14:00:30 GMT", None),
        ("", None),
    ],
)
def test_retry_after(header: str | None, wait: timedelta | None) -> None:
    assert retry_after(header, NOW) == wait
