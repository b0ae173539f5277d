"""Market days as the CSV files that users know: ``epex_data_2025-10-09.csv``. Pure.

    Period,Volume (MWh),Price (€/MWh)
    00:00-00:15,68.2,95.69
    …
    23:45-24:00,80.5,85.30

Numbers as the exchange prints them, without thousands commas; "-" where there is none. When clocks go back,
the repeated hour's labels are there twice. Prices of Great Britain are in £/MWh. UTF-8, one line each, "\\n".

Further columns stand after these where there is something to say: ``Carbon (gCO2eq/kWh)``, ``Renewable (%)`` and
``Forecast``, which has yes where the two are a forecast. Days of grid data have theirs only, as in
``carbon_data_2025-10-09.csv``: ``Period,Carbon (gCO2eq/kWh),Forecast``. Columns are read in any order, and those that
are not there are taken for empty.
"""

import csv
import io
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from powercap_api.markets import RESOLUTIONS_MINUTES, GridData

from .cell import read_cell
from .delivery_day import Label, LabelError, parse_label, period_label, resolve_labels
from .errors import CsvError, Malformed
from .results import Period, Query

_SIGNS: Final = {"EUR": "€", "GBP": "£"}
_MAX_CHARACTERS: Final = 100_000
_MAX_LINES: Final = 500


def csv_name(query: Query) -> str:
    """The file's usual name, ``epex_data_2025-10-09.csv``, ``carbon_data_2025-10-09.csv``."""
    auction = query.market.auction
    kind = str(auction).lower() if isinstance(auction, GridData) else "epex"
    return f"{kind}_data_{query.delivery_day.isoformat()}.csv"


def day_file_name(query: Query) -> str:
    """The name of a file that says which market it is of, ``ida1_FR_2025-10-09.csv``."""
    market = query.market
    return f"{str(market.auction).lower()}_{market.area}_{query.delivery_day.isoformat()}.csv"


def head(query: Query) -> list[str]:
    columns = _columns(query)
    return ["Period", *(columns[name] for name in _own(query))]


def _columns(query: Query) -> dict[str, str]:
    """The values that a period can have, with the names of their columns."""
    return {
        "volume": "Volume (MWh)",
        "price": f"Price ({_SIGNS[query.market.bidding_zone.currency]}/MWh)",
        "carbon": "Carbon (gCO2eq/kWh)",
        "renewable": "Renewable (%)",
        "forecast": "Forecast",
    }


def _own(query: Query) -> tuple[str, ...]:
    match query.market.auction:
        case GridData.CARBON:
            return ("carbon",)
        case GridData.RENEWABLE:
            return ("renewable",)
        case _:
            return ("volume", "price")


def to_csv(periods: Iterable[Period], query: Query, *, source: str | None = None) -> str:
    """The periods as a CSV text, in the order given; with ``source``, after a line that says what it is of."""
    zone, columns, periods = query.market.bidding_zone.zone, _columns(query), tuple(periods)
    more = [
        name
        for name in columns
        if name not in _own(query) and any(getattr(period, name) not in (None, False) for period in periods)
    ]
    shown = [*_own(query), *more]
    lines = [] if source is None else [_about(query, source)]
    lines.append(",".join(["Period", *(columns[name] for name in shown)]))
    for period in periods:
        label = period_label(period.start, zone, query.market.resolution_minutes)
        lines.append(",".join([label, *(_text(getattr(period, name)) for name in shown)]))
    return "\n".join(lines) + "\n"


def _about(query: Query, source: str) -> str:
    market = query.market
    told = {
        "market": f"{market.area} {market.auction}",
        "day": query.delivery_day.isoformat(),
        "clock": market.bidding_zone.zone.key,
        "source": " ".join(source.replace(";", " ").split()),
    }
    return "# " + "; ".join(f"{name}: {value}" for name, value in told.items())


def about_csv(text: str) -> dict[str, str]:
    """What the first line of a CSV text says that it is of: ``market``, ``day``, ``clock``, ``source``; nothing where
    it has no such line."""
    first = text[:_MAX_CHARACTERS].removeprefix("\ufeff").partition("\n")[0]
    if not first.startswith("#"):
        return {}
    parts = (part.partition(":") for part in first[1:].split(";"))
    return {name.strip(): value.strip() for name, _, value in parts}


