"""Files of prices of other tools, as delivery days in this project's form."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

from powercap_api.markets import BIDDING_ZONES, RESOLUTIONS_MINUTES, Auction, Market
from powercap_operator.market.delivery_day import day_of
from powercap_operator.market.errors import CsvError, Malformed, MarketError, NotPublished
from powercap_operator.market.results import DayData, Period, Query, build_market_day
from powercap_operator.sources.entsoe.document import AREAS, EIC_CODES, read_document, says_nothing
from powercap_operator.sources.entsoe.prices import SDAC, day_ahead_series

from .foreign_json import json_table
from .foreign_prices import Asked, Found, understand
from .foreign_table import MAX_BYTES, decode, read_table
from .foreign_times import is_time

_MOST_POSITIONS: Final = 4000
"""Of one Period element: a month of quarters."""


@dataclass(frozen=True, slots=True)
class Imported:
    """The delivery days of a file."""

    found: Found
    days: tuple[DayData, ...]
    """Those with every period and price."""
    partial: tuple[DayData, ...]
    """The others, each with what it lacks."""


def read_foreign(content: bytes, name: str, asked: Asked) -> Imported:
    """The days in a file that another tool wrote.

    Raises:
        MarketError: it is none that is understood, or does not say what must be known.
    """
    text = decode(content)
    begin = text.lstrip()[:1]
    if begin == "<":
        found = _document(content, asked)
    elif begin in ("{", "["):
        table, said = json_table(text)
        found = understand(table, name, asked, said)
    else:
        found = understand(read_table(text, is_time), name, asked)
    return _by_day(found)


def _document(content: bytes, asked: Asked) -> Found:
    """An ENTSO-E document of day-ahead prices, of one day or of many."""
    root = read_document(content, MAX_BYTES)
    if root.tag.endswith("Acknowledgement_MarketDocument") and says_nothing(root):
        raise NotPublished("ENTSO-E says that it has none of these prices: not yet, or not at all")
    if not root.tag.endswith("Publication_MarketDocument"):
        raise Malformed(
            "it is XML and no Publication_MarketDocument of ENTSO-E (for a saved page: market parse)"
        )
    areas: set[str] = set()
    taken: dict[tuple[str, datetime], tuple[int, Period]] = {}
    for series in day_ahead_series(root):
        if series.sequence != SDAC:
            continue
        code = series.domain("in_Domain")
        if code not in AREAS:
            raise Malformed(
                f"the document is of the zone {code[:20]!r}, which is none of {', '.join(EIC_CODES)}"
            )
        area = AREAS[code]
        areas.add(area)
        for minutes, periods in series.parts(_MOST_POSITIONS):
            for period in periods:
                known = taken.get((area, period.start))
                if known is None or minutes < known[0]:
                    taken[area, period.start] = (minutes, period)
    wanted = asked.area or (next(iter(areas)) if len(areas) == 1 else None)
    if wanted is None or wanted not in areas:
        raise CsvError(
            f"the document has prices of {', '.join(sorted(areas)) or 'no zone'}: say which with --area"
        )
    of_area = [period for (area, _), (_, period) in sorted(taken.items()) if area == wanted]
    return Found(
        wanted,
        asked.auction or Auction.SDAC,
        tuple(period.start for period in of_area),
        tuple(period.price for period in of_area),
        (None,) * len(of_area),
        ("prices in EUR/MWh", "times in UTC"),
    )


def _by_day(found: Found) -> Imported:
    zone = BIDDING_ZONES[found.area].zone
    days: dict[object, list[Period]] = {}
    for start, price, volume in zip(found.starts, found.prices, found.volumes, strict=True):
        days.setdefault(day_of(start, zone), []).append(Period(start, volume, price))
    made = []
    for periods in days.values():
        ordered = sorted(periods, key=lambda period: period.start)
        minutes = _minutes([period.start for period in ordered])
        market = Market(found.area, found.auction, minutes)
        query = Query(market, day_of(ordered[0].start, zone))
        has_volume = any(period.volume is not None for period in ordered)
        made.append(build_market_day(ordered, query, needs_volume=has_volume))
    made.sort(key=lambda day: day.query.delivery_day)
    return Imported(
        found, tuple(day for day in made if day.complete), tuple(day for day in made if not day.complete)
    )


def _minutes(starts: Sequence[datetime]) -> int:
    """The length of a day's periods: the shortest step, which a market has.

    Raises:
        CsvError: it has none.
    """
    steps = [later - earlier for earlier, later in pairwise(starts) if later > earlier]
    minutes = min(steps, default=timedelta(hours=1)) // timedelta(minutes=1)
    if minutes not in RESOLUTIONS_MINUTES:
        raise CsvError(
            f"the times are {minutes} minutes apart on {starts[0]:%Y-%m-%d}: 15, 30 or 60 were expected"
        )
    return minutes


def read_files(paths: Sequence[Path], asked: Asked) -> list[tuple[Path, Imported | MarketError]]:
    """What each file gave, or why it gave nothing."""
    made: list[tuple[Path, Imported | MarketError]] = []
    for path in paths:
        try:
            made.append((path, read_foreign(path.read_bytes()[: MAX_BYTES + 1], path.name, asked)))
        except OSError as error:
            made.append((path, MarketError(f"cannot be read: {error.strerror or error}")))
        except MarketError as error:
            made.append((path, error))
    return made
