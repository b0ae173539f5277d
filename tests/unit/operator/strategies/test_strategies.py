"""Every strategy: examples that a person can check by hand, and what must hold for any day."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from powercap_api.markets import BIDDING_ZONES
from powercap_api.policy.strategy import StrategySpec
from powercap_operator import strategies
from powercap_operator.market.delivery_day import period_starts
from powercap_operator.market.needs import Needs
from powercap_operator.market.results import Period
from powercap_operator.market.weekly_window import days_text
from powercap_operator.strategies import Cap, Day, Limits
from powercap_operator.strategies.band import percentile
from tests.support.objects import moment

WATT = 1_000_000
FRANCE = BIDDING_ZONES["FR"]
LIMITS = Limits(10 * WATT, 40 * WATT)
ORDINARY = date(2025, 10, 9)  # a Thursday
AUTUMN = date(2025, 10, 26)
SPRING = date(2026, 3, 29)

NIGHT = {"days": ["Mon", "Tue", "Wed", "Thu", "Fri"], "start": "22:00", "end": "06:00", "power": "40"}
EVERY_STRATEGY: list[dict[str, Any]] = [
    {"type": "Volume"},
    {"type": "Volume", "reference": "Average"},
    {"type": "Solar"},
    {"type": "Solar", "alpha": 1},
    {"type": "Price"},
    {"type": "Price", "lowPrice": "-10", "highPrice": "80.5"},
    {"type": "Price", "lowPercentile": 50, "highPercentile": 51},
    {"type": "Carbon"},
    {"type": "Carbon", "lowCarbon": "0", "highCarbon": "350.5"},
    {"type": "Renewable"},
    {"type": "Renewable", "lowPercentile": 0, "highPercentile": 100},
    {"type": "CheapestHours"},
    {"type": "CheapestHours", "hours": 5, "contiguous": True, "within": {"start": "20:00", "end": "08:00"}},
    {"type": "Fixed"},
    {"type": "Fixed", "power": "25"},
    {"type": "Schedule", "windows": [NIGHT]},
    {"type": "Schedule", "windows": [NIGHT], "otherwise": {"type": "Price"}},
]


def day_of(prices: Sequence[str | None], day: date = ORDINARY) -> list[Period]:
    starts = period_starts(day, FRANCE.zone, 15)
    return [
        Period(start, Decimal(1), None if price is None else Decimal(price))
        for start, price in zip(starts, prices, strict=False)
    ]


def caps(spec: dict[str, Any], periods: Sequence[Period], limits: Limits = LIMITS) -> list[Cap]:
    return strategies.create(StrategySpec.model_validate(spec)).caps(Day(periods, limits, FRANCE))


def at(spec: dict[str, Any], local: str, limits: Limits = LIMITS) -> Cap:
    """The cap of the one period that begins at a local time of France."""
    start = datetime.fromisoformat(local).replace(tzinfo=FRANCE.zone)
    return caps(spec, [Period(moment(start.isoformat()))], limits)[0]


# --- Solar


@pytest.mark.parametrize(
    ("local", "alpha", "power_uw", "why"),
    [
        ("2025-10-09T12:00", 4, 40 * WATT, "solar curve at 12:00: 100 % of 40 W"),
        ("2025-06-21T12:00", 4, 40 * WATT, "solar curve at 12:00: 100 % of 40 W"),
        ("2025-10-09T08:00", 4, 10 * WATT, "solar curve at 08:00: 25 % of 40 W"),
        ("2025-10-09T16:00", 2, 20 * WATT, "solar curve at 16:00: 50 % of 40 W"),
        ("2025-10-09T10:15", 1, 37_661_762, "solar curve at 10:15: 94 % of 40 W"),
        (
            "2025-10-09T04:00",
            4,
            10 * WATT,
            "solar curve at 04:00: 0 % of 40 W, raised to minPower 10 W",
        ),
        (
            "2025-10-09T20:00",
            4,
            10 * WATT,
            "solar curve at 20:00: 0 % of 40 W, raised to minPower 10 W",
        ),
        ("2025-10-09T03:45", 4, 10 * WATT, "solar curve: no sun before 4 and after 20 h: minPower 10 W"),
        ("2025-10-09T20:15", 4, 10 * WATT, "solar curve: no sun before 4 and after 20 h: minPower 10 W"),
    ],
)
def test_solar_is_the_legacy_curve_of_local_time(local: str, alpha: int, power_uw: int, why: str) -> None:
    cap = at({"type": "Solar", "alpha": alpha}, local)
    assert cap.why == why
    assert cap.power_uw == pytest.approx(power_uw, abs=1000)


def test_solar_takes_alpha_4_unless_told() -> None:
    assert at({"type": "Solar"}, "2025-10-09T10:15") == at({"type": "Solar", "alpha": 4}, "2025-10-09T10:15")


@pytest.mark.parametrize("day", [ORDINARY, AUTUMN, SPRING])
@pytest.mark.parametrize("alpha", [1, 4, 64])
def test_solar_rises_to_noon_and_falls_after(day: date, alpha: int) -> None:
    starts = period_starts(day, FRANCE.zone, 15)
    powers = [cap.power_uw for cap in caps({"type": "Solar", "alpha": alpha}, [Period(s) for s in starts])]
    noon = next(i for i, start in enumerate(starts) if start.astimezone(FRANCE.zone).hour == 12)
    assert powers[: noon + 1] == sorted(powers[: noon + 1])
    assert powers[noon:] == sorted(powers[noon:], reverse=True)
    assert powers[noon] == 40 * WATT


# --- Price


@pytest.mark.parametrize(
    ("price", "power_uw", "why"),
    [
        ("35.10", 28_153_846, "35.10 EUR/MWh between 12.00 and 90.00: 70 % of 40 W"),
        ("12.00", 40 * WATT, "12.00 EUR/MWh, at or below 12.00: maxSource 40 W"),
        ("90.00", 10 * WATT, "90.00 EUR/MWh, at or above 90.00: minPower 10 W"),
        ("4000", 10 * WATT, "4000 EUR/MWh, at or above 90.00: minPower 10 W"),
        ("80", 10 * WATT, "80 EUR/MWh between 12.00 and 90.00: 13 % of 40 W, raised to minPower 10 W"),
        ("-5.02", 40 * WATT, "negative price -5.02 EUR/MWh: maxSource 40 W"),
        (None, 10 * WATT, "no price: minPower 10 W"),
    ],
)
def test_price_falls_between_two_prices(price: str | None, power_uw: int, why: str) -> None:
    spec = {"type": "Price", "lowPrice": "12.00", "highPrice": "90.00"}
    assert caps(spec, day_of([price])) == [Cap(power_uw, why)]


def test_negative_prices_are_full_power_even_above_the_high_price() -> None:
    spec = {"type": "Price", "lowPrice": "-50", "highPrice": "-10"}
    assert [cap.power_uw // WATT for cap in caps(spec, day_of(["-1", "0", "-60"]))] == [40, 10, 40]


def test_price_takes_the_days_percentiles_unless_told() -> None:
    prices = [str(value) for value in range(101)]
    found = caps({"type": "Price"}, day_of([*prices[:96], *prices[96:]], AUTUMN))
    assert found[0].why == "0 EUR/MWh, at or below 9.90 (P10): maxSource 40 W"
    assert found[50].why.startswith("50 EUR/MWh between 9.90 (P10) and 89.10 (P90): 49 % of 40 W")
    assert found[99].why == "99 EUR/MWh, at or above 89.10 (P90): minPower 10 W"


def test_percentiles_are_interpolated_between_neighbours() -> None:
    values = [Decimal(10), Decimal(20), Decimal(40)]
    assert [percentile(values, rank) for rank in (0, 25, 50, 75, 100)] == [10, 15, 20, 30, 40]
    assert percentile([Decimal(7)], 90) == 7


def test_a_flat_day_gives_no_reason_to_wait() -> None:
    assert {cap.power_uw for cap in caps({"type": "Price"}, day_of(["50"] * 96))} == {40 * WATT}


def test_one_dear_hour_of_a_flat_day_is_still_dear() -> None:
    found = caps({"type": "Price"}, day_of(["50"] * 92 + ["300"] * 4))
    assert [cap.power_uw // WATT for cap in found] == [40] * 92 + [10] * 4


def test_a_day_without_prices_is_minimum_power() -> None:
    assert {cap.power_uw for cap in caps({"type": "Price"}, day_of([None] * 96))} == {10 * WATT}


# --- Carbon and Renewable


def of_grid(spec: dict[str, Any], *values: str | None, forecast: bool = False) -> list[Cap]:
    name = spec["type"].lower()
    starts = period_starts(ORDINARY, FRANCE.zone, 15)
    given: list[dict[str, Any]] = [{name: None if value is None else Decimal(value)} for value in values]
    periods = [Period(start, **one, forecast=forecast) for start, one in zip(starts, given, strict=False)]
    return caps(spec, periods)


@pytest.mark.parametrize(
    ("carbon", "power_uw", "why"),
    [
        ("30", 40 * WATT, "30 g/kWh, at or below 30: maxSource 40 W"),
        ("50.00", 20 * WATT, "50.00 g/kWh between 30 and 70: 50 % of 40 W"),
        ("69", 10 * WATT, "69 g/kWh between 30 and 70: 3 % of 40 W, raised to minPower 10 W"),
        ("400", 10 * WATT, "400 g/kWh, at or above 70: minPower 10 W"),
        (None, 10 * WATT, "no carbon intensity: minPower 10 W"),
    ],
)
def test_carbon_falls_between_two_intensities(carbon: str | None, power_uw: int, why: str) -> None:
    assert of_grid({"type": "Carbon", "lowCarbon": "30", "highCarbon": "70"}, carbon) == [Cap(power_uw, why)]


@pytest.mark.parametrize(
    ("share", "power_uw", "why"),
    [
        ("112.5", 40 * WATT, "112.5 % renewable, at or above 60: maxSource 40 W"),
        ("60", 40 * WATT, "60 % renewable, at or above 60: maxSource 40 W"),
        ("40", 20 * WATT, "40 % renewable between 20 and 60: 50 % of 40 W"),
        ("20", 10 * WATT, "20 % renewable, at or below 20: minPower 10 W"),
        (None, 10 * WATT, "no share of renewable power: minPower 10 W"),
    ],
)
def test_renewable_rises_between_two_shares(share: str | None, power_uw: int, why: str) -> None:
    spec = {"type": "Renewable", "lowRenewable": "20", "highRenewable": "60"}
    assert of_grid(spec, share) == [Cap(power_uw, why)]


def test_the_reason_says_that_it_is_a_forecast() -> None:
    spec = {"type": "Carbon", "lowCarbon": "30", "highCarbon": "70"}
    (cap,) = of_grid(spec, "50", forecast=True)
    assert cap == Cap(20 * WATT, "50 g/kWh between 30 and 70: 50 % of 40 W (forecast)")


@pytest.mark.parametrize("strategy", ["Carbon", "Renewable"])
def test_the_grids_percentiles_are_the_days_own(strategy: str) -> None:
    found = of_grid({"type": strategy}, *map(str, range(96)))
    best, worst = (0, 95) if strategy == "Carbon" else (95, 0)
    assert (found[best].power_uw, found[worst].power_uw) == (40 * WATT, 10 * WATT)
    assert "(P10)" in found[0].why
    assert "(P90)" in found[95].why
    flat = of_grid({"type": strategy}, *["50"] * 96)
    assert {cap.power_uw for cap in flat} == {40 * WATT}


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["Carbon", "Renewable"]), st.lists(st.decimals(0, 900, places=1), min_size=1, max_size=96)
)
def test_a_cleaner_period_never_gets_less(strategy: str, values: list[Decimal]) -> None:
    found = of_grid({"type": strategy}, *map(str, values))
    ranked = sorted(zip(values, (cap.power_uw for cap in found), strict=True), reverse=strategy == "Carbon")
    assert all(dirtier <= cleaner for (_, dirtier), (_, cleaner) in pairwise(ranked))


# --- Fixed


@pytest.mark.parametrize(
    ("power", "power_uw", "why"),
    [
        (None, 40 * WATT, "fixed: maxSource 40 W"),
        ("25", 25 * WATT, "fixed: 25 W"),
        ("5", 10 * WATT, "fixed: 5 W, raised to minPower 10 W"),
        ("100", 40 * WATT, "fixed: 100 W, cut off at maxSource 40 W"),
    ],
)
def test_fixed(power: str | None, power_uw: int, why: str) -> None:
    spec = {"type": "Fixed"} if power is None else {"type": "Fixed", "power": power}
    assert at(spec, "2025-10-09T12:00") == Cap(power_uw, why)


# --- Schedule


def scheduled(*windows: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Schedule", "windows": list(windows), "otherwise": {"type": "Fixed", "power": "20"}}


@pytest.mark.parametrize(
    ("local", "watts"),
    [
        ("2025-10-09T21:59", 20),  # Thursday, before it
        ("2025-10-09T22:00", 40),
        ("2025-10-10T05:45", 40),
        ("2025-10-10T06:00", 20),
        ("2025-10-11T05:59", 40),  # Saturday morning belongs to Friday's window
        ("2025-10-11T22:00", 20),  # Saturday has none
        ("2025-10-13T00:00", 20),  # nor has the night from Sunday to Monday
        ("2025-10-13T22:00", 40),
    ],
)
def test_a_window_across_midnight_belongs_to_the_day_it_starts_on(local: str, watts: int) -> None:
    assert at(scheduled(NIGHT), local).power_uw == watts * WATT


def test_windows_say_who_they_are() -> None:
    assert at(scheduled(NIGHT), "2025-10-09T23:00").why == "window Mon–Fri 22:00–06:00: 40 W"
    assert at(scheduled(NIGHT), "2025-10-09T12:00").why == "fixed: 20 W"


def test_of_overlapping_windows_the_first_counts() -> None:
    early = {"start": "08:00", "end": "12:00", "power": "30"}
    late = {"start": "10:00", "end": "24:00", "power": "15"}
    powers = [
        at(scheduled(early, late), f"2025-10-09T{hour}:00").power_uw // WATT
        for hour in ("09", "11", "12", "23")
    ]
    assert powers == [30, 30, 15, 15]
    assert at(scheduled(late, early), "2025-10-09T11:00").power_uw == 15 * WATT


def test_the_power_of_a_window_stays_within_the_limits() -> None:
    assert at(scheduled({**NIGHT, "power": "99"}), "2025-10-09T23:00").power_uw == 40 * WATT
    assert at(scheduled({**NIGHT, "power": "2"}), "2025-10-09T23:00").power_uw == 10 * WATT


@pytest.mark.parametrize(
    ("day", "in_window"),
    [(ORDINARY, 8), (AUTUMN, 12), (SPRING, 4)],  # 01:30 to 03:30: two hours, three, one
)
def test_windows_follow_the_clock_on_the_wall_when_it_changes(day: date, in_window: int) -> None:
    window = {"start": "01:30", "end": "03:30", "power": "40"}
    periods = [Period(start) for start in period_starts(day, FRANCE.zone, 15)]
    assert sum(cap.power_uw == 40 * WATT for cap in caps(scheduled(window), periods)) == in_window


def test_a_schedule_needs_what_stands_between_its_windows() -> None:
    for otherwise, needs in (
        (None, Needs(volume=True)),
        ({"type": "Price"}, Needs(price=True)),
        ({"type": "Carbon"}, Needs(carbon=True)),
        ({"type": "Solar"}, Needs()),
    ):
        spec = {"type": "Schedule", "windows": [NIGHT]} | ({"otherwise": otherwise} if otherwise else {})
        strategy = strategies.create(StrategySpec.model_validate(spec))
        assert strategy.needs == needs


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (range(7), "daily"),
        (range(5), "Mon–Fri"),
        ((5, 6), "Sat, Sun"),
        ((0, 2, 3, 4, 6), "Mon, Wed–Fri, Sun"),
        ((3,), "Thu"),
    ],
)
def test_days_as_people_say_them(days: Sequence[int], text: str) -> None:
    assert days_text(frozenset(days)) == text


def test_times_without_quotes_are_understood() -> None:
    """A reader of YAML 1.1 takes 22:00 for 1320, a number of base 60."""
    quoted = StrategySpec.model_validate(scheduled(NIGHT))
    assert StrategySpec.model_validate(scheduled({**NIGHT, "start": 1320})) == quoted


# --- All of them, on any day

amounts = st.none() | st.decimals(-500, 5000, places=2, allow_nan=False, allow_infinity=False)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(EVERY_STRATEGY),
    st.sampled_from([ORDINARY, AUTUMN, SPRING]),
    st.sampled_from([15, 30, 60]),
    st.tuples(st.integers(1, 10**11), st.integers(1, 10**11)).map(sorted),
    st.data(),
)
def test_every_strategy_is_total_and_within_bounds(
    spec: dict[str, Any], day: date, minutes: int, bounds: list[int], data: st.DataObject
) -> None:
    limits = Limits(bounds[0], bounds[1])
    starts = period_starts(day, FRANCE.zone, minutes)
    values = st.lists(st.tuples(amounts, amounts), min_size=len(starts), max_size=len(starts))
    periods = [
        Period(start, volume, price, carbon=volume, renewable=price)
        for start, (volume, price) in zip(starts, data.draw(values), strict=True)
    ]
    found = caps(spec, periods, limits)
    assert len(found) == len(periods)
    assert all(limits.min_uw <= cap.power_uw <= limits.max_uw for cap in found)
    assert all(0 < len(cap.why) <= 256 for cap in found)
    assert caps(spec, periods, limits) == found


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([spec for spec in EVERY_STRATEGY if spec["type"] == "Price"]),
    st.lists(amounts.filter(lambda price: price is not None), min_size=1, max_size=100),
    st.tuples(st.integers(1, 10**11), st.integers(1, 10**11)).map(sorted),
)
def test_a_higher_price_never_gives_more(spec: dict[str, Any], prices: list[Any], bounds: list[int]) -> None:
    start = moment("2025-10-08T22:00Z")
    periods = [Period(start + timedelta(minutes=15 * i), None, price) for i, price in enumerate(prices)]
    found = caps(spec, periods, Limits(bounds[0], bounds[1]))
    by_price = sorted(zip(prices, (cap.power_uw for cap in found), strict=True))
    assert all(dearer <= cheaper for (_, cheaper), (_, dearer) in pairwise(by_price))
