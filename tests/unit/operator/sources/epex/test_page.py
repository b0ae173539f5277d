"""Pages to periods: the real saved ones where they are there, and made-up ones of every kind."""

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from dev.lab.exchange import pages
from dev.lab.exchange.pages import Style, market_page, sample_periods
from powercap_api.markets import Auction, Market
from powercap_operator.market.delivery_day import period_starts
from powercap_operator.market.errors import (
    Blocked,
    DisclaimerShown,
    Malformed,
    MarketError,
    NoTable,
    NotOffered,
    PageError,
    WrongMarket,
)
from powercap_operator.market.results import Period, Query, build_market_day, covered_starts
from powercap_operator.sources.epex.heading import parse_date
from powercap_operator.sources.epex.page import open_page, table_html
from tests.support.saved_pages import each_saved, query_of

DAY = date(2025, 10, 9)
AUTUMN = date(2025, 10, 26)
SPRING = date(2026, 3, 29)
QUERY = Query(Market("FR", Auction.SDAC), DAY)

KNOWN_PAGES: dict[str, tuple[int, type[MarketError] | int]] = {
    "epex_FR_2025-06-22.html": (60, 24),
    "epex_FR_2025-08-10.html": (60, 24),
    "epex_FR_2025-09-29.html": (60, 24),
    "epex_FR_2025-10-02.html": (15, 96),
    "epex_FR_2025-10-05.html": (15, 96),
    "epex_FR_2025-10-12.html": (60, 24),
    "epex_FR_2025-10-21.html": (15, Blocked),
    "epex_FR_2025-10-23.html": (15, Blocked),
    "epex_FR_2025-10-29.html": (60, 24),
    "epex_FR_2025-11-02.html": (15, DisclaimerShown),
    "epex_FR_2026-06-20.html": (15, WrongMarket),
    "epex_FR_2026-06-23.html": (15, WrongMarket),
}


def read_independently(path: Path) -> tuple[list[str], list[list[str]], str | None]:
    """Labels, rows without aggregates, and the day's base price, by other means than the parser's."""
    soup = BeautifulSoup(path.read_bytes(), "html.parser")
    labels = [" ".join(item.get_text().split()) for item in soup.select("div.js-table-times li")]
    rows = [
        [cell.get_text(strip=True) for cell in row.select("td")]
        for row in soup.select("div.js-table-values tbody tr")
    ]
    if len(rows) == len(labels) * 5 // 4 != len(labels):
        rows = [row for place, row in enumerate(rows) if place % 5 != 4]
    base = soup.select_one("div.day-1 span")
    return labels, rows, base.get_text(strip=True) if base else None


@pytest.mark.parametrize("path", each_saved())
def test_saved_pages_read_right_or_are_refused(path: Path) -> None:
    minutes, expected = KNOWN_PAGES.get(path.name, (0, PageError))
    html = path.read_bytes()
    if not minutes:  # a page that came later: whatever it is
        try:
            minutes = open_page(html).resolution_minutes
            expected = len(covered_starts(query_of(path, minutes)))
            open_page(html).periods(query_of(path, minutes))
        except PageError:
            return
    query = query_of(path, minutes)
    if not isinstance(expected, int):
        with pytest.raises(expected):
            open_page(html).periods(query)
        return
    periods = open_page(html).periods(query)
    labels, rows, base = read_independently(path)
    assert len(periods) == len(labels) == len(rows) == expected
    assert [f"{period.volume:,f}" for period in periods] == [row[2] for row in rows]
    assert [f"{period.price:,f}" for period in periods] == [row[3] for row in rows]
    day = build_market_day(periods, query)
    assert day.complete, day.why
    assert day.summary.price is not None
    if base:
        assert abs(day.summary.price.mean - Decimal(base)) <= Decimal("0.01")


@pytest.mark.parametrize("path", each_saved("epex_FR_2025-10-02.html"))
@pytest.mark.parametrize(
    "other",
    [
        Query(Market("FR", Auction.SDAC, 60), date(2025, 10, 2)),
        Query(Market("FR", Auction.IDA1), date(2025, 10, 2)),
        Query(Market("BE", Auction.SDAC), date(2025, 10, 2)),
        Query(Market("FR", Auction.SDAC), date(2025, 10, 3)),
    ],
    ids=str,
)
def test_a_saved_page_is_only_what_it_says(path: Path, other: Query) -> None:
    with pytest.raises(WrongMarket):
        open_page(path.read_bytes()).periods(other)


