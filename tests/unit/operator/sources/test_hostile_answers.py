"""Answers that no source should give, as bytes on a socket, to every provider: each is a fetch that failed."""

import asyncio
import gzip
import zlib
from datetime import date, timedelta
from typing import Final

import brotli  # type: ignore[import-untyped]
import httpx
import pytest

from powercap_api.markets import Auction, GridData, Market
from powercap_operator.market.errors import MarketError
from powercap_operator.market.results import Query
from powercap_operator.sources import registry
from powercap_operator.sources.registry import ProviderSettings
from tests.support.purse import Purse

pytestmark = pytest.mark.long
DAY = date(2025, 10, 9)
TOKEN = "0a1b2c3d-secret"
QUERIES: Final = {
    "EPEX": Query(Market("FR", Auction.IDA1, 15), DAY),
    "EnergyCharts": Query(Market("FR", Auction.SDAC, 15), DAY),
    "ENTSOE": Query(Market("FR", Auction.SDAC, 15), DAY),
    "ENTSOE carbon": Query(Market("FR", GridData.CARBON, 15), DAY),
    "CarbonIntensity": Query(Market("GB", GridData.CARBON, 30), DAY),
}


def ok(body: bytes = b"x", *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def found(location: str) -> bytes:
    return ok(b"", f"Location: {location}", status="302 Found")


def chunked(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body


def gzipped(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(10**6)) for _ in range(megabytes)) + packer.flush()


BOMB: Final = gzipped(300)
JSON: Final = "Content-Type: application/json"
ANSWERS: Final[dict[str, bytes]] = {
    "nothing": b"",
    "another protocol": b"SSH-2.0-OpenSSH\r\n",
    "HTTP/0.9": b"<html>results</html>",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "version 9": b"HTTP/9.9 200 OK\r\nContent-Length: 1\r\n\r\nx",
    "status line alone": b"HTTP/1.1 200 OK\r\n",
    "status of letters": b"HTTP/1.1 abc OK\r\n\r\n",
    "status 0": b"HTTP/1.1 000 \r\nContent-Length: 0\r\n\r\n",
    "status 999": ok(status="999 weird"),
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "304": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "206 part": ok(b"x", "Content-Range: bytes 0-0/9", status="206 Partial Content"),
    "101": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nxxx",
    "100 flood": b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000,
    "103 flood": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 20_000,
    "5 MB in a header": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 5_000_000 + b"\r\n\r\n",
    "5,000 headers": b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 5000 + b"Content-Length: 1\r\n\r\nx",
    "header without a name": b"HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 1\r\n\r\nx",
    "folded header": b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 1\r\n\r\nx",
    "NUL in a header": b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 1\r\n\r\nx",
    "a phrase of 60,000": ok(b"", status="500 " + "R" * 60_000),
    "a phrase that acts": ok(b"", status="500 \x1b[2J\u202e\x9b31m"),
    "the token as phrase": ok(b"", status=f"500 {TOKEN}"),
    "length -1": ok(length=-1),
    "length of 20 digits": ok(length=99999999999999999999),
    "length too short": ok(b"xyz", length=1),
    "length too long": ok(b"xyz", length=10),
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
    "length and chunks": ok(b"1\r\nx\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
    "chunks of garbage": chunked(b"ZZ\r\nxx\r\n"),
    "chunk of 2^64": chunked(b"ffffffffffffffff\r\nx"),
    "chunk -1": chunked(b"-1\r\nx\r\n0\r\n\r\n"),
    "chunk extension of 100 KB": chunked(b"1;" + b"a" * 100_000 + b"\r\nx\r\n0\r\n\r\n"),
    "a million chunks": chunked(b"1\r\nx\r\n" * 1_000_000 + b"0\r\n\r\n"),
    "5 MB of trailers": chunked(b"1\r\nx\r\n0\r\n" + b"X: aaaa\r\n" * 500_000 + b"\r\n"),
    "chunked twice": ok(b"x", "Transfer-Encoding: chunked, chunked"),
    "gzip bomb": ok(BOMB, "Content-Encoding: gzip"),
    "gzip in gzip": ok(gzip.compress(BOMB), "Content-Encoding: gzip, gzip"),
    "gzip cut": ok(BOMB[:5000], "Content-Encoding: gzip"),
    "gzip and garbage": ok(gzip.compress(b"x") + b"garbage" * 1000, "Content-Encoding: gzip"),
    "deflate bomb": ok(zlib.compress(bytes(10**8), 9), "Content-Encoding: deflate"),
    "brotli bomb": ok(brotli.compress(bytes(3 * 10**7), quality=5), "Content-Encoding: br"),
    "zstd": ok(b"\x28\xb5\x2f\xfd", "Content-Encoding: zstd"),
    "an encoding of 60,000": ok(b"x", "Content-Encoding: " + "z" * 60_000),
    "redirect to itself": found("/x"),
    "redirect to a file": found("file:///etc/passwd"),
    "redirect to metadata": found("http://169.254.169.254/latest/meta-data/"),
    "redirect to a user": found(f"http://{TOKEN}@evil.example/"),
    "redirect with the token as host": found(f"http://{TOKEN}.example/"),
    "redirect to port 99999": found("http://localhost:99999/"),
    "redirect to port x": found("http://localhost:x/"),
    "redirect to no name": found("http://xn--\u0430.\u202e/"),
    "redirect to bytes": found("http://\udcff\udcfe/"),
    "redirect to a control": found("/\x01a"),
    "redirect nowhere": found(""),
    "redirect of 70,000": found("/" + "a" * 70_000),
    "redirect to half an address": found("http://[::1/"),
    "redirect to a zone": found("http://[fe80::1%25eth0]/"),
    "redirect to a script": found("javascript:1"),
    "redirect without a scheme": found("//evil.example/"),
    "two redirects": ok(b"", "Location: /a", "Location: http://evil.example/", status="302 Found"),
    "300 choices": ok(b"", status="300 Multiple Choices"),
    "refresh": ok(b"", "Refresh: 0; url=http://evil.example/"),
    "cookies": ok(b"x", *(f"Set-Cookie: c{number}={'b' * 3000}; Max-Age=99999999999" for number in range(500))),
    "a cookie of the year 99999": ok(b"x", "Set-Cookie: a=b; expires=Mon, 99-Foo-99999 99:99:99 GMT; domain=."),
    "a cookie's date of 65,000": ok(b"x", "Set-Cookie: a=b; Expires=1-1-1" + " " * 65_000 + "!"),
    "retry after 10^9 s": ok(b"", "Retry-After: 999999999", status="429 T"),
    "retry in the year 1": ok(b"", "Retry-After: Mon, 01 Jan 0001 00:00:00 +2359", status="429 T"),
    "retry in 9999": ok(b"", "Retry-After: Fri, 31 Dec 9999 23:59:59 -2359", status="503 T"),
    "retry in other digits": ok(b"", "Retry-After: \u0661\u0662", status="429 T"),
    "5 MB of tags": ok(b"<div class='table-container'>" + b"<b>" * 1_600_000),
    "deep HTML": ok(b"<div>" * 500_000),
    "deep JSON": ok(b"[" * 900_000, JSON),
    "commands with depth": ok(b'[{"command":"insert","data":' + b"[" * 500_000, JSON),
    "no commands": ok(b'[1,2,"a",null,{"command":5}]', JSON),
    "numbers beyond": ok(b'{"unix_seconds":[1e999999999],"price":[NaN],"data":[{"from":1e99}]}', JSON),
    "an integer of 900,000 digits": ok(b'{"unix_seconds":[' + b"9" * 900_000 + b'],"price":[1]}', JSON),
    "half a surrogate": ok(b'{"data":[{"timestamp":"\\ud800","values":{}}]}', JSON),
    "UTF-16 JSON": ok('{"data":[]}'.encode("utf-16"), JSON),
    "a 404 that is deep": ok(b"[" * 900_000, JSON, status="404 Not Found"),
    "deep XML": ok(b"<a>" * 240_000),
    "entities": ok(b'<!DOCTYPE a [<!ENTITY b "' + b"c" * 1000 + b'">]><a>' + b"&b;" * 9000 + b"</a>"),
    "UTF-16 XML": ok('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode("utf-16")),
    "XML in zlib": ok(b'<?xml version="1.0" encoding="zlib_codec"?><a/>'),
    "XML in nothing": ok(b'<?xml version="1.0" encoding="undefined"?><a/>'),
    "an acknowledgement that is deep": ok(
        b"<Acknowledgement_MarketDocument>" + b"<a>" * 130_000, status="400 Bad Request"
    ),
    "two answers": ok() + ok(b"a second"),
}  # fmt: skip


class Socket:
    """A server that gives every request the same bytes, and, where it drips, one after the other without end."""

    def __init__(self) -> None:
        self.answer = b""
        self.drip = b""
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.answer)
            await writer.drain()
            while self.drip:
                writer.write(self.drip)
                await writer.drain()
                await asyncio.sleep(0.01)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def asked(provider: str, socket: Socket, deadline: float = 20) -> MarketError:
    """What a fetch of that provider fails with.

    Raises:
        AssertionError: it did not fail; whatever else the provider raises.
    """

    async def ask() -> None:
        server = await asyncio.start_server(socket.serve, "127.0.0.1", 0, limit=2**20)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        settings = ProviderSettings(
            epex_url=url,
            energy_charts_url=url,
            entsoe_url=url,
            carbon_intensity_url=url,
            entsoe_token=TOKEN,
            deadline=timedelta(seconds=deadline),
        )
        async with server, httpx.AsyncClient(trust_env=False) as http:
            await registry.create(provider.split(maxsplit=1)[0], http, settings).fetch(
                QUERIES[provider], Purse(20).spend
            )

    with pytest.raises(MarketError) as error:
        asyncio.run(ask())
    return error.value


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("provider", QUERIES)
def test_whatever_bytes_come_are_a_fetch_that_failed_and_is_told(provider: str, name: str) -> None:
    socket = Socket()
    socket.answer = ANSWERS[name]
    line = asked(provider, socket).line
    assert len(line) < 400
    assert line.isprintable()
    assert TOKEN not in line or not provider.startswith("ENTSOE"), "nobody else was sent it"


@pytest.mark.parametrize(
    ("answer", "drip"),
    [
        (ok(b"", length=10**9), b"x"),
        (chunked(b""), b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"X: a\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 100_000),
    ],
    ids=["body", "chunks", "headers", "100 Continue", "a large body"],
)
def test_what_has_no_end_is_given_up(answer: bytes, drip: bytes) -> None:
    socket = Socket()
    socket.answer, socket.drip = answer, drip
    assert asked("EPEX", socket, deadline=0.5).reason in {
        "TimedOut",
        "TooLarge",
        "Unreachable",
        "Unavailable",
    }
