"""What is read of the periods in a MarketDay's status."""

from datetime import date
from decimal import Decimal

from powercap_api.marketday import MarketDay
from powercap_operator.market.known_days import periods_of
from tests.support.objects import make_day, moment

DAY = date(2025, 10, 9)


def test_every_field_of_a_period_is_read() -> None:
    body = make_day(DAY, ["68.2", "70.10"]).to_wire()
    body["status"]["periods"][0] |= {"carbon": "41.5", "renewable": "88", "forecast": True}
    del body["status"]["periods"][1]["price"]
    first, second = periods_of(MarketDay.from_wire(body))
    assert (first.start, first.volume, first.price) == (
        moment("2025-10-08T22:00Z"),
        Decimal("68.2"),
        Decimal("50.00"),
    )
    assert (first.carbon, first.renewable, first.forecast) == (Decimal("41.5"), Decimal(88), True)
    assert (second.volume, second.price, second.carbon, second.forecast) == (
        Decimal("70.10"),
        None,
        None,
        False,
    )


def test_the_numbers_of_a_stored_day_are_read_once_for_each_state_of_it() -> None:
    day = make_day(DAY, ["68.2", "70.10"])
    read = periods_of(day)
    assert periods_of(day) is read
    fewer = day.model_copy(
        update={"status": day.status.model_copy(update={"periods": day.status.periods[:1]})}
    )
    assert [period.volume for period in periods_of(fewer)] == [Decimal("68.2")]
    for count in range(1, 50):  # an object that takes the place of one that is gone, often at its address
        assert len(periods_of(make_day(DAY, ["1"] * count))) == count
