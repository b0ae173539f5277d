"""HTTP requests to the sources: bounded in time and size, with an honest User-Agent.

Every request, redirects included, calls ``spend`` before it leaves, which counts it and raises where the day's rate
budget is used up. What httpx raises becomes an error of ``market.errors``. Messages name the host and never an
address's parameters, because a token may be among them. Nothing is retried: ``market.publication`` says when to ask
again, and the fetcher asks each source for one day at a time.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib import metadata
from typing import Final

import httpx

from powercap_api.foreign_text import shown

from ..market.errors import (
    Deferred,
    FetchError,
    Forbidden,
    MarketError,
    RateLimited,
    TimedOut,
    TooLarge,
    Unavailable,
)
from .epex.fragment import MAX_PAGE_BYTES
from .http_body import ACCEPT_ENCODING, BodyError, BodyTooLarge, decoded

Spend = Callable[[], Awaitable[None]]
"""Called before every request leaves; raises RequestBudgetSpent where the day's rate budget is used up."""

DEADLINE: Final = timedelta(seconds=30)
"""For one request from connecting to the last byte: a source that drips slower is down."""
MAX_REDIRECTS: Final = 3
LONGEST_WAIT: Final = timedelta(days=1)
"""A Retry-After beyond this is taken for this."""
_LONGEST_PHRASE: Final = 80
"""Characters of a status line's reason phrase, of the 30 or so that the longest registered one has."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def user_agent(contact: str) -> str:
    """Who asks: ``powercap/0.1.0 (+ops@example.org)``, the contact as far as it is printable."""
    try:
        version = metadata.version("powercap")
    except metadata.PackageNotFoundError:
        version = "0"
    contact = re.sub(r"[^ -~]|[()]", "", contact).strip()
    return f"powercap/{version}" + (f" (+{contact})" if contact else "")


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """How long a source asks us to wait: seconds or a date (RFC 9110, 10.2.3); None where it does not say.

    Never negative, never more than LONGEST_WAIT.
    """
    if header is None:
        return None
    text = header.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        wait = timedelta(seconds=int(text))
    else:
        try:
            until = parsedate_to_datetime(text[:60])
        except ValueError:
            return None
        wait = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    return max(timedelta(), min(wait, LONGEST_WAIT))


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer (status 200)."""

    body: bytes
    """Decompressed, at most MAX_PAGE_BYTES."""
    status: int = 200
    redirected: bool = False
    """It came from where the source redirected to."""