def _without_comments(text: str) -> str:
    """The text with empty lines in place of its comments, so that lines keep their numbers."""
    lines = text.removeprefix("\ufeff").split("\n")
    return "\n".join("" if line.startswith("#") else line for line in lines)


def from_csv(text: str, query: Query) -> tuple[Period, ...]:
    """Read a CSV text as the results of ``query``, in the order of the lines.

    Whether the day is whole is for ``market.build_market_day``.

    Raises:
        CsvError: other columns, no number, or labels that do not fit the delivery day; with the line's
        number.
    """
    names, lines = _lines(text, query)
    labels = []
    values: list[dict[str, Any]] = []
    for number, (label, *cells) in lines:
        try:
            labels.append(parse_label(label))
            values.append({name: _value(name, cell) for name, cell in zip(names, cells, strict=True)})
        except (LabelError, Malformed) as error:
            raise CsvError(f"{error}", line_number=number) from error
    try:
        starts = resolve_labels(
            labels, query.delivery_day, query.market.bidding_zone.zone, query.market.resolution_minutes
        )
    except LabelError as error:
        raise CsvError(f"{error} (read as {query})", line_number=lines[error.index][0]) from error
    periods = []
    for (number, _), start, given in zip(lines, starts, values, strict=True):
        if start is None:
            raise CsvError(f"{query.delivery_day} has no such hour: the clocks skip it", line_number=number)
        periods.append(Period(start, **given))
    return tuple(periods)


def csv_grid_data(text: str) -> GridData | None:
    """The grid data that a CSV text is of, by its columns; None for one with volumes or prices, or without either."""
    titles = _without_comments(text[:_MAX_CHARACTERS]).lstrip("\n").partition("\n")[0]
    if "Volume" in titles or "Price" in titles:
        return None
    return next((data for data in GridData if f"{data} (" in titles), None)


def csv_resolution(text: str) -> int:
    """Length in minutes of the periods of a CSV text, by its labels.

    Raises:
        CsvError: there is none of a length that a market has.
    """
    for line in text[:_MAX_CHARACTERS].splitlines()[1:]:
        label = _label(line.partition(",")[0])
        if label is not None and label.minutes in RESOLUTIONS_MINUTES:
            return label.minutes
    raise CsvError("no line begins with a period such as 00:00-00:15")


def _label(text: str) -> Label | None:
    try:
        return parse_label(text)
    except LabelError:
        return None


def _names(first: list[str], query: Query) -> list[str]:
    """The values that the columns after the first hold."""
    known = {title: name for name, title in _columns(query).items()}
    titles = first[1:]
    if (
        first[:1] != ["Period"]
        or not titles
        or len(set(titles)) < len(titles)
        or not set(titles) <= set(known)
    ):
        raise CsvError(
            f"{','.join(first)[:80]!r} was found, {','.join(head(query))!r} expected", line_number=1
        )
    return [known[title] for title in titles]


def _value(name: str, cell: str) -> Decimal | bool | None:
    if name != "forecast":
        return read_cell(cell)
    if cell.strip().lower() not in ("yes", "no", "", "-"):
        raise Malformed(f"the cell {cell.strip()[:20]!r} is neither yes nor -")
    return cell.strip().lower() == "yes"


def _lines(text: str, query: Query) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The values that the columns hold; line numbers and the cells of every line but the first."""
    if len(text) > _MAX_CHARACTERS:
        raise CsvError(f"{len(text)} characters are no market day: is this the right file?")
    reader = csv.reader(io.StringIO(_without_comments(text)), strict=True)
    lines: list[tuple[int, list[str]]] = []
    try:
        first = next((cells for cells in reader if cells), [])
        names = _names([cell.strip() for cell in first], query)
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(names) + 1:
                raise CsvError(
                    f"{len(cells)} columns, {len(names) + 1} were expected", line_number=reader.line_num
                )
            lines.append((reader.line_num, cells))
            if len(lines) > _MAX_LINES:
                raise CsvError("more lines than a day has periods", line_number=reader.line_num)
    except csv.Error as error:
        raise CsvError(f"{error}", line_number=reader.line_num) from error
    return names, lines


def _text(value: Decimal | bool | None) -> str:
    if value is None or value is False:
        return "-"
    return "yes" if value is True else f"{value:f}"
