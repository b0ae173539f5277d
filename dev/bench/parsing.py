"""Milliseconds to read a page, beside BeautifulSoup and regular expressions doing the same; memory."""

import re
import time
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from statistics import median

from bs4 import BeautifulSoup

from dev.bench.processes import peak_growth_mb
from dev.bench.report import Figure
from powercap_api.markets import Auction, Market
from powercap_operator.market.errors import MarketError
from powercap_operator.market.results import Query
from powercap_operator.sources.epex.page import open_page
from tests.support.pages import market_page, sample_periods
from tests.support.saved_pages import FOLDER

_ROUNDS = 15


def measure() -> list[Figure]:
    """Over the saved 15-minute pages where there are any, else over a made page of the same structure."""
    market = Market("FR", Auction.SDAC, 15)
    saved = [
        (Query(market, date.fromisoformat(path.stem[-10:])), path) for path in sorted(FOLDER.glob("*.html"))
    ]
    pages = [(query, html) for query, path in saved if _is_page_of(html := path.read_bytes(), query)]
    what = f"{len(pages)} saved 15-minute pages"
    if not pages:
        query = Query(market, date(2025, 10, 2))
        pages = [(query, market_page(query, sample_periods(query)).encode())]
        what = "a made 15-minute page"
    peak_mb = peak_growth_mb(lambda: [open_page(html).periods(query) for query, html in pages])
    ours = _median_ms(lambda: [open_page(html).periods(query) for query, html in pages], len(pages))
    theirs = _median_ms(lambda: [with_beautiful_soup(html) for _, html in pages], len(pages))
    bare = _median_ms(lambda: [with_regular_expressions(html.decode()) for _, html in pages], len(pages))
    size = sum(len(html) for _, html in pages) / len(pages) / 1000
    how = f"median of {_ROUNDS} rounds over {what} of {size:.0f} kB"
    return [
        Figure("page parse", f"{ours:.2f} ms a page", "", f"{how}: heading, heads, labels and rows checked"),
        Figure(
            "page parse: memory",
            f"{peak_mb:.1f} MB at the peak",
            "100 MB",
            "peak resident memory (VmHWM, reset before) over what the process had, first time all pages are read",
        ),
        Figure("the same with BeautifulSoup", f"{theirs:.2f} ms a page, {theirs / ours:.1f} times", "", how),
        Figure(
            "the same with regular expressions",
            f"{bare:.2f} ms a page, {bare / ours:.2f} times",
            "",
            f"{how}; nothing checked, rows paired with labels by their place in the hour",
        ),
    ]


def _is_page_of(html: bytes, query: Query) -> bool:
    try:
        return bool(open_page(html).periods(query))
    except MarketError:
        return False


def with_beautiful_soup(html: bytes) -> list[tuple[str, Decimal, Decimal]]:
    """Label, volume and price of each quarter, without any of our checks."""
    soup = BeautifulSoup(html, "html.parser")
    labels = [item.get_text(strip=True) for item in soup.select("div.js-table-times li")]
    rows = [
        [cell.get_text(strip=True) for cell in row.select("td")]
        for row in soup.select("div.js-table-values table tbody tr")
    ]
    quarters: Iterable[list[str]] = [row for index, row in enumerate(rows) if index % 5 != 4]
    return [
        (label, Decimal(row[-2].replace(",", "")), Decimal(row[-1].replace(",", "")))
        for label, row in zip(labels, quarters, strict=False)
    ]


_CELL = re.compile(r"<td[^>]*>([^<]*)</td>")
_LABEL = re.compile(r"<li[^>]*>\s*<a[^>]*>([0-9: -]+)</a>")


def with_regular_expressions(html: str) -> list[tuple[str, Decimal, Decimal]]:
    """Label, volume and price of each quarter, as a script of one evening would do it."""
    labels = _LABEL.findall(html[html.index("js-table-times") :])
    cells = _CELL.findall(html[html.index("js-table-values") :])
    rows = [cells[place : place + 4] for place in range(0, len(cells) // 4 * 4, 4)]
    quarters = [row for index, row in enumerate(rows) if index % 5 != 4]
    return [
        (label, Decimal(row[-2].strip().replace(",", "")), Decimal(row[-1].strip().replace(",", "")))
        for label, row in zip(labels, quarters, strict=False)
    ]


def _median_ms(work: Callable[[], object], pages: int) -> float:
    times = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000 / pages)
    return median(times)
