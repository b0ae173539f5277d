"""Days of which a column is missing, and days that cannot be right: who is asked, what is followed, what is said."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from powercap_api.conditions import find_condition
from powercap_api.marketday import MarketDay, MarketSource
from powercap_api.markets import Auction, Market, market_day_name
from powercap_api.powerpolicy import PowerPolicy
from powercap_api.schema.model import Condition
from powercap_operator.market.delivery_day import period_starts
from powercap_operator.market.errors import NotPublished
from powercap_operator.market.known_days import KnownDays
from powercap_operator.market.needs import Needs
from powercap_operator.market.plausibility import doubt, mean_over_max, price_correlation
from powercap_operator.market.results import Period, Query, build_market_day
from powercap_operator.planning.budget_spec import plan
from powercap_operator.planning.decision import decide
from powercap_operator.planning.due_days import days_before, is_due, once_more
from powercap_operator.planning.marketday_status import with_failure, with_results
from powercap_operator.planning.resolved_policy import resolve
from powercap_operator.planning.wanted_days import needs_of_markets, query_of
from powercap_operator.sources.entsoe.prices import parse_document
from tests.support.objects import after, make_day, make_node, make_policy, make_world, moment, new_day

DAY = date(2026, 6, 10)
YESTERDAY = DAY - timedelta(days=1)
IDA1 = Market("FR", Auction.IDA1)
SDAC = Market("FR", Auction.SDAC)
NOON, HISTORY = moment("2026-06-10T10:00Z"), timedelta(days=14)
FETCHED = moment("2026-06-09T13:31Z")

Value = Callable[[datetime], Decimal | None]


def always(value: Decimal) -> Value:
    return lambda _: value


def a_price(start: datetime) -> Decimal:
    return Decimal(100) - start.hour


def day_of(
    provider: str,
    market: Market,
    volume: Value | None,
    price: Value,
    *,
    day: date = DAY,
    known: tuple[MarketDay, ...] = (),
) -> MarketDay:
    """A MarketDay as the fetcher makes it of what a source gave."""
    made = new_day(
        day,
        market_day_name(provider, market, day),
        provider=provider,
        area=market.area,
        auction=market.auction,
        resolutionMinutes=market.resolution_minutes,
    )
    starts = period_starts(day, market.bidding_zone.zone, market.resolution_minutes)
    periods = [Period(start, volume(start) if volume else None, price(start)) for start in starts]
    data = build_market_day(periods, Query(market, day), needs_volume=volume is not None)
    before, recent = days_before(made, {one.metadata.name: one for one in known})
    totals = [Decimal(one.total_volume) for one in recent if one.total_volume is not None]
    found = doubt(data, before, totals)
    again = None if data.complete else FETCHED + timedelta(hours=2)
    if data.complete and found:
        again = once_more(made, FETCHED)
    source = MarketSource(fetched_at=FETCHED, route="page")
    return after(made, with_results(made, data, source, again, FETCHED, found, recent))


def policy(**spec: Any) -> PowerPolicy:
    return make_policy(**{"maxSource": "100", "minPower": "20", **spec})


def conditions(*days: MarketDay, of: PowerPolicy, now: datetime = NOON) -> Mapping[str, Condition]:
    """The policy's conditions by type."""
    world = make_world([of], days, [make_node("n1")])
    found = decide(world, now, HISTORY, now - timedelta(days=1)).policy_statuses["default"]["conditions"]
    return {one["type"]: Condition.model_validate(one) for one in found}


# a column -------------------------------------------------------------------------------------------------------

PRICED = policy(strategy={"type": "Price"})
HOLED: Value = lambda start: None if (start.hour, start.minute) == (3, 0) else Decimal(50)  # noqa: E731
ALL_ZERO = always(Decimal(0))


@pytest.mark.parametrize("volume", [HOLED, ALL_ZERO], ids=["one volume is missing", "every volume is 0"])
def test_a_strategy_of_prices_does_not_wait_for_volumes(volume: Value) -> None:
    yesterday = day_of("EPEX", IDA1, always(Decimal(50)), a_price, day=YESTERDAY)
    today = day_of("EPEX", IDA1, volume, a_price)
    found = conditions(yesterday, today, of=PRICED)["MarketData"]
    assert found.message == "FR IDA1: today's results (epex-fr-ida1-2026-06-10)."
    complete = find_condition(today.status.conditions, "Complete")
    assert complete is not None
    assert complete.status == "True"
    assert "volume" in complete.message
    needs = needs_of_markets([resolve(PRICED)])[IDA1]
    assert not any(is_due(today, FETCHED + timedelta(hours=hours), needs) for hours in range(48))


