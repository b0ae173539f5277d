"""Milliseconds to read a page, beside BeautifulSoup doing the same."""

import time
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from statistics import median

from bs4 import BeautifulSoup

from dev.bench.report import Figure
from powercap_api.markets import Auction, Market
from powercap_operator.errors import MarketError
from powercap_operator.market import Query
from powercap_operator.page import parse_page
from tests.support.pages import market_page, sample_periods

SAVED = Path(__file__).parents[2] / ".." / "shared" / "epex"
_ROUNDS = 15


def measure() -> list[Figure]:
    """Over the saved 15-minute pages where there are any, else over a made page of the same structure."""
    market = Market("FR", Auction.SDAC, 15)
    saved = [(Query(market, date.fromisoformat(path.stem[-10:])), path) for path in sorted(SAVED.glob("*.html"))]
    pages = [(query, html) for query, path in saved if _is_page_of(html := path.read_bytes(), query)]
    what = f"{len(pages)} saved 15-minute pages"
    if not pages:
        query = Query(market, date(2025, 10, 2))
        pages = [(query, market_page(query, sample_periods(query)).encode())]
        what = "a made 15-minute page"
    ours = _median_ms(lambda: [parse_page(html, query) for query, html in pages], len(pages))
    theirs = _median_ms(lambda: [with_beautiful_soup(html) for _, html in pages], len(pages))
    size = sum(len(html) for _, html in pages) / len(pages) / 1000
    how = f"median of {_ROUNDS} rounds over {what} of {size:.0f} kB"
    return [
        Figure("page parse", f"{ours:.2f} ms a page", "", f"{how}: heading, heads, labels and rows checked"),
        Figure("the same with BeautifulSoup", f"{theirs:.2f} ms a page, {theirs / ours:.0f} times", "", how),
    ]


def _is_page_of(html: bytes, query: Query) -> bool:
    try:
        return bool(parse_page(html, query))
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


def _median_ms(work: Callable[[], object], pages: int) -> float:
    times = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000 / pages)
    return median(times)
