"""A policy's tariff and hours over midnight, from its spec to plan, status and budget."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from powercap_api.clock import format_time
from powercap_api.marketday import MarketDay
from powercap_api.powerpolicy import PowerPolicy
from powercap_api.schedule import Schedule
from powercap_operator.market.delivery_day import period_starts
from powercap_operator.market.known_days import KnownDays, market_of
from powercap_operator.planning.budget_spec import PlannedPeriod, budget_spec, plan
from powercap_operator.planning.decision import decide
from powercap_operator.planning.resolved_policy import resolve
from tests.support.objects import make_day, make_node, make_policy, make_world, moment

DAY = date(2025, 10, 9)
NEXT = DAY + timedelta(days=1)
NOON = moment("2025-10-09T10:00Z")
WATT = 1_000_000
HOURLY = {"auction": "SDAC", "resolutionMinutes": 60}
EVENING_FEES = {"fees": "30", "windows": [{"start": "18:00", "end": "22:00", "fees": "300"}]}


def priced_day(day: date, prices: Sequence[int], fetched_at: str) -> MarketDay:
    market = market_of(make_policy(market=HOURLY).spec.market)
    body = make_day(day, market=market).to_wire()
    starts = period_starts(day, market.bidding_zone.zone, 60)
    body["status"]["periods"] = [
        {"start": format_time(start), "price": str(price)}
        for start, price in zip(starts, prices, strict=True)
    ]
    body["status"]["source"] = {"fetchedAt": format_time(moment(fetched_at)), "route": "page"}
    return MarketDay.from_wire(body)


def planned(policy: PowerPolicy, days: Sequence[MarketDay], now: datetime = NOON) -> Schedule[PlannedPeriod]:
    return plan(resolve(policy), KnownDays(days), now).periods


def priced_policy(**spec: Any) -> PowerPolicy:
    return make_policy(market=HOURLY, **spec)


DAY_OF_PRICES = priced_day(DAY, [-20, 10, 50, 90, *[60] * 14, -15, *[60] * 5], "2025-10-08T11:00Z")


def test_price_ranks_by_what_is_paid() -> None:
    """On the market 18:00 is almost the cheapest hour; with the evening's fees it is dear."""
    plain = planned(priced_policy(strategy={"type": "Price"}), [DAY_OF_PRICES])
    paid = planned(priced_policy(strategy={"type": "Price"}, tariff=EVENING_FEES), [DAY_OF_PRICES])
    assert (plain[18].cap_uw, paid[18].cap_uw) == (40 * WATT, 10 * WATT)
    assert (paid[18].price, paid[18].price_paid) == ("-15", "315")
    assert plain[18].price_paid is None


def test_a_negative_market_price_is_not_a_negative_price_paid() -> None:
    spec = {"type": "Price", "lowPrice": "0", "highPrice": "100"}
    plain = planned(priced_policy(strategy=spec), [DAY_OF_PRICES])
    paid = planned(priced_policy(strategy=spec, tariff={"fees": "30"}), [DAY_OF_PRICES])
    assert plain[0].why == "negative price -20 EUR/MWh: maxSource 40 W"
    assert paid[0].why == "10 EUR/MWh between 0 and 100: 90 % of 40 W (price paid)"


def test_without_windows_a_tariff_changes_no_days_order() -> None:
    linear = {"priceFactor": "1.03", "fees": "38.5", "taxFactor": "1.2"}
    by_market, by_paid = (
        planned(priced_policy(strategy={"type": "CheapestHours", "hours": 5}, tariff=tariff), [DAY_OF_PRICES])
        for tariff in ({}, linear)
    )
    assert [one.share for one in by_market] == [one.share for one in by_paid]
    ranked = sorted((Decimal(one.price or 0), Decimal(one.price_paid or 0)) for one in by_paid)
    assert all(earlier[1] <= later[1] for earlier, later in pairwise(ranked))


def test_the_status_says_the_price_paid() -> None:
    policy = priced_policy(strategy={"type": "Price"}, tariff={"fees": "30", "taxFactor": "1.2"})
    world = make_world([policy], [DAY_OF_PRICES], [make_node("node-1")])
    current = decide(world, NOON, timedelta(days=14)).policy_statuses["default"]["current"]
    assert (current["price"], current["pricePaid"]) == ("60 EUR/MWh", "108.0 EUR/MWh")
    plain = make_world([priced_policy(strategy={"type": "Price"})], [DAY_OF_PRICES], [make_node("node-1")])
    assert "pricePaid" not in decide(plain, NOON, timedelta(days=14)).policy_statuses["default"]["current"]


# --- Hours over midnight

NIGHT: dict[str, Any] = {"type": "CheapestHours", "hours": 4, "within": {"start": "20:00", "end": "08:00"}}
TODAY = priced_day(DAY, [90] * 20 + [40, 30, 50, 60], "2025-10-08T11:00Z")
TOMORROW = priced_day(NEXT, [20, 70, 25, 80, 80, 80, 10, 85] + [5] * 16, "2025-10-09T19:30Z")


def the_night(days: Sequence[MarketDay], now: datetime) -> list[str]:
    """The hours in UTC of the night to the 10th at full power."""
    begin, end = moment("2025-10-09T18:00Z"), moment("2025-10-10T06:00Z")
    return [
        f"{period.start:%H}"
        for period in planned(priced_policy(strategy=NIGHT), days, now)
        if begin <= period.start < end and period.cap_uw == 40 * WATT
    ]


def test_a_night_is_the_same_before_and_after_midnight() -> None:
    """Tomorrow came at 21:30 on the clock on the wall: two of the evening's four hours had begun by then."""
    assert the_night([TODAY], moment("2025-10-09T18:10Z")) == ["18", "19", "20", "21"]
    assert the_night([TODAY, TOMORROW], moment("2025-10-09T19:31Z")) == ["18", "19", "22", "04"]
    assert the_night([TODAY, TOMORROW], moment("2025-10-10T01:00Z")) == ["22", "04"]


def test_a_budget_is_not_written_again_at_midnight() -> None:
    policy, node = priced_policy(strategy=NIGHT), make_node("node-1")
    world = make_world([policy], [TODAY, TOMORROW], [node])
    (write,) = decide(world, moment("2025-10-09T21:59Z"), timedelta(days=14)).write_budgets
    resolved, after = resolve(policy), moment("2025-10-09T22:01Z")
    planned_anew = plan(resolved, KnownDays([TODAY, TOMORROW]), after)
    assert budget_spec(resolved, planned_anew, write.spec, after) == write.spec
