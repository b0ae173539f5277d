"""Whether a day is whole, what it comes to, and how days are laid over each other."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev.lab.exchange.pages import sample_periods
from powercap_api.markets import Auction, Market
from powercap_operator.market.delivery_day import period_starts
from powercap_operator.market.resample import resample
from powercap_operator.market.results import (
    Period,
    ProblemKind,
    Query,
    Range,
    build_market_day,
    covered_starts,
    is_half_day,
    merge,
)

DAY = date(2025, 10, 9)
QUERY = Query(Market("FR", Auction.IDA1), DAY)
Change = Callable[[list[Period]], list[Period]]


def with_period(place: int, **values: Decimal | datetime | None) -> Change:
    def change(periods: list[Period]) -> list[Period]:
        old = periods[place]
        new = {"start": old.start, "volume": old.volume, "price": old.price, **values}
        periods[place] = Period(**new)  # type: ignore[arg-type]
        return periods

    return change


def test_a_whole_day_is_complete_and_summed_up() -> None:
    periods = [Period(start, Decimal("1.5"), Decimal("-2.00")) for start in covered_starts(QUERY)]
    periods[3] = Period(periods[3].start, Decimal("3.0"), Decimal("94.00"))
    day = build_market_day(reversed(periods), QUERY)
    assert day.complete
    assert day.periods == tuple(periods)
    assert (day.summary.periods, day.summary.expected_periods) == (96, 96)
    assert day.summary.volume == Range(Decimal("1.5"), Decimal("3.0"), Decimal("1.5"), Decimal("145.5"))
    assert day.summary.price == Range(Decimal("-2.00"), Decimal("94.00"), Decimal("-1.00"), Decimal("-96.00"))
    assert str(day.summary.volume.maximum) == "3.0"
    assert day.why == ""


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (lambda periods: periods[:8] + periods[12:], ProblemKind.GAP, "4 of 96 periods missing: 02:00-03:00"),
        (lambda periods: periods[:-1], ProblemKind.GAP, "1 of 96 periods missing: 23:45-24:00"),
        (lambda periods: periods[::2], ProblemKind.GAP, "00:15-00:30, 00:45-01:00, 01:15-01:30 and 45 more"),
        (
            lambda periods: [*periods, periods[5]],
            ProblemKind.DUPLICATE,
            "1 periods more than once: 01:15-01:30",
        ),
        (
            lambda periods: [
                *periods,
                Period(periods[0].start - timedelta(minutes=15), Decimal(1), Decimal(1)),
            ],
            ProblemKind.OUTSIDE,
            "1 periods are not of the day: 2025-10-08 23:45-24:00",
        ),
        (
            lambda periods: [
                *periods,
                Period(periods[0].start + timedelta(minutes=7), Decimal(1), Decimal(1)),
            ],
            ProblemKind.OUTSIDE,
            "not of the day: 00:07-00:22",
        ),
        (with_period(4, volume=None), ProblemKind.NO_VOLUME, "1 of 96 periods without volume: 01:00-01:15"),
        (with_period(4, price=None), ProblemKind.NO_PRICE, "1 of 96 periods without price: 01:00-01:15"),
        (with_period(4, volume=Decimal("-0.1")), ProblemKind.NEGATIVE_VOLUME, "negative volume: 01:00-01:15"),
        (
            lambda periods: [Period(period.start, Decimal("0.0"), period.price) for period in periods],
            ProblemKind.ZERO_VOLUME,
            "the volume is 0 in every period",
        ),
    ],
)
def test_what_makes_a_day_incomplete(change: Change, kind: ProblemKind, message: str) -> None:
    day = build_market_day(change(list(sample_periods(QUERY))), QUERY)
    assert not day.complete
    assert [problem.kind for problem in day.problems] == [kind]
    assert message in day.why
    assert list(day.periods) == sorted(day.periods, key=lambda period: period.start)
    assert len({period.start for period in day.periods}) == len(day.periods)


def test_negative_prices_are_fine() -> None:
    periods = sample_periods(QUERY, lowest_price=Decimal("-500.00"))
    assert all(period.price is not None and period.price < 0 for period in periods)
    assert build_market_day(periods, QUERY).complete


def test_the_first_of_two_is_kept() -> None:
    periods = sample_periods(QUERY)
    day = build_market_day([*periods, Period(periods[0].start, Decimal(1), Decimal(1))], QUERY)
    assert day.periods == periods


def test_a_source_without_volumes_is_judged_by_its_prices() -> None:
    periods = [Period(period.start, None, period.price) for period in sample_periods(QUERY)]
    day = build_market_day(periods, QUERY, needs_volume=False)
    assert day.complete
    assert day.has_price
    assert not day.has_volume
    assert day.summary.volume is None


def test_nothing_is_a_day_without_anything() -> None:
    day = build_market_day([], QUERY)
    assert not day.complete
    assert not day.has_volume
    assert not day.has_price
    assert day.summary.volume is None
    assert day.summary.expected_periods == 96
    assert "00:00-24:00" in day.why


@pytest.mark.parametrize(
    ("area", "auction", "half"),
    [
        ("FR", Auction.SDAC, False),
        ("FR", Auction.IDA2, False),
        ("FR", Auction.IDA3, True),
        ("GB", Auction.IDA1, False),
        ("GB", Auction.IDA2, True),
        ("CH", Auction.IDA2, True),
    ],
)
@pytest.mark.parametrize("day", [DAY, date(2025, 10, 26), date(2026, 3, 29)])
def test_half_days_begin_at_noon_on_the_zones_clock(
    area: str, auction: Auction, half: bool, day: date
) -> None:
    query = Query(Market(area, auction, 15), day)
    zone = query.market.bidding_zone.zone
    starts = covered_starts(query)
    assert is_half_day(query.market) is half
    assert starts[0].astimezone(zone).hour == (12 if half else 0)
    assert starts[-1] == period_starts(day, zone, 15)[-1]
    assert build_market_day(sample_periods(query), query).complete


def test_a_half_day_is_laid_over_the_whole_one_before() -> None:
    earlier, later = (Query(Market("FR", auction), DAY) for auction in (Auction.IDA2, Auction.IDA3))
    before, after = sample_periods(earlier), sample_periods(later)
    assert merge(before, after) == before[:48] + after


def test_empty_cells_lay_nothing_over_anything() -> None:
    periods = sample_periods(QUERY)
    empty = [Period(period.start) for period in periods]
    assert merge(periods, empty) == periods
    assert merge(empty, periods) == periods
    assert merge([], empty) == tuple(empty)


def test_quarters_become_hours_and_back() -> None:
    query = Query(Market("FR", Auction.SDAC), date(2025, 10, 26))
    quarters = sample_periods(query)
    hours = resample(quarters, 15, 60)
    assert [period.start for period in hours] == list(
        period_starts(query.delivery_day, query.market.bidding_zone.zone, 60)
    )
    first = [period.volume for period in quarters[:4] if period.volume is not None]
    assert hours[0].volume == sum(first)
    assert hours[0].price == sum((period.price or Decimal(0) for period in quarters[:4]), Decimal(0)) / 4
    again = resample(hours, 60, 15)
    assert [period.start for period in again] == [period.start for period in quarters]
    assert resample(again, 15, 60) == hours
    assert resample(quarters, 15, 15) == quarters


def test_a_hole_in_a_part_is_a_hole_in_the_whole() -> None:
    quarters = list(sample_periods(QUERY))
    quarters[1] = Period(quarters[1].start, None, quarters[1].price)
    del quarters[5]
    hours = resample(quarters, 15, 60)
    assert hours[0].volume is None
    assert hours[0].price is not None
    assert len(hours) == 23
    assert hours[1].start == datetime(2025, 10, 9, 0, tzinfo=UTC)


def test_lengths_must_fit_into_each_other() -> None:
    with pytest.raises(ValueError, match="fit"):
        resample(sample_periods(QUERY), 15, 40)


values = st.none() | st.decimals(-5000, 50000, places=2)
some_periods = st.lists(
    st.builds(
        Period,
        st.integers(-20, 110).map(lambda place: covered_starts(QUERY)[0] + place * timedelta(minutes=15)),
        values,
        values,
    ),
    max_size=120,
)


@given(some_periods)
def test_any_periods_make_a_day_that_is_judged(periods: list[Period]) -> None:
    day = build_market_day(periods, QUERY)
    starts = [period.start for period in day.periods]
    assert starts == sorted(set(starts))
    assert set(starts) <= set(covered_starts(QUERY))
    assert day.complete is (day.has_volume and day.has_price and len(starts) == 96 and not day.problems)
    if day.summary.volume is not None:
        assert day.summary.volume.minimum <= day.summary.volume.mean <= day.summary.volume.maximum
