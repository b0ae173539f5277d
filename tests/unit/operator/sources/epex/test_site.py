"""The exchange's site: its ways in, and everything that can go wrong with an answer."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from dev.lab.exchange import pages
from dev.lab.exchange.pages import Style, sample_periods
from dev.lab.exchange.site import Behaviour, ExchangeSite, loopback_client
from powercap_api.markets import Auction, Market
from powercap_operator.market.errors import (
    Blocked,
    Deferred,
    DisclaimerShown,
    Forbidden,
    Malformed,
    MarketError,
    NotOffered,
    NotPublished,
    RateLimited,
    RequestBudgetSpent,
    TimedOut,
    TooLarge,
    Unavailable,
    WrongMarket,
)
from powercap_operator.market.results import Query
from powercap_operator.sources.epex.names import PATH
from powercap_operator.sources.epex.site import EpexSite, hidden_fields
from powercap_operator.sources.http_client import LONGEST_WAIT, PoliteHttp, user_agent
from powercap_operator.sources.registry import FetchedDay
from tests.support.purse import Purse

NOW = datetime(2025, 10, 8, 14, 0, tzinfo=UTC)
QUERY = Query(Market("FR", Auction.IDA1), date(2025, 10, 9))
PERIODS = sample_periods(QUERY)


def fetch(
    site: ExchangeSite,
    *,
    query: Query = QUERY,
    first: str | None = None,
    purse: Purse | None = None,
    deadline: timedelta = timedelta(seconds=20),
    times: int = 1,
) -> list[FetchedDay]:
    """Fetch ``times`` times with one client and one EpexSite."""
    purse = purse or Purse()

    async def ask() -> list[FetchedDay]:
        async with loopback_client() as http:
            polite = PoliteHttp(http, contact="ops@example.org", now=lambda: NOW, deadline=deadline)
            epex = EpexSite(polite, site.epex_url, first)
            return [await epex.fetch(query, purse.spend) for _ in range(times)]

    return asyncio.run(ask())


@pytest.fixture
def site() -> Any:
    with ExchangeSite() as running:
        running.publish(QUERY, PERIODS, Style(last_update=NOW - timedelta(minutes=30)))
        yield running


NO_TABLE = Behaviour(page_has_table=False)
ONLY_DISCLAIMER = Behaviour(page_has_table=False, ajax=False)
ALWAYS_SHELL = Behaviour(page_has_table=False, ajax=False, disclaimer=False)


def ways(site: ExchangeSite) -> list[str]:
    return [request.way for request in site.requests]


@pytest.mark.parametrize(
    ("behaviour", "first", "route", "asked"),
    [
        (Behaviour(), None, "page", ["page"]),
        (Behaviour(), "ajax", "ajax", ["ajax"]),
        (Behaviour(), "disclaimer", "disclaimer", ["page"]),
        (Behaviour(), "nonsense", "page", ["page"]),
        (NO_TABLE, None, "ajax", ["page", "ajax"]),
        (NO_TABLE, "ajax", "ajax", ["ajax"]),
        (ONLY_DISCLAIMER, None, "disclaimer", ["page", "ajax", "disclaimer", "page"]),
        (ONLY_DISCLAIMER, "disclaimer", "disclaimer", ["page", "disclaimer", "page"]),
    ],
)
def test_the_ways_in(
    site: ExchangeSite, behaviour: Behaviour, first: str | None, route: str, asked: list[str]
) -> None:
    site.behave(behaviour)
    purse = Purse()
    (fetched,) = fetch(site, first=first, purse=purse)
    assert fetched.periods == PERIODS
    assert fetched.day.complete
    assert fetched.route == route
    assert (fetched.fetched_at, fetched.published_at) == (NOW, NOW - timedelta(minutes=30))
    assert fetched.currency == "EUR"
    assert ways(site) == asked
    assert len(purse.spent) == len(asked)


@pytest.mark.parametrize(
    ("behaviour", "asked"),
    [
        (NO_TABLE, ["page", "ajax", "ajax", "ajax"]),
        (ONLY_DISCLAIMER, ["page", "ajax", "disclaimer", "page", "page", "page"]),
    ],
)
def test_the_way_that_worked_is_tried_first(
    site: ExchangeSite, behaviour: Behaviour, asked: list[str]
) -> None:
    site.behave(behaviour)
    assert len(fetch(site, times=3)) == 3
    assert ways(site) == asked


def test_requests_say_who_asks_and_for_what(site: ExchangeSite) -> None:
    site.behave(NO_TABLE)
    fetch(site)
    page, ajax = site.requests
    assert page.headers["user-agent"] == user_agent("ops@example.org")
    assert page.headers["user-agent"].startswith("powercap/")
    assert "ops@example.org" in page.headers["user-agent"]
    assert page.parameters == {
        "market_area": "FR",
        "auction": "IDA1",
        "trading_date": "2025-10-08",
        "delivery_date": "2025-10-09",
        "modality": "Auction",
        "sub_modality": "Intraday",
        "product": "15",
        "data_mode": "table",
    }
    assert ajax.parameters["ajax_form"] == "1"
    assert ajax.form["form_id"] == "market_data_filters_form"
    assert ajax.form["form_build_id"] == "form-FILTERS"
    assert ajax.form["_triggering_element_name"] == "submit_js"
    assert ajax.form["filters[delivery_date]"] == "2025-10-09"
    assert ajax.headers["user-agent"] == page.headers["user-agent"]


@pytest.mark.parametrize(
    ("market", "parameters"),
    [
        (
            Market("FR", Auction.SDAC),
            {"auction": "MRC", "sub_modality": "DayAhead", "trading_date": "2025-10-08"},
        ),
        (
            Market("FR", Auction.IDA3),
            {"auction": "IDA3", "sub_modality": "Intraday", "trading_date": "2025-10-09"},
        ),
        (Market("GB", Auction.SDAC, 60), {"auction": "GB", "product": "60"}),
        (Market("GB", Auction.SDAC, 30), {"auction": "30-call-GB", "product": "30"}),
        (Market("GB", Auction.IDA2, 30), {"auction": "GB-IDA2", "trading_date": "2025-10-09"}),
        (Market("CH", Auction.SDAC, 60), {"auction": "CH"}),
        (Market("CH", Auction.IDA1), {"auction": "CH-IDA1"}),
    ],
    ids=str,
)
@pytest.mark.parametrize("behaviour", [Behaviour(), NO_TABLE], ids=["page", "ajax"])
def test_every_kind_of_market_is_asked_for_in_the_sites_words(
    site: ExchangeSite, market: Market, parameters: dict[str, str], behaviour: Behaviour
) -> None:
    query = Query(market, QUERY.delivery_day)
    site.publish(query, sample_periods(query))
    site.behave(behaviour)
    (fetched,) = fetch(site, query=query)
    assert fetched.periods == sample_periods(query)
    assert parameters.items() <= site.requests[-1].parameters.items()
    assert fetched.currency == ("GBP" if market.area == "GB" else "EUR")


def test_the_address_may_be_the_sites_root(site: ExchangeSite) -> None:
    async def ask(url: str) -> FetchedDay:
        async with loopback_client() as http:
            return await EpexSite(PoliteHttp(http, now=lambda: NOW), url).fetch(QUERY, Purse().spend)

    for url in (site.url, site.url + "/", site.epex_url):
        assert asyncio.run(ask(url)).periods == PERIODS
    assert {request.path for request in site.requests} == {PATH}


def test_an_auction_that_is_not_held_is_not_asked_for(site: ExchangeSite) -> None:
    with pytest.raises(NotOffered):
        fetch(site, query=Query(Market("GB", Auction.IDA3), QUERY.delivery_day))
    assert site.requests == []


@pytest.mark.parametrize("behaviour", [Behaviour(), NO_TABLE], ids=["page", "ajax"])
def test_a_day_that_is_not_there_yet_is_not_looked_for_elsewhere(
    site: ExchangeSite, behaviour: Behaviour
) -> None:
    site.behave(behaviour)
    with pytest.raises(NotPublished):
        fetch(site, query=Query(QUERY.market, date(2025, 10, 10)))
    assert ways(site) == (["page"] if behaviour.page_has_table else ["page", "ajax"])


def test_another_day_in_place_of_ours_means_not_yet(site: ExchangeSite) -> None:
    site.publish_page(pages.market_page(QUERY, PERIODS))
    with pytest.raises(NotPublished, match="another day"):
        fetch(site, query=Query(QUERY.market, date(2025, 10, 10)))
    assert ways(site) == ["page"]


def test_another_market_in_place_of_ours_is_looked_for_by_the_other_ways(site: ExchangeSite) -> None:
    site.publish_page(pages.continuous_page("LV", QUERY.delivery_day))
    (fetched,) = fetch(site)
    assert fetched.route == "ajax"
    site.behave(Behaviour(ajax=False))
    with pytest.raises(WrongMarket, match="Continuous"):
        fetch(
            ExchangeSite(port=site.port, requests=site.requests), purse=Purse(spent=[1] * len(site.requests))
        )


def test_a_site_that_only_ever_shows_its_conditions(site: ExchangeSite) -> None:
    site.behave(ALWAYS_SHELL)
    with pytest.raises(DisclaimerShown):
        fetch(site)
    assert ways(site) == ["page", "ajax", "disclaimer", "page"]


@pytest.mark.parametrize(
    ("behaviour", "kind", "wait"),
    [
        (Behaviour(status=403), Forbidden, None),
        (Behaviour(status=401), Forbidden, None),
        (Behaviour(status=403, retry_after="3600"), Forbidden, timedelta(hours=1)),
        (Behaviour(status=202), Deferred, None),
        (Behaviour(status=204, body=" "), Deferred, None),
        (Behaviour(status=429, retry_after="120"), RateLimited, timedelta(minutes=2)),
        (
            Behaviour(status=429, retry_after="Wed, 08 Oct 2025 14:10:00 GMT"),
            RateLimited,
            timedelta(minutes=10),
        ),
        (Behaviour(status=429, retry_after="soon"), RateLimited, None),
        (Behaviour(status=500), Unavailable, None),
        (Behaviour(status=503, retry_after="999999999"), Unavailable, LONGEST_WAIT),
        (Behaviour(status=504, body=pages.CDN_ERROR), Unavailable, None),
        (Behaviour(status=404), Unavailable, None),
        (Behaviour(body=pages.FORBIDDEN), Blocked, None),
        (Behaviour(body=pages.CHALLENGE), Blocked, None),
        (Behaviour(body=pages.CDN_ERROR), Blocked, None),
        (Behaviour(body=""), Blocked, None),
        (Behaviour(reset=True), Unavailable, None),
        (Behaviour(cut_body=True), Unavailable, None),
        (Behaviour(cut_body=True, compression="gzip"), Unavailable, None),
        (Behaviour(broken_compression=True, compression="gzip"), Unavailable, None),
        (Behaviour(broken_compression=True, compression="br"), Unavailable, None),
        (Behaviour(compression="zstd"), Unavailable, None),
        (Behaviour(redirects=9), Unavailable, None),
        (Behaviour(redirect_to="http://example.org/"), Unavailable, None),
        (Behaviour(redirect_to="http://["), Unavailable, None),
        (Behaviour(megabytes=20), TooLarge, None),
        (Behaviour(megabytes=50, compression="gzip"), TooLarge, None),
    ],
    ids=str,
)
def test_a_refusal_is_reported_and_never_answered_by_another_way(
    site: ExchangeSite, behaviour: Behaviour, kind: type[MarketError], wait: timedelta | None
) -> None:
    site.behave(behaviour)
    purse = Purse()
    with pytest.raises(MarketError) as caught:
        # No limit of time: what comes of a refusal does not depend on how busy the machine is.
        fetch(site, purse=purse, deadline=timedelta(hours=1))
    assert type(caught.value) is kind
    assert caught.value.retry_after == wait
    assert "\n" not in caught.value.line
    assert set(ways(site)) == {"page"}
    assert len(site.requests) == len(purse.spent) <= 4


@pytest.mark.parametrize(
    "behaviour", [Behaviour(silent=True), Behaviour(drip_seconds=0.01)], ids=["silent", "drips"]
)
def test_slow_answers_end_at_the_deadline(site: ExchangeSite, behaviour: Behaviour) -> None:
    site.behave(behaviour)
    with pytest.raises(TimedOut, match=r"within 0\.2 s"):
        fetch(site, deadline=timedelta(seconds=0.2))


def test_a_source_that_is_not_there(site: ExchangeSite) -> None:
    site.stop()
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1 cannot be reached \(ConnectError"):
        fetch(site)


@pytest.mark.parametrize("compression", ["gzip", "br", "deflate", "identity"])
def test_compressed_answers(site: ExchangeSite, compression: str) -> None:
    site.behave(Behaviour(compression=compression))
    assert fetch(site)[0].periods == PERIODS
    assert site.requests[0].headers["accept-encoding"] == "gzip, br"


def test_redirects_are_followed_and_counted(site: ExchangeSite) -> None:
    site.behave(Behaviour(redirects=2))
    purse = Purse()
    assert fetch(site, purse=purse)[0].periods == PERIODS
    assert len(purse.spent) == 3


@pytest.mark.parametrize("left", range(4))
def test_nothing_leaves_once_the_budget_is_spent(site: ExchangeSite, left: int) -> None:
    site.behave(ONLY_DISCLAIMER)
    with pytest.raises(RequestBudgetSpent):
        fetch(site, purse=Purse(left=left))
    assert len(site.requests) == left


def test_the_fields_of_a_form() -> None:
    shell = pages.shell_page()
    assert hidden_fields(shell, "data_disclaimer_acceptation_form") == {
        "form_build_id": "form-DISCLAIMER",
        "form_id": "data_disclaimer_acceptation_form",
        "op": "Access to EPEX Spot website ",
    }
    assert hidden_fields(shell, "another_form") == {}
    assert hidden_fields("<form", "another_form") == {}


def test_commands_that_are_none(site: ExchangeSite) -> None:
    site.behave(Behaviour(body="[1"))
    with pytest.raises(Malformed, match="no list of commands"):
        fetch(site, first="ajax")
