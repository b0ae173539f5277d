"""Bidding zones and auctions: what the exchange offers, in one table.

A market is a bidding zone, an auction and the length of its market time unit; together with a delivery day it says
exactly which result table is meant. ``BIDDING_ZONES`` has the clocks and the currency of each zone, ``OFFERS`` its
auctions; the rules and defaults of the kinds, the command and docs/markets.md are made from them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
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


MARKET_TIME: Final = "Europe/Paris"
"""CET and CEST. Every zone's delivery day is one of this clock, also in Finland and Great Britain."""


@dataclass(frozen=True, slots=True)
class BiddingZone:
    """A bidding zone, by the exchange's name for it."""

    area: str
    wall_zone: str
    """The clock on the wall there, which windows and tariffs are meant on."""
    proof: str = ""
    """How ``day_zone`` was proven against days of results; empty: it is taken from the exchange's rules alone."""
    currency: str = "EUR"
    day_zone: str = MARKET_TIME
    """The clock of its delivery days and of the labels in its results."""

    @property
    def zone(self) -> ZoneInfo:
        """The clock of its delivery days."""
        return ZoneInfo(self.day_zone)

    @property
    def wall_clock(self) -> ZoneInfo:
        """The clock on the wall."""
        return ZoneInfo(self.wall_zone)


def _as(other: str, quarters: int, day: int, apart: int) -> str:
    """The proof by a neighbour: coupled zones have one price where no line between them is full."""
    return (
        f"SDAC of {day} July 2026: the price is {other}'s in {quarters} of the 80 quarters from 02:00 to 22:00 under"
        f" the same label, and in {apart} where the labels are an hour apart"
    )


_FR: Final = (
    "SDAC of four days from 22 June to 5 October 2025: the printed peak, such as 53.39 on 29 September, is the mean"
    " of the labels from 08 to 20, which is when peak is in market time"
)
_GB: Final = (
    "IDA1 of 14, 18 and 19 December 2025: the printed peak (53.63, 83.85, 79.53) is the mean of the labels from 08 to"
    " 20, and peak is from 07 to 19 UK time"
)
BIDDING_ZONES: Final[dict[str, BiddingZone]] = {
    zone.area: zone
    for zone in (
        BiddingZone("AT", "Europe/Vienna", _as("BE", 39, 12, 0)),
        BiddingZone("BE", "Europe/Brussels", _as("FR", 34, 10, 0)),
        BiddingZone("CH", "Europe/Zurich"),
        BiddingZone("DE-LU", "Europe/Berlin", _as("FR", 31, 10, 0)),
        BiddingZone("DK1", "Europe/Copenhagen", _as("FR", 29, 10, 0)),
        BiddingZone("DK2", "Europe/Copenhagen", _as("DE-LU", 13, 10, 2)),
        BiddingZone("FI", "Europe/Helsinki", _as("SE1", 33, 8, 1)),
        BiddingZone("FR", "Europe/Paris", _FR),
        BiddingZone("GB", "Europe/London", _GB, "GBP"),
        BiddingZone("NL", "Europe/Amsterdam", _as("FR", 20, 11, 2)),
        BiddingZone("NO1", "Europe/Oslo"),
        BiddingZone("NO2", "Europe/Oslo", _as("NO5", 11, 8, 0)),
        BiddingZone("NO3", "Europe/Oslo"),
        BiddingZone("NO4", "Europe/Oslo", _as("SE1", 11, 8, 1)),
        BiddingZone("NO5", "Europe/Oslo", _as("NO2", 11, 8, 0)),
        BiddingZone("PL", "Europe/Warsaw", _as("FR", 18, 11, 4)),
        BiddingZone("SE1", "Europe/Stockholm", _as("FI", 33, 8, 1)),
        BiddingZone("SE2", "Europe/Stockholm"),
        BiddingZone("SE3", "Europe/Stockholm"),
        BiddingZone("SE4", "Europe/Stockholm", _as("FI", 12, 8, 1)),
    )
}

RESOLUTIONS_MINUTES: Final = (15, 30, 60)


@dataclass(frozen=True, slots=True)
class Product:
    """An auction's results in periods of one length."""

    minutes: int
    results_at: time
    """From when on the site has them, in market time: on the day before, or on the day itself where the auction has
    only its second half."""
    since: date | None = None
    """First delivery day; None: earlier than any that is asked for."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One auction, or grid data, as some bidding zones have it."""

    areas: tuple[str, ...]
    auction: Auction | GridData
    products: tuple[Product, ...]
    """The one that is meant where nobody says which comes first."""
    known_at: time
    """From when those who take part know the results: days as of ``Product.results_at``."""
    source: str
    """Where this is known from."""
    from_hour: int = 0
    """Hour of the delivery day from which it delivers."""


