"""A folder with days of market results: CSV files and saved pages."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from powercap_api.markets import BIDDING_ZONES, Auction, GridData, Market
from powercap_operator.market.errors import MarketError
from powercap_operator.market.known_days import layers
from powercap_operator.market.resample import resample
from powercap_operator.market.results import Period, Query

from .results_files import Asked, read_csv, read_file, read_page

_MOST_NAMED: Final = 5
_ENDINGS: Final = (".csv", ".html", ".htm", ".json")


@dataclass(frozen=True, slots=True)
class ReadDay:
    """What a file gave."""

    query: Query
    periods: tuple[Period, ...]


@dataclass(frozen=True, slots=True)
class Folder:
    """What a folder gave."""

    days: tuple[ReadDay, ...]
    """Of the market asked for, in its resolution, in order of the files' names."""
    refused: tuple[str, ...]
    """A line for each file that could not be read: to the operator such a day is missing."""
    others: tuple[str, ...]
    """The markets of files that were left out."""
    twice: tuple[str, ...] = ()
    """A line for each file of a day that an earlier file has."""

    @property
    def left_out(self) -> list[str]:
        """What could not be read, and what is there twice, in a few lines for people."""
        return [
            *_some(self.refused, "left out: ", "more files that cannot be read"),
            *_some(self.twice, "", "more files of days that are there twice"),
        ]


def _some(lines: Sequence[str], begin: str, others: str) -> list[str]:
    more = len(lines) - _MOST_NAMED
    shown = [f"{begin}{line}" for line in lines[:_MOST_NAMED]]
    return [*shown, f"{begin}{more} {others}"] if more > 0 else shown


def read_folder(folder: Path, market: Market) -> Folder:
    """Every file of the folder that ends as results do. Only what belongs to the market, or to the auction that it
    is laid over, and grid data of its area is taken; other resolutions are converted where that is exact.

    A page says itself which market it holds. A CSV file may do so by area and auction in its name
    (``ida1_FR_2025-10-09.csv``, ``carbon_data_2025-10-09.csv``), and is else taken as the market's.

    Raises:
        MarketError: the folder cannot be listed.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _ENDINGS)
    except OSError as error:
        raise MarketError(f"{folder} cannot be read: {error.strerror or error}") from error
    wanted = {(layer.area, layer.auction) for layer in layers(market)}
    wanted |= {(market.area, data) for data in GridData}
    days: list[ReadDay] = []
    refused: list[str] = []
    others: set[str] = set()
    seen: dict[tuple[str, str, date], str] = {}
    twice: list[str] = []
    for path in paths:
        try:
            day = _read(path, market)
        except MarketError as error:
            refused.append(f"{path.name}: {error.line}")
            continue
        if (day.query.market.area, day.query.market.auction) in wanted:
            days.append(day)
            named = (day.query.market.area, str(day.query.market.auction), day.query.delivery_day)
            if named in seen:
                twice.append(
                    f"{path.name}: {seen[named]} has this day too: the first of them that is whole counts"
                )
            seen.setdefault(named, path.name)
        else:
            others.add(f"{day.query.market.area} {day.query.market.auction}")
    return Folder(tuple(days), tuple(refused), tuple(sorted(others)), tuple(twice))


def _read(path: Path, market: Market) -> ReadDay:
    content = read_file(str(path))
    named = _named(path.name, market)
    asked = Asked(named.area, named.auction, None, None)
    if content.lstrip()[:1] in (b"<", b"["):
        query, periods, _ = read_page(content, asked, as_it_says=True)
    else:
        query, periods, _ = read_csv(content, path.name, asked)
    return _in_resolution(query, periods, market.resolution_minutes)


def _in_resolution(query: Query, periods: Sequence[Period], minutes: int) -> ReadDay:
    found = query.market
    converted = resample(periods, found.resolution_minutes, minutes)
    return ReadDay(Query(Market(found.area, found.auction, minutes), query.delivery_day), converted)


def _named(name: str, market: Market) -> Market:
    """The area and auction in a file's name; where there is none, the market's."""
    words = re.split(r"[_.\s]+", Path(name).stem.upper())
    area = _first(words, BIDDING_ZONES) or market.area
    known = {auction.value.upper(): auction for auction in (*Auction, *GridData)}
    auction = _first(words, known)
    return Market(area, known[auction] if auction else market.auction, market.resolution_minutes)


def _first(words: Iterable[str], known: Iterable[str]) -> str | None:
    names = set(known)
    return next((word for word in words if word in names), None)
