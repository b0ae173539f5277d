"""The price paid: examples that a person can check by hand, and that dearer on the market is never cheaper to pay."""

from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from powercap_api.markets import BIDDING_ZONES
from powercap_api.policy.tariff import TariffSpec
from powercap_operator.market.delivery_day import period_starts
from powercap_operator.market.results import Period
from powercap_operator.market.tariff import Tariff, short_price
from tests.support.objects import moment

PARIS = BIDDING_ZONES["FR"].zone
NIGHT = moment("2025-10-09T01:00Z")
EVENING = moment("2025-10-09T17:30Z")  # 19:30 on a Thursday
PEAK = {"days": ["Mon", "Tue", "Wed", "Thu", "Fri"], "start": "17:00", "end": "21:00", "fees": "45"}


def tariff(**spec: Any) -> Tariff:
    return Tariff.of(TariffSpec.model_validate(spec))


@pytest.mark.parametrize(
    ("spec", "price", "paid"),
    [
        ({}, "95.69", "95.69"),
        ({"priceFactor": "1.03"}, "100", "103"),
        ({"fees": "30"}, "100", "130"),
        ({"taxFactor": "1.2"}, "100", "120"),
        ({"priceFactor": "1.1", "fees": "30", "taxFactor": "1.2"}, "100", "168"),
        ({"fees": "30"}, "-20", "10"),
        ({"fees": "30", "taxFactor": "1.2"}, "-50", "-24"),
        ({"priceFactor": "0", "fees": "80"}, "-50", "80"),
        ({"fees": "-5.5"}, "3", "-2.5"),
    ],
)
def test_the_price_paid_is_linear(spec: dict[str, str], price: str, paid: str) -> None:
    assert tariff(**spec).price_paid(Decimal(price), NIGHT, PARIS) == Decimal(paid)


def test_windows_add_their_fees_by_the_clock_on_the_wall() -> None:
    grid = tariff(fees="10", windows=[PEAK], taxFactor="1.2")
    assert grid.price_paid(Decimal(50), NIGHT, PARIS) == 72
    assert grid.price_paid(Decimal(50), EVENING, PARIS) == 126
    assert grid.price_paid(Decimal(50), moment("2025-10-11T17:30Z"), PARIS) == 72  # a Saturday


def test_of_overlapping_windows_the_first_counts() -> None:
    evening = {"start": "18:00", "end": "06:00", "fees": "7"}
    assert tariff(windows=[PEAK, evening]).price_paid(Decimal(0), EVENING, PARIS) == 45
    assert tariff(windows=[evening, PEAK]).price_paid(Decimal(0), EVENING, PARIS) == 7


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2025, 10, 26), 3), (date(2026, 3, 29), 1), (date(2025, 10, 9), 2)]
)
def test_windows_follow_the_clock_when_it_changes(day: date, hours: int) -> None:
    spec = tariff(windows=[{"start": "02:00", "end": "04:00", "fees": "10"}])
    periods = [Period(start, price=Decimal(0)) for start in period_starts(day, PARIS, 60)]
    assert sum(price == 10 for price in spec.prices_paid(periods, PARIS)) == hours


def test_no_price_has_nothing_to_pay() -> None:
    assert tariff(fees="30").prices_paid([Period(NIGHT)], PARIS) == [None]


def test_no_tariff_is_the_markets_price_with_its_digits() -> None:
    periods = [Period(NIGHT, Decimal("68.2"), Decimal("95.690"))]
    assert Tariff.of(None).applied(periods, PARIS) is periods
    assert not Tariff.of(TariffSpec())
    assert tariff(fees="1").applied(periods, PARIS) == [Period(NIGHT, Decimal("68.2"), Decimal("96.690"))]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"taxFactor": "0"}, "taxFactor"),
        ({"taxFactor": "0.000"}, "taxFactor"),
        ({"taxFactor": "-1"}, "taxFactor"),
        ({"priceFactor": "-1"}, "priceFactor"),
        ({"fees": "12 EUR"}, "fees"),
        ({"windows": [{**PEAK, "start": "5pm"}]}, "windows"),
    ],
)
def test_what_is_no_tariff_is_refused(spec: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        tariff(**spec)


@pytest.mark.parametrize("factor", ["1", "1.2", "0.5", "0.90", "0.000001", "10", "119.6"])
def test_taxes_of_all_sizes(factor: str) -> None:
    assert tariff(taxFactor=factor).price_paid(Decimal(100), NIGHT, PARIS) == 100 * Decimal(factor)


amounts = st.decimals(-500, 5000, places=2, allow_nan=False, allow_infinity=False)


@given(st.lists(amounts, min_size=2), st.decimals(0, 99, places=3), amounts, st.decimals("0.1", 9, places=3))
def test_dearer_on_the_market_is_never_cheaper_to_pay(
    prices: list[Decimal], factor: Decimal, fees: Decimal, tax: Decimal
) -> None:
    linear = tariff(priceFactor=f"{factor:f}", fees=f"{fees:f}", taxFactor=f"{tax:f}")
    paid = [linear.price_paid(price, NIGHT, PARIS) for price in sorted(prices)]
    assert all(cheaper <= dearer for cheaper, dearer in pairwise(paid))


@pytest.mark.parametrize(
    ("price", "text"),
    [("95.69", "95.69"), ("4000", "4000"), ("150.828", "150.83"), ("-0.125", "-0.12"), ("7.0", "7.0")],
)
def test_prices_for_people(price: str, text: str) -> None:
    assert short_price(Decimal(price)) == text
