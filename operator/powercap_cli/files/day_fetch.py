"""Asks a source for one day's results, for the command."""

import argparse

import httpx

from powercap_operator.market.errors import RequestBudgetSpent
from powercap_operator.market.publication import DAILY_LIMIT
from powercap_operator.market.results import Query
from powercap_operator.sources.registry import FetchedDay, ProviderSettings, create


async def fetch_day(query: Query, arguments: argparse.Namespace) -> FetchedDay:
    """The day from the provider that the arguments name: ``provider``, ``base_url``, ``contact`` and ``token``.

    Raises:
        MarketError: as the provider; also after ``DAILY_LIMIT`` requests.
    """
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
    requests = 0

    async def spend() -> None:
        nonlocal requests
        if requests >= DAILY_LIMIT:
            raise RequestBudgetSpent(f"{DAILY_LIMIT} requests were not enough: ask again tomorrow")
        requests += 1

    async with httpx.AsyncClient(timeout=httpx.Timeout(20)) as client:
        return await create(arguments.provider, client, settings).fetch(query, spend)
