"""Made pages are like real ones, by one table of facts that both are held to."""

from datetime import date
from pathlib import Path

import pytest

from dev.lab.exchange.pages import Style, continuous_page, market_page, sample_periods
from powercap_api.markets import Auction, Market
from powercap_operator.market.results import Query
from tests.support.page_facts import HOURLY_INDEX, HOURS, PAGES, QUARTERS, Outline, outline
from tests.support.saved_pages import each_saved


@pytest.mark.parametrize(
    ("minutes", "day", "style", "expected"),
    [
        (60, date(2025, 6, 22), Style(), HOURS),
        (15, date(2025, 10, 2), Style(), QUARTERS),
        (60, date(2025, 10, 12), Style(length="60min index"), HOURLY_INDEX),
    ],
    ids=["hours", "quarters", "hours of quarters"],
)
def test_a_made_auction_page(minutes: int, day: date, style: Style, expected: Outline) -> None:
    query = Query(Market("FR", Auction.SDAC, minutes), day)
    assert outline(market_page(query, sample_periods(query), style)) == expected


@pytest.mark.parametrize(("minutes", "area", "name"), [(60, "LV", "2026-06-20"), (15, "NO3", "2026-06-23")])
def test_a_made_page_of_continuous_trading(minutes: int, area: str, name: str) -> None:
    assert outline(continuous_page(area, date(2026, 6, 19), minutes)) == PAGES[f"epex_FR_{name}"]


@pytest.mark.parametrize("path", each_saved("*.html"))
def test_a_real_page(path: Path) -> None:
    assert outline(path.read_bytes()) == PAGES.get(path.stem), "the facts tell every page that has a table"
