"""CheapestHours: examples that a person can check by hand, and the choice against trying every one."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from powercap_api.markets import BIDDING_ZONES
from powercap_api.policy.strategy import StrategySpec
from powercap_operator import strategies
from powercap_operator.market.delivery_day import period_starts
from powercap_operator.market.results import Period
from powercap_operator.strategies import Cap, Day, Limits, Stretch
from tests.support.objects import moment

WATT = 1_000_000
FRANCE = BIDDING_ZONES["FR"]
LIMITS = Limits(10 * WATT, 40 * WATT)
DAY = date(2025, 10, 9)
NEXT = DAY + timedelta(days=1)
AUTUMN = date(2025, 10, 26)
SPRING = date(2026, 3, 29)


def hourly(prices: Sequence[int | None], day: date = DAY) -> list[Period]:
    starts = period_starts(day, FRANCE.zone, 60)
    return [
        Period(start, None, None if price is None else Decimal(price))
        for start, price in zip(starts, prices, strict=True)
    ]


def caps(periods: Sequence[Period], around: Sequence[Stretch] = (), **spec: Any) -> list[Cap]:
    strategy = strategies.create(StrategySpec.model_validate({"type": "CheapestHours", **spec}))
    return strategy.caps(Day(periods, LIMITS, FRANCE, around))


def full(periods: Sequence[Period], around: Sequence[Stretch] = (), **spec: Any) -> list[datetime]:
    """Starts of the periods at maxSource; every other is at minPower."""
    found = caps(periods, around, **spec)
    assert {cap.power_uw for cap in found} <= {LIMITS.min_uw, LIMITS.max_uw}
    return [period.start for period, cap in zip(periods, found, strict=True) if cap.power_uw == LIMITS.max_uw]


def hours(starts: Sequence[datetime]) -> list[int]:
    return [start.astimezone(FRANCE.zone).hour for start in starts]


VALLEYS = [50, 20, 50, 50, 50, 30, 31, 32, 60, 60, 60, 60, -5, 90, 90, 90, 90, 90, 90, 90, 90, 90, 35, 90]


def test_the_cheapest_hours_are_taken_wherever_they_are() -> None:
    assert hours(full(hourly(VALLEYS), hours=3)) == [1, 5, 12]


def test_hours_in_a_row_have_the_least_sum() -> None:
    assert hours(full(hourly(VALLEYS), hours=3, contiguous=True)) == [5, 6, 7]


def test_eight_hours_unless_told() -> None:
    assert len(full(hourly(VALLEYS))) == 8


@pytest.mark.parametrize("contiguous", [False, True])
def test_of_equal_prices_the_earliest(contiguous: bool) -> None:
    assert hours(full(hourly([50] * 24), hours=4, contiguous=contiguous)) == [0, 1, 2, 3]
    assert hours(full(hourly([60, *[50] * 23]), hours=2, contiguous=contiguous)) == [1, 2]


def test_only_within_the_window() -> None:
    within = {"start": "06:00", "end": "12:00"}
    assert hours(full(hourly(VALLEYS), hours=2, within=within)) == [6, 7]
    assert hours(full(hourly(VALLEYS), hours=12, within=within)) == [6, 7, 8, 9, 10, 11]


def test_quarters_make_up_hours() -> None:
    starts = period_starts(DAY, FRANCE.zone, 15)
    periods = [Period(start, None, Decimal(index % 7)) for index, start in enumerate(starts)]
    assert len(full(periods, hours=8)) == 32


@pytest.mark.parametrize(("day", "there"), [(DAY, 2), (AUTUMN, 3), (SPRING, 1)])
def test_clock_changes_give_more_or_fewer_hours_to_choose_from(day: date, there: int) -> None:
    """From 02:00 to 04:00 there are two hours; three in autumn, one in spring."""
    periods = hourly([50] * len(period_starts(day, FRANCE.zone, 60)), day)
    within = {"start": "02:00", "end": "04:00"}
    assert len(full(periods, hours=3, within=within)) == there
    assert len(full(periods, hours=24)) == min(len(periods), 24)


@pytest.mark.parametrize("contiguous", [False, True])
def test_periods_without_a_price_are_not_chosen(contiguous: bool) -> None:
    prices: list[int | None] = [10, None, 10, 10, *[90] * 20]
    found = caps(hourly(prices), hours=2, contiguous=contiguous)
    assert found[1] == Cap(10 * WATT, "no price: minPower 10 W")
    chosen = [index for index, cap in enumerate(found) if cap.power_uw == LIMITS.max_uw]
    assert chosen == ([2, 3] if contiguous else [0, 2])
    assert full(hourly([None] * 24), contiguous=contiguous) == []


def test_caps_say_why() -> None:
    found = caps(hourly(VALLEYS), hours=3, contiguous=True, within={"start": "04:00", "end": "09:00"})
    assert [found[hour].why for hour in (0, 4, 5)] == [
        "outside 04:00–09:00: minPower 10 W",
        "50 EUR/MWh, not in the cheapest 3 h in a row of 04:00–09:00: minPower 10 W",
        "30 EUR/MWh, in the cheapest 3 h in a row of 04:00–09:00: maxSource 40 W",
    ]


# --- Over midnight

NIGHT = {"start": "20:00", "end": "08:00"}
EVENING = [90] * 20 + [40, 30, 50, 60]
MORNING = [20, 70, 25, 80, 80, 80, 10, 85] + [5] * 16
TODAY, TOMORROW = hourly(EVENING), hourly(MORNING, NEXT)


def night(around: Sequence[Stretch], **spec: Any) -> list[datetime]:
    """Of the night from today to tomorrow, the periods at maxSource that are known."""
    days = [full(stretch.periods, around, within=NIGHT, **spec) for stretch in around]
    return [start for day in days for start in day if TODAY[20].start <= start < TOMORROW[8].start]


def known(at: str | None) -> list[Stretch]:
    """Today, and tomorrow since then."""
    return [Stretch(TODAY), Stretch(TOMORROW, None if at is None else moment(at))]


def test_a_night_is_chosen_from_as_a_whole_once_tomorrow_is_known() -> None:
    assert hours(night(known(None), hours=4)) == [21, 0, 2, 6]
    assert hours(night(known("2025-10-09T13:00Z"), hours=4)) == [21, 0, 2, 6]


def test_until_then_from_what_is_known_of_it() -> None:
    assert hours(night([Stretch(TODAY)], hours=3)) == [20, 21, 22]


def test_what_comes_while_the_night_runs_adds_the_hours_that_are_missing() -> None:
    """At 21:30 the hours of 20 and 21 o'clock were chosen and begun: two of four are left."""
    assert hours(night(known("2025-10-09T19:30Z"), hours=4)) == [20, 21, 0, 6]


