"""The rows of an exchange table: which column is which, which row is a period, what a cell says. Pure.

A page of quarters prints 96 labels and 120 rows: after the four quarters of an hour comes the hour itself,
volumes summed and prices averaged, with nothing in the markup to tell it from a quarter. Pairing labels and
rows by place is then wrong from 01:00 on. So rows beyond the labels are accepted only where they are such
aggregates, which is proved by their sums.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Final

from ...market.cell import Cell, read_cell
from ...market.delivery_day import Label
from ...market.errors import Malformed

_UNIT: Final = re.compile(r"(?P<name>[^(]*)(?:\((?P<unit>[^)]*)\))?.*")
_SIGNS: Final = {"€": "EUR", "£": "GBP"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: MWh and currency per MWh; None where the cell says "-" or the column is not
    there."""

    buy: Cell
    sell: Cell
    volume: Cell
    price: Cell

    @property
    def empty(self) -> bool:
        return self.volume is None and self.price is None


@dataclass(frozen=True, slots=True)
class Columns:
    """Places of the columns, from 0; buy and sell volume are None where the table has none."""

    buy: int | None
    sell: int | None
    volume: int
    price: int
    width: int

    def row(self, cells: Sequence[str]) -> Row:
        """Read one row.

        Raises:
            Malformed: another number of cells than heads, or a cell that is no number.
        """
        if len(cells) != self.width:
            raise Malformed(f"a row has {len(cells)} cells under {self.width} heads: the table is damaged")
        return Row(
            None if self.buy is None else read_cell(cells[self.buy]),
            None if self.sell is None else read_cell(cells[self.sell]),
            read_cell(cells[self.volume]),
            read_cell(cells[self.price]),
        )


def find_columns(head: Sequence[str], currency: str) -> Columns:
    """Find the columns by their heads, such as ``Buy Volume (MWh)`` and ``Price (€/MWh)``.

    Raises:
        Malformed: no volume or price column or several, or another unit than MWh and ``currency``/MWh.
    """
    places: dict[str, list[int]] = {}
    units: dict[str, str] = {}
    for place, text in enumerate(head):
        match = _UNIT.fullmatch(" ".join(text.split()))
        name = match["name"].strip().lower() if match else ""
        places.setdefault(name, []).append(place)
        units[name] = (match["unit"] or "") if match else ""
    for name in ("volume", "price"):
        if len(places.get(name, ())) != 1:
            raise Malformed(f"the table's heads are {', '.join(head)[:99]!r}: one {name} column was expected")
    if units["volume"].lower() not in ("", "mwh"):
        raise Malformed(f"volumes are in {units['volume']!r}, MWh was expected")
    sign = next(sign for sign, code in _SIGNS.items() if code == currency)
    price_unit = "".join(units["price"].split()).lower()
    if price_unit not in ("", f"{sign}/mwh", f"{currency}/MWh".lower()):
        raise Malformed(f"prices are in {units['price']!r}, {currency}/MWh was expected")
    return Columns(
        buy=places.get("buy volume", [None])[0],
        sell=places.get("sell volume", [None])[0],
        volume=places["volume"][0],
        price=places["price"][0],
        width=len(head),
    )


def period_rows(rows: Sequence[Row], labels: Sequence[Label], resolution_minutes: int) -> tuple[Row, ...]:
    """The rows that belong to ``labels``, one each, in order.

    Raises:
        Malformed: another number of rows, or rows too many that are not the hours' aggregates.
    """
    if len(rows) == len(labels):
        return tuple(rows)
    whole_hours = [60 // resolution_minutes] * (len(labels) * resolution_minutes // 60)
    by_clock = [len(list(group)) for _, group in groupby(labels, key=lambda label: label.begin // 60)]
    for sizes in (whole_hours, by_clock):
        if sum(sizes) != len(labels) or len(rows) != len(labels) + len(sizes):
            continue
        for aggregate_first in (False, True):
            found = _without_aggregates(rows, sizes, aggregate_first)
            if found is not None:
                return found
    raise Malformed(
        f"{len(rows)} rows stand beside {len(labels)} labels, and the rows too many are not the hours' sums:"
        " no row can be given to a label with certainty"
    )


def _without_aggregates(
    rows: Sequence[Row], sizes: Sequence[int], aggregate_first: bool
) -> tuple[Row, ...] | None:
    """The rows but for one aggregate per group; None where those are not aggregates."""
    kept: list[Row] = []
    place = 0
    proven = 0
    for size in sizes:
        group = rows[place : place + size + 1]
        aggregate, parts = (group[0], group[1:]) if aggregate_first else (group[-1], group[:-1])
        proof = _is_aggregate(aggregate, parts)
        if proof is False:
            return None
        proven += proof is True
        kept += parts
        place += size + 1
    nothing_to_prove = all(row.empty for row in rows)
    return tuple(kept) if proven or nothing_to_prove else None


def _is_aggregate(aggregate: Row, parts: Sequence[Row]) -> bool | None:
    """Whether a row sums up others within what rounding allows; None where they have no values to tell by.

    Volumes decide, and prices only where there is no volume to tell by: sums are what an hour is made of.
    """
    by_volume = _sums_up(aggregate, parts)
    if by_volume is not None:
        return by_volume
    prices = _values(parts, "price")
    if not prices or aggregate.price is None:
        return None
    mean = sum(prices, Decimal(0)) / len(prices)
    return abs(mean - aggregate.price) <= _leeway(prices, aggregate.price)


def _sums_up(aggregate: Row, parts: Sequence[Row]) -> bool | None:
    """Whether the volumes are sums; None where they are missing or all 0.

    The traded volume is the larger of buy and sell volume in every period, so the hour's lies between the
    larger of the two sums and the sum of the larger ones.
    """
    sums = []
    told = False
    for name in ("buy", "sell"):
        values = _values(parts, name)
        whole: Cell = getattr(aggregate, name)
        if values and whole is not None:
            sums.append(sum(values, Decimal(0)))
            if abs(sums[-1] - whole) > _leeway(values, whole):
                return False
            told = told or bool(whole)
    volumes = _values(parts, "volume")
    if volumes and aggregate.volume is not None:
        most = sum(volumes, Decimal(0))
        leeway = _leeway(volumes, aggregate.volume)
        if not min(most, max(sums, default=most)) - leeway <= aggregate.volume <= most + leeway:
            return False
        told = told or bool(aggregate.volume)
    return True if told else None


def _values(parts: Sequence[Row], name: str) -> list[Decimal]:
    """A column of the parts; empty where any is missing."""
    values: list[Cell] = [getattr(part, name) for part in parts]
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) else []


def _leeway(parts: Sequence[Decimal], whole: Decimal) -> Decimal:
    """What rounding can make of a sum: half a last digit for each number, and one for how the whole is
    rounded."""
    return sum((_unit(part) for part in parts), Decimal(0)) / 2 + _unit(whole)


def _unit(value: Decimal) -> Decimal:
    exponent = value.as_tuple().exponent
    return Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0)
