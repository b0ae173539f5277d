"""Carbon intensity and renewable shares: what the sources give, what is believed of it, and what is not asked for."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev.lab.exchange.grid_answers import co2eq, intensities, ren_share
from dev.lab.exchange.site import Behaviour, ExchangeSite, loopback_client
from powercap_api.markets import BIDDING_ZONES, GridData, Market
from powercap_operator.market.errors import (
    Forbidden,
    Malformed,
    MarketError,
    NotOffered,
    NotPublished,
    RateLimited,
    TimedOut,
    TooLarge,
    Unavailable,
)
from powercap_operator.market.resample import resample
from powercap_operator.market.results import Period, Query
from powercap_operator.sources.carbon_intensity import parse_intensity
from powercap_operator.sources.energy_charts_grid import COUNTRIES, parse_grid
from powercap_operator.sources.mock import made_up_periods
from powercap_operator.sources.registry import FetchedDay, ProviderSettings, create

NOW = datetime(2026, 8, 3, 16, 0, tzinfo=UTC)
DAY = date(2026, 8, 4)
AUTUMN, SPRING = date(2026, 10, 25), date(2026, 3, 29)
CARBON = Query(Market("FR", GridData.CARBON), DAY)
SHARES = Query(Market("FR", GridData.RENEWABLE), DAY)
BRITAIN = Query(Market("GB", GridData.CARBON, 30), DAY)
EVERY = [("EnergyCharts", CARBON), ("EnergyCharts", SHARES), ("CarbonIntensity", BRITAIN)]


@pytest.fixture
def site() -> Iterator[ExchangeSite]:
    with ExchangeSite() as running:
        yield running


def fetch(site: ExchangeSite, name: str, query: Query, deadline_seconds: float = 20) -> FetchedDay:
    spent = []
    settings = ProviderSettings(
        contact="ops@example.org",
        energy_charts_url=site.energy_charts_url,
        carbon_intensity_url=site.carbon_intensity_url,
        now=lambda: NOW,
        deadline=timedelta(seconds=deadline_seconds),
    )

    async def spend() -> None:
        spent.append(1)

    async def ask() -> FetchedDay:
        async with loopback_client() as client:
            return await create(name, client, settings).fetch(query, spend)

    before = len(site.requests)
    try:
        return asyncio.run(ask())
    finally:
        assert len(site.requests) - before == len(spent)


def day_of(query: Query, measured: int = 0) -> tuple[Period, ...]:
    """A made-up day of which so many periods are measured."""
    periods = made_up_periods(query)
    if query.market.area == "GB":
        periods = tuple(replace(period, carbon=round(period.carbon or Decimal(0), 0)) for period in periods)
    return tuple(
        replace(period, forecast=index >= measured or query.market.auction is GridData.RENEWABLE)
        for index, period in enumerate(periods)
    )


@pytest.mark.parametrize(("name", "query"), EVERY)
@pytest.mark.parametrize("day", [DAY, AUTUMN, SPRING], ids=str)
def test_a_day_is_one_polite_request(site: ExchangeSite, name: str, query: Query, day: date) -> None:
    query = Query(query.market, day)
    site.publish(query, day_of(query, measured=20))
    site.publish(
        Query(query.market, day + timedelta(days=1)), day_of(Query(query.market, day + timedelta(days=1)))
    )
    fetched = fetch(site, name, query)
    assert fetched.periods == day_of(query, measured=20)
    assert fetched.day.complete
    assert (fetched.route, fetched.fetched_at) == ("api", NOW)
    (request,) = site.requests
    assert "ops@example.org" in request.headers["user-agent"]


@pytest.mark.parametrize(
    ("area", "country"), [("FR", "fr"), ("DE-LU", "de"), ("DK2", "dk"), ("SE4", "se"), ("NO5", "no")]
)
def test_energy_charts_is_asked_for_the_zones_country(site: ExchangeSite, area: str, country: str) -> None:
    query = Query(Market(area, GridData.CARBON), DAY)
    site.publish(query, day_of(query))
    assert fetch(site, "EnergyCharts", query).day.complete
    assert site.requests[0].parameters == {"country": country}


@pytest.mark.parametrize(("name", "query"), EVERY)
def test_a_day_that_is_not_there(site: ExchangeSite, name: str, query: Query) -> None:
    with pytest.raises(NotPublished):
        fetch(site, name, query)


@pytest.mark.parametrize(
    ("name", "market"),
    [
        ("EPEX", Market("FR", GridData.CARBON)),
        ("EnergyCharts", Market("GB", GridData.CARBON, 30)),
        ("EnergyCharts", Market("GB", GridData.RENEWABLE, 30)),
        ("CarbonIntensity", Market("GB", GridData.RENEWABLE, 30)),
        ("CarbonIntensity", Market("FR", GridData.CARBON)),
    ],
    ids=str,
)
def test_what_a_source_does_not_have_is_not_asked_for(site: ExchangeSite, name: str, market: Market) -> None:
    with pytest.raises(NotOffered):
        fetch(site, name, Query(market, DAY))
    assert site.requests == []


@pytest.mark.parametrize(("name", "query"), EVERY)
@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (Behaviour(status=403), Forbidden),
        (Behaviour(status=429, retry_after="60"), RateLimited),
        (Behaviour(status=500), Unavailable),
        (Behaviour(status=400, body="Bad request: country"), Unavailable),
        (Behaviour(reset=True), Unavailable),
        (Behaviour(megabytes=2), TooLarge),
        (Behaviour(body="<html>maintenance</html>"), Malformed),
        (Behaviour(body="[" * 100_000), Malformed),
        (Behaviour(body="{}"), Malformed),
    ],
)
def test_refusals_and_nonsense_are_told_apart(
    site: ExchangeSite, name: str, query: Query, behaviour: Behaviour, error: type[MarketError]
) -> None:
    site.behave(behaviour)
    with pytest.raises(error):
        fetch(site, name, query)


@pytest.mark.parametrize(("name", "query"), EVERY)
def test_a_silent_source_is_given_up(site: ExchangeSite, name: str, query: Query) -> None:
    site.behave(Behaviour(silent=True))
    with pytest.raises(TimedOut):
        fetch(site, name, query, deadline_seconds=0.3)


@pytest.mark.parametrize(("name", "query"), EVERY)
def test_a_day_with_its_end_missing_is_not_complete(site: ExchangeSite, name: str, query: Query) -> None:
    periods = day_of(query)
    known = len(periods) - 8
    site.publish(query, [*periods[:known], *(Period(period.start) for period in periods[known:])])
    fetched = fetch(site, name, query)
    assert not fetched.day.complete
    assert fetched.day.summary.periods in (known, len(periods))
    assert "22:00-24:00" in fetched.day.why or "20:00-24:00" in fetched.day.why


# --- What answers of the recorded shapes mean

STARTS = [period.start for period in made_up_periods(CARBON)]


def recorded(measured: Sequence[Any], forecast: Sequence[Any]) -> bytes:
    times = [int(start.timestamp()) for start in STARTS[: len(measured)]]
    body = {
        "unix_seconds": times,
        "co2eq": list(measured),
        "co2eq_forecast": list(forecast),
        "deprecated": False,
    }
    return json.dumps(body).encode()


def test_measured_values_come_before_forecasts_and_are_told_apart() -> None:
    body = recorded([21.4, 22, None, None, None], [None, 99.0, 23.1, None, 24.123])
    assert parse_grid(body, CARBON) == (
        Period(STARTS[0], carbon=Decimal("21.4")),
        Period(STARTS[1], carbon=Decimal(22)),
        Period(STARTS[2], carbon=Decimal("23.1"), forecast=True),
        Period(STARTS[3]),
        Period(STARTS[4], carbon=Decimal("24.12"), forecast=True),
    )


def test_a_list_that_is_null_is_a_list_of_nothing() -> None:
    body = recorded([21.4, 22.0], [])
    document = {**json.loads(body), "co2eq_forecast": None}
    assert len(parse_grid(json.dumps(document).encode(), CARBON)) == 2


def test_shares_may_be_above_100_and_are_forecasts() -> None:
    body = ren_share([Period(start, renewable=Decimal("112.5")) for start in STARTS[:4]]).encode()
    assert {(period.renewable, period.forecast) for period in parse_grid(body, SHARES)} == {
        (Decimal("112.5"), True)
    }


@pytest.mark.parametrize(
    "body", [ren_share([]), ren_share([Period(STARTS[0])]), ren_share([], unix_seconds=None, ren_share=None)]
)
def test_empty_lists_with_status_200_are_not_published(body: str) -> None:
    with pytest.raises(NotPublished):
        parse_grid(body.encode(), SHARES)


@pytest.mark.parametrize(
    "body",
    [
        recorded([21.4, -3.0], [None, None]),
        recorded([21.4, 2001], [None, None]),
        recorded([21.4, 22], [None]),
        recorded([21.4, "22"], [None, None]),
        recorded([True, False], [None, None]),
        co2eq([Period(STARTS[0], carbon=Decimal(20)), Period(STARTS[0], carbon=Decimal(21))]).encode(),
        co2eq([Period(STARTS[0] + timedelta(minutes=7 * i), carbon=Decimal(20)) for i in range(4)]).encode(),
        b'{"unix_seconds": [1785794400, 1785795300], "co2eq": [NaN, 1e999], "co2eq_forecast": [null, null]}',
    ],
)
def test_what_cannot_be_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_grid(body, CARBON)


def test_half_hours_of_great_britain() -> None:
    body = json.dumps(
        {
            "data": [
                {
                    "from": "2026-08-03T21:30Z",
                    "to": "2026-08-03T22:00Z",
                    "intensity": {"forecast": 140, "actual": 139, "index": "low"},
                },
                {
                    "from": "2026-08-03T22:00Z",
                    "to": "2026-08-03T22:30Z",
                    "intensity": {"forecast": 146, "actual": 149, "index": "moderate"},
                },
                {
                    "from": "2026-08-03T22:30Z",
                    "to": "2026-08-03T23:00Z",
                    "intensity": {"forecast": 148, "actual": None, "index": "low"},
                },
            ]
        }
    )
    measured, forecast = parse_intensity(body.encode(), BRITAIN)
    assert (measured.carbon, measured.forecast) == (Decimal(149), False)
    assert (forecast.carbon, forecast.forecast) == (Decimal(148), True)
    assert measured.start == datetime(2026, 8, 3, 22, 0, tzinfo=UTC)


@pytest.mark.parametrize("minutes", [15, 30, 60])
def test_half_hours_are_resampled(minutes: int) -> None:
    periods = day_of(BRITAIN, measured=9)
    found = parse_intensity(intensities(periods).encode(), Query(Market("GB", GridData.CARBON, minutes), DAY))
    assert found == resample(periods, 30, minutes)
    assert sum(period.forecast for period in found) * minutes == (48 - 9 + (minutes == 60)) * 30


@pytest.mark.parametrize(
    "change",
    [
        {"to": "2026-08-04T00:00Z"},
        {"from": "2026-08-03T23:00"},
        {"intensity": {"forecast": 5000, "actual": None}},
        {"intensity": {"forecast": "high", "actual": None}},
        {"intensity": None},
    ],
)
def test_what_is_no_half_hour_is_refused(change: dict[str, Any]) -> None:
    slot = {
        "from": "2026-08-03T23:00Z",
        "to": "2026-08-03T23:30Z",
        "intensity": {"forecast": 146, "actual": None},
    }
    with pytest.raises(Malformed):
        parse_intensity(json.dumps({"data": [{**slot, **change}]}).encode(), BRITAIN)


def test_every_zone_of_the_continent_has_a_country() -> None:
    assert set(COUNTRIES) == set(BIDDING_ZONES) - {"GB"}


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_bytes_do_more_than_be_refused(body: bytes) -> None:
    for parse, query in ((parse_grid, CARBON), (parse_grid, SHARES), (parse_intensity, BRITAIN)):
        with pytest.raises(MarketError):
            parse(body, query)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["unix_seconds", "co2eq", "co2eq_forecast", "ren_share", "data", "from", "intensity"]
            ),
            children,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_no_json_does_more_than_be_refused(document: Any) -> None:
    body = json.dumps(document).encode()
    for parse, query in ((parse_grid, CARBON), (parse_grid, SHARES), (parse_intensity, BRITAIN)):
        try:
            periods = parse(body, query)
        except MarketError:
            continue
        assert all(period.carbon is None or period.carbon >= 0 for period in periods)