@pytest.mark.parametrize("volume", [HOLED, ALL_ZERO])
def test_a_strategy_of_volumes_does(volume: Value) -> None:
    yesterday = day_of("EPEX", IDA1, always(Decimal(50)), a_price, day=YESTERDAY)
    today = day_of("EPEX", IDA1, volume, a_price)
    assert conditions(yesterday, today, of=policy())["MarketData"].reason == "Fallback"
    needs = needs_of_markets([resolve(PRICED), resolve(policy())])[IDA1]
    assert needs == Needs(volume=True, price=True)
    assert is_due(today, FETCHED + timedelta(hours=3), needs)
    assert not is_due(today, FETCHED + timedelta(hours=1), needs)


def test_a_failure_does_not_end_the_wait_for_a_column() -> None:
    today = day_of("EPEX", IDA1, HOLED, a_price)
    later, again = FETCHED + timedelta(hours=2), FETCHED + timedelta(hours=4)
    failed = after(today, with_failure(today, NotPublished("not there"), again, later))
    assert failed.status.periods == today.status.periods
    assert not is_due(failed, later, Needs(volume=True))
    assert is_due(failed, again, Needs(volume=True))
    assert not is_due(failed, again, Needs(price=True))


def test_a_strategy_of_volumes_does_not_wait_for_prices() -> None:
    holed: Value = lambda start: None if start.hour == 3 else a_price(start)  # noqa: E731
    today = day_of("EPEX", IDA1, lambda start: Decimal(50 + start.hour), holed)
    assert conditions(today, of=policy())["MarketData"].reason == "Current"


# what cannot be right -------------------------------------------------------------------------------------------

TWO = policy(
    strategy={"type": "Price"},
    market={"providers": ["ENTSOE", "EnergyCharts"], "area": "FR", "auction": "SDAC"},
)
ZERO_DAY = always(Decimal("0.00"))
ZEROS = day_of("ENTSOE", SDAC, None, ZERO_DAY)
LAST_CALL = moment("2026-06-09T21:50Z")


def test_one_price_all_day_is_told_and_asked_for_once_more() -> None:
    found = find_condition(ZEROS.status.conditions, "Plausible")
    assert found is not None
    assert (found.status, found.reason) == ("False", "OnePrice")
    assert found.message == (
        "the price is 0.00 in all of its 96 periods: this cannot be right. Used where no other source has the day."
        " Asked once more at 2026-06-09T21:50:00Z."
    )
    assert not is_due(ZEROS, LAST_CALL - timedelta(minutes=1), Needs(price=True))
    assert is_due(ZEROS, LAST_CALL, Needs(price=True))
    again = after(
        ZEROS,
        with_results(
            ZEROS, build(ZEROS, ZERO_DAY), source(LAST_CALL), once_more(ZEROS, LAST_CALL), LAST_CALL
        ),
    )
    assert not any(
        is_due(again, LAST_CALL + timedelta(hours=hours), Needs(price=True)) for hours in range(24)
    )


def build(day: MarketDay, price: Value):  # type: ignore[no-untyped-def]
    query = query_of(day)
    starts = period_starts(
        query.delivery_day, query.market.bidding_zone.zone, query.market.resolution_minutes
    )
    return build_market_day(
        [Period(start, None, price(start)) for start in starts], query, needs_volume=False
    )


def source(at: datetime) -> MarketSource:
    return MarketSource(fetched_at=at, route="api")


def test_the_next_source_is_asked_and_believed() -> None:
    world = make_world([TWO], [ZEROS], [make_node("n1")])
    asked = decide(world, FETCHED, HISTORY, FETCHED - timedelta(days=1)).create_days
    assert "energycharts-fr-sdac-2026-06-10" in asked
    other = day_of("EnergyCharts", SDAC, None, a_price)
    assert conditions(ZEROS, other, of=TWO)["MarketData"].message.startswith(
        "FR SDAC: today's results (energycharts-fr-sdac-2026-06-10)."
    )


def test_it_is_used_where_there_is_nothing_better() -> None:
    assert "(entsoe-fr-sdac-2026-06-10)" in conditions(ZEROS, of=TWO)["MarketData"].message


def test_a_correction_replaces_it_and_a_failure_does_not() -> None:
    corrected = after(ZEROS, with_results(ZEROS, build(ZEROS, a_price), source(LAST_CALL), None, LAST_CALL))
    assert find_condition(corrected.status.conditions, "Plausible") is None
    prices = {period.price for period in plan(resolve(TWO), KnownDays([corrected]), NOON).periods}
    assert len(prices) == 24
    failed = after(
        ZEROS, with_failure(ZEROS, NotPublished("not there"), LAST_CALL + timedelta(hours=1), LAST_CALL)
    )
    assert failed.status.periods == ZEROS.status.periods
    assert "(entsoe-fr-sdac-2026-06-10)" in conditions(failed, of=TWO)["MarketData"].message
    assert not is_due(failed, LAST_CALL + timedelta(hours=2), Needs(price=True))


