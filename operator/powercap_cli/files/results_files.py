"""Files with market results as people have them: saved pages and CSV files."""

import argparse
import re
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from powercap_api.markets import (
    BIDDING_ZONES,
    MARKET_TIME,
    Auction,
    GridData,
    Market,
    auction_named,
)
from powercap_operator.market.csv_format import about_csv, csv_grid_data, csv_resolution, from_csv
from powercap_operator.market.errors import MarketError
from powercap_operator.market.results import Period, Query
from powercap_operator.sources.epex.page import MAX_PAGE_BYTES, open_page, table_html

from ..cluster.access import now


@dataclass(frozen=True, slots=True)
class Asked:
    """Which results a person asked for; what is None is taken from the file."""

    area: str
    auction: Auction | GridData
    resolution_minutes: int | None
    day: date | None


def read_file(name: str) -> bytes:
    """The file's bytes, those of standard input for ``-``; no more than a page may have, and one.

    Raises:
        MarketError: it cannot be read.
    """
    try:
        if name == "-":
            return sys.stdin.buffer.read(MAX_PAGE_BYTES + 1)
        with Path(name).open("rb") as file:
            return file.read(MAX_PAGE_BYTES + 1)
    except OSError as error:
        raise MarketError(f"cannot be read: {error.strerror or error}") from error


def read_page(
    content: bytes, asked: Asked, *, as_it_says: bool = False
) -> tuple[Query, tuple[Period, ...], str]:
    """The results of a saved page, or of the answer that its script got, and when they were published.

    With ``as_it_says`` the page's own heading says which market it is, where that is a market of ours.

    Raises:
        MarketError: it is no page with the results asked for.
    """
    page = open_page(table_html(content) if content.lstrip()[:1] == b"[" else content)
    resolution = asked.resolution_minutes or page.heading.resolution_minutes or page.resolution_minutes
    query = Query(Market(asked.area, asked.auction, resolution), asked.day or page.heading.day)
    if as_it_says:
        query = page.query() or query
    published = "" if page.published_at is None else f"published {page.published_at:%Y-%m-%d %H:%M} UTC"
    return query, page.periods(query), published


def read_csv(content: bytes, name: str, asked: Asked) -> tuple[Query, tuple[Period, ...], str]:
    """The results of a CSV file, and its name. What its first line says that it is of counts before its name, and
    columns of grid data alone say themselves which they are.

    Raises:
        MarketError: nothing says which day it is, or it cannot be read as that day.
    """
    text = content.decode("utf-8", errors="replace")
    area, auction, said_day = _said(about_csv(text), asked)
    day = asked.day or said_day or day_in_name(name)
    if day is None:
        raise MarketError(
            "neither its first line nor its name says the day: name it as in ida1_FR_2025-10-09.csv (a file on its own"
            " may be shown with --date)"
        )
    if said_day is not None and day != said_day:
        raise MarketError(f"the file says that it is of {said_day}, and not of {day}")
    market = Market(area, csv_grid_data(text) or auction, asked.resolution_minutes or csv_resolution(text))
    query = Query(market, day)
    return query, from_csv(text, query), name


def _said(about: Mapping[str, str], asked: Asked) -> tuple[str, Auction | GridData, date | None]:
    """Area, auction and day by a file's first line, and as asked where that says nothing."""
    area, _, auction = about.get("market", "").partition(" ")
    known = area in BIDDING_ZONES and auction in [*Auction, *GridData]
    day = day_in_name(about.get("day", ""))
    return (area, auction_named(auction), day) if known else (asked.area, asked.auction, day)


def day_in_name(name: str) -> date | None:
    """The delivery day in a file's name, such as ``epex_data_2025-10-09.csv``; None without one."""
    found = re.search(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", name)
    try:
        return date.fromisoformat(found[0]) if found else None
    except ValueError:
        return None


def write_day(folder: Path, name: str, text: str, *, overwrite: bool) -> Path:
    """Write a day's file, unless one of that name is there; its path. A file with the same values is left as it is.

    Raises:
        MarketError: there is one with other values, or it cannot be written.
    """
    path = folder / name
    try:
        if not overwrite and path.exists():
            if _values(path.read_text(encoding="utf-8", errors="replace")) == _values(text):
                return path
            raise MarketError(f"{path} is there already with other values: --overwrite writes over it")
        return write_whole(folder, name, text)
    except OSError as error:
        raise MarketError(f"cannot write {path}: {error.strerror or error}") from error


def _values(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def write_whole(folder: Path, name: str, text: str) -> Path:
    """Write the file whole or not at all; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=folder, prefix=f".{name}.", delete=False
    ) as draft:
        draft.write(text)
    Path(draft.name).chmod(0o644)
    Path(draft.name).replace(path)
    return path


def delivery_day(text: str) -> date:
    """A delivery day; argparse turns the error into a message."""
    words = {"today": 0, "tomorrow": 1}
    if text in words:
        return now().astimezone(ZoneInfo(MARKET_TIME)).date() + timedelta(days=words[text])
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no day: write 2025-10-09, today or tomorrow"
        ) from error
