"""Energy-Charts' answers: read with their digits, or refused."""

import asyncio
import json
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from dev.lab.exchange.pages import sample_periods
from dev.lab.exchange.price_answers import energy_charts_answer, energy_charts_v2
from powercap_api.markets import Auction, Market
from powercap_operator.market.errors import Malformed, NotPublished, WrongMarket
from powercap_operator.market.results import Query, build_market_day, covered_starts
from powercap_operator.sources.energy_charts import EnergyCharts, parse_answer
from powercap_operator.sources.http_client import PoliteHttp

DAY = date(2025, 10, 9)
HOURLY = Query(Market("FR", Auction.SDAC, 60), DAY)
SECONDS = [int(start.timestamp()) for start in covered_starts(HOURLY)]


def answer(**changes: Any) -> bytes:
    return json.dumps({"unix_seconds": SECONDS, "price": [1.5] * 24, "unit": "EUR / MWh", **changes}).encode()


def test_prices_keep_their_digits() -> None:
    body = answer(price=[0.1, -0.07, 100] + [1.5] * 21).replace(b"100", b"100.10")
    assert [str(period.price) for period in parse_answer(body, HOURLY).periods[:3]] == [
        "0.1",
        "-0.07",
        "100.10",
    ]


def test_missing_prices_are_gaps() -> None:
    periods = parse_answer(answer(price=[None, 1, None] + [1.5] * 21), HOURLY).periods
    assert len(periods) == 22


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        answer(price=[1.5]),
        answer(price=["x"] * 24),
        answer(unit="ct / kWh"),
        answer(unix_seconds=[1e300] * 24),
        answer(unix_seconds=[0] * 24),
        answer(unix_seconds=list(range(24))),
        answer(unix_seconds=SECONDS[::-1]),
        answer(unix_seconds=list(range(0, 500 * 900, 900)), price=[1] * 500),
        answer().replace(b"1.5", b"NaN", 1),
        answer().replace(b"1.5", b"1e999999", 1),
        answer().replace(b"1.5", b"1e-999999", 1),
    ],
)
def test_other_answers_are_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_answer(body, HOURLY)


def test_no_prices_at_all_are_not_published() -> None:
    with pytest.raises(NotPublished):
        parse_answer(answer(price=[None] * 24), HOURLY)
    with pytest.raises(NotPublished):
        parse_answer(answer(unix_seconds=[], price=[]), HOURLY)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        answer(price=None),
        answer(unix_seconds=None),
        answer(unix_seconds=None, price=None),
        b'{"data": null}',
        b'{"data": [], "resolution": "PT15M"}',
    ],
)
def test_lists_that_are_null_or_absent_are_not_published(body: bytes) -> None:
    with pytest.raises(NotPublished):
        parse_answer(body, HOURLY)


def test_quarters_with_prices_at_full_hours_only_have_holes() -> None:
    """The step comes from all stamps: taken from those with a price it would be an hour, and the holes filled."""
    quarters = Query(Market("FR", Auction.SDAC), DAY)
    seconds = [int(start.timestamp()) for start in covered_starts(quarters)]
    prices = [1.5 if second % 3600 == 0 else None for second in seconds]
    old = answer(unix_seconds=seconds, price=prices)
    new = second_form([(start, price) for start, price in zip(covered_starts(quarters), prices, strict=True)])
    for body in (old, new):
        for query in (quarters, HOURLY):
            day = build_market_day(parse_answer(body, query).periods, query, needs_volume=False)
            assert not day.complete


def second_form(points: list[tuple[datetime, float | None]], **changes: Any) -> bytes:
    data = [{"timestamp": start.isoformat(), "values": {"day_ahead_price": price}} for start, price in points]
    return json.dumps({"data": data, "bidding_zone": "FR", "unit": "EUR / MWh", **changes}).encode()


HOURS: list[tuple[datetime, float | None]] = [(start, 1.5) for start in covered_starts(HOURLY)]


def test_the_newer_form_is_read() -> None:
    body = second_form([(HOURS[0][0], -0.07), *HOURS[1:]], resolution="PT1H")
    periods = parse_answer(body, HOURLY).periods
    assert [str(period.price) for period in periods] == ["-0.07"] + ["1.5"] * 23
    assert [period.start for period in periods] == list(covered_starts(HOURLY))


@pytest.mark.parametrize(
    "body",
    [
        second_form(HOURS, resolution="PT15M")[:-9],
        second_form(HOURS, unit="EUR / kWh"),
        second_form(HOURS[::-1]),
        second_form([(HOURS[0][0].replace(tzinfo=None), 1.5), *HOURS[1:]]),
        second_form([(start, None if index else 1.5) for index, (start, _) in enumerate(HOURS)]).replace(
            b"+00:00", b""
        ),
        second_form(HOURS, data=[{"timestamp": "2025-10-09"}]),
        second_form(HOURS, data=[1]),
        second_form(HOURS, data=7),
        second_form([(HOURS[0][0], 1.5), (HOURS[0][0].replace(minute=15), 1.5)], resolution="PT1H"),
    ],
)
def test_other_answers_of_the_newer_form_are_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_answer(body, HOURLY)


def test_another_zone_is_refused() -> None:
    with pytest.raises(WrongMarket, match="ES"):
        parse_answer(second_form(HOURS, bidding_zone="ES"), HOURLY)


def test_a_resolution_that_is_said_keeps_a_sparse_day_from_looking_whole() -> None:
    quarters = Query(Market("FR", Auction.SDAC), DAY)
    day = build_market_day(
        parse_answer(second_form(HOURS, resolution="PT15M"), quarters).periods, quarters, needs_volume=False
    )
    assert not day.complete


@pytest.mark.parametrize("body", [answer(deprecated=True), second_form(HOURS, deprecated=True)])
def test_what_will_go_away_is_said(body: bytes) -> None:
    assert "deprecated" in (parse_answer(body, HOURLY).notice or "")
    assert parse_answer(answer(deprecated=False), HOURLY).notice is None


def test_a_404_of_something_in_between_does_not_cost_the_better_address() -> None:
    """Only the site's own words say that it lacks an address."""
    asked: list[str] = []
    query = Query(Market("FR", Auction.SDAC), DAY)
    periods = sample_periods(query)

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if len(asked) == 1:
            return httpx.Response(404, html="<html><title>404 Not Found</title></html>")
        text = energy_charts_v2(query, periods) if "v2" in request.url.path else energy_charts_answer(periods)
        return httpx.Response(200, text=text)

    async def spend() -> None:
        """Requests are free here."""

    async def twice() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            source = EnergyCharts(
                PoliteHttp(client, contact="", now=lambda: datetime.now(UTC)), "http://loopback"
            )
            for _ in range(2):
                assert (await source.fetch(query, spend)).day.has_price

    asyncio.run(twice())
    assert asked == ["/v2/price", "/price", "/v2/price"]
