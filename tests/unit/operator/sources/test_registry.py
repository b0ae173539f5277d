"""The sources beside the exchange: what they give, what they do not, and that secrets stay secret."""

import asyncio
import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev.lab.exchange import price_answers
from dev.lab.exchange.pages import sample_periods
from dev.lab.exchange.price_answers import prices_of
from dev.lab.exchange.site import Behaviour, ExchangeSite, loopback_client
from powercap_api.markets import BIDDING_ZONES, Auction, Market
from powercap_operator.market.errors import (
    Forbidden,
    MarketError,
    NotOffered,
    NotPublished,
    SettingMissing,
    TooLarge,
    Unavailable,
)
from powercap_operator.market.resample import resample
from powercap_operator.market.results import Query
from powercap_operator.sources.energy_charts import parse_answer
from powercap_operator.sources.entsoe.document import EIC_CODES
from powercap_operator.sources.entsoe.prices import parse_document
from powercap_operator.sources.registry import FetchedDay, ProviderSettings, create

NOW = datetime(2025, 10, 8, 14, 0, tzinfo=UTC)
DAY = date(2025, 10, 9)
QUERY = Query(Market("FR", Auction.SDAC), DAY)
TOKEN = "0a1b2c3d-secret"
PRICE_ONLY = ("EnergyCharts", "ENTSOE")


@pytest.fixture
def site() -> Iterator[ExchangeSite]:
    with ExchangeSite() as running:
        yield running


def settings(site: ExchangeSite, token: str = TOKEN) -> ProviderSettings:
    return ProviderSettings(
        contact="ops@example.org",
        epex_url=site.epex_url,
        energy_charts_url=site.energy_charts_url,
        entsoe_url=site.entsoe_url,
        entsoe_token=token,
        now=lambda: NOW,
    )


def fetch(site: ExchangeSite, name: str, query: Query = QUERY, token: str = TOKEN) -> FetchedDay:
    spent = []

    async def spend() -> None:
        spent.append(1)

    async def ask() -> FetchedDay:
        async with loopback_client() as client:
            return await create(name, client, settings(site, token)).fetch(query, spend)

    before = len(site.requests)
    fetched = asyncio.run(ask())
    assert len(site.requests) - before == len(spent)
    return fetched


@pytest.mark.parametrize("name", PRICE_ONLY)
@pytest.mark.parametrize("day", [DAY, date(2025, 10, 26), date(2026, 3, 29)], ids=str)
@pytest.mark.parametrize("minutes", [15, 60])
def test_prices_of_a_day(site: ExchangeSite, name: str, day: date, minutes: int) -> None:
    query = Query(Market("DE-LU", Auction.SDAC, minutes), day)
    site.publish(query, sample_periods(query))
    fetched = fetch(site, name, query)
    assert prices_of(fetched.periods) == prices_of(sample_periods(query))
    assert fetched.day.complete
    assert not fetched.day.has_volume
    assert (fetched.route, fetched.currency, fetched.fetched_at) == ("api", "EUR", NOW)
    assert len(site.requests) == 1
    assert "ops@example.org" in site.requests[0].headers["user-agent"]


@pytest.mark.parametrize("name", PRICE_ONLY)
@pytest.mark.parametrize(("published", "wanted"), [(60, 15), (15, 60)])
def test_another_step_is_resampled(site: ExchangeSite, name: str, published: int, wanted: int) -> None:
    query = Query(Market("AT", Auction.SDAC, published), DAY)
    periods = sample_periods(query)
    site.publish(query, periods)
    fetched = fetch(site, name, Query(Market("AT", Auction.SDAC, wanted), DAY))
    assert prices_of(fetched.periods) == prices_of(resample(periods, published, wanted))
    assert fetched.day.complete


@pytest.mark.parametrize("name", PRICE_ONLY)
def test_a_day_that_is_not_there(site: ExchangeSite, name: str) -> None:
    with pytest.raises(NotPublished):
        fetch(site, name)


@pytest.mark.parametrize("name", PRICE_ONLY)
@pytest.mark.parametrize("market", [Market("FR", Auction.IDA1), Market("GB", Auction.SDAC, 60)], ids=str)
def test_markets_that_they_do_not_have_are_not_asked_for(
    site: ExchangeSite, name: str, market: Market
) -> None:
    with pytest.raises(NotOffered):
        fetch(site, name, Query(market, DAY))
    assert site.requests == []