EVERY_KIND = [
    Market("FR", Auction.SDAC, 15),
    Market("FR", Auction.SDAC, 60),
    Market("FI", Auction.IDA1, 15),
    Market("FR", Auction.IDA3, 30),
    Market("GB", Auction.SDAC, 60),
    Market("GB", Auction.SDAC, 30),
    Market("GB", Auction.IDA2, 30),
    Market("CH", Auction.SDAC, 60),
    Market("CH", Auction.IDA1, 60),
]
NOT_HELD = [Market("GB", Auction.IDA3, 30), Market("CH", Auction.IDA3, 60), Market("GB", Auction.SDAC, 15)]


@pytest.mark.parametrize("market", EVERY_KIND, ids=str)
@pytest.mark.parametrize("day", [DAY, AUTUMN, SPRING], ids=["day", "autumn", "spring"])
def test_every_kind_of_market_reads_back_what_was_printed(market: Market, day: date) -> None:
    query = Query(market, day)
    periods = sample_periods(query)
    page = market_page(query, periods)
    assert open_page(page).periods(query) == periods
    assert open_page(page).query() == query
    assert open_page(page).resolution_minutes == market.resolution_minutes


@pytest.mark.parametrize("market", NOT_HELD, ids=str)
def test_an_auction_that_is_not_held_has_no_page(market: Market) -> None:
    query = Query(Market("FR", market.auction, market.resolution_minutes), DAY)
    with pytest.raises(NotOffered):
        open_page(market_page(query, sample_periods(query))).periods(Query(market, DAY))


@pytest.mark.parametrize("marked", [False, True], ids=["repeated", "marked"])
@pytest.mark.parametrize("minutes", [15, 60])
@pytest.mark.parametrize("area", ["FR", "GB", "FI"])
@pytest.mark.parametrize("aggregates", [False, True])
def test_clock_change_days_are_read_under_their_labels(
    area: str, minutes: int, marked: bool, aggregates: bool
) -> None:
    query = Query(Market(area, Auction.SDAC if area != "GB" else Auction.IDA1, minutes), AUTUMN)
    periods = sample_periods(query)
    style = Style(marked=marked, aggregates=aggregates and minutes < 60)
    page = market_page(query, periods, style)
    assert ("02a" in page or "01a" in page) is marked
    assert open_page(page).periods(query) == periods
    assert len(periods) == 25 * 60 // minutes


def test_an_hour_of_eight_quarters_has_one_aggregate_or_two() -> None:
    query = Query(Market("FR", Auction.SDAC), AUTUMN)
    periods = sample_periods(query)
    page = market_page(query, periods)
    rows = re.findall(r" *<tr class=\"child .*?</tr>\n", page, re.DOTALL)
    assert len(rows) == 125
    cells = [
        [Decimal(cell.replace(",", "")) for cell in re.findall(r"<td>(.*?)</td>", row)]
        for row in rows[14:16] + rows[19:20]
    ]
    both = [sum(pair, Decimal(0)) for pair in zip(cells[0], cells[2], strict=True)]
    both[3] = (both[3] / 2).quantize(Decimal("0.01"))
    merged = "<tr>" + "".join(f"<td>{cell:,f}</td>" for cell in both) + "</tr>"
    one = page.replace(rows[14], "", 1).replace(rows[19], merged, 1)
    assert open_page(one).periods(query) == periods


@pytest.mark.parametrize("day", [AUTUMN, SPRING])
@pytest.mark.parametrize("minutes", [15, 60])
def test_a_day_of_24_hours_is_never_shifted_into_one_of_23_or_25(day: date, minutes: int) -> None:
    ordinary = Query(Market("FR", Auction.SDAC, minutes), DAY)
    style = Style(heading=f"Auction > Day-Ahead > SDAC > FR > {pages.english_date(day)}")
    page = market_page(ordinary, sample_periods(ordinary), style).replace('data-head="09.10.25"', "")
    with pytest.raises(Malformed, match=r"fit|skip"):
        open_page(page).periods(Query(ordinary.market, day))


def test_an_empty_row_in_the_skipped_hour_is_no_period() -> None:
    query = Query(Market("FR", Auction.SDAC, 60), SPRING)
    page = market_page(query, sample_periods(query))
    item = re.search(r"<li[^>]*><a href=\"#\">03 - 04</a></li>", page)
    row = re.findall(r" *<tr class=\"child .*?</tr>\n", page, re.DOTALL)[2]
    assert item is not None
    page = page.replace(item[0], item[0].replace("03 - 04", "02 - 03") + item[0], 1)
    empty = page.replace(row, "<tr><td>-</td><td>-</td><td>-</td><td>-</td></tr>" + row, 1)
    assert open_page(empty).periods(query) == sample_periods(query)
    filled = page.replace(row, "<tr><td>1.0</td><td>1.0</td><td>1.0</td><td>1.00</td></tr>" + row, 1)
    with pytest.raises(Malformed, match="clocks skip it"):
        open_page(filled).periods(query)


