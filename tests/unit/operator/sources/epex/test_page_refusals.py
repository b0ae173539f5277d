"""What is not the page that was asked for, or cannot be read with certainty, is refused by its kind."""

import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from dev.lab.exchange import pages
from dev.lab.exchange.pages import Style, market_page, sample_periods
from powercap_api.markets import Auction, Market
from powercap_operator.market.errors import (
    Blocked,
    DisclaimerShown,
    Malformed,
    NoTable,
    NotPublished,
    PageError,
    WrongMarket,
)
from powercap_operator.market.results import Query
from powercap_operator.sources.epex.page import open_page

DAY = date(2025, 10, 9)
QUERY = Query(Market("FR", Auction.SDAC), DAY)


@pytest.mark.parametrize(
    ("heading", "differs"),
    [
        ("Continuous > 15min > FR > 09 October 2025", ("modality",)),
        ("Auction > Intraday > SDAC > 15min > FR > 09 October 2025", ("segment",)),
        ("Auction > Day-Ahead > XBID > 15min > FR > 09 October 2025", ("auction",)),
        ("Auction > Day-Ahead > SDAC > 60min > FR > 09 October 2025", ("resolution",)),
        ("Auction > Day-Ahead > SDAC > 15min > DE-LU > 09 October 2025", ("area",)),
        ("Auction > Day-Ahead > SDAC > 15min > FR > 08 October 2025", ("day",)),
        ("Auction > Intraday > IDA1 > NO3 > 08 October 2024", ("segment", "area", "day")),
    ],
)
def test_the_heading_decides(heading: str, differs: tuple[str, ...]) -> None:
    page = market_page(QUERY, sample_periods(QUERY), Style(heading=heading)).replace(
        'data-head="09.10.25"', ""
    )
    with pytest.raises(WrongMarket) as caught:
        open_page(page).periods(QUERY)
    assert caught.value.differs == differs
    assert heading in str(caught.value)


def test_labels_of_another_length_are_another_market() -> None:
    hourly = Query(Market("FR", Auction.SDAC, 60), DAY)
    with pytest.raises(WrongMarket, match="periods of 60 minutes"):
        open_page(market_page(hourly, sample_periods(hourly), Style(length=""))).periods(QUERY)


def in_page(old: str, new: str, count: int = 1) -> Callable[[str], str]:
    def change(page: str) -> str:
        assert old in page
        return page.replace(old, new, count)

    return change


def cut_rows(page: str, *places: int) -> str:
    rows = re.findall(r" *<tr class=\"child .*?</tr>\n", page, re.DOTALL)
    for place in places:
        page = page.replace(rows[place], "", 1)
    return page


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (in_page("<h2>\n            Auction", "<h2>\n            > >"), "heading"),
        (in_page("09 October 2025", "99 October 2025"), "heading"),
        (in_page('data-head="09.10.25"', 'data-head="08.10.25"'), "the table '08.10.25'"),
        (in_page("<th>Volume<br />", "<th>Quantity<br />"), "one volume column"),
        (in_page("<th>Price<br />", "<th>Volume<br />"), "one volume column"),
        (
            in_page("<span>(€/MWh)</span></th>\n</tr>", "<span>(£/MWh)</span></th>\n</tr>"),
            "EUR/MWh was expected",
        ),
        (in_page("<span>(€/MWh)</span></th>\n</tr>", "<span>(€/kWh)</span></th>\n</tr>"), "€/kWh"),
        (in_page("<span>(€/MWh)</span></th>\n</tr>", "<span>(EUR/therm)</span></th>\n</tr>"), "EUR/therm"),
        (in_page("<th>Volume<br /><span>(MWh)", "<th>Volume<br /><span>(GWh)"), "MWh was expected"),
        (in_page("<td>1,000.0</td>", "<td>1.000,0</td>"), "'1.000,0' is no number"),
        (in_page("<td>1,000.0</td>", "<td>n/a</td>"), "'n/a' is no number"),
        (in_page("<td>1,000.0</td>", ""), "3 cells under 4 heads|fits the table"),
        (in_page("00:15 - 00:30", "00:15 - 00:45"), "no period of 15"),
        (in_page("00:15 - 00:30", "hello"), "list of hours"),
        (in_page("00:15 - 00:30", "00:00 - 00:15"), "more than once"),
        (lambda page: cut_rows(page, 4), "labels"),
        (lambda page: cut_rows(page, 0), "labels"),
        (lambda page: cut_rows(page, 0, 1, 2, 3, 4), "labels"),
        (lambda page: cut_rows(page, *range(120)), "no rows"),
        (in_page("<td>1,000.0</td>", "<td>9,000.0</td>", 3), "not the hours' sums"),
        (lambda page: re.sub(r"<li.*?</li>", "", page, flags=re.DOTALL), "0 entries"),
        (
            lambda page: re.sub(r"<li[^>]*><a href=\"#\">2[0-3]:.*?</li>", "", page, flags=re.DOTALL),
            "labels|fit",
        ),
        (lambda page: page.replace("js-table-times", "js-table-values"), "no list of hours|more than one"),
        (in_page("<h2>\n            Auction", "<h3>\n            Auction"), "without a heading"),
    ],
)
def test_damaged_tables_are_refused(change: Callable[[str], str], why: str) -> None:
    page = change(market_page(QUERY, sample_periods(QUERY)))
    with pytest.raises((Malformed, NoTable), match=why):
        open_page(page).periods(QUERY)


