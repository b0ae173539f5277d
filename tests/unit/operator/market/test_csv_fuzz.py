"""Damaged CSV files: read as the day that they are of, with their own numbers, or refused with a reason."""

from datetime import date
from random import Random

from hypothesis import given

from dev.lab.exchange.pages import sample_periods
from powercap_api.markets import Auction, Market
from powercap_cli.files.results_files import Asked, read_csv
from powercap_operator.market.csv_format import to_csv
from powercap_operator.market.errors import MarketError
from powercap_operator.market.results import Query, covered_starts
from tests.support.damage import BATCH, bounded, damaged, fuzz_settings, randoms

QUERIES = (
    Query(Market("FR", Auction.SDAC), date(2025, 10, 9)),
    Query(Market("FR", Auction.SDAC, 60), date(2025, 10, 26)),
    Query(Market("GB", Auction.IDA1, 30), date(2026, 3, 29)),
    Query(Market("FR", Auction.IDA3), date(2025, 10, 26)),
)
FRAGMENTS = (
    b'"',
    b",",
    b";",
    b"\r",
    b"1,953.8",
    "\N{MINUS SIGN}5".encode(),
    b"24:00",
    b"00:00-00:15",
    b"02:00-03:00",
    b"NaN",
    b"9" * 30,
    "\N{ARABIC-INDIC DIGIT FIVE}".encode(),
)


def _a_damaged_file_is_read_right_or_refused(chance: Random) -> None:
    query = chance.choice(QUERIES)
    text = damaged(to_csv(sample_periods(query), query).encode(), chance, FRAGMENTS)
    market = query.market
    minutes = chance.choice((None, market.resolution_minutes))
    asked = Asked(market.area, market.auction, minutes, query.delivery_day)
    refusal = ""
    with bounded():
        try:
            found, periods, _ = read_csv(text, "epex_data.csv", asked)
        except MarketError as error:
            found, periods, refusal = query, (), error.line
    assert "\n" not in refusal
    starts = [period.start for period in periods]
    assert len(starts) == len(set(starts))
    assert set(starts) <= set(covered_starts(found))
    plain = text.decode(errors="replace").replace(",", "")
    for period in periods:
        for value in (period.volume, period.price):
            assert value is None or f"{abs(value):f}" in plain


@fuzz_settings(1000)
@given(randoms())
def test_a_damaged_file_is_read_right_or_refused(chance: Random) -> None:
    for _ in range(BATCH):
        _a_damaged_file_is_read_right_or_refused(chance)
