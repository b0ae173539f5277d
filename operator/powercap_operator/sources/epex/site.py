"""The exchange's site: three ways in, in a sensible order, the one that worked remembered.

- ``page``: the market-results page by its address. One request where the site still serves tables to it.
- ``ajax``: what the page's own script posts, a list of commands comes back. One request.
- ``disclaimer``: the page, its conditions accepted by their form, the page again. Three requests
  the first time, one while the session's cookie lasts.

Another way is tried only where the site answered with its page and without the right table, as it does to a
reader whose script has not run yet. A refusal (403, 429, 202, an error page) is never answered by another
way: it is reported, and ``market.publication`` says when to ask again. Answers are read in a
thread. Terms of use: sources/README.md.
"""

import re
from asyncio import to_thread
from collections.abc import Awaitable, Callable
from html import unescape
from typing import ClassVar, Final, Literal, get_args
from urllib.parse import urlsplit

from ...market.errors import DisclaimerShown, MarketError, NoTable, NotPublished, WrongMarket
from ...market.results import Query, build_market_day
from ..fetched_day import FetchedDay
from ..http_client import PoliteHttp, Spend
from .names import PATH, filter_fields, page_parameters
from .page import open_page, table_html

Route = Literal["page", "ajax", "disclaimer"]
ROUTES: Final[tuple[Route, ...]] = get_args(Route)
URL: Final = "https://www.epexspot.com/en/market-results"

_INPUT: Final = re.compile(r"""<(?:input|button)\b[^<>]{0,2000}>""")
_NAME: Final = re.compile(r"""\bname="([^"]{1,100})\"""")
_VALUE: Final = re.compile(r"""\bvalue="([^"]{0,1000})\"""")
_DISCLAIMER_FORM: Final = "data_disclaimer_acceptation_form"
_FILTERS_FORM: Final = "market_data_filters_form"


def hidden_fields(page: str, form_id: str) -> dict[str, str]:
    """``form_build_id``, ``form_id`` and ``op`` of one of the page's forms; empty where it is not there."""
    for form in page.split("<form")[1:]:
        fields: dict[str, str] = {}
        for field in _INPUT.findall(form.partition("</form")[0]):
            name, value = _NAME.search(field), _VALUE.search(field)
            if name and value and name[1] in ("form_build_id", "form_id", "op"):
                fields.setdefault(name[1], unescape(value[1]))
        if fields.get("form_id") == form_id:
            return fields
    return {}


class EpexSite:
    """EPEX: the exchange's own results, volumes and prices of every auction.

    ``first`` is the way to try first, and becomes the one that worked last. ``url`` is the market-results page, or the
    site's root.
    """

    name: ClassVar[str] = "EPEX"
    pause_seconds: ClassVar[float] = 0

    def __init__(self, http: PoliteHttp, url: str = URL, first: str | None = None) -> None:
        self._http = http
        self._url = url if urlsplit(url).path.strip("/") else url.rstrip("/") + PATH
        self.first: str | None = first
        self._shell = ""

    async def fetch(self, query: Query, spend: Spend) -> FetchedDay:
        """Get a day by the first way that gives it.

        Raises:
            NotPublished: the site has no such day yet.
            PageError, FetchError: as ``page.open_page`` and ``http_client.PoliteHttp.ask``; what the
                last way tried came to.
            NotOffered: the area has no such auction.
            RequestBudgetSpent: from ``spend``.
        """
        ways: dict[Route, Callable[[Query, Spend], Awaitable[bytes | str]]] = {
            "page": self._by_page,
            "ajax": self._by_ajax,
            "disclaimer": self._by_disclaimer,
        }
        page_parameters(query)
        self._shell = ""
        failure: MarketError | None = None
        for route in sorted(ROUTES, key=lambda route: route != self.first):
            html = await ways[route](query, spend)
            try:
                fetched = await to_thread(self._read, html, query, route)
            except NotPublished:
                raise
            except (NoTable, WrongMarket) as error:
                failure = _unless_early(error, query)
                if isinstance(error, DisclaimerShown):
                    self._shell = html if isinstance(html, str) else html.decode("utf-8", errors="replace")
            else:
                self.first = route
                return fetched
        raise failure or NoTable("no way in was tried")

    def _read(self, html: bytes | str, query: Query, route: Route) -> FetchedDay:
        page = open_page(html)
        return FetchedDay(
            query=query,
            day=build_market_day(page.periods(query), query),
            route=route,
            fetched_at=self._http.now(),
            published_at=page.published_at,
            currency=query.market.bidding_zone.currency,
        )

    async def _by_page(self, query: Query, spend: Spend) -> bytes:
        answer = await self._http.ask(
            "GET", self._url, spend, parameters=page_parameters(query), headers={"Accept": "text/html"}
        )
        return answer.body

    async def _by_ajax(self, query: Query, spend: Spend) -> bytes | str:
        fields = filter_fields(query)
        build_id = hidden_fields(self._shell, _FILTERS_FORM).get("form_build_id")
        answer = await self._http.ask(
            "POST",
            self._url,
            spend,
            parameters={**page_parameters(query), "ajax_form": "1", "_wrapper_format": "drupal_ajax"},
            form={**fields, **({"form_build_id": build_id} if build_id else {})},
            headers={"Accept": "application/json", "X-Requested-With": "XMLHttpRequest"},
        )
        is_json = answer.body.lstrip()[:1] == b"["
        return await to_thread(table_html, answer.body) if is_json else answer.body

    async def _by_disclaimer(self, query: Query, spend: Spend) -> bytes:
        shell = self._shell
        if not shell:
            first = await self._by_page(query, spend)
            shell = first.decode("utf-8", errors="replace")
            if not await to_thread(_is_shell, first):
                return first
        fields = hidden_fields(shell, _DISCLAIMER_FORM)
        if not fields:
            raise NoTable(
                "the site shows neither a table nor the form that accepts its conditions: it has changed"
            )
        answer = await self._http.ask(
            "POST",
            self._url,
            spend,
            parameters=page_parameters(query),
            form=fields,
            headers={"Accept": "text/html"},
        )
        if answer.redirected or not await to_thread(_is_shell, answer.body):
            return answer.body
        return await self._by_page(query, spend)


def _is_shell(html: bytes) -> bool:
    """Whether a page is the one without its table."""
    try:
        open_page(html)
    except DisclaimerShown:
        return True
    except MarketError:
        return False
    return False


def _unless_early(error: MarketError, query: Query) -> MarketError:
    """The same error, but for a page of the right market and another day: then ours is not there yet.

    Raises:
        NotPublished: in that case; no other way would know more.
    """
    if isinstance(error, WrongMarket) and error.differs == ("day",):
        raise NotPublished(f"the site shows another day when asked for {query}: not published yet") from error
    return error
