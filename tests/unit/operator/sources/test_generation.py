"""Carbon intensity and renewable shares from ENTSO-E's generation: examples to check by hand, and what is refused."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev.lab.exchange.generation_answers import document, production
from dev.lab.exchange.price_answers import ACKNOWLEDGEMENT
from dev.lab.exchange.site import Behaviour, ExchangeSite, loopback_client
from powercap_api.markets import GridData, Market
from powercap_operator.market.delivery_day import day_bounds, period_starts
from powercap_operator.market.errors import (
    Forbidden,
    Malformed,
    MarketError,
    NotOffered,
    NotPublished,
    SettingMissing,
    WrongMarket,
)
from powercap_operator.market.results import Query
from powercap_operator.sources.entsoe.emission_factors import PRODUCTION_TYPES, STORAGE
from powercap_operator.sources.entsoe.generation import (
    Power,
    grid_periods,
    measured_until,
    parse_generation,
)
from powercap_operator.sources.registry import FetchedDay, ProviderSettings, create

NOW = datetime(2026, 8, 4, 16, 20, tzinfo=UTC)
DAY = date(2026, 8, 4)
NEXT = DAY + timedelta(days=1)
AUTUMN, SPRING = date(2026, 10, 25), date(2026, 3, 29)
CARBON = Query(Market("FR", GridData.CARBON), DAY)
SHARES = Query(Market("FR", GridData.RENEWABLE), DAY)
ZONE = CARBON.market.bidding_zone.zone
NUCLEAR, GAS, SUN, WIND, WATER, BIOMASS, PUMPED, OTHER = (
    "B14",
    "B04",
    "B16",
    "B19",
    "B11",
    "B01",
    "B10",
    "B20",
)
QUARTER = timedelta(minutes=15)


Quarters = dict[datetime, dict[str, Decimal]]


def constant(begin: datetime, end: datetime, /, **megawatts: int) -> Quarters:
    count = (end - begin) // QUARTER
    return {begin + QUARTER * i: {kind: Decimal(mw) for kind, mw in megawatts.items()} for i in range(count)}


def bounds(day: date) -> tuple[datetime, datetime]:
    return day_bounds(day, ZONE)


# --- The arithmetic


def test_carbon_is_the_mean_of_factors_by_power() -> None:
    """(600 x 12 + 300 x 490 + 100 x 48) / 1000 = 159"""
    measured = constant(*bounds(DAY), B14=600, B04=300, B16=100)
    periods = grid_periods(measured, {}, CARBON)
    assert len(periods) == 96
    assert {(period.carbon, period.forecast) for period in periods} == {(Decimal("159.00"), False)}


def test_the_share_of_renewables_is_of_all_power() -> None:
    measured = constant(*bounds(DAY), B14=500, B04=100, B16=100, B19=100, B11=100, B01=50, B20=50)
    assert {period.renewable for period in grid_periods(measured, {}, SHARES)} == {Decimal("35.00")}


def test_what_has_no_factor_is_left_out_of_carbon_only() -> None:
    measured = constant(*bounds(DAY), B14=100, B20=100)
    assert {period.carbon for period in grid_periods(measured, {}, CARBON)} == {Decimal("12.00")}
    assert {period.renewable for period in grid_periods(measured, {}, SHARES)} == {Decimal("0.00")}


@pytest.mark.parametrize("minutes", [15, 30, 60])
def test_any_resolution(minutes: int) -> None:
    query = Query(Market("FR", GridData.CARBON, minutes), DAY)
    assert len(grid_periods(constant(*bounds(DAY), B14=1), {}, query)) == 24 * 60 // minutes


# --- The forecast


def test_more_wind_than_yesterday_displaces_the_rest_in_its_proportions() -> None:
    """Yesterday 600 nuclear, 200 gas, 200 wind; today 600 wind: half of nuclear and gas, 300 and 100, are needed."""
    today, tomorrow = bounds(DAY), bounds(NEXT)
    measured = constant(*today, B14=600, B04=200, B19=200)
    forecast = constant(*tomorrow, B19=600)
    (only,) = {(p.carbon, p.forecast) for p in grid_periods(measured, forecast, Query(CARBON.market, NEXT))}
    assert only == ((300 * 12 + 100 * 490 + 600 * 11) / Decimal(1000), True)
    shares = grid_periods(measured, forecast, Query(SHARES.market, NEXT))
    assert {period.renewable for period in shares} == {Decimal("60.00")}


def test_more_wind_than_all_power_leaves_no_rest() -> None:
    measured, forecast = constant(*bounds(DAY), B04=500), constant(*bounds(NEXT), B19=900)
    assert {p.carbon for p in grid_periods(measured, forecast, Query(CARBON.market, NEXT))} == {
        Decimal("11.00")
    }


def test_measured_values_go_as_far_as_every_type_has_come_in() -> None:
    """Gas is in until 12:00, everything else until 13:00, oil stopped the day before."""
    begin, end = bounds(DAY)
    measured = constant(begin, begin + timedelta(hours=13), B14=600, B19=100)
    for start, gas in constant(begin, begin + timedelta(hours=12), B04=200).items():
        measured[start].update(gas)
    yesterday = constant(begin - timedelta(days=1), begin, B14=600, B04=300, B19=100)
    yesterday[begin - timedelta(hours=20)]["B06"] = Decimal(5)
    power = yesterday | measured
    assert measured_until(power) == begin + timedelta(hours=12)
    periods = grid_periods(power, constant(begin, end, B19=100), CARBON)
    assert [period.forecast for period in periods] == [False] * 48 + [True] * 48
    assert periods[47].carbon == (Decimal(600 * 12 + 200 * 490 + 100 * 11) / 900).quantize(Decimal("0.01"))
    assert periods[48].carbon == (Decimal(600 * 12 + 300 * 490 + 100 * 11) / 1000).quantize(Decimal("0.01"))


def test_tomorrow_evening_goes_by_yesterdays_where_todays_is_not_there_yet() -> None:
    begin, _ = bounds(DAY)
    measured = constant(begin - timedelta(days=1), begin + timedelta(hours=16), B14=600, B19=100)
    periods = grid_periods(measured, constant(*bounds(NEXT), B19=50), Query(CARBON.market, NEXT))
    assert len(periods) == 96


def test_without_a_forecast_of_wind_and_sun_there_is_none() -> None:
    begin, _ = bounds(DAY)
    measured = constant(begin - timedelta(days=1), begin + timedelta(hours=6), B14=600)
    assert len(grid_periods(measured, {}, CARBON)) == 24
    assert grid_periods({}, constant(*bounds(DAY), B19=5), CARBON) == ()


@pytest.mark.parametrize(("day", "quarters"), [(AUTUMN, 100), (SPRING, 92)])
def test_clock_changes(day: date, quarters: int) -> None:
    query = Query(CARBON.market, day)
    begin, end = bounds(day)
    measured = constant(begin - timedelta(days=2), begin, B14=600, B04=100)
    assert len(grid_periods(measured, constant(begin, end, B19=10), query)) == quarters
    assert len(grid_periods(constant(begin, end, B14=1), {}, query)) == quarters


megawatts = st.dictionaries(st.sampled_from(sorted(PRODUCTION_TYPES)), st.integers(0, 90_000), min_size=1)


@given(megawatts, st.dictionaries(st.sampled_from(["B16", "B18", "B19"]), st.integers(0, 90_000)))
def test_carbon_lies_between_the_least_and_the_largest_factor(
    generated: dict[str, int], expected: dict[str, int]
) -> None:
    measured, forecast = constant(*bounds(DAY), **generated), constant(*bounds(NEXT), **expected)
    for query in (CARBON, Query(CARBON.market, NEXT)):
        for period in grid_periods(measured, forecast, query):
            assert period.carbon is None or Decimal(11) <= period.carbon <= Decimal(840)
    for query in (SHARES, Query(SHARES.market, NEXT)):
        for period in grid_periods(measured, forecast, query):
            assert period.renewable is None or 0 <= period.renewable <= 100


def test_every_production_type_is_known() -> None:
    """ENTSO-E's code list has B01 to B20, and B25 since 2023."""
    assert set(PRODUCTION_TYPES) | STORAGE == {*(f"B{code:02}" for code in range(1, 21)), "B25"}


