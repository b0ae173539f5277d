"""Two sources' prices side by side."""

from datetime import date
from decimal import Decimal

import pytest

from dev.lab.exchange.pages import sample_periods
from powercap_api.markets import Auction, Market
from powercap_operator.market.price_comparison import compare_prices
from powercap_operator.market.results import Period, Query, build_market_day

QUERY = Query(Market("FR", Auction.SDAC), date(2025, 10, 26))
DAY = build_market_day(sample_periods(QUERY), QUERY)


def test_the_same_prices_agree() -> None:
    comparison = compare_prices(DAY, DAY)
    assert (comparison.compared, comparison.differing, comparison.message) == (100, 0, "")


def test_a_shifted_zero_filled_day_is_seen() -> None:
    prices = [period.price for period in DAY.periods]
    shifted = [*prices[:8], *[Decimal("0.00")] * 4, *prices[8:-4]]
    other = [Period(period.start, None, price) for period, price in zip(DAY.periods, shifted, strict=True)]
    comparison = compare_prices(DAY, build_market_day(other, QUERY, needs_volume=False))
    assert (comparison.compared, comparison.differing) == (100, 92)
    assert comparison.message.startswith("92 of 100 prices of FR SDAC of 2025-10-26 differ by up to ")
    assert "EUR/MWh (02:00-24:00)" in comparison.message


@pytest.mark.parametrize(("difference", "agree"), [("0.01", True), ("0.02", True), ("0.03", False)])
def test_rounding_is_no_difference(difference: str, agree: bool) -> None:
    other = [Period(one.start, None, (one.price or Decimal(0)) + Decimal(difference)) for one in DAY.periods]
    comparison = compare_prices(DAY, build_market_day(other, QUERY, needs_volume=False))
    assert (comparison.compared, comparison.differing == 0) == (100, agree)


def test_nothing_in_common_is_no_agreement() -> None:
    assert compare_prices(DAY, build_market_day([], QUERY)).compared == 0


def test_only_the_same_results_are_compared() -> None:
    other = Query(Market("FR", Auction.IDA1), QUERY.delivery_day)
    with pytest.raises(ValueError, match="not the same"):
        compare_prices(DAY, build_market_day([], other))