_COUPLED: Final = tuple(area for area in BIDDING_ZONES if area not in ("CH", "GB"))
_FILTERS: Final = "filters and headings of the exchange's market-results pages, 2025 and 2026"
_GATES: Final = "gates of the intraday auctions, since 13 June 2024"
_IDA_SINCE: Final = date(2024, 6, 14)
OFFERS: Final = (
    Offer(
        _COUPLED,
        Auction.SDAC,
        (Product(15, time(13, 5), date(2025, 10, 1)), Product(60, time(13, 40))),
        time(13, 0),
        f"{_FILTERS}; hours are an index of the quarters since these are there",
    ),
    Offer(_COUPLED, Auction.IDA1, (Product(15, time(15, 30), _IDA_SINCE),), time(15, 20), _GATES),
    Offer(_COUPLED, Auction.IDA2, (Product(15, time(22, 30), _IDA_SINCE),), time(22, 20), _GATES),
    Offer(_COUPLED, Auction.IDA3, (Product(15, time(10, 30), _IDA_SINCE),), time(10, 20), _GATES, 12),
    Offer(("CH",), Auction.SDAC, (Product(60, time(13, 40)),), time(13, 0), _FILTERS),
    Offer(
        ("CH",),
        Auction.IDA1,
        (Product(60, time(17, 10)),),
        time(17),
        "hourly tables, July 2026; gate at 16:30",
    ),
    Offer(
        ("CH",),
        Auction.IDA2,
        (Product(60, time(11, 40)),),
        time(11, 30),
        "hourly tables of July 2026; gate at 11:15",
        12,
    ),
    Offer(
        ("GB",),
        Auction.SDAC,
        (Product(60, time(13, 40)), Product(30, time(16, 55))),
        time(13, 0),
        f"{_FILTERS}; half-hours have an auction of their own, with results at 15:45 UK time",
    ),
    Offer(
        ("GB",),
        Auction.IDA1,
        (Product(30, time(19, 10)),),
        time(19),
        "half-hourly tables of 2025; gate at 17:30 UK time",
    ),
    Offer(
        ("GB",),
        Auction.IDA2,
        (Product(30, time(10, 30)),),
        time(9, 30),
        "half-hourly tables of 2025; gate at 08:00 UK time, delivery from 11:00 UK time",
        12,
    ),
    *(
        Offer(
            areas,
            data,
            tuple(Product(length, time(18, 15)) for length in lengths),
            time(18, 15),
            "resampled exactly",
        )
        for data in GridData
        for areas, lengths in ((_COUPLED, (15, 30, 60)), (("CH",), (15, 30, 60)), (("GB",), (30, 15, 60)))
    ),
)
_OFFER: Final = {(area, offer.auction): offer for offer in OFFERS for area in offer.areas}


def offer_of(area: str, auction: Auction | GridData) -> Offer | None:
    """The auction as the bidding zone has it; None where it has none of that name."""
    return _OFFER.get((area, auction))


def default_resolution(area: str, auction: Auction | GridData, delivery_day: date | None = None) -> int:
    """Length in minutes of the periods that are meant where nobody says: as of today, or of a delivery day."""
    offer = offer_of(area, auction)
    products = offer.products if offer else offer_of(area, Auction.IDA1).products  # type: ignore[union-attr]
    there = [
        one for one in products if delivery_day is None or one.since is None or one.since <= delivery_day
    ]
    return (there or products)[0].minutes


@dataclass(frozen=True, slots=True)
class Market:
    """One auction of one bidding zone, or its grid data, at one length of market time unit."""

    area: str
    auction: Auction | GridData
    resolution_minutes: int = 15

    @property
    def bidding_zone(self) -> BiddingZone:
        """The zone's clocks and currency."""
        return BIDDING_ZONES[self.area]

    @property
    def product(self) -> Product | None:
        """The results of this length, or what the auction has instead; None where the zone has no such auction."""
        offer = offer_of(self.area, self.auction)
        if offer is None:
            return None
        fitting = [one for one in offer.products if one.minutes == self.resolution_minutes]
        return (*fitting, *offer.products)[0]

    @property
    def from_hour(self) -> int:
        """Hour of the delivery day from which the auction delivers."""
        offer = offer_of(self.area, self.auction)
        return 0 if offer is None else offer.from_hour

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
    """Rules of a spec in CEL that refuse what is not offered; ``market`` is where area and auction are named."""
    beside = {} if market == "self" else {"fieldPath": market.removeprefix("self")}
    return tuple({"rule": rule, "message": message, **beside} for rule, message in _rules(market))


def _rules(market: str) -> Iterator[tuple[str, str]]:
    for auction in Auction:
        without = [area for area in BIDDING_ZONES if offer_of(area, auction) is None]
        if without:
            others = [one for one in Auction if one[:3] == auction[:3] and offer_of(without[0], one)]
            yield (
                f"!({market}.area in {without}) || {market}.auction != '{auction}'",
                f"{_listed(without, 'and')} have no {auction}: write auction: {_listed(others, 'or')}",
            )
    for offer in OFFERS:
        lengths = sorted(one.minutes for one in offer.products)
        if lengths != sorted(RESOLUTIONS_MINUTES):
            named = f"{market}.area in {list(offer.areas)}"
            if offer.areas == _COUPLED:
                named = f"!({market}.area in {[area for area in BIDDING_ZONES if area not in _COUPLED]})"
            minutes = f"{market}.resolutionMinutes"
            whose = offer.areas[0] if len(offer.areas) == 1 else "the single coupling's"
            yield (
                f"!({named} && {market}.auction == '{offer.auction}') || !has({minutes}) || {minutes} in {lengths}",
                f"{whose} {offer.auction} has periods of {_listed(lengths, 'or')} minutes: write resolutionMinutes:"
                f" {_listed(lengths, 'or')}, or leave it out",
            )


def _listed(names: list[str] | list[int] | list[Auction], word: str) -> str:
    *first, last = map(str, names)
    return f"{', '.join(first)} {word} {last}" if first else last


def market_day_name(provider: str, market: Market, delivery_day: date) -> str:
    """Name of the MarketDay object, such as ``epex-fr-ida1-2025-10-09`` (quarters go without saying)."""
    resolution = "" if market.resolution_minutes == 15 else f"-{market.resolution_minutes}min"
    return f"{provider}-{market.area}-{market.auction}{resolution}-{delivery_day.isoformat()}".lower()