# --- Documents


def test_a_document_is_read_with_repeated_values_and_long_steps() -> None:
    begin, end = bounds(DAY)
    body = document(
        "A75",
        production("FR", NUCLEAR, begin, end, {1: 600, 3: 620}, minutes=60, curve="A03"),
        production(
            "FR", SUN, begin, begin + timedelta(hours=1), {1: 5, 2: 6, 4: -1}, minutes=15, curve="A01"
        ),
    )
    power = parse_generation(body.encode(), CARBON)
    assert len(power) == 96
    assert power[begin] == {NUCLEAR: 600, SUN: 5}
    assert power[begin + QUARTER * 2] == {NUCLEAR: 600}
    assert power[begin + QUARTER * 3] == {NUCLEAR: 600, SUN: 0}
    assert power[end - QUARTER] == {NUCLEAR: 620}


def test_pumps_and_storage_are_left_out() -> None:
    begin, end = bounds(DAY)
    body = document(
        "A75",
        production("FR", NUCLEAR, begin, end, {1: 600}),
        production("FR", PUMPED, begin, end, {1: 100}),
        production("FR", WATER, begin, end, {1: 50}, consumption=True),
    )
    assert parse_generation(body.encode(), CARBON)[begin] == {NUCLEAR: 600}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("", Malformed),
        ("<html/>", Malformed),
        ('<!DOCTYPE a [<!ENTITY b "c">]><GL_MarketDocument/>', Malformed),
        (ACKNOWLEDGEMENT, NotPublished),
        (ACKNOWLEDGEMENT.replace("No matching data found", "unexpected parameter"), Malformed),
        (document("A75", production("BE", NUCLEAR, *day_bounds(DAY, ZONE), {1: 1})), WrongMarket),
        (document("A75", production("FR", "B99", *day_bounds(DAY, ZONE), {1: 1})), Malformed),
        (document("A75", production("FR", NUCLEAR, *day_bounds(DAY, ZONE), {1: 1}, unit="KWT")), Malformed),
        (document("A75", production("FR", NUCLEAR, *day_bounds(DAY, ZONE), {97: 1})), Malformed),
        (document("A75", production("FR", NUCLEAR, *day_bounds(DAY, ZONE), {1: 9_999_999})), Malformed),
        (document("A75", production("FR", NUCLEAR, *day_bounds(DAY, ZONE), {1: 1}, minutes=7)), Malformed),
    ],
)
def test_what_is_no_generation_is_refused(body: str, error: type[MarketError]) -> None:
    with pytest.raises(error):
        parse_generation(body.encode(), CARBON)