@pytest.mark.parametrize("name", ["EPEX", *PRICE_ONLY])
def test_refusals_are_the_same_everywhere(site: ExchangeSite, name: str) -> None:
    site.behave(Behaviour(status=403))
    with pytest.raises(Forbidden):
        fetch(site, name)


def test_a_refused_token_is_said_to_be_refused(site: ExchangeSite) -> None:
    site.behave(Behaviour(status=401))
    with pytest.raises(Forbidden, match="refuses the token") as refused:
        fetch(site, "ENTSOE")
    assert "ask less" not in str(refused.value)


def test_no_matching_data_with_status_400_is_not_published(site: ExchangeSite) -> None:
    site.behave(Behaviour(status=400, body=price_answers.ACKNOWLEDGEMENT))
    with pytest.raises(NotPublished):
        fetch(site, "ENTSOE")
    site.behave(Behaviour(status=400, body="<html>"))
    with pytest.raises(Unavailable, match="did not accept the query"):
        fetch(site, "ENTSOE")


def test_a_site_without_the_newer_way_is_asked_the_older_one(site: ExchangeSite) -> None:
    site.publish(QUERY, sample_periods(QUERY))
    site.behave(Behaviour(status=404, body=price_answers.NO_SUCH_ADDRESS, times=1))
    assert fetch(site, "EnergyCharts").day.complete
    assert [request.path for request in site.requests] == ["/energy-charts/v2/price", "/energy-charts/price"]


def test_without_a_token_nothing_is_asked(site: ExchangeSite) -> None:
    with pytest.raises(SettingMissing, match="token"):
        fetch(site, "ENTSOE", token=" ")
    assert site.requests == []


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(),
        Behaviour(status=401),
        Behaviour(status=500),
        Behaviour(reset=True),
        Behaviour(body="<x"),
        Behaviour(redirect_to="http://example.org/?securityToken=" + TOKEN),
        Behaviour(redirect_to=f"http://{TOKEN}.example.org/"),
    ],
    ids=str,
)
def test_the_token_is_in_no_log_and_no_error(
    site: ExchangeSite, behaviour: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    site.publish(QUERY, sample_periods(QUERY))
    site.behave(behaviour)
    caplog.set_level(logging.DEBUG)
    errors: list[BaseException | None] = []
    try:
        fetch(site, "ENTSOE")
    except MarketError as error:
        errors = [error, error.__cause__, error.__context__]
    assert site.requests[0].parameters["securityToken"] == TOKEN
    assert "securityToken=***" in caplog.text or behaviour.reset
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(errors) + " ".join(str(error) for error in errors)
    assert TOKEN not in repr(settings(site))


def test_made_up_days_are_plausible_whole_and_always_the_same(site: ExchangeSite) -> None:
    seen = set()
    for area in BIDDING_ZONES:
        for auction in (Auction.SDAC, Auction.IDA1, Auction.IDA3):
            for day in (DAY, date(2025, 10, 26), date(2026, 3, 29)):
                query = Query(Market(area, auction, 60), day)
                fetched = fetch(site, "Mock", query)
                assert fetched.day.complete
                assert fetched == fetch(site, "Mock", query)
                assert fetched.day.summary.volume is not None
                assert 50 < fetched.day.summary.volume.minimum < fetched.day.summary.volume.maximum < 500
                seen.add(tuple(period.volume for period in fetched.periods))
    assert len(seen) == len(BIDDING_ZONES) * 9
    assert site.requests == []


def test_every_zone_but_great_britain_has_a_code() -> None:
    assert set(EIC_CODES) == set(BIDDING_ZONES) - {"GB"}
    assert all(len(code) == 16 for code in EIC_CODES.values())


@pytest.mark.parametrize("parse", [parse_document, parse_answer])
def test_large_answers_are_refused_early(parse: Any) -> None:
    with pytest.raises(TooLarge):
        parse(b"<a/>" * 500_000, QUERY)


@given(st.binary(max_size=400))
@pytest.mark.parametrize("parse", [parse_document, parse_answer])
def test_any_bytes_are_refused_by_kind(parse: Any, body: bytes) -> None:
    with pytest.raises(MarketError):
        parse(body, QUERY)
