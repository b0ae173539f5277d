"""Market days as the CSV files that users know: ``epex_data_2025-10-09.csv``. Pure.

    Period,Volume (MWh),Price (€/MWh)
    00:00-00:15,68.2,95.69
    …
    23:45-24:00,80.5,85.30

Numbers as the exchange prints them, without thousands commas; "-" where there is none. When clocks go back,
the repeated hour's labels are there twice. Prices of Great Britain are in £/MWh. UTF-8, one line each, "\\n".
"""

import csv
import io
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from powercap_api.markets import RESOLUTIONS_MINUTES

from .cell import read_cell
from .delivery_day import Label, LabelError, parse_label, period_label, resolve_labels
from .errors import CsvError, Malformed
from .results import Period, Query

_SIGNS: Final = {"EUR": "€", "GBP": "£"}
_MAX_CHARACTERS: Final = 100_000
_MAX_LINES: Final = 500


def csv_name(query: Query) -> str:
    """The file's usual name, ``epex_data_2025-10-09.csv``."""
    return f"epex_data_{query.delivery_day.isoformat()}.csv"


def head(query: Query) -> list[str]:
    """The names of the columns."""
    return ["Period", "Volume (MWh)", f"Price ({_SIGNS[query.market.bidding_zone.currency]}/MWh)"]


def to_csv(periods: Iterable[Period], query: Query) -> str:
    """The periods as a CSV text, in the order given."""
    zone = query.market.bidding_zone.zone
    lines = [",".join(head(query))]
    for period in periods:
        label = period_label(period.start, zone, query.market.resolution_minutes)
        lines.append(f"{label},{_number(period.volume)},{_number(period.price)}")
    return "\n".join(lines) + "\n"


def from_csv(text: str, query: Query) -> tuple[Period, ...]:
    """Read a CSV text as the results of ``query``, in the order of the lines.

    Whether the day is whole is for ``market.build_market_day``.

    Raises:
        CsvError: other columns, no number, or labels that do not fit the delivery day; with the line's
        number.
    """
    lines = _lines(text, query)
    labels = []
    values: list[tuple[Decimal | None, Decimal | None]] = []
    for number, (label, volume, price) in lines:
        try:
            labels.append(parse_label(label))
            values.append((read_cell(volume), read_cell(price)))
        except (LabelError, Malformed) as error:
            raise CsvError(f"{error}", line_number=number) from error
    try:
        starts = resolve_labels(
            labels, query.delivery_day, query.market.bidding_zone.zone, query.market.resolution_minutes
        )
    except LabelError as error:
        raise CsvError(f"{error} (read as {query})", line_number=lines[error.index][0]) from error
    periods = []
    for (number, _), start, (volume_mwh, price_per_mwh) in zip(lines, starts, values, strict=True):
        if start is None:
            raise CsvError(f"{query.delivery_day} has no such hour: the clocks skip it", line_number=number)
        periods.append(Period(start, volume_mwh, price_per_mwh))
    return tuple(periods)


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


def _lines(text: str, query: Query) -> list[tuple[int, list[str]]]:
    """Line numbers and the three cells of every line but the first."""
    if len(text) > _MAX_CHARACTERS:
        raise CsvError(f"{len(text)} characters are no market day: is this the right file?")
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    lines: list[tuple[int, list[str]]] = []
    try:
        first = [cell.strip() for cell in next(reader, [])]
        if first != head(query):
            raise CsvError(
                f"{','.join(first)[:80]!r} was found, {','.join(head(query))!r} expected", line_number=1
            )
        for cells in reader:
            if not cells:
                continue
            if len(cells) != 3:
                raise CsvError(f"{len(cells)} columns, 3 were expected", line_number=reader.line_num)
            lines.append((reader.line_num, cells))
            if len(lines) > _MAX_LINES:
                raise CsvError("more lines than a day has periods", line_number=reader.line_num)
    except csv.Error as error:
        raise CsvError(f"{error}", line_number=reader.line_num) from error
    return lines


def _number(value: Decimal | None) -> str:
    return "-" if value is None else f"{value:f}"
