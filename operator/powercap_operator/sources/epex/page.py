"""The periods on one of the exchange's pages: ``open_page(html).periods(query)``. Pure.

Guarantees: the periods are those of the market and day that were asked for, each value under its own label,
or an error says why not; nothing is shifted, filled or guessed. Anything may be given: it takes at most 1 s
and 100 MB, and more than 4 MB is refused unread. A "-" is None. Whether the day is whole is for
``market.build_market_day``.

Structure of the site's page (2025 to 2026): ``div.table-container`` has an ``h2`` with the heading,
``div.js-table-times li`` with the labels and ``div.js-table-values table`` with columns named in its head.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from selectolax.lexbor import LexborHTMLParser, LexborNode

from powercap_api.markets import MARKET_TIME, RESOLUTIONS_MINUTES

from ...market.delivery_day import Label, LabelError, parse_label, period_starts, resolve_labels
from ...market.errors import Blocked, DisclaimerShown, Malformed, NoTable, NotPublished, TooLarge, WrongMarket
from ...market.results import Period, Query, covered_starts
from . import fragment
from .heading import Heading, check_heading, parse_date, parse_heading
from .names import market_named
from .table import find_columns, period_rows

MAX_PAGE_BYTES: Final = fragment.MAX_PAGE_BYTES
_MAX_LABELS: Final = 400
_MAX_COMMANDS: Final = 2_000_000
"""Characters of JSON: small values take 20 times their text once parsed."""
_UPDATE: Final = re.compile(
    r"Last update:\s*(?P<day>[0-9]{1,2} [A-Za-z]+ [0-9]{4})\s*\((?P<time>[0-9:]{7,8}) CET/CEST\)"
)
_NO_DATA: Final = re.compile(r"no[ -]data\b", re.IGNORECASE)
_TITLE: Final = re.compile(r"<(?:title|h1)\b[^>]{0,100}>(?P<text>[^<]{0,200})<", re.IGNORECASE)
_REFUSALS: Final = re.compile(
    r"forbidden|denied|blocked|captcha|human|robot|challenge|could not be satisfied|gateway|unavailable|too many"
    r"|maintenance|error|[45][0-9][0-9] ",
    re.IGNORECASE,
)
_CHALLENGE: Final = re.compile(r"gokuProps|awsWafCookie|AwsWafIntegration|cf-chl-|captcha-container")
"""Marks of the scripts by which content delivery networks look for programs; their pages have no title."""


@dataclass(frozen=True, slots=True)
class MarketPage:
    """A page that has a table with a heading; its values are read by ``periods``."""

    heading: Heading
    published_at: datetime | None
    """When the site says that it last changed the table; not on every page."""
    _container: LexborNode

    @property
    def resolution_minutes(self) -> int:
        """Length of the periods, as the labels say: what to ask for to read the page as it is.

        Raises:
            Malformed: no labels, or of no length that a market has.
        """
        lengths = {label.minutes for label in self._labels()}
        known = [minutes for minutes in RESOLUTIONS_MINUTES if minutes in lengths]
        if not known:
            raise Malformed(f"no label of {self.heading.text!r} is a period of 15, 30 or 60 minutes")
        return min(known)

    def query(self) -> Query | None:
        """What the page says it holds, as a query; None where that is no market of ours."""
        heading = self.heading
        if heading.modality.lower() != "auction":
            return None
        minutes = heading.resolution_minutes or self.resolution_minutes
        market = market_named(heading.segment, heading.auction, heading.area, minutes)
        return Query(market, heading.day) if market else None

    def periods(self, query: Query) -> tuple[Period, ...]:
        """The periods of ``query``, in order of time.

        Raises:
            WrongMarket: the page holds another segment, auction, resolution, area or day.
            Malformed: the table cannot be read with certainty.
            NotOffered: the area has no such auction.
        """
        check_heading(self.heading, query)
        table = self._table()
        if self.resolution_minutes != query.market.resolution_minutes:
            raise WrongMarket(
                f"the page {self.heading.text!r} holds periods of {self.resolution_minutes} minutes and"
                f" {query} was asked for: ask for resolution {self.resolution_minutes}",
                differs=("resolution",),
            )
        head, *body = _texts(table)
        columns = find_columns(head, query.market.bidding_zone.currency)
        labels, rows = self._labels(), [columns.row(cells) for cells in body]
        if len(labels) == len(rows):
            pairs = [
                (label, row)
                for label, row in zip(labels, rows, strict=True)
                if label.minutes <= query.market.resolution_minutes
            ]
            labels, rows = [label for label, _ in pairs], [row for _, row in pairs]
        values = period_rows(rows, labels, query.market.resolution_minutes)
        starts = _starts(labels, query)
        periods = []
        for start, label, row in zip(starts, labels, values, strict=True):
            if start is not None:
                periods.append(Period(start, row.volume, row.price))
            elif not row.empty:
                raise Malformed(
                    f"{query.delivery_day} has no {label.begin // 60:02}:{label.begin % 60:02}, clocks skip it,"
                    " and the table has values there: nothing of it can be trusted"
                )
        _check_cover(periods, query)
        return tuple(periods)

    def _labels(self) -> list[Label]:
        nodes = _one(self._container, "div.js-table-times", "list of hours").css("li")
        if not 0 < len(nodes) <= _MAX_LABELS:
            raise Malformed(f"the list of hours has {len(nodes)} entries: the page is damaged")
        try:
            return [parse_label(" ".join(node.text().split())) for node in nodes]
        except LabelError as error:
            raise Malformed(f"the list of hours: {error}") from error

    def _table(self) -> LexborNode:
        table = _one(
            _one(self._container, "div.js-table-values", "table of values"), "table", "table of values"
        )
        printed = table.attributes.get("data-head")
        if printed and printed != f"{self.heading.day:%d.%m.%y}":
            raise Malformed(f"the heading says {self.heading.day} and the table {printed[:20]!r}")
        return table


def open_page(html: bytes | str) -> MarketPage:
    """The page's table and heading.

    ``html`` is the page, or the part of it that the site's script would fill in.

    Raises:
        NoTable: there is none (DisclaimerShown, NotPublished say more).
        Blocked: it is a refusal or an error page.
        Malformed: the table has no heading, or the page cannot be parsed (TooLarge says more).
    """
    text = fragment.without_inert(fragment.decode(html))
    part = fragment.table_fragment(text)
    if part is None:
        raise _diagnosis(text)
    container = LexborHTMLParser(part).css_first("div.table-container")
    if container is None:
        raise Malformed("the table's part of the page cannot be parsed")
    headings = container.css("h2")
    if not headings:
        raise Malformed("there is a table without a heading: nothing says which market it is")
    heading = parse_heading(headings[0].text())
    words = container.text()
    if container.css_first("div.js-table-values") is None and _NO_DATA.search(part):
        check = f"the site says that it has no data for {heading.text!r}"
        raise NotPublished(f"{check}: not yet, or not at all")
    return MarketPage(heading, _published_at(words), container)


def table_html(answer: bytes | str) -> str:
    """The part of the page in an answer of the site's own script: a JSON list of Drupal AJAX commands.

    The command ``invoke`` with selector ``.js-md-widget`` and method ``html`` has it as its first argument;
    where there are several the last one stands, as in a browser.

    Raises:
        Malformed: no such list (TooLarge says more).
        NoTable: no such command in it.
    """
    text = fragment.decode(answer)
    if len(text) > _MAX_COMMANDS:
        raise TooLarge(
            f"the list of commands has {len(text) / 1e6:.1f} MB, none is that large: who answered?"
        )
    try:
        commands = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed(
            "the answer is no list of commands: the site's script would not understand it"
        ) from error
    if not isinstance(commands, list):
        raise Malformed("the answer is no list of commands: the site's script would not understand it")
    found: str | None = None
    for command in commands:
        if (
            isinstance(command, dict)
            and command.get("selector") == ".js-md-widget"
            and command.get("method") == "html"
        ):
            arguments = command.get("args")
            if isinstance(arguments, list) and arguments and isinstance(arguments[0], str):
                found = arguments[0]
    if found is None:
        raise NoTable(f"none of the answer's {len(commands)} commands fills in the table")
    return found


def _one(node: LexborNode, selector: str, what: str) -> LexborNode:
    nodes = node.css(selector)
    if not nodes:
        raise NoTable(f"the page has a heading and no {what}")
    if len(nodes) > 1:
        raise Malformed(f"the page has more than one {what}")
    return nodes[0]


def _texts(table: LexborNode) -> list[list[str]]:
    """Cells of the head row, then of every body row."""
    body = [[cell.text(separator=" ") for cell in row.css("td")] for row in table.css("tbody tr")]
    if not body:
        raise Malformed("the table has no rows")
    width = len(body[0])
    heads = [[cell.text(separator=" ") for cell in row.css("th")] for row in table.css("thead tr")]
    fitting = [head for head in heads if len(head) == width]
    if not fitting:
        raise Malformed(f"no row of heads fits the table's {width} columns")
    return [fitting[-1], *body]


def _starts(labels: list[Label], query: Query) -> tuple[datetime | None, ...]:
    zone = query.market.bidding_zone.zone
    try:
        return resolve_labels(labels, query.delivery_day, zone, query.market.resolution_minutes)
    except LabelError as error:
        raise Malformed(f"the labels do not fit {query.delivery_day}: {error}") from error


def _check_cover(periods: list[Period], query: Query) -> None:
    """The table must have the periods that the auction covers, or those of the whole day: no other
    selection."""
    starts = tuple(period.start for period in periods)
    market = query.market
    whole = period_starts(query.delivery_day, market.bidding_zone.zone, market.resolution_minutes)
    if starts not in (covered_starts(query), whole):
        raise Malformed(
            f"the table has {len(starts)} periods, {query} has {len(covered_starts(query))}:"
            " it does not fit the day"
        )


def _published_at(text: str) -> datetime | None:
    match = _UPDATE.search(" ".join(text[:20_000].split()))
    day = parse_date(match["day"]) if match else None
    if match is None or day is None:
        return None
    try:
        at = time.fromisoformat(match["time"])
    except ValueError:
        return None
    return datetime.combine(day, at, tzinfo=ZoneInfo(MARKET_TIME)).astimezone(UTC)


def _diagnosis(text: str) -> Blocked | NoTable:
    """What a page without a table is. Real ones: refusals of 118 bytes, the CDN's error page, the 475 KB
    shell."""
    titles = [" ".join(match["text"].split()) for match in _TITLE.finditer(text[:100_000])]
    refusal = " / ".join(title for title in dict.fromkeys(titles) if _REFUSALS.search(title))[:120]
    if not text.strip():
        return Blocked("the answer is empty: ask again later")
    if not refusal and _CHALLENGE.search(text):
        refusal = "prove that you are human"
    if refusal and "js-md-widget" not in text:
        return Blocked(f"the page says {refusal!r} instead of results: ask seldom, or use another source")
    if _NO_DATA.search(text):
        return NotPublished("the site says that it has no data for this query: not yet, or not at all")
    if "data_disclaimer_acceptation_form" in text:
        return DisclaimerShown(
            "the page has the conditions of use and the filters only, its table would be loaded by a script:"
            " fetch it with powercap market fetch, or save it from a browser once the table shows"
        )
    if "js-md-widget" in text:
        return NoTable("the page has the market-results filters and no table")
    title = f" ({titles[0]!r})" if titles and titles[0] else ""
    return NoTable(f"this is no market-results page{title}: check the address or the file")
