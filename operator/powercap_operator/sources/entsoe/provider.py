"""ENTSOE: the ENTSO-E Transparency Platform. Needs a free token. No volumes, no intraday auctions.

Day-ahead prices take one request (``prices``); carbon intensity and the share of renewable power one for a day that is
over and two for one that is not (``generation``). Limit: 400 requests a minute. Source: the platform's RESTful API user
guide. Its terms have the list of data that may be used again freely where the platform is named.

The token travels in the address, as the platform wants it, so ``hide_token`` keeps it out of httpx's own log
lines.
"""

import asyncio
import logging
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import ClassVar, Final

from powercap_api.markets import Auction, GridData

from ...market.delivery_day import day_bounds
from ...market.errors import Forbidden, MarketError, NotOffered, NotPublished, SettingMissing
from ...market.results import Period, Query, build_market_day
from ..base import FetchedDay, Spend
from ..http_client import PoliteHttp
from . import generation, prices
from .document import EIC_CODES, refused_query

URL: Final = "https://web-api.tp.entsoe.eu/api"


class _HideToken(logging.Filter):
    """httpx logs every address it asks at INFO, httpcore headers at DEBUG: the token's value is taken out
    there."""

    _SECRET: Final = re.compile(r"(securityToken=)[^&\s\"']+", re.IGNORECASE)

    def __init__(self) -> None:
        super().__init__()
        self.tokens: set[str] = set()
        """Which a source may send back anywhere."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the line; never drop it."""
        line = record.getMessage()
        masked = self._SECRET.sub(r"\1***", line)
        for token in self.tokens:
            masked = masked.replace(token, "***")
        if masked != line:
            record.msg, record.args = masked, ()
        return True


_HIDE_TOKEN: Final = _HideToken()
_LOGGERS: Final = (
    "httpx",
    *(f"httpcore.{name}" for name in ("connection", "http11", "http2", "proxy", "socks")),
)


def hide_token(token: str) -> None:
    """Keep the token out of the HTTP library's log lines, whoever configured logging. Harmless when done
    twice."""
    if token:
        _HIDE_TOKEN.tokens.add(token)
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_HIDE_TOKEN)


class Entsoe:
    """Day-ahead prices of the coupled zones, in EUR; carbon intensity and renewable shares of what they generate."""

    name: ClassVar[str] = "ENTSOE"
    pause_seconds: ClassVar[float] = 0.15
    """400 requests a minute."""

    def __init__(self, http: PoliteHttp, token: str, url: str = URL) -> None:
        self._http = http
        self._token = token.strip()
        self._url = url
        hide_token(self._token)

    async def fetch(self, query: Query, spend: Spend) -> FetchedDay:
        """As ``_fetch``; no error repeats the token, whoever has sent it back."""
        try:
            return await self._fetch(query, spend)
        except MarketError as error:
            error.mask(self._token)
            raise

    async def fetch_range(self, query: Query, last: date, spend: Spend) -> bytes:
        """The document with the prices of the query's day and every day up to the last, unread: one request.

        Raises:
            SettingMissing, NotOffered, NotPublished, Forbidden, FetchError: as ``fetch``.
        """
        try:
            return await self._ask_prices(self._domain(query), query, last, prices.MAX_BYTES, spend)
        except MarketError as error:
            error.mask(self._token)
            raise

    async def _fetch(self, query: Query, spend: Spend) -> FetchedDay:
        """Get the day, resampled where the source's resolution is another.

        Raises:
            SettingMissing: no token.
            NotOffered: an intraday auction, or Great Britain.
            NotPublished: no such day (yet), or other auctions' prices only.
            WrongMarket: another bidding zone's.
            Malformed: an answer of another form.
            Forbidden: the token is refused, or we are.
            FetchError: as ``PoliteHttp.ask``.
        """
        domain = self._domain(query)
        if query.market.auction is Auction.SDAC:
            body = await self._ask_prices(domain, query, query.delivery_day, prices.MAX_BYTES, spend)
            day = build_market_day(
                await asyncio.to_thread(prices.parse_document, body, query), query, needs_volume=False
            )
        else:
            periods = await self._grid(domain, query, spend)
            day = build_market_day(periods, query)
        return FetchedDay(
            query=query,
            day=day,
            route="api",
            fetched_at=self._http.now(),
            published_at=None,
            currency=query.market.bidding_zone.currency,
        )

    async def _grid(self, domain: str, query: Query, spend: Spend) -> tuple[Period, ...]:
        begin, end = day_bounds(query.delivery_day, query.market.bidding_zone.zone)
        asked = {"documentType": "A75", "processType": "A16", "in_Domain": domain}
        body = await self._ask(asked, begin - generation.LOOK_BACK, end, query, generation.MAX_BYTES, spend)
        measured = await asyncio.to_thread(generation.parse_generation, body, query)
        until = generation.measured_until(measured)
        forecast: generation.Power = {}
        if until is None or until < end:
            asked = {"documentType": "A69", "processType": "A01", "in_Domain": domain}
            body = await self._ask(asked, begin, end, query, generation.MAX_BYTES, spend)
            forecast = await asyncio.to_thread(generation.parse_generation, body, query)
        periods = generation.grid_periods(measured, forecast, query)
        if not periods:
            raise NotPublished(f"ENTSO-E has no generation for {query}: not yet, or not at all")
        return periods

    def _domain(self, query: Query) -> str:
        """The zone's code, where its data can be asked for."""
        market = query.market
        domain = EIC_CODES.get(market.area)
        if domain is None or not (market.auction is Auction.SDAC or isinstance(market.auction, GridData)):
            raise NotOffered(
                f"ENTSO-E has prices of the coupled day-ahead auction and generation only, not of {market}"
            )
        if not self._token:
            raise SettingMissing("ENTSO-E wants a token: register at transparency.entsoe.eu and configure it")
        return domain

    async def _ask_prices(self, domain: str, query: Query, last: date, max_bytes: int, spend: Spend) -> bytes:
        """The document with the prices of the query's day and every day up to the last."""
        zone = query.market.bidding_zone.zone
        begin, end = day_bounds(query.delivery_day, zone)[0], day_bounds(last, zone)[1]
        asked = {"documentType": "A44", "in_Domain": domain, "out_Domain": domain}
        return await self._ask(asked, begin, end, query, max_bytes, spend)

    async def _ask(
        self,
        asked: Mapping[str, str],
        begin: datetime,
        end: datetime,
        query: Query,
        max_bytes: int,
        spend: Spend,
    ) -> bytes:
        """The document for a stretch of time."""
        answer = await self._http.ask(
            "GET",
            self._url,
            spend,
            parameters={
                **asked,
                "periodStart": f"{begin:%Y%m%d%H%M}",
                "periodEnd": f"{end:%Y%m%d%H%M}",
                "securityToken": self._token,
            },
            headers={"Accept": "application/xml, text/xml"},
            also=frozenset({400, 401}),
        )
        if answer.status == 401:
            raise Forbidden(
                "ENTSO-E refuses the token (401): check the one that is configured, or make a new one at"
                " transparency.entsoe.eu, My Account Settings"
            )
        if answer.status == 400:
            raise await asyncio.to_thread(refused_query, answer.body, query, max_bytes)
        return answer.body
