"""Bidding zones and auctions, as the exchange names them.

A market is a bidding zone, an auction and the length of its market time unit; together with a delivery day it
says exactly which result table is meant. Currency and time zone follow from the bidding zone.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo


class Auction(StrEnum):
    """SDAC is the day-ahead auction (called MRC before 2021); IDA1 to IDA3 are the intraday auctions."""

    SDAC = "SDAC"
    IDA1 = "IDA1"
    IDA2 = "IDA2"
    IDA3 = "IDA3"


class GridData(StrEnum):
    """What is known of a bidding zone's power beside its auctions. It has days as an auction has.

    Carbon is the carbon intensity of the power generated, in g CO2eq per kWh; Renewable the share of renewable power,
    in percent.
    """

    CARBON = "Carbon"
    RENEWABLE = "Renewable"


@dataclass(frozen=True, slots=True)
class BiddingZone:
    """A bidding zone: the exchange's name for it, the zone whose clock its delivery days follow, its currency."""

    area: str
    time_zone: str
    currency: str

    @property
    def zone(self) -> ZoneInfo:
        """The time zone as ``datetime`` wants it."""
        return ZoneInfo(self.time_zone)


MARKET_TIME: Final = "Europe/Paris"
"""Delivery days on the continent begin at midnight in market time, in every country alike (Finland too)."""

_CONTINENT: Final = (
    "AT", "BE", "CH", "DE-LU", "DK1", "DK2", "FI", "FR", "NL", "NO1", "NO2", "NO3", "NO4", "NO5", "PL",
    "SE1", "SE2", "SE3", "SE4",
)  # fmt: skip

BIDDING_ZONES: Final[dict[str, BiddingZone]] = {
    zone.area: zone
    for zone in sorted(
        [
            *(BiddingZone(area, MARKET_TIME, "EUR") for area in _CONTINENT),
            BiddingZone("GB", "Europe/London", "GBP"),
        ],
        key=lambda zone: zone.area,
    )
}

RESOLUTIONS_MINUTES: Final = (15, 30, 60)


@dataclass(frozen=True, slots=True)
class Market:
    """One auction of one bidding zone, or its grid data, at one length of market time unit."""

    area: str
    auction: Auction | GridData
    resolution_minutes: int = 15

    @property
    def bidding_zone(self) -> BiddingZone:
        """The zone's clock and currency."""
        return BIDDING_ZONES[self.area]

    def __str__(self) -> str:
        """As people say it: ``FR IDA1`` or ``FR Carbon`` for quarters, ``FR SDAC 60min`` otherwise."""
        suffix = "" if self.resolution_minutes == 15 else f" {self.resolution_minutes}min"
        return f"{self.area} {self.auction}{suffix}"


def auction_named(name: str) -> Auction | GridData:
    """The auction or the grid data of that name.

    Raises:
        ValueError: there is none.
    """
    return GridData(name) if name in list(GridData) else Auction(name)


def market_rules(market: str) -> tuple[dict[str, str], ...]:
    """Rules of a spec in CEL that refuse auctions which no exchange has; ``market`` is where they are named."""
    beside = {} if market == "self" else {"fieldPath": market.removeprefix("self")}
    return (
        {
            "rule": f"{market}.area != 'GB' || {market}.resolutionMinutes != 15",
            "message": "GB has no auction with periods of 15 minutes: write resolutionMinutes: 30 (SDAC has 60, too)",
            **beside,
        },
        {
            "rule": f"!({market}.area in ['CH', 'GB']) || {market}.auction != 'IDA3'",
            "message": "CH and GB have no third intraday auction: write auction: IDA1 or IDA2",
            **beside,
        },
    )


def market_day_name(provider: str, market: Market, delivery_day: date) -> str:
    """Name of the MarketDay object, such as ``epex-fr-ida1-2025-10-09`` (quarters go without saying)."""
    resolution = "" if market.resolution_minutes == 15 else f"-{market.resolution_minutes}min"
    return f"{provider}-{market.area}-{market.auction}{resolution}-{delivery_day.isoformat()}".lower()