def test_the_exchange_is_not_asked_again() -> None:
    today = day_of("EPEX", IDA1, lambda start: Decimal(start.hour + 1), ZERO_DAY)
    found = find_condition(today.status.conditions, "Plausible")
    assert found is not None
    assert found.message.endswith("The source is not asked again.")
    assert not any(is_due(today, FETCHED + timedelta(hours=hours), Needs(price=True)) for hours in range(48))


@pytest.mark.parametrize(
    ("volume", "price", "reason"),
    [
        (lambda start: Decimal(start.hour + 1), a_price, "SameAsDayBefore"),
        (lambda start: Decimal(start.hour + 1) / 1000, a_price, "VolumesOff"),
        (lambda start: Decimal(start.hour + 1) * 200, a_price, "VolumesOff"),
        (lambda start: Decimal(start.hour + 1) * 50, a_price, None),
        (lambda start: Decimal(start.hour + 1), lambda start: Decimal(start.hour), None),
    ],
    ids=["a copy", "a thousandth", "two hundredfold", "fifty-fold", "another day"],
)
def test_what_speaks_against_a_day(volume: Value, price: Value, reason: str | None) -> None:
    yesterday = day_of("EPEX", IDA1, lambda start: Decimal(start.hour + 1), a_price, day=YESTERDAY)
    today = day_of("EPEX", IDA1, volume, price, known=(yesterday,))
    found = find_condition(today.status.conditions, "Plausible")
    assert (None if found is None else found.reason) == reason


def test_a_document_with_one_point_is_one_price() -> None:
    """As the ENTSO-E platform has published days and corrected them: one point of 0.00 with curve type A03."""
    body = """<?xml version="1.0" encoding="utf-8"?>
      <Publication_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3"><TimeSeries>
      <in_Domain.mRID codingScheme="A01">10YFR-RTE------C</in_Domain.mRID>
      <out_Domain.mRID codingScheme="A01">10YFR-RTE------C</out_Domain.mRID>
      <contract_MarketAgreement.type>A01</contract_MarketAgreement.type><curveType>A03</curveType>
      <Period><timeInterval><start>2026-06-09T22:00Z</start><end>2026-06-10T22:00Z</end></timeInterval>
      <resolution>PT15M</resolution><Point><position>1</position><price.amount>0.00</price.amount></Point></Period>
      </TimeSeries></Publication_MarketDocument>"""
    query = Query(SDAC, DAY)
    found = doubt(build_market_day(parse_document(body.encode(), query), query, needs_volume=False), [], [])
    assert found is not None
    assert found.reason == "OnePrice"


# how much volumes say -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("volume", "thin"), [("0.1", True), ("21.7", True), ("24.9", True), ("25.0", False), ("65.5", False)]
)
def test_a_thin_market_says_so(volume: str, thin: bool) -> None:
    """21.7 MWh in the mean quarter was the most of AT IDA1 in days of July 2026, 65.5 is FR's of 9 October 2025."""
    found = conditions(make_day(DAY, [volume] * 96), of=policy())
    assert ("ThinMarket" in found) is thin
    if thin:
        told = f"{Decimal(volume) * 4:.1f} MWh an hour were traded on the mean of 2026-06-10"
        assert told in found["ThinMarket"].message
        assert "write strategy: {type: Price}, or follow auction: SDAC" in found["ThinMarket"].message
    assert "ThinMarket" not in conditions(make_day(DAY, [volume] * 96), of=PRICED)


def test_the_days_numbers() -> None:
    rising = [Period(FETCHED + timedelta(hours=hour), Decimal(hour + 1), Decimal(-hour)) for hour in range(4)]
    assert price_correlation(rising) == pytest.approx(-1)
    assert price_correlation([Period(one.start, Decimal(1), one.price) for one in rising]) is None
    assert mean_over_max([Decimal(volume) for volume in (1, 2, 3, 4)]) == Decimal("0.625")
    assert mean_over_max([Decimal(3)] * 4) is None
    yesterday = day_of("EPEX", IDA1, lambda start: Decimal(start.hour), a_price, day=YESTERDAY)
    rises: Value = lambda start: Decimal(start.hour)  # noqa: E731
    today = day_of("EPEX", IDA1, lambda start: Decimal(start.hour), rises, known=(yesterday,))
    summary = today.status.summary
    assert summary is not None
    assert (summary.correlation, summary.median_correlation, summary.mean_over_max) == (
        "1.00",
        "0.00",
        "0.50",
    )


def test_a_constant_column_has_no_correlation() -> None:
    summary = day_of("EPEX", IDA1, always(Decimal(5)), a_price).status.summary
    assert summary is not None
    assert (summary.correlation, summary.median_correlation, summary.mean_over_max) == (None, None, None)
