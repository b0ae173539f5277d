"""Made-up days have the shape of 129 recorded French days of the day-ahead auction, June to October 2025."""

from datetime import date, timedelta
from statistics import correlation, fmean

from powercap_api.markets import Auction, Market
from powercap_operator.market.results import Query
from powercap_operator.sources.mock import made_up_periods

DAYS = [Query(Market("FR", Auction.SDAC), date(2026, 1, 1) + timedelta(days=place)) for place in range(129)]
RECORDED = -0.57
"""Mean correlation of volume and price within a day; it was above 0 on 8 of the days."""


def test_volume_and_price_go_together_as_on_recorded_days() -> None:
    found = []
    for query in DAYS:
        periods = made_up_periods(query)
        volumes = [float(period.volume or 0) for period in periods]
        found.append(correlation(volumes, [float(period.price or 0) for period in periods]))
    assert abs(fmean(found) - RECORDED) < 0.05
    assert 2 <= sum(one > 0 for one in found) <= 16


def test_noon_is_often_below_zero_and_the_evening_dearest() -> None:
    below, dearest = 0, []
    for query in DAYS:
        periods = made_up_periods(query)
        zone = query.market.bidding_zone.zone
        price = {period.start.astimezone(zone).hour: period.price or 0 for period in periods}
        below += min(price.values()) < 0
        dearest.append(max(price, key=lambda hour: price[hour]))
        assert max(periods, key=lambda period: period.volume or 0).price != max(price.values())
    assert 0.3 < below / len(DAYS) < 0.9
    assert set(dearest) <= {18, 19, 20}
