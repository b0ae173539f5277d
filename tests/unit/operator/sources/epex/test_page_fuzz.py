"""Damaged pages of the real structure: never an uncaught exception, never a value that the page does not
have.

Some seconds by default; ``POWERCAP_FUZZ_EXAMPLES=100000`` (``make fuzz``) looks longer. The saved real pages
join in where they are there.
"""

import json
import os
import resource
import time
from datetime import date
from functools import lru_cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dev.lab.exchange import pages
from dev.lab.exchange.pages import Style, market_page, sample_periods
from powercap_api.markets import Auction, Market
from powercap_operator.market.errors import MarketError
from powercap_operator.market.results import Query, covered_starts
from powercap_operator.sources.epex.page import open_page, table_html
from tests.support.saved_pages import query_of, saved

EXAMPLES = int(os.environ.get("POWERCAP_FUZZ_EXAMPLES", "150"))
MOST_SECONDS = 1.0
MOST_MEGABYTES = 100

QUERIES = (
    Query(Market("FR", Auction.SDAC), date(2025, 10, 9)),
    Query(Market("FR", Auction.SDAC, 60), date(2025, 10, 26)),
    Query(Market("GB", Auction.IDA1, 30), date(2026, 3, 29)),
    Query(Market("FR", Auction.IDA3), date(2025, 10, 26)),
)
FRAGMENTS = (
    "<", ">", "</", "<!--", "-->", "<script>", "</script>", "<div>", "</div>", "<table>", "</table>", "<tr>", "</tr>",
    "<td>", "</td>", "<td>1.0</td>", "<td>-</td>", "<li>", "</li>", "<ul>", "<h2>", "</h2>", "<thead>", "<tbody>",
    '<div class="table-container">', '<div class="js-table-values">', '<div class="js-table-times">', "&nbsp;", "&#0;",
    "\x00", "\ud800", "02a - 02b", "24 - 25", "00:00 - 00:15", "9" * 30, "-", "1,2,3", "NaN", "1e9", " > ", "Auction >",
    "Continuous >", "<b>", "<b><i><p>", "<form>", "<select>", "<svg>", "<math>", "<template>", "<plaintext>", "<br>",
)  # fmt: skip


@lru_cache(maxsize=1)
def seeds() -> list[tuple[str, Query]]:
    made = [(market_page(query, sample_periods(query), Style(marked=True)), query) for query in QUERIES]
    made.append((pages.shell_page(20_000), QUERIES[0]))
    made.append((pages.continuous_page("LV", date(2025, 10, 9)), QUERIES[0]))
    real = [(path.read_text(encoding="utf-8"), path) for path in saved()]
    return made + [(text, query_of(path, 60 if ">00 - 01<" in text else 15)) for text, path in real]


place = st.floats(0, 1, exclude_max=True)
mutation = st.one_of(
    st.tuples(st.just("insert"), place, st.sampled_from(FRAGMENTS), st.integers(1, 30)),
    st.tuples(st.just("insert"), place, st.text(max_size=8), st.integers(1, 3)),
    st.tuples(st.just("cut"), place, st.just(""), st.integers(1, 400)),
    st.tuples(st.just("double"), place, st.just(""), st.integers(1, 2000)),
    st.tuples(st.just("swap"), place, st.just(""), st.integers(1, 400)),
    st.tuples(st.just("drop tags"), place, st.sampled_from(FRAGMENTS), st.integers(1, 200)),
    st.tuples(st.just("end"), place, st.just(""), st.just(1)),
)


def mutated(page: str, steps: list[tuple[str, float, str, int]]) -> str:
    """Apply mutations; half of them fall into the table's part, where it matters."""
    for kind, where, text, count in steps:
        begin = page.find('class="table-container"') if where < 0.8 else 0
        at = max(begin, 0) + int((where / 0.8 if where < 0.8 else where) * (len(page) - max(begin, 0)))
        match kind:
            case "insert":
                page = page[:at] + text * count + page[at:]
            case "cut":
                page = page[:at] + page[at + count :]
            case "double":
                page = page[:at] + page[at : at + count] * 3 + page[at + count :]
            case "swap":
                page = (
                    page[:at]
                    + page[at + count : at + 2 * count]
                    + page[at : at + count]
                    + page[at + 2 * count :]
                )
            case "drop tags":
                page = page[:at] + page[at:].replace(text, "", count)
            case _:
                page = page[:at]
    return page


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_damaged_page_is_read_right_or_refused(data: st.DataObject) -> None:
    seed, query = data.draw(st.sampled_from(seeds()))
    page = mutated(seed, data.draw(st.lists(mutation, min_size=1, max_size=4)))
    before, begin = peak_megabytes(), time.process_time()
    refused = ""
    try:
        periods = open_page(page.encode(errors="surrogatepass")).periods(query)
    except MarketError as error:
        refused, periods = error.line, ()
    assert "\n" not in refused
    assert time.process_time() - begin < MOST_SECONDS
    assert peak_megabytes() - before < MOST_MEGABYTES
    starts = [period.start for period in periods]
    assert starts == sorted(set(starts))
    assert not starts or set(covered_starts(query)) <= set(starts)
    for period in periods:
        for value in (period.volume, period.price):
            assert value is None or f"{value:,f}" in page or f"{value:f}" in page


@settings(max_examples=EXAMPLES // 3, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_damaged_answer_of_the_script_is_read_or_refused(data: st.DataObject) -> None:
    query = QUERIES[0]
    answer = mutated(
        pages.ajax_answer(query, sample_periods(query)), data.draw(st.lists(mutation, max_size=3))
    )
    try:
        periods = open_page(table_html(answer)).periods(query)
    except MarketError:
        return
    assert {period.start for period in periods} == set(covered_starts(query))


@settings(max_examples=EXAMPLES // 3, deadline=None)
@given(st.binary(max_size=2000) | st.text(max_size=2000))
def test_anything_is_refused(html: bytes | str) -> None:
    with pytest.raises(MarketError):
        open_page(html).periods(QUERIES[0])


@settings(max_examples=EXAMPLES // 3, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), st.lists))
def test_any_json_is_no_page(value: object) -> None:
    with pytest.raises(MarketError):
        table_html(json.dumps(value))
