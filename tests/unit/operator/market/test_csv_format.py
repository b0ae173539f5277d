"""The users' CSV files, written and read back."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev.lab.exchange.pages import sample_periods
from powercap_api.markets import Auction, GridData, Market
from powercap_operator.market.csv_format import csv_name, csv_resolution, from_csv, to_csv
from powercap_operator.market.delivery_day import period_starts
from powercap_operator.market.errors import CsvError
from powercap_operator.market.results import Period, Query, build_market_day, covered_starts
from powercap_operator.sources.mock import made_up_periods
from tests.support.saved_pages import each_saved, query_of

DAY = date(2025, 10, 9)
QUERY = Query(Market("FR", Auction.IDA1), DAY)
HEAD = "Period,Volume (MWh),Price (€/MWh)\n"
CLOCK_CHANGES = (date(2025, 10, 26), date(2026, 3, 29))


@pytest.mark.parametrize("path", each_saved("*.csv"))
def test_a_real_file_is_read_and_written_again_as_it_was(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    query = query_of(path, csv_resolution(text))
    periods = from_csv(text, query)
    assert build_market_day(periods, query).complete
    assert to_csv(periods, query) == text


def test_quarters_look_as_users_know_them() -> None:
    lines = to_csv(sample_periods(QUERY), QUERY).splitlines()
    assert lines[0] == "Period,Volume (MWh),Price (€/MWh)"
    assert lines[1] == "00:00-00:15,1000.0,-14.95"
    assert lines[2] == "00:15-00:30,1013.7,-13.58"
    assert lines[-1].startswith("23:45-24:00,")
    assert len(lines) == 97
    assert csv_name(QUERY) == "epex_data_2025-10-09.csv"


def test_hours_and_pounds() -> None:
    query = Query(Market("GB", Auction.SDAC, 60), DAY)
    lines = to_csv(sample_periods(query), query).splitlines()
    assert lines[0] == "Period,Volume (MWh),Price (£/MWh)"
    assert lines[1] == "00:00-01:00,1000.0,-14.95"
    assert from_csv("\n".join(lines), query) == sample_periods(query)


@pytest.mark.parametrize("day", [DAY, *CLOCK_CHANGES])
@pytest.mark.parametrize("minutes", [15, 30, 60])
@pytest.mark.parametrize("area", ["FR", "GB"])
def test_what_was_written_is_read_back(day: date, minutes: int, area: str) -> None:
    query = Query(Market(area, Auction.IDA1, minutes), day)
    text = to_csv(sample_periods(query), query)
    assert from_csv(text, query) == sample_periods(query)
    assert csv_resolution(text) == minutes


@given(st.lists(st.tuples(*[st.none() | st.decimals(-9999, 99999, places=2)] * 2), min_size=96, max_size=96))
def test_any_values_are_read_back_with_their_digits(
    values: list[tuple[Decimal | None, Decimal | None]],
) -> None:
    periods = tuple(Period(start, *pair) for start, pair in zip(covered_starts(QUERY), values, strict=True))
    found = from_csv(to_csv(periods, QUERY), QUERY)
    assert [str(period) for period in found] == [str(period) for period in periods]


def test_other_programs_leave_marks_that_do_not_matter() -> None:
    text = to_csv(sample_periods(QUERY), QUERY).replace("\n", "\r\n").replace("1013.7", '"1,013.7"')
    assert from_csv("\ufeff" + text + "\r\n", QUERY) == sample_periods(QUERY)


def test_a_part_of_a_day_is_read_and_judged_elsewhere() -> None:
    periods = from_csv(HEAD + "12:00-12:15,-,5.00\n13:00-13:15,,\n", QUERY)
    assert [(period.volume, period.price) for period in periods] == [(None, Decimal("5.00")), (None, None)]


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", 1, "expected"),
        ("a,b\n", 1, "'a,b' was found"),
        ("Period;Volume (MWh);Price (€/MWh)\n", 1, "expected"),
        ("Period,Volume (MWh),Price (£/MWh)\n", 1, "expected"),
        (HEAD + "00:00-00:15,1\n", 2, "2 columns"),
        (HEAD + "00:00-00:15,1,2\n00:15-00:30,1,2,3\n", 3, "4 columns"),
        (HEAD + "00:00-00:15,x,2\n", 2, "'x' is no number"),
        (HEAD + "00:00-00:15,1,nan\n", 2, "'nan' is no number"),
        (HEAD + "midnight,1,2\n", 2, "'midnight' is no period"),
        (HEAD + "00:00-00:15,1,2\n00:00-00:15,1,2\n", 3, "more than once"),
        (HEAD + "00:15-00:30,1,2\n\n00:00-00:15,1,2\n", 4, "out of order"),
        (HEAD + "00:00-01:00,1,2\n", 2, "no period of 15 minutes"),
        (HEAD + '00:00-00:15,"1,2\n', 2, "end of data"),
        (HEAD + "00:00-00:15,1,2\n" * 501, 502, "more lines"),
        ("x" * 100_001, None, "no market day"),
    ],
)
def test_files_that_cannot_be_read_say_where_and_why(text: str, line: int | None, why: str) -> None:
    with pytest.raises(CsvError, match=why) as caught:
        from_csv(text, QUERY)
    assert caught.value.line_number == line


@pytest.mark.parametrize(
    ("day", "why"),
    [(CLOCK_CHANGES[0], "twice, and the labels do not say"), (CLOCK_CHANGES[1], "the clocks skip it")],
)
def test_a_file_of_another_day_is_never_shifted(day: date, why: str) -> None:
    with pytest.raises(CsvError, match=why):
        from_csv(to_csv(sample_periods(QUERY), QUERY), Query(QUERY.market, day))


@pytest.mark.parametrize("text", ["", HEAD, HEAD + "x,1,2\n", HEAD + "00:00-05:00,1,2\n"])
def test_without_a_label_there_is_no_resolution(text: str) -> None:
    with pytest.raises(CsvError, match="no line begins with a period"):
        csv_resolution(text)


@given(
    st.text(max_size=300) | st.text(alphabet='0123456789:-,."\n', max_size=300).map(lambda rest: HEAD + rest)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        periods = from_csv(text, QUERY)
    except CsvError:
        return
    assert {period.start for period in periods} <= set(covered_starts(QUERY))


# --- The grid's data

CARBON = Query(Market("FR", GridData.CARBON), date(2025, 10, 9))
STARTS = period_starts(CARBON.delivery_day, CARBON.market.bidding_zone.zone, 15)


@pytest.mark.parametrize("data", GridData)
@pytest.mark.parametrize("day", [date(2025, 10, 9), date(2025, 10, 26), date(2026, 3, 29)], ids=str)
def test_days_of_the_grid_are_written_and_read(data: GridData, day: date) -> None:
    query = Query(Market("FR", data), day)
    periods = made_up_periods(query)
    text = to_csv(periods, query)
    title = {"Carbon": "Carbon (gCO2eq/kWh)", "Renewable": "Renewable (%)"}[data]
    assert text.splitlines()[0] == f"Period,{title},Forecast"
    assert csv_name(query) == f"{data.lower()}_data_{day}.csv"
    assert from_csv(text, query) == periods


def test_measured_days_have_no_column_of_forecasts() -> None:
    text = to_csv([Period(STARTS[0], carbon=Decimal("21.4")), Period(STARTS[1])], CARBON)
    assert text == "Period,Carbon (gCO2eq/kWh)\n00:00-00:15,21.4\n00:15-00:30,-\n"


def test_carbon_beside_the_market_is_in_further_columns() -> None:
    query = Query(Market("FR", Auction.IDA1), CARBON.delivery_day)
    periods = (Period(STARTS[0], Decimal("68.2"), Decimal("95.69"), Decimal("21.4"), forecast=True),)
    text = to_csv(periods, query)
    assert text == (
        "Period,Volume (MWh),Price (€/MWh),Carbon (gCO2eq/kWh),Forecast\n00:00-00:15,68.2,95.69,21.4,yes\n"
    )
    assert from_csv(text, query) == periods


def test_columns_come_in_any_order_and_may_be_missing() -> None:
    query = Query(Market("FR", Auction.IDA1), CARBON.delivery_day)
    text = "Period,Price (€/MWh),Volume (MWh)\n00:00-00:15,95.69,68.2\n"
    assert from_csv(text, query) == (Period(STARTS[0], Decimal("68.2"), Decimal("95.69")),)
    assert from_csv("Period,Price (€/MWh)\n00:00-00:15,95.69\n", query) == (
        Period(STARTS[0], None, Decimal("95.69")),
    )


@pytest.mark.parametrize(
    "text",
    [
        "Period\n00:00-00:15\n",
        "Period,Price (€/MWh),Price (€/MWh)\n00:00-00:15,1,2\n",
        "Period,Wind (MWh)\n00:00-00:15,1\n",
        "Price (€/MWh),Period\n1,00:00-00:15\n",
        "Period,Carbon (gCO2eq/kWh),Forecast\n00:00-00:15,21,perhaps\n",
        "Period,Carbon (gCO2eq/kWh),Forecast\n00:00-00:15,21\n",
    ],
)
def test_other_columns_are_refused(text: str) -> None:
    with pytest.raises(CsvError):
        from_csv(text, CARBON)