def test_a_swapped_pair_of_rows_across_hours_does_not_pass() -> None:
    """Rows in another order than labels would put values under wrong labels; the hours' sums show it."""
    page = market_page(QUERY, sample_periods(QUERY))
    rows = re.findall(r" *<tr class=\"child .*?</tr>\n", page, re.DOTALL)
    swapped = page.replace(rows[0], "@", 1).replace(rows[60], rows[0], 1).replace("@", rows[60], 1)
    with pytest.raises(Malformed, match="sums"):
        open_page(swapped).periods(QUERY)


@pytest.mark.parametrize(
    ("html", "kind", "word"),
    [
        ("", Blocked, "empty"),
        (pages.FORBIDDEN, Blocked, "403 Forbidden"),
        (pages.CDN_ERROR, Blocked, "could not be satisfied"),
        (pages.CHALLENGE, Blocked, "Human Verification"),
        (pages.CHALLENGE.replace("Human Verification", ""), Blocked, "human"),
        ("<html><head><title>429 Too Many Requests</title></head></html>", Blocked, "429"),
        (pages.shell_page(), DisclaimerShown, "conditions of use"),
        (pages.no_data_page(QUERY), NotPublished, "no data"),
        (pages.frame('<p class="no-data">No data available</p>'), NotPublished, "no data"),
        ("<html><head><title>My cat</title></head></html>", NoTable, "'My cat'"),
        ("%PDF-1.4", NoTable, "no market-results page"),
        (pages.continuous_page("LV", DAY), WrongMarket, "Continuous > 60min > LV"),
    ],
)
@pytest.mark.parametrize("encode", [str, str.encode], ids=["text", "bytes"])
def test_pages_that_are_none(
    html: str, kind: type[PageError], word: str, encode: Callable[[str], str | bytes]
) -> None:
    with pytest.raises(PageError) as caught:
        open_page(encode(html)).periods(QUERY)
    assert type(caught.value) is kind
    assert word in str(caught.value)
    assert "\n" not in caught.value.line


def test_a_table_in_a_comment_or_script_is_none() -> None:
    inner = (
        pages.widget(QUERY, sample_periods(QUERY))
        .replace("<!-- Notifications-->", "")
        .replace("<!-- Table -->", "")
    )
    with pytest.raises(NoTable):
        open_page(pages.frame(f"<!-- {inner} -->")).periods(QUERY)
    with pytest.raises(NoTable):
        open_page(pages.frame(f"<script>var x = `{inner}`</script>")).periods(QUERY)


def test_every_message_is_one_line_that_names_its_kind() -> None:
    kinds: set[type[PageError]] = {WrongMarket, NoTable, Blocked, Malformed}
    assert len({kind.title for kind in kinds}) == len(kinds)
    error = WrongMarket("a\n  b")
    assert error.line == "wrong market: a b"
    assert error.reason == "WrongMarket"
    assert WrongMarket.patience >= timedelta(minutes=1)
