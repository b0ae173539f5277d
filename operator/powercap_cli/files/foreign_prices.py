"""What a file of prices that another tool wrote holds: market, unit, clock and values. Pure.

Read are tables (CSV of spreadsheets, of ENTSO-E's and Energy-Charts' pages), lists in JSON (Energy-Charts, aWATTar,
SMARD, Nord Pool, or a list of times and prices), and ENTSO-E's documents. What is found is told; what a file does
not say is asked for by the option that says it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from powercap_api.markets import BIDDING_ZONES, Auction
from powercap_operator.market.errors import CsvError

from .foreign_table import Table, has_decimal_comma, is_number, number
from .foreign_times import clock_in, has_clock, is_hour, is_time, read_times

_UNIT: Final = re.compile(
    r"(eur|euro|€|gbp|£|pounds?|usd|\$|sek|nok|dkk|pln|zł|chf|ron|huf|czk|bgn|ct|cents?|p|pence)\s*"
    r"(?:/|per|pro|par)\s*(mwh|kwh)e?\b",
    re.IGNORECASE,
)
_MONEY: Final = {
    "eur": ("EUR", 1), "euro": ("EUR", 1), "€": ("EUR", 1), "ct": ("EUR", 100), "cent": ("EUR", 100),
    "cents": ("EUR", 100), "gbp": ("GBP", 1), "£": ("GBP", 1), "pound": ("GBP", 1), "pounds": ("GBP", 1),
    "p": ("GBP", 100), "pence": ("GBP", 100), "$": ("USD", 1), "zł": ("PLN", 1),
}  # fmt: skip
"""Currency, and how many of the unit make one of it."""
_PRICE: Final = re.compile(
    r"price|preis|prix|precio|prezzo|prijs|\bpris\b|hinta|\bcena|day.?ahead|auktion|auction|\bspot|^value$",
    re.IGNORECASE,
)
_VOLUME: Final = re.compile(r"volume|volumen|menge", re.IGNORECASE)
_AREA: Final = re.compile(
    r"area\b|\barea|\bbzn|bidding.?zone|gebotszone|country|\bland\b|\bzone\b", re.IGNORECASE
)
_SEQUENCE: Final = re.compile(r"sequence", re.IGNORECASE)
_OTHER_POWER: Final = re.compile(
    r"load|generation|forecast|erzeugung|last\b|\bMW\b|\bGW\b|consumption|carbon|co2eq|renewable",
    re.IGNORECASE,
)
_CURRENCY: Final = re.compile(r"^currency$|währung|devise", re.IGNORECASE)
_FIRST_SEQUENCES: Final = frozenset(("", "1", "sequence 1", "sequence sequence 1", "without sequence", "-"))
_NAMES: Final = {
    "AT": ("austria", "österreich"),
    "BE": ("belgium", "belgien"),
    "CH": ("switzerland", "schweiz"),
    "DE-LU": ("germany", "deutschland", "germany/luxembourg", "deutschland/luxemburg", "de", "de/lu", "de-at-lu"),
    "DK1": ("dänemark 1", "dk-1"), "DK2": ("dänemark 2", "dk-2"),
    "FI": ("finland", "finnland"),
    "FR": ("france", "frankreich"),
    "GB": ("great britain", "united kingdom", "uk"),
    "NL": ("netherlands", "niederlande", "the netherlands"),
    "NO2": ("norwegen 2", "no-2"),
    "PL": ("poland", "polen"),
    "SE4": ("schweden 4", "se-4"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person says of a file; None: the file says it."""

    area: str | None = None
    auction: Auction | None = None
    clock: ZoneInfo | None = None
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a file holds."""

    area: str
    auction: Auction
    starts: tuple[datetime, ...]
    """In UTC, in the order of the file; a start may be there twice."""
    prices: tuple[Decimal | None, ...]
    volumes: tuple[Decimal | None, ...]
    notes: tuple[str, ...] = field(default=())
    """How it was understood, in words for a person."""


def area_in(text: str) -> str | None:
    """The bidding zone that a text names; None where it names none, or several."""
    plain = re.sub(r"^bzn\s*\|\s*", "", text.strip(), flags=re.IGNORECASE)
    code = re.sub(r"[\s_/]+", "-", plain.upper())
    if code in BIDDING_ZONES:
        return code
    whole = next((area for area, names in _NAMES.items() if plain.lower() in names), None)
    if whole is not None:
        return whole
    words = re.split(r"[\s_,;:|()\[\]\"]+", plain)
    found = {word.upper().replace("_", "-") for word in words} & set(BIDDING_ZONES)
    found |= {
        area
        for area, names in _NAMES.items()
        for name in names
        if len(name) > 3 and re.search(rf"(?<![\w/]){re.escape(name)}(?![\w/])", plain.lower())
    }
    return found.pop() if len(found) == 1 else None


def auction_in(text: str) -> Auction | None:
    """The auction that a text names; None where it names none."""
    for auction in (Auction.IDA1, Auction.IDA2, Auction.IDA3):
        if re.search(rf"(?<![a-z0-9]){auction}(?![a-z0-9])", text, re.IGNORECASE):
            return auction
    return Auction.SDAC if re.search(r"day.?ahead|\bsdac|\bspot|marketprice", text, re.IGNORECASE) else None


def understand(table: Table, name: str, asked: Asked, said: Mapping[str, str] | None = None) -> Found:
    """What a table holds. ``name`` is the file's; ``said`` has what stands beside the table: ``area``, ``unit``,
    ``auction``.

    Raises:
        CsvError: the file does not say what must be known, or holds something else; the message names the option.
    """
    said = said or {}
    table = _first_sequence(table)
    table, area = _of_one_area(table, asked)
    price = _price_column(table, asked, area or asked.area)
    title = table.titles[price]
    said_area = area_in(said.get("area", ""))
    if asked.area is not None and said_area not in (None, asked.area):
        raise CsvError(f"the file says that its prices are of {said_area}, and not of {asked.area}")
    area = (
        asked.area or area or said_area or area_in(title) or area_in(" ".join(table.titles)) or area_in(name)
    )
    if area is None:
        raise CsvError("the file does not say of which bidding zone the prices are: say it with --area")
    first = " ".join(table.rows[0]) if table.rows else ""
    auction = asked.auction or auction_in(
        f"{said.get('auction', '')} {title} {' '.join(table.titles)} {first} {name}"
    )
    if auction is None:
        raise CsvError(
            "the file does not say of which auction the prices are: say it with --auction, such as SDAC"
        )
    factor, unit = _unit(f"{title} {said.get('unit', '')} {_currency(table)}", area)
    cells = table.column(price)
    day_first = "MTU" in " ".join(table.titles) or has_decimal_comma(cells)
    starts, clock = _starts(table, area, asked, day_first=day_first)
    values = _numbers(table, cells)
    if "names no unit" in unit and all(value is None or abs(value) < 1 for value in values):
        raise CsvError(
            "all prices are below 1 and the file names no unit: write it into the column's title, such as EUR/kWh"
        )
    volume = next((i for i, text in enumerate(table.titles) if _VOLUME.search(text) and i != price), None)
    volumes = [None] * len(cells) if volume is None else _numbers(table, table.column(volume))
    named = f" in column {title!r}" if title else ""
    return Found(
        area,
        auction,
        tuple(starts),
        tuple(None if value is None else value * factor for value in values),
        tuple(volumes),
        (f"prices{named} in {unit}", clock),
    )


def _first_sequence(table: Table) -> Table:
    """Without the rows of auctions beside the coupled one."""
    column = next((index for index, title in enumerate(table.titles) if _SEQUENCE.search(title)), None)
    if column is None:
        return table
    rows = tuple(row for row in table.rows if row[column].lower() in _FIRST_SEQUENCES)
    return Table(table.titles, rows, table.first_line)


def _of_one_area(table: Table, asked: Asked) -> tuple[Table, str | None]:
    """The rows of one bidding zone, where a column says of which each is."""
    for index, title in enumerate(table.titles):
        if not _AREA.search(title):
            continue
        areas = {cell: area_in(cell) for cell in set(table.column(index))}
        known = {area for area in areas.values() if area is not None}
        if not known:
            continue
        if len(known) > 1 and asked.area is None:
            raise CsvError(f"the file has prices of {', '.join(sorted(known))}: say which with --area")
        wanted = asked.area or next(iter(known))
        if wanted not in known:
            raise CsvError(f"the file has prices of {', '.join(sorted(known))}, and none of {wanted}")
        rows = tuple(row for row in table.rows if areas[row[index]] == wanted)
        return Table(table.titles, rows, table.first_line), wanted
    return table, None


def _currency(table: Table) -> str:
    """The unit that a column of currencies says; empty without one."""
    column = next((index for index, title in enumerate(table.titles) if _CURRENCY.search(title)), None)
    return f"{table.rows[0][column]}/MWh" if column is not None and table.rows else ""


def _price_column(table: Table, asked: Asked, area: str | None) -> int:
    if asked.column is not None:
        named = [index for index, title in enumerate(table.titles) if asked.column.lower() in title.lower()]
        if len(named) != 1:
            raise CsvError(f"{len(named)} columns are called {asked.column!r}: there are {_named(table)}")
        return named[0]
    numeric = [index for index in range(len(table.titles)) if _has_numbers(table, index)]
    titles = {index: table.titles[index] for index in numeric}
    others = {
        index for index in numeric if _OTHER_POWER.search(titles[index]) or _VOLUME.search(titles[index])
    }
    ways = (
        [index for index in numeric if _UNIT.search(titles[index])],
        [index for index in numeric if _PRICE.search(titles[index]) and index not in others],
        [index for index in numeric if area_in(titles[index]) is not None and index not in others],
        [index for index in numeric if index not in others] if len(numeric) - len(others) == 1 else [],
    )
    found = next((way for way in ways if way), [])
    if len(found) > 1 and area is not None:
        found = [index for index in found if area_in(titles[index]) == area] or found
        currency = BIDDING_ZONES[area].currency.lower()
        found = [index for index in found if currency in titles[index].lower()] or found
    if len(found) == 1:
        return found[0]
    if found:
        raise CsvError(
            f"several columns may have the prices, say which with --area or --column: {_named(table)}"
        )
    if numeric:
        raise CsvError(
            f"no column is called a price or has a unit such as EUR/MWh, say which with --column: {_named(table)}"
        )
    raise CsvError(
        f"no column has numbers only: there are {_named(table)}; each row must have one time and its price"
    )


def _has_numbers(table: Table, index: int) -> bool:
    cells = table.column(index)
    return (
        all(map(is_number, cells))
        and any(map(_has_digit, cells))
        and not all(map(is_time, cells))
        and not _is_hours(table, index)
    )


def _has_digit(cell: str) -> bool:
    return any(letter.isdigit() for letter in cell)


def _is_hours(table: Table, index: int) -> bool:
    title = table.titles[index].lower()
    named = re.search(r"hour|stunde|heure|hodina|godzina|^h$|period", title) is not None
    return named and all(map(is_hour, table.column(index)))


def _named(table: Table) -> str:
    return ", ".join(repr(title) for title in table.titles if title)[:300] or "columns without titles"


def _unit(text: str, area: str) -> tuple[Decimal, str]:
    """The factor to the zone's currency per MWh, and the unit for people.

    Raises:
        CsvError: another currency.
    """
    wanted = BIDDING_ZONES[area].currency
    found = _UNIT.search(text)
    if found is None:
        return Decimal(1), f"{wanted}/MWh, as the file names no unit"
    money, energy = found[1].lower(), found[2].lower()
    currency, parts = _MONEY.get(money, (money.upper(), 1))
    if currency != wanted:
        raise CsvError(
            f"the prices are in {found[0]}, and those of {area} must be in {wanted}/MWh: convert them first"
        )
    factor = Decimal(1000 if energy == "kwh" else 1) / parts
    return factor, found[0] if factor == 1 else f"{found[0]}, made {wanted}/MWh"


def _starts(table: Table, area: str, asked: Asked, *, day_first: bool) -> tuple[list[datetime], str]:
    times = [
        index for index in range(len(table.titles)) if all(is_time(cell) for cell in table.column(index))
    ]
    if not times or not table.rows:
        raise CsvError("no column has a time in every row")
    in_utc = [index for index in times if clock_in(table.titles[index]) == ZoneInfo("UTC")]
    column = (in_utc or times)[0]
    cells = table.column(column)
    named = clock_in(table.titles[column]) or clock_in(" ".join(table.titles))
    zone = asked.clock or named or BIDDING_ZONES[area].wall_clock
    hours = None
    if not any(has_clock(cell) for cell in cells):
        beside = [index for index in range(len(table.titles)) if index != column and _is_clock(table, index)]
        if not beside:
            raise CsvError(
                "the column of dates has no times of day, and no column called hour has them as 00:00 or as numbers"
                " from 0 or from 1"
            )
        hours = table.column(beside[0])
    starts = read_times(cells, zone, hours, day_first=day_first)
    if has_offset(cells[0]):
        return starts, "times with their offset"
    how = "" if asked.clock or named else ", as the file names no clock (say another with --clock)"
    return starts, f"times by the clock of {zone.key}{how}"


def _is_clock(table: Table, index: int) -> bool:
    cells = table.column(index)
    return all(is_hour(cell) for cell in cells) and (":" in cells[0] or _is_hours(table, index))


def has_offset(cell: str) -> bool:
    """Whether a time says itself where on the globe its clock stands."""
    return bool(re.search(r"Z$|[+-][0-9]{2}:?[0-9]{2}$|^[0-9]{10,13}(\.0+)?$", cell.strip()))


def _numbers(table: Table, cells: Sequence[str]) -> list[Decimal | None]:
    comma = has_decimal_comma(cells)
    found = []
    for place, cell in enumerate(cells):
        try:
            found.append(number(cell, decimal_comma=comma))
        except CsvError as error:
            raise CsvError(str(error), line_number=table.first_line + place) from error
    return found
