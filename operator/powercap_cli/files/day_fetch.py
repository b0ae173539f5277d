"""Asks a source for results, for the command: for one day's, or for those of many days, a month at a time."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import httpx

from powercap_api.markets import Auction, Market
from powercap_operator.market.csv_format import day_file_name
from powercap_operator.market.errors import MarketError, NotOffered, RequestBudgetSpent
from powercap_operator.market.publication import DAILY_LIMIT
from powercap_operator.market.results import DayData, Query
from powercap_operator.sources.base import Provider, RangeProvider, Spend
from powercap_operator.sources.registry import FetchedDay, ProviderSettings, create

from .foreign_files import read_foreign
from .foreign_prices import Asked

Wait = Callable[[float], Awaitable[None]]


async def fetch_day(query: Query, arguments: argparse.Namespace) -> FetchedDay:
    """The day from the provider that the arguments name: ``provider``, ``base_url``, ``contact`` and ``token``.

    Raises:
        MarketError: as the provider; also after ``DAILY_LIMIT`` requests.
    """
    async with _client() as client:
        return await _provider(client, arguments).fetch(query, _spending())


async def fetch_days(
    market: Market,
    arguments: argparse.Namespace,
    keep: Callable[[DayData], bool],
    say: Callable[[str], None],
    wait: Wait = asyncio.sleep,
) -> bool:
    """Give every day from ``first`` to ``last`` of the arguments to ``keep``; whether it kept every one.

    One request for each calendar month of which a day's file is missing, with the source's own pause between two.

    Raises:
        MarketError: the source does not take ranges, or refuses; what was kept until then stays.
    """
    async with _client() as client:
        provider = _provider(client, arguments)
        if not isinstance(provider, RangeProvider) or market.auction is not Auction.SDAC:
            raise NotOffered(
                f"{arguments.provider} gives {market.auction} one day at a time: ask for a day with --date, or for"
                " prices of many days with --auction SDAC --provider EnergyCharts (or ENTSOE)"
            )
        kept, asked = True, False
        for first, last in _months(arguments.first, arguments.last):
            days = [first + timedelta(days=place) for place in range((last - first).days + 1)]
            if not arguments.overwrite and _are_there(market, days, arguments.output_dir):
                continue
            if asked:
                await wait(provider.pause_seconds)
            asked = True
            try:
                body = await provider.fetch_range(Query(market, first), last, _spending())
                found = read_foreign(body, arguments.provider, Asked(market.area, Auction.SDAC))
            except MarketError as error:
                error.args = (f"{first} to {last}: {error}",)
                raise
            whole = {day.query.delivery_day: day for day in found.days}
            for day in days:
                if day not in whole:
                    say(f"{day}: {arguments.provider} does not have the whole day")
                kept &= day in whole and keep(whole[day])
    return kept


def _months(first: date, last: date) -> Iterator[tuple[date, date]]:
    """The days from first to last, month by month."""
    while first <= last:
        following = (first.replace(day=1) + timedelta(days=31)).replace(day=1)
        yield first, min(following - timedelta(days=1), last)
        first = following


def _are_there(market: Market, days: Sequence[date], folder: str | None) -> bool:
    return all(Path(folder or ".", day_file_name(Query(market, day))).exists() for day in days)


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=httpx.Timeout(20))


def _provider(client: httpx.AsyncClient, arguments: argparse.Namespace) -> Provider:
    settings = ProviderSettings(contact=arguments.contact, entsoe_token=arguments.token)
    if arguments.base_url:
        url = arguments.base_url
        settings = ProviderSettings(
            contact=arguments.contact,
            epex_url=url,
            energy_charts_url=url,
            entsoe_url=url,
            carbon_intensity_url=url,
            entsoe_token=arguments.token,
        )
    return create(arguments.provider, client, settings)


def _spending() -> Spend:
    requests = 0

    async def spend() -> None:
        nonlocal requests
        if requests >= DAILY_LIMIT:
            raise RequestBudgetSpent(f"{DAILY_LIMIT} requests were not enough: ask again tomorrow")
        requests += 1

    return spend