def test_dashes_are_none_and_digits_are_kept() -> None:
    periods = list(sample_periods(QUERY))
    periods[7] = Period(periods[7].start, None, None)
    periods[9] = Period(periods[9].start, Decimal("11953.80"), Decimal("-0.00"))
    found = open_page(market_page(QUERY, periods)).periods(QUERY)
    assert found == tuple(periods)
    assert (str(found[9].volume), str(found[9].price)) == ("11953.80", "-0.00")


def test_a_day_without_any_value_has_its_aggregates_too() -> None:
    periods = tuple(Period(start) for start in covered_starts(QUERY))
    assert open_page(market_page(QUERY, periods)).periods(QUERY) == periods


def test_zero_volumes_are_values() -> None:
    periods = tuple(Period(start, Decimal("0.0"), Decimal("0.00")) for start in covered_starts(QUERY))
    assert open_page(market_page(QUERY, periods)).periods(QUERY) == periods


@pytest.mark.parametrize("whole", [True, False])
def test_the_third_intraday_auction_may_print_half_a_day_or_all_of_it(whole: bool) -> None:
    query = Query(Market("FR", Auction.IDA3), DAY)
    periods = sample_periods(query)
    if whole:
        starts = period_starts(DAY, query.market.bidding_zone.zone, 15)
        periods = tuple(Period(start) for start in starts[:48]) + periods
    assert open_page(market_page(query, periods)).periods(query) == periods


@pytest.mark.parametrize("update", [None, datetime(2025, 10, 8, 10, 47, 26, tzinfo=UTC)])
def test_the_time_of_publication_is_read_in_market_time(update: datetime | None) -> None:
    page = open_page(market_page(QUERY, sample_periods(QUERY), Style(last_update=update)))
    assert page.published_at == update


@pytest.mark.parametrize("name", ["SDAC", "MRC", "sdac"], ids=lambda name: f"name {name}")
@pytest.mark.parametrize("length", ["15min", "15 min", "15min index", ""])
def test_other_ways_to_write_the_heading(name: str, length: str) -> None:
    page = market_page(QUERY, sample_periods(QUERY), Style(auction=name, length=length))
    assert open_page(page).periods(QUERY) == sample_periods(QUERY)


def test_the_hourly_index_is_the_hourly_market() -> None:
    query = Query(Market("FR", Auction.SDAC, 60), DAY)
    page = market_page(query, sample_periods(query), Style(length="60min index"))
    assert open_page(page).periods(query) == sample_periods(query)


def test_the_scripts_part_of_the_page_is_read_like_the_page() -> None:
    answer = pages.ajax_answer(QUERY, sample_periods(QUERY))
    assert open_page(table_html(answer)).periods(QUERY) == sample_periods(QUERY)
    assert open_page(table_html(answer.encode())).periods(QUERY) == sample_periods(QUERY)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("", Malformed),
        ("{}", Malformed),
        ("[", Malformed),
        ("[" * 100_000, Malformed),
        ("[]", NoTable),
        ("[1, null, [], {}]", NoTable),
        (
            json.dumps([{"command": "invoke", "selector": ".js-md-widget", "method": "html", "args": []}]),
            NoTable,
        ),
        (
            json.dumps([{"command": "invoke", "selector": ".js-md-widget", "method": "html", "args": [1]}]),
            NoTable,
        ),
        (
            json.dumps([{"command": "invoke", "selector": ".js-md-widget", "method": "html", "args": None}]),
            NoTable,
        ),
    ],
)
def test_command_lists_that_fill_in_nothing(answer: str, kind: type[PageError]) -> None:
    with pytest.raises(kind):
        table_html(answer)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("02 October 2025", date(2025, 10, 2)),
        ("2 Oct. 2025", date(2025, 10, 2)),
        ("29 February 2024", date(2024, 2, 29)),
        ("29 February 2025", None),
        ("02 octobre 2025", date(2025, 10, 2)),
        ("02 Brumaire 2025", None),
        ("2025-10-02", None),
    ],
)
def test_dates_are_read_in_english(text: str, day: date | None) -> None:
    assert parse_date(text) == day
