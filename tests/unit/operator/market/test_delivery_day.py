"""Delivery days and labels: every day of ten years in every area, and the days on which clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev.lab.exchange.pages import print_label
from powercap_api.markets import BIDDING_ZONES, Auction, Market
from powercap_operator.market.delivery_day import (
    Label,
    LabelError,
    day_bounds,
    day_of,
    parse_label,
    period_label,
    period_starts,
    resolve_labels,
)
from powercap_operator.market.results import Query

PARIS = ZoneInfo("Europe/Paris")
LONDON = ZoneInfo("Europe/London")
AUTUMN = date(2025, 10, 26)
SPRING = date(2026, 3, 29)
TEN_YEARS = [date(2020, 1, 1) + timedelta(days=number) for number in range(3653)]


def labels_of(day: date, zone: ZoneInfo, minutes: int) -> list[Label]:
    return [parse_label(period_label(start, zone, minutes)) for start in period_starts(day, zone, minutes)]


def last_sunday(year: int, month: int) -> date:
    last = date(year, month, 31)
    return last - timedelta(days=(last.weekday() + 1) % 7)


def test_every_day_of_ten_years_in_every_area_has_its_hours_and_joins_the_next() -> None:
    previous_end: dict[str, datetime] = {}
    for day in TEN_YEARS:
        hours = {last_sunday(day.year, 3): 23, last_sunday(day.year, 10): 25}.get(day, 24)
        for area, zone in BIDDING_ZONES.items():
            begin, end = day_bounds(day, zone.zone)
            assert end - begin == timedelta(hours=hours)
            assert previous_end.get(area, begin) == begin
            previous_end[area] = end
            for minutes in (15, 30, 60):
                starts = period_starts(day, zone.zone, minutes)
                assert len(starts) == hours * 60 // minutes
                assert starts[0] == begin
                assert starts[-1] == end - timedelta(minutes=minutes)


def test_hour_labels_of_every_day_of_ten_years_mean_its_hours() -> None:
    for zone in (PARIS, LONDON):
        for day in TEN_YEARS:
            assert resolve_labels(labels_of(day, zone, 60), day, zone, 60) == period_starts(day, zone, 60)


@pytest.mark.parametrize("zone", [PARIS, LONDON], ids=str)
@pytest.mark.parametrize("minutes", [15, 30, 60])
@pytest.mark.parametrize("year", range(2020, 2030))
def test_labels_around_every_clock_change_mean_their_periods(zone: ZoneInfo, minutes: int, year: int) -> None:
    for change in (last_sunday(year, 3), last_sunday(year, 10)):
        for day in (change - timedelta(days=1), change, change + timedelta(days=1)):
            starts = period_starts(day, zone, minutes)
            assert resolve_labels(labels_of(day, zone, minutes), day, zone, minutes) == starts


@pytest.mark.parametrize("area", BIDDING_ZONES)
@pytest.mark.parametrize("minutes", [15, 60])
@pytest.mark.parametrize("marked", [False, True], ids=["repeated", "marked"])
def test_both_ways_of_printing_the_repeated_hour_are_read(area: str, minutes: int, marked: bool) -> None:
    query = Query(Market(area, Auction.SDAC, minutes), AUTUMN)
    zone = query.market.bidding_zone.zone
    starts = period_starts(AUTUMN, zone, minutes)
    printed = [print_label(start, query, marked=marked) for start in starts]
    assert any("a" in label for label in printed) is marked
    assert resolve_labels([parse_label(label) for label in printed], AUTUMN, zone, minutes) == starts


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("02a - 02b", "02b - 03"),  # as reported of the site in 2016
        ("02a - 03a", "02b - 03b"),
        ("02A - 03", "02B - 03"),
        ("02:00a - 03:00a", "02:00b - 03:00b"),
        ("02 - 03", "02b - 03"),
        ("02a - 03", "02 - 03"),
        ("02 - 02", "02 - 03"),
        ("02 – 03", "02—03"),
    ],
)
def test_ways_to_mark_a_repeated_hour(first: str, second: str) -> None:
    printed = ["00 - 01", "01 - 02", first, second, "03 - 04"]
    starts = resolve_labels([parse_label(label) for label in printed], AUTUMN, PARIS, 60)
    assert starts == period_starts(AUTUMN, PARIS, 60)[:5]


@pytest.mark.parametrize("printed", ["01 - 02", "01 - 03", "01:00 - 03:00"])
def test_the_hour_before_the_skipped_one_may_end_either_way(printed: str) -> None:
    (start,) = resolve_labels([parse_label(printed)], SPRING, PARIS, 60)
    assert start == datetime(2026, 3, 29, 0, tzinfo=UTC)


def test_a_label_in_the_skipped_hour_means_no_period() -> None:
    labels = [parse_label(text) for text in ("01:45 - 02:00", "02:00 - 02:15", "03:00 - 03:15")]
    assert resolve_labels(labels, SPRING, PARIS, 15)[1] is None


def test_a_repeated_hour_is_summer_time_first() -> None:
    labels = [parse_label("02a - 02b"), parse_label("02b - 03")]
    assert resolve_labels(labels, AUTUMN, PARIS, 60) == (
        datetime(2025, 10, 26, 0, tzinfo=UTC),
        datetime(2025, 10, 26, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("day", "printed", "why"),
    [
        (AUTUMN, ["02 - 03"], "do not say which"),
        (AUTUMN, ["02 - 03", "02 - 03", "02 - 03"], "do not say which"),
        (AUTUMN, ["02a - 02b", "02a - 02b"], "do not say which"),
        (AUTUMN, ["02b - 03", "02a - 02b"], "out of order"),
        (SPRING, ["02a - 03", "03 - 04"], "has it never"),
        (date(2025, 10, 25), ["02 - 03", "02 - 03"], "has it once"),
        (date(2025, 10, 25), ["02a - 03"], "has it once"),
        (date(2025, 10, 25), ["02b - 03"], "has it once"),
        (date(2025, 10, 25), ["03 - 04", "02 - 03"], "out of order"),
        (date(2025, 10, 25), ["02 - 04"], "no period of 60"),
        (date(2025, 10, 25), ["01 - 03"], "no period of 60"),
        (date(2025, 10, 25), ["02:30 - 03:30"], "no begin of a 60-minute period"),
        (date(2025, 10, 25), ["02a - 02b"], "no period of 60"),
    ],
)
def test_labels_that_do_not_fit_the_day_are_refused(day: date, printed: list[str], why: str) -> None:
    with pytest.raises(LabelError, match=why):
        resolve_labels([parse_label(text) for text in printed], day, PARIS, 60)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        "24 - 25",
        "00:00",
        "00:60 - 02:00",
        "00:61 - 00:75",
        "x - y",
        "0" * 99,
        "23 - 26",
        "1 - 2 - 3",
    ],
)
def test_what_is_no_label_is_refused(text: str) -> None:
    with pytest.raises(LabelError):
        parse_label(text)


@given(st.text(max_size=60))
def test_any_text_is_a_label_or_refused(text: str) -> None:
    try:
        label = parse_label(text)
    except LabelError:
        return
    assert 0 <= label.begin < 1440
    assert 0 <= label.end <= 1440


@given(
    day=st.dates(date(2015, 1, 1), date(2040, 12, 31)),
    zone=st.sampled_from([PARIS, LONDON]),
    minutes=st.sampled_from([15, 30, 60]),
    moved=st.integers(1, 4),
)
def test_labels_of_another_day_never_give_periods_in_a_wrong_place(
    day: date, zone: ZoneInfo, minutes: int, moved: int
) -> None:
    """Whatever day's labels are read as this day's: each gets the period of this day that prints it, or is
    refused."""
    labels = labels_of(day + timedelta(days=moved), zone, minutes)
    try:
        starts = resolve_labels(labels, day, zone, minutes)
    except LabelError:
        return
    for label, start in zip(labels, starts, strict=True):
        if start is not None:
            assert parse_label(period_label(start, zone, minutes)) == label
            assert day_of(start, zone) == day


def test_periods_must_divide_an_hour() -> None:
    with pytest.raises(ValueError, match="divide"):
        period_starts(AUTUMN, PARIS, 25)


def test_the_last_label_ends_at_24() -> None:
    start = period_starts(date(2025, 10, 9), PARIS, 15)[-1]
    assert period_label(start, PARIS, 15) == "23:45-24:00"
    assert parse_label("23:45 - 00:00") == parse_label("23:45-24:00")
