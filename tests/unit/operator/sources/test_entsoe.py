"""ENTSO-E's documents: the right series of several, with every kind of curve, or refused."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev.lab.exchange import price_answers
from dev.lab.exchange.pages import sample_periods
from dev.lab.exchange.price_answers import prices_of
from powercap_api.markets import Auction, Market
from powercap_operator.market.errors import Malformed, MarketError, NotPublished, WrongMarket
from powercap_operator.market.resample import resample
from powercap_operator.market.results import Period, Query, covered_starts
from powercap_operator.sources.entsoe.prices import parse_document

DAY = date(2025, 10, 9)
QUERY = Query(Market("FR", Auction.SDAC), DAY)
HOURLY = Query(Market("FR", Auction.SDAC, 60), DAY)


def document(*series: str) -> bytes:
    return price_answers.publication(*series).encode()


def test_the_right_series_is_picked() -> None:
    quarters = sample_periods(QUERY)
    other = sample_periods(QUERY, lowest_price=Decimal(500))
    hours = tuple(
        Period(period.start, None, None if period.price is None else round(period.price, 2))
        for period in resample(other, 15, 60)
    )
    body = document(
        price_answers.time_series(QUERY, other, sequence=2),
        price_answers.time_series(HOURLY, hours, sequence=1),
        price_answers.time_series(QUERY, other, contract="A07"),
        price_answers.time_series(QUERY, quarters, sequence=1),
    )
    assert prices_of(parse_document(body, QUERY)) == prices_of(quarters)
    assert prices_of(parse_document(body, HOURLY)) == prices_of(hours)


@pytest.mark.parametrize("curve", ["A01", "A03"])
def test_equal_neighbours_are_left_out_with_one_kind_of_curve_only(curve: str) -> None:
    periods = [Period(start, None, Decimal("5.00")) for start in covered_starts(QUERY)]
    periods[50] = Period(periods[50].start, None, Decimal("6.00"))
    body = document(price_answers.time_series(QUERY, tuple(periods), curve=curve, sequence=None))
    assert (body.count(b"<Point>") == 3) is (curve == "A03")
    assert prices_of(parse_document(body, QUERY)) == prices_of(tuple(periods))


def test_a_hole_in_a_full_curve_is_a_hole() -> None:
    periods = sample_periods(QUERY)
    body = document(price_answers.time_series(QUERY, periods[:7] + periods[8:], curve="A01"))
    assert len(parse_document(body, QUERY)) == 95
    late = document(price_answers.time_series(QUERY, periods[3:], curve="A03"))
    assert len(parse_document(late, QUERY)) == 93


def test_other_days_in_the_document_are_left_out() -> None:
    tomorrow = Query(QUERY.market, date(2025, 10, 10))
    body = document(
        price_answers.time_series(QUERY, sample_periods(QUERY)),
        price_answers.time_series(tomorrow, sample_periods(tomorrow)),
    )
    assert prices_of(parse_document(body, QUERY)) == prices_of(sample_periods(QUERY))
    with pytest.raises(NotPublished):
        parse_document(body, Query(QUERY.market, date(2025, 10, 11)))


@pytest.mark.parametrize("area", ["DE-LU", "AT"])
def test_a_second_auction_is_not_the_day_ahead_auction(area: str) -> None:
    """EXAA's results (sequence 2) come hours before the SDAC's (sequence 1)."""
    query = Query(Market(area, Auction.SDAC), DAY)
    body = document(price_answers.time_series(query, sample_periods(query), sequence=2))
    with pytest.raises(NotPublished, match="sequence 2"):
        parse_document(body, query)


@pytest.mark.parametrize("name", ["in_Domain", "out_Domain"])
def test_another_zone_is_refused(name: str) -> None:
    spain = document(
        GOOD.replace(
            f'<{name}.mRID codingScheme="A01">10YFR-RTE------C',
            f'<{name}.mRID codingScheme="A01">10YES-REE------0',
        )
    )
    with pytest.raises(WrongMarket, match="10YES-REE"):
        parse_document(spain, QUERY)
    with pytest.raises(WrongMarket):
        parse_document(document(GOOD.replace(f"{name}.mRID", "other.mRID")), QUERY)


def test_two_prices_for_one_period_are_none() -> None:
    body = document(
        price_answers.time_series(QUERY, sample_periods(QUERY)),
        price_answers.time_series(QUERY, sample_periods(QUERY, lowest_price=Decimal(0))),
    )
    with pytest.raises(Malformed, match="two prices"):
        parse_document(body, QUERY)


GOOD = price_answers.time_series(QUERY, sample_periods(QUERY))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<x/>",
        b"<html>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'.encode("utf-16"),
        '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'.encode("utf-16-be"),
        b'<?xml version="1.0" encoding="UTF-7"?>+ADw-x/+AD4-',
        document(GOOD).decode().encode("utf-16"),
        document(GOOD.replace("EUR", "PLN")),
        document(GOOD.replace("MWH", "KWH")),
        document(GOOD.replace("PT15M", "P1M")),
        document(GOOD.replace("<position>1</position>", "<position>0</position>")),
        document(GOOD.replace("<position>1</position>", "<position>x</position>")),
        document(GOOD.replace("<position>1</position>", "<position>97</position>")),
        document(GOOD.replace("-14.95", "NaN")),
        document(GOOD.replace("T22:00Z", "T99:00Z", 1)),
        document(GOOD.replace("2025-10-09T22:00Z", "2026-10-09T22:00Z")),
        price_answers.ACKNOWLEDGEMENT.replace("No matching data found", "Invalid query").encode(),
    ],
)
def test_other_documents_are_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_document(body, QUERY)


@given(place=st.integers(0, 2000), junk=st.binary(max_size=20), cut=st.integers(0, 300))
def test_damaged_documents_give_prices_of_the_day_or_an_error(place: int, junk: bytes, cut: int) -> None:
    body = document(GOOD)
    try:
        periods = parse_document(body[:place] + junk + body[place + cut :], QUERY)
    except MarketError:
        return
    assert {period.start for period in periods} <= set(covered_starts(QUERY))
