"""Sources of market results, one small file each behind ``base.Provider``. README.md says how to add one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx

from . import carbon_intensity, energy_charts
from .base import FetchedDay, Provider, Spend
from .carbon_intensity import CarbonIntensity
from .energy_charts import EnergyCharts
from .entsoe import provider as entsoe
from .entsoe.provider import Entsoe
from .epex import site
from .http_client import DEADLINE, PoliteHttp
from .mock import Mock

__all__ = ["PROVIDERS", "FetchedDay", "Provider", "ProviderSettings", "Spend", "create"]

PROVIDERS: Final[dict[str, type[Provider]]] = {
    provider.name: provider for provider in (site.EpexSite, EnergyCharts, Entsoe, CarbonIntensity, Mock)
}
"""By the names that policies use. Their class attributes say what they give, without making one."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """What providers need to know; one object for all."""

    contact: str = ""
    """Mail address or URL for the User-Agent, so that a source's operators can reach whoever runs this."""
    epex_url: str = site.URL
    """The exchange's market-results page."""
    epex_route: str | None = None
    """The way into the exchange's site to try first, such as the last day's."""
    energy_charts_url: str = energy_charts.URL
    entsoe_url: str = entsoe.URL
    carbon_intensity_url: str = carbon_intensity.URL
    entsoe_token: str = field(default="", repr=False)
    """A secret: never printed."""
    deadline: timedelta = DEADLINE
    """For one request from connecting to the last byte."""
    now: Callable[[], datetime] = field(default=_utc_now, repr=False)
    """The clock that days are stamped with and Retry-After dates are read by."""


def create(name: str, client: httpx.AsyncClient, settings: ProviderSettings) -> Provider:
    """Make a provider. ``client`` is shared and stays open; keep the provider, it remembers its way in.

    Raises:
        KeyError: no such provider (``Static`` is none: its days are MarketDays that somebody made).
    """
    http = PoliteHttp(client, contact=settings.contact, now=settings.now, deadline=settings.deadline)
    makers: dict[str, Callable[[], Provider]] = {
        site.EpexSite.name: lambda: site.EpexSite(http, settings.epex_url, settings.epex_route),
        EnergyCharts.name: lambda: EnergyCharts(http, settings.energy_charts_url),
        Entsoe.name: lambda: Entsoe(http, settings.entsoe_token, settings.entsoe_url),
        CarbonIntensity.name: lambda: CarbonIntensity(http, settings.carbon_intensity_url),
        Mock.name: lambda: Mock(settings.now),
    }
    return makers[name]()