def test_the_morning_after_has_the_same_hours() -> None:
    """Where tomorrow has become today, and the evening is known as yesterday's."""
    evening = known("2025-10-09T19:30Z")
    later = Stretch(hourly([1] * 24, NEXT + timedelta(days=1)))
    assert night([*evening, later], hours=4) == night(evening, hours=4)


def test_hours_in_a_row_that_have_begun_go_on_over_midnight() -> None:
    row = night(known("2025-10-09T19:30Z"), hours=6, contiguous=True)
    assert hours(row) == [20, 21, 22, 23, 0, 1]


def test_hours_before_the_days_results_came_are_not_chosen() -> None:
    known_at = moment("2025-10-09T04:30Z")  # 06:30
    assert hours(full(TODAY, [Stretch(TODAY, known_at)], hours=3)) == [20, 21, 22]
    flat = hourly([50] * 24)
    assert hours(full(flat, [Stretch(flat, known_at)], hours=3)) == [7, 8, 9]


def test_a_window_of_a_whole_day_may_begin_at_noon() -> None:
    noon = {"start": "12:00", "end": "12:00"}
    found = full(TODAY, known(None), hours=8, within=noon) + full(TOMORROW, known(None), hours=8, within=noon)
    ours = [start for start in found if TODAY[12].start <= start < TOMORROW[12].start]
    assert hours(ours) == [21, 0, 2, 6, 8, 9, 10, 11]


# --- Against trying every choice

some_prices = st.lists(st.integers(-5, 20), min_size=24, max_size=24)


@settings(deadline=None, max_examples=80)
@given(some_prices, st.integers(1, 4))
def test_no_other_hours_are_cheaper_or_earlier(prices: list[int], count: int) -> None:
    periods = hourly(prices)
    by_trying = min(combinations(range(24), count), key=lambda tried: (sum(prices[i] for i in tried), tried))
    assert full(periods, hours=count) == [periods[index].start for index in by_trying]


@settings(deadline=None, max_examples=80)
@given(some_prices, st.integers(1, 24))
def test_no_other_row_is_cheaper_or_earlier(prices: list[int], count: int) -> None:
    periods = hourly(prices)
    rows = range(24 - count + 1)
    first = min(rows, key=lambda begin: (sum(prices[begin : begin + count]), begin))
    found = full(periods, hours=count, contiguous=True)
    assert found == [period.start for period in periods[first : first + count]]
    assert all(later - earlier == timedelta(hours=1) for earlier, later in pairwise(found))


@settings(deadline=None, max_examples=80)
@given(some_prices, some_prices, st.integers(1, 12), st.booleans(), st.integers(0, 24 * 4))
def test_a_night_never_has_more_hours_than_asked_for_and_what_has_begun_stands(
    evening: list[int], morning: list[int], count: int, contiguous: bool, quarters: int
) -> None:
    known_at = TODAY[12].start + timedelta(minutes=15 * quarters)
    today, tomorrow = hourly(evening), hourly(morning, NEXT)
    before = night([Stretch(today)], hours=count, contiguous=contiguous)
    found = night([Stretch(today), Stretch(tomorrow, known_at)], hours=count, contiguous=contiguous)
    assert len(found) <= count
    begun_in_the_evening = [start for start in found if start < min(known_at, tomorrow[0].start)]
    assert [start for start in before if start < known_at] == begun_in_the_evening
    if known_at <= today[20].start:
        assert len(found) == count
