"""ENTSOE: day-ahead prices from the ENTSO-E Transparency Platform. Needs a free token. No volumes, no
intraday.

``GET /api?documentType=A44&in_Domain=<EIC>&out_Domain=<EIC>&periodStart=202510082200&periodEnd=202510092200``
(UTC) gives a Publication_MarketDocument, or an Acknowledgement_MarketDocument with reason 999 where there is
nothing (with status 200 or 400). A day may have several TimeSeries, of 15 and 60 minutes and by sequence of
the auction: 1 or none is the SDAC, others are auctions beside it (2 is EXAA's in DE-LU and AT) and are never
taken for it. Of the SDAC's, the one of the resolution asked for is taken, else one that can be resampled. With
curve type A03 a position that is missing repeats the one before. Limit: 400 requests a minute. Source: the
platform's RESTful API user guide, sections 4.2 and 12.1.D; EIC codes from its list of bidding zones.

The token travels in the address, as the platform wants it, so ``hide_token`` keeps it out of httpx's own log
lines.
"""

import logging
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Final
from xml.etree import ElementTree as Xml

from powercap_api.markets import Auction

from ..market.cell import read_cell
from ..market.delivery_day import day_bounds
from ..market.errors import (
    Forbidden,
    Malformed,
    MarketError,
    NotOffered,
    NotPublished,
    SettingMissing,
    TooLarge,
    Unavailable,
    WrongMarket,
)
from ..market.resample import resample
from ..market.results import Period, Query, build_market_day
from .base import FetchedDay, Spend
from .http_client import PoliteHttp

URL: Final = "https://web-api.tp.entsoe.eu/api"

EIC_CODES: Final = {
    "AT": "10YAT-APG------L",
    "BE": "10YBE----------2",
    "CH": "10YCH-SWISSGRIDZ",
    "DE-LU": "10Y1001A1001A82H",
    "DK1": "10YDK-1--------W",
    "DK2": "10YDK-2--------M",
    "FI": "10YFI-1--------U",
    "FR": "10YFR-RTE------C",
    "NL": "10YNL----------L",
    "NO1": "10YNO-1--------2",
    "NO2": "10YNO-2--------T",
    "NO3": "10YNO-3--------J",
    "NO4": "10YNO-4--------9",
    "NO5": "10Y1001A1001A48H",
    "PL": "10YPL-AREA-----S",
    "SE1": "10Y1001A1001A44P",
    "SE2": "10Y1001A1001A45N",
    "SE3": "10Y1001A1001A46L",
    "SE4": "10Y1001A1001A47J",
}
_STEPS: Final = {"PT15M": 15, "PT30M": 30, "PT60M": 60, "PT1H": 60}
_MAX_POSITIONS: Final = 200
_MAX_BYTES: Final = 1_000_000
"""A day's document has about 20 KB."""
_STAMP: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?Z")


class _HideToken(logging.Filter):
    """httpx logs every address it asks at INFO, httpcore headers at DEBUG: the token's value is taken out
    there."""

    _SECRET: Final = re.compile(r"(securityToken=)[^&\s\"']+", re.IGNORECASE)

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the line; never drop it."""
        line = record.getMessage()
        if "securitytoken=" in line.lower():
            record.msg, record.args = self._SECRET.sub(r"\1***", line), ()
        return True


_HIDE_TOKEN: Final = _HideToken()
_LOGGERS: Final = (
    "httpx",
    *(f"httpcore.{name}" for name in ("connection", "http11", "http2", "proxy", "socks")),
)


def hide_token() -> None:
    """Keep tokens out of the HTTP library's log lines, whoever configured logging. Harmless when done
    twice."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_HIDE_TOKEN)


