"""Texts that other tools write as tables: separator, encoding, decimal sign and titles are found in the file. Pure."""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from powercap_operator.market.errors import CsvError

MAX_BYTES: Final = 40_000_000
"""Ten years of quarters have about 15 MB."""
_SEPARATORS: Final = (";", "\t", ",", "|")
_TITLE_ROWS: Final = 3
"""Most rows of titles."""
_LOOKED_AT: Final = 60
"""Lines from which the separator and the titles are found."""
_NUMBER: Final = re.compile(
    r"[-−+]?[0-9]{1,3}(?:[ .,'\u00a0\u202f]?[0-9]{3})*(?:[.,][0-9]{1,12})?|[-−+]?[0-9]{1,9}"
)
_EMPTY: Final = frozenset(("", "-", "–", "—", "n/e", "n/a", "na", "nan", "null", "none", "n.a."))
_ONLY_DECIMAL: Final = r"{}(?:[0-9]{{1,2}}|[0-9]{{4,}})$"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts under titles."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    first_line: int = 2
    """Line of the first row in the file, counted from 1."""

    def column(self, index: int) -> list[str]:
        return [row[index] for row in self.rows]


def decode(content: bytes) -> str:
    """The text of a file in UTF-8, UTF-16 with its mark, or Windows-1252.

    Raises:
        CsvError: it is larger than years of prices are, or no text.
    """
    if len(content) > MAX_BYTES:
        raise CsvError(f"{len(content) / 1e6:.0f} MB are more than ten years of prices: split the file")
    if content[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise CsvError(
            "it is a spreadsheet's own format: save it as CSV in the spreadsheet, then import that"
        )
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = content.decode("utf-16", errors="replace")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252", errors="replace")
    if "\x00" in text:
        raise CsvError("it is no text")
    return text


def read_table(text: str, is_time: Callable[[str], bool]) -> Table:
    """The table in a text: the first row with a time in it begins the data, the row before it has the titles.

    Raises:
        CsvError: no separator gives rows of one length with a time in them.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    best: tuple[int, str] | None = None
    for separator in _SEPARATORS:
        rows = list(csv.reader(lines[:_LOOKED_AT], delimiter=separator))
        widths = Counter(len(row) for row in rows if any(is_time(cell) for cell in row))
        if widths:
            width, count = widths.most_common(1)[0]
            if width > 1 and (best is None or count > best[0]):
                best = (count, separator)
    if best is None:
        raise CsvError(
            "no line has a time and a number: columns must be separated by a semicolon, a tab or a comma, and one"
            " of them must have times such as 2025-10-02T00:00+02:00 or 02.10.2025 00:00"
        )
    return _table(text, best[1], is_time)


def _table(text: str, separator: str, is_time: Callable[[str], bool]) -> Table:
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    before: list[list[str]] = []
    titles: list[str] = []
    rows: list[tuple[str, ...]] = []
    first_line = 0
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells) or cells[0].startswith("#"):
                continue
            if not rows and not any(is_time(cell) for cell in cells):
                before.append(cells)
                continue
            if not rows:
                first_line = reader.line_num
                titles = _titles(before, len(cells))
            padded = (cells + [""] * len(titles))[: max(len(titles), len(cells))]
            if len(padded) > len(titles) and any(cell.strip() for cell in padded[len(titles) :]):
                raise CsvError(
                    f"{len(cells)} columns, {len(titles)} were expected", line_number=reader.line_num
                )
            rows.append(tuple(cell.strip() for cell in padded[: len(titles)]))
    except csv.Error as error:
        raise CsvError(str(error), line_number=reader.line_num) from error
    return Table(tuple(title.strip() for title in titles), tuple(rows), first_line)


def _titles(before: Sequence[Sequence[str]], width: int) -> list[str]:
    """A title for each column, out of the rows just above the data that have as many columns; the last row counts
    whatever its length."""
    kept = [list(before[-1])] if before else []
    for cells in reversed(before[:-1]):
        if len(cells) != width or len(kept) == _TITLE_ROWS:
            break
        kept.insert(0, list(cells))
    padded = [(cells + [""] * width)[:width] for cells in kept]
    return [
        " ".join(cell.strip() for cell in column if cell.strip()) for column in zip(*padded, strict=True)
    ] or ([""] * width)


def is_number(text: str) -> bool:
    return text.strip().lower() in _EMPTY or _NUMBER.fullmatch(text.strip()) is not None


def is_empty(text: str) -> bool:
    return text.strip().lower() in _EMPTY


def has_decimal_comma(cells: Sequence[str]) -> bool:
    """Whether commas are decimal signs in a column of numbers.

    Raises:
        CsvError: the column has both signs as decimal signs, or does not say.
    """
    last = [re.sub(r"[^.,]", "", cell)[-1:] for cell in cells]
    comma = any(re.search(_ONLY_DECIMAL.format(","), cell.strip()) for cell in cells)
    point = any(re.search(_ONLY_DECIMAL.format(r"\."), cell.strip()) for cell in cells)
    if comma and point:
        raise CsvError("the column of prices has decimal commas and decimal points: write one of the two")
    if comma or point:
        return comma
    both = [cell for cell in cells if "," in cell and "." in cell]
    if both:
        return both[0].rfind(",") > both[0].rfind(".")
    return "," in last and "." not in last and not all(re.search(r",[0-9]{3}$", c) for c in cells if "," in c)


def number(text: str, *, decimal_comma: bool) -> Decimal | None:
    """A cell's number; None where it is empty.

    Raises:
        CsvError: it is none.
    """
    if is_empty(text):
        return None
    if not is_number(text):
        raise CsvError(f"{text[:30]!r} is no number")
    plain = re.sub(r"[ '\u00a0\u202f]", "", text.strip()).replace("−", "-")
    plain = plain.replace(".", "").replace(",", ".") if decimal_comma else plain.replace(",", "")
    return Decimal(plain)