class PoliteHttp:
    """Asks one source. ``client`` is shared, brings cookies, connections and timeouts, and is closed by its
    owner."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        contact: str = "",
        now: Callable[[], datetime],
        deadline: timedelta = DEADLINE,
    ) -> None:
        self._client = client
        self._agent = user_agent(contact)
        self.now = now
        self._deadline = deadline

    async def ask(
        self,
        method: str,
        url: str,
        spend: Spend,
        *,
        parameters: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        also: frozenset[int] = frozenset(),
    ) -> Answer:
        """Send a request and read the whole answer; redirects are followed on the same site.

        ``also`` are statuses other than 200 whose bodies the caller wants to read.

        Raises:
            FetchError: of the kind that the answer or its absence means.
            TooLarge: the body is larger than MAX_PAGE_BYTES.
            RequestBudgetSpent: from ``spend``; nothing was sent.
        """
        try:
            request = self._client.build_request(
                method,
                url,
                params=None if parameters is None else dict(parameters),
                data=None if form is None else dict(form),
                headers={
                    "User-Agent": self._agent,
                    "Accept-Encoding": ACCEPT_ENCODING,
                    **(headers or {}),
                },
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise Unavailable(f"{url!r} is no address that can be asked: check the configuration") from error
        for redirects in range(MAX_REDIRECTS + 1):
            await spend()
            answer = await self._send(request, also)
            if isinstance(answer, Answer):
                return replace(answer, redirected=redirects > 0)
            request = answer
        raise Unavailable(f"{request.url.host} redirects more than {MAX_REDIRECTS} times: check the address")

    async def _send(self, request: httpx.Request, also: frozenset[int]) -> Answer | httpx.Request:
        """The answer, or where the source redirects to."""
        host = request.url.host or str(request.url)
        response: httpx.Response | None = None
        try:
            async with asyncio.timeout(self._deadline.total_seconds()):
                response = await self._client.send(request, stream=True, follow_redirects=False)
                following = response.next_request
                if following is not None:
                    return _same_site(request, following)
                self._check(response, host, also)
                return Answer(await _body(response), response.status_code)
        except (httpx.TimeoutException, TimeoutError) as error:
            raise TimedOut(
                f"{host} gave no whole answer within {self._deadline.total_seconds():g} s: it is slow or unreachable"
            ) from error
        except BodyTooLarge as error:
            raise TooLarge(f"{host}: {error}, and no market day is that large: who answered?") from error
        except BodyError as error:
            raise Unavailable(f"{host}: {error}") from error
        except MarketError:
            raise
        except Exception as error:  # also what a name or an address makes of the connection
            raise Unavailable(
                f"{host} cannot be reached ({type(error).__name__}: {_plain(error)}): check network and address"
            ) from error
        finally:
            if response is not None:
                await response.aclose()

    def _check(self, response: httpx.Response, host: str, also: frozenset[int]) -> None:
        if response.status_code != httpx.codes.OK and response.status_code not in also:
            raise self._refusal(response, host)

    def _refusal(self, response: httpx.Response, host: str) -> FetchError:
        """The error that an answer's status means."""
        status = response.status_code
        wait = retry_after(response.headers.get("Retry-After"), self.now())
        said = f"{host} answered {status} {shown(response.reason_phrase, _LONGEST_PHRASE)}".rstrip()
        match status:
            case 401:
                return Forbidden(
                    f"{said}: it wants credentials, or others than it was given", retry_after=wait
                )
            case 403:
                return Forbidden(
                    f"{said}: it refuses us; ask less, set a contact, or use another source", retry_after=wait
                )
            case 429:
                return RateLimited(f"{said}: it asks for fewer requests", retry_after=wait)
            case _ if 200 <= status < 300:
                return Deferred(f"{said} instead of results: it puts us off", retry_after=wait)
            case _ if status >= 500:
                return Unavailable(f"{said}: it is down", retry_after=wait)
            case _:
                return Unavailable(
                    f"{said}: the address or the query is not what it expects", retry_after=wait
                )


async def _body(response: httpx.Response) -> bytes:
    if response.is_stream_consumed:  # a transport without a network gave it whole
        return response.content[: MAX_PAGE_BYTES + 1]
    encoding = response.headers.get("Content-Encoding", "")
    return await decoded(response.aiter_raw(), encoding, MAX_PAGE_BYTES)


def _same_site(request: httpx.Request, following: httpx.Request) -> httpx.Request:
    """Redirects may lead to the same site and port and to encryption, not away from any of them."""
    here, there = request.url, following.url
    names = sorted((here.host, there.host), key=len)
    if names[0] != names[1] and not names[1].endswith("." + names[0]):
        raise Unavailable(
            f"{here.host} redirects to {shown(there.host, 100)}: that is another site, check the address"
        )
    if (here.scheme, there.scheme) == ("https", "http"):
        raise Unavailable(f"{here.host} redirects to an unencrypted address: check the address")
    if not 0 < _port(there) < 65536 or (_port(here) != _port(there) and not _is_standard(here, there)):
        raise Unavailable(
            f"{here.host} redirects to port {_port(there)}: that is not the site's, check the address"
        )
    return following


def _port(url: httpx.URL) -> int:
    return _DEFAULT_PORTS.get(url.scheme, 0) if url.port is None else url.port


def _is_standard(here: httpx.URL, there: httpx.URL) -> bool:
    """Whether both are where their schemes have their servers, as in a redirect to encryption."""
    return here.port is None and there.port is None


def _plain(error: Exception) -> str:
    """An error's text without anything that looks like an address with parameters."""
    return shown(re.sub(r"\?\S*", "?…", str(error)), 120) or "no further word"