class Entsoe:
    """Day-ahead prices of the coupled zones, in EUR."""

    name: ClassVar[str] = "ENTSOE"
    pause_seconds: ClassVar[float] = 0.15
    """400 requests a minute."""

    def __init__(self, http: PoliteHttp, token: str, url: str = URL) -> None:
        self._http = http
        self._token = token.strip()
        self._url = url
        hide_token()

    async def fetch(self, query: Query, spend: Spend) -> FetchedDay:
        """Get the day's prices, resampled where the source's resolution is another.

        Raises:
            SettingMissing: no token.
            NotOffered: an intraday auction, or Great Britain.
            NotPublished: no such day (yet), or other auctions' prices only.
            WrongMarket: another bidding zone's prices.
            Malformed: an answer of another form.
            Forbidden: the token is refused, or we are.
            FetchError: as ``PoliteHttp.ask``.
        """
        domain = EIC_CODES.get(query.market.area)
        if query.market.auction is not Auction.SDAC or domain is None:
            raise NotOffered(
                f"ENTSO-E has prices of the coupled day-ahead auction only, not of {query.market}"
            )
        if not self._token:
            raise SettingMissing("ENTSO-E wants a token: register at transparency.entsoe.eu and configure it")
        begin, end = day_bounds(query.delivery_day, query.market.bidding_zone.zone)
        answer = await self._http.ask(
            "GET",
            self._url,
            spend,
            parameters={
                "documentType": "A44",
                "in_Domain": domain,
                "out_Domain": domain,
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
            raise _refused_query(answer.body, query)
        return FetchedDay(
            query=query,
            day=build_market_day(parse_document(answer.body, query), query, needs_volume=False),
            route="api",
            fetched_at=self._http.now(),
            published_at=None,
            currency="EUR",
        )


def parse_document(body: bytes, query: Query) -> tuple[Period, ...]:
    """The SDAC's periods in a document, at the query's resolution.

    Raises:
        Malformed: no such document (TooLarge says more), another currency or unit, positions outside the
        series. WrongMarket: another bidding zone's. NotPublished: it says that there is nothing, or has nothing
        of the SDAC for the day.
    """
    root = _parse(body)
    if root.tag.endswith("Acknowledgement_MarketDocument"):
        if _says_nothing(root):
            raise _not_published(query)
        raise Malformed("ENTSO-E did not accept the query: it may have changed what it expects")
    if not root.tag.endswith("Publication_MarketDocument"):
        raise Malformed(f"ENTSO-E gave a {root.tag.rpartition('}')[2][:60]!r}, a publication was expected")
    found = _day_ahead_parts(root, query)
    wanted = query.market.resolution_minutes
    minutes_taken = min((minutes for minutes, _ in found), key=lambda minutes: (minutes != wanted, minutes))
    taken: dict[datetime, Period] = {}
    for minutes, periods in found:
        if minutes == minutes_taken:
            for period in periods:
                if taken.setdefault(period.start, period) != period:
                    raise Malformed(
                        f"ENTSO-E gave two prices for one period of {query}: neither can be trusted"
                    )
    ordered = [taken[start] for start in sorted(taken)]
    return resample(ordered, minutes_taken, wanted)


def _day_ahead_parts(root: Xml.Element, query: Query) -> list[tuple[int, tuple[Period, ...]]]:
    """Length in minutes and periods, inside the day, of every Period element of the SDAC's series; at least one."""
    begin, end = day_bounds(query.delivery_day, query.market.bidding_zone.zone)
    found: list[tuple[int, tuple[Period, ...]]] = []
    others: set[str] = set()
    for series in root.iterfind("{*}TimeSeries"):
        if series.findtext("{*}contract_MarketAgreement.type", "A01") != "A01":
            continue
        _check_domains(series, query)
        sequence = series.findtext("{*}classificationSequence_AttributeInstanceComponent.position", "1")
        for part in series.iterfind("{*}Period"):
            minutes, given = _period(series, part)
            inside = tuple(period for period in given if begin <= period.start < end)
            if inside and sequence == "1":
                found.append((minutes, inside))
            elif inside:
                others.add(sequence)
    if not found:
        raise _not_published(query, others)
    return found


def _refused_query(body: bytes, query: Query) -> MarketError:
    """What status 400 means: that there is nothing, or that the query is not understood."""
    try:
        nothing = _says_nothing(_parse(body))
    except Malformed:
        nothing = False
    if nothing:
        return _not_published(query)
    return Unavailable(
        "ENTSO-E answered 400: it did not accept the query, it may have changed what it expects"
    )


def _says_nothing(acknowledgement: Xml.Element) -> bool:
    return "no matching data" in "".join(acknowledgement.itertext()).lower()


def _not_published(query: Query, others: Iterable[str] = ()) -> NotPublished:
    message = f"ENTSO-E has no prices for {query}: not yet, or not at all"
    if sequences := ", ".join(sorted(others))[:40]:
        message += f"; what it has are other auctions' (sequence {sequences})"
    return NotPublished(message)


def _check_domains(series: Xml.Element, query: Query) -> None:
    """Raise WrongMarket unless the series says that it is the query's bidding zone's."""
    wanted = EIC_CODES.get(query.market.area)
    for name in ("in_Domain", "out_Domain"):
        found = series.findtext(f"{{*}}{name}.mRID", "").strip()
        if found != wanted:
            area = next((area for area, code in EIC_CODES.items() if code == found), "another zone")
            raise WrongMarket(
                f"ENTSO-E gave prices of {area} ({name} {found[:20]!r}) when asked for {query}",
                differs=("area",),
            )


def _parse(body: bytes) -> Xml.Element:
    if len(body) > _MAX_BYTES:
        raise TooLarge(f"ENTSO-E gave {len(body) / 1e6:.1f} MB for one day")
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise Malformed("ENTSO-E gave a document with a DOCTYPE, which none of its has")
    try:
        return Xml.fromstring(body)  # noqa: S314 - no DOCTYPE, no entities; the size is bounded
    except (Xml.ParseError, ValueError, LookupError) as error:
        raise Malformed("ENTSO-E gave something else than XML") from error


def _period(series: Xml.Element, part: Xml.Element) -> tuple[int, list[Period]]:
    """Length in minutes and the periods of one Period element."""
    currency = series.findtext("{*}currency_Unit.name", "EUR")
    unit = series.findtext("{*}price_Measure_Unit.name", "MWH")
    if (currency, unit.upper()) != ("EUR", "MWH"):
        raise Malformed(f"ENTSO-E gave prices in {currency[:9]}/{unit[:9]}, EUR/MWh was expected")
    minutes = _STEPS.get(part.findtext("{*}resolution", ""))
    texts = [part.findtext(f"{{*}}timeInterval/{{*}}{name}", "") for name in ("start", "end")]
    if minutes is None or not all(_STAMP.fullmatch(text) for text in texts):
        raise Malformed("ENTSO-E gave a period without a resolution and an interval that are understood")
    try:
        start, end = (datetime.fromisoformat(text).astimezone(UTC) for text in texts)
        prices = {
            int(point.findtext("{*}position", "")): read_cell(point.findtext("{*}price.amount", ""))
            for point in part.iterfind("{*}Point")
        }
    except ValueError as error:
        raise Malformed("ENTSO-E gave a time or a position that is none") from error
    step = timedelta(minutes=minutes)
    count = (end - start) // step
    if not 0 < count <= _MAX_POSITIONS or not all(1 <= position <= count for position in prices):
        raise Malformed("ENTSO-E gave positions outside the interval that they are for")
    repeats = series.findtext("{*}curveType", "A01") == "A03"
    periods: list[Period] = []
    last: Decimal | None = None
    for position in range(1, count + 1):
        if position in prices:
            last = prices[position]
        elif not repeats:
            last = None
        if last is not None:
            periods.append(Period(start + step * (position - 1), None, last))
    return minutes, periods