# --- Asked on loopback


@pytest.fixture
def site() -> Iterator[ExchangeSite]:
    with ExchangeSite() as running:
        yield running


TOKEN = "0a1b2c3d-secret"


def fetch(site: ExchangeSite, query: Query, token: str = TOKEN) -> FetchedDay:
    spent = []

    async def spend() -> None:
        spent.append(1)

    async def ask() -> FetchedDay:
        settings = ProviderSettings(entsoe_url=site.entsoe_url, entsoe_token=token, now=lambda: NOW)
        async with loopback_client() as client:
            return await create("ENTSOE", client, settings).fetch(query, spend)

    try:
        return asyncio.run(ask())
    finally:
        assert len(site.requests) == len(spent)


def publish(site: ExchangeSite, measured: Power, forecast: Power) -> None:
    site.publish_generation("FR", "A75", measured)
    site.publish_generation("FR", "A69", forecast)


def documents(site: ExchangeSite) -> Sequence[tuple[str, str]]:
    return [
        (request.parameters["documentType"], request.parameters["processType"]) for request in site.requests
    ]


@pytest.mark.parametrize("query", [CARBON, SHARES], ids=str)
def test_a_day_that_is_over_is_one_request(site: ExchangeSite, query: Query) -> None:
    begin, end = bounds(DAY)
    publish(site, constant(begin - timedelta(days=2), end, B14=600, B04=300, B16=100), {})
    fetched = fetch(site, query)
    assert fetched.day.complete
    assert fetched.day.summary.periods == 96
    assert documents(site) == [("A75", "A16")]
    assert site.requests[0].parameters["periodStart"] == f"{begin - timedelta(days=2):%Y%m%d%H%M}"


@pytest.mark.parametrize("query", [CARBON, SHARES], ids=str)
def test_tomorrow_is_two_requests_and_all_forecast(site: ExchangeSite, query: Query) -> None:
    begin, end = bounds(NEXT)
    publish(
        site,
        constant(begin - timedelta(days=2), NOW - timedelta(minutes=20), B14=600, B04=300),
        constant(begin, end, B16=100),
    )
    fetched = fetch(site, Query(query.market, NEXT))
    assert fetched.day.complete
    assert all(period.forecast for period in fetched.periods)
    assert documents(site) == [("A75", "A16"), ("A69", "A01")]


def test_today_is_measured_until_now_and_forecast_from_then_on(site: ExchangeSite) -> None:
    begin, end = bounds(DAY)
    publish(
        site,
        constant(begin - timedelta(days=2), NOW - timedelta(minutes=20), B14=600, B19=30),
        constant(begin, end, B19=100),
    )
    flags = [period.forecast for period in fetch(site, CARBON).periods]
    assert flags == sorted(flags)
    assert flags.index(True) == (NOW - timedelta(minutes=20) - begin) // QUARTER


def test_a_forecast_that_is_not_there_yet_is_not_published(site: ExchangeSite) -> None:
    begin, _ = bounds(NEXT)
    site.publish_generation("FR", "A75", constant(begin - timedelta(days=2), NOW, B14=600))
    with pytest.raises(NotPublished):
        fetch(site, Query(CARBON.market, NEXT))
    assert len(site.requests) == 2


def test_great_britain_is_not_asked_for(site: ExchangeSite) -> None:
    with pytest.raises(NotOffered):
        fetch(site, Query(Market("GB", GridData.CARBON, 30), DAY))
    assert site.requests == []


def test_a_token_is_needed(site: ExchangeSite) -> None:
    with pytest.raises(SettingMissing):
        fetch(site, CARBON, token="")
    assert site.requests == []


def test_a_refusal_is_a_refusal(site: ExchangeSite) -> None:
    site.behave(Behaviour(status=401))
    with pytest.raises(Forbidden, match="refuses the token"):
        fetch(site, CARBON)


def test_all_periods_are_of_the_day() -> None:
    measured = constant(bounds(DAY)[0] - timedelta(days=2), bounds(NEXT)[1], B14=1)
    assert [period.start for period in grid_periods(measured, {}, CARBON)] == list(
        period_starts(DAY, ZONE, 15)
    )
