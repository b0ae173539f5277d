"""No page, however made, takes long or much memory."""

import time
import tracemalloc
from contextlib import suppress
from datetime import date

import pytest

from dev.lab.exchange.pages import market_page, sample_periods
from dev.lab.processes import peak_growth_mb
from powercap_api.markets import Auction, Market
from powercap_operator.market.errors import PageError, TooLarge
from powercap_operator.market.results import Query
from powercap_operator.sources.epex.page import open_page, table_html

DAY = date(2025, 10, 9)
QUERY = Query(Market("FR", Auction.SDAC), DAY)


def test_large_answers_are_refused_early() -> None:
    tracemalloc.start()
    begin = time.process_time()
    huge = b"<div>" * 4_000_000
    held = tracemalloc.get_traced_memory()[0]
    with pytest.raises(TooLarge, match=r"20\.0 MB"):
        open_page(huge).periods(QUERY)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - held < 1_000_000
    assert time.process_time() - begin < 1


ATTACKS = {
    "nested": "<div>" * 15_000,
    "unclosed formatting": "".join(f"<b id=x{place}>" for place in range(5_000)) + "<p>x" * 10_000,
    "unclosed comments": "<!--" * 200_000,
    "unclosed scripts": "<script" * 200_000,
    "long tag": "<div " + "a=1 " * 500_000,
    "open tags": "<div class=" * 100_000,
    "brackets": "<" * 900_000,
    "nested tables": "<table><tr><td>" * 6_000,
    "nested lists": "<ul><li>" * 9_000,
    "many cells": "<table><tbody>" + "<tr>" + "<td>1</td>" * 9_000,
    "many containers": "<div class='table-container'>" * 15_000,
    "many headings": "<h2>" * 19_000,
    "entities": "&notin;" * 140_000,
}


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("place", ["before", "in the table", "in a cell"])
def test_no_page_takes_long(name: str, place: str) -> None:
    page = market_page(QUERY, sample_periods(QUERY))
    where = {"before": "<!-- Notifications-->", "in the table": "<tbody>", "in a cell": "<td>"}[place]
    page = page.replace(where, where + ATTACKS[name], 1)
    begin = time.process_time()
    with suppress(PageError):
        assert open_page(page).periods(QUERY) == sample_periods(QUERY)
    assert time.process_time() - begin < 1


def test_a_list_of_commands_takes_no_more() -> None:
    def read() -> None:
        with pytest.raises(PageError):
            table_html("[" + "[]," * 600_000 + "[]]")
        with pytest.raises(TooLarge):
            table_html("[" + "[]," * 1_000_000 + "[]]")

    assert peak_growth_mb(read) < 100
