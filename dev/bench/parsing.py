"""Milliseconds and memory to read a page."""

import time
from collections.abc import Callable
from datetime import date
from statistics import median

from dev.lab.exchange.pages import market_page, sample_periods
from dev.lab.figures import Figure
from dev.lab.processes import peak_growth_mb
from powercap_api.markets import Auction, Market
from powercap_operator.market.results import Query
from powercap_operator.sources.epex.page import open_page

_ROUNDS = 15


def measure() -> list[Figure]:
    """A day-ahead day of quarters, with the structure that the site's pages have."""
    query = Query(Market("FR", Auction.SDAC, 15), date(2025, 10, 2))
    html = market_page(query, sample_periods(query)).encode()
    peak_mb = peak_growth_mb(lambda: open_page(html).periods(query))
    taken = _median_ms(lambda: open_page(html).periods(query))
    how = f"median of {_ROUNDS} rounds over a made 15-minute page of {len(html) / 1000:.0f} kB"
    return [
        Figure("page parse", f"{taken:.2f} ms a page", "", f"{how}: heading, heads, labels and rows checked"),
        Figure(
            "page parse: memory",
            f"{peak_mb:.1f} MB at the peak",
            "100 MB",
            "peak resident memory (VmHWM, reset before) over what the process had, first time a page is read",
        ),
    ]


def _median_ms(work: Callable[[], object]) -> float:
    times = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return median(times)
