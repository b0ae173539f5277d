"""Lists of times and prices in JSON, as tables. Pure.

Known forms: Energy-Charts' (``unix_seconds`` and ``price``, ``data`` of ``timestamp`` and ``values``, or the series of
a chart of its page), SMARD's (``series`` of milliseconds and values), Nord Pool's (``multiAreaEntries``), and any list
of objects with a time and a number each, as aWATTar's ``data``.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from powercap_operator.market.errors import CsvError

from .foreign_table import Table

_LISTS: Final = ("data", "prices", "price", "items", "results", "values", "records")
_SAID: Final = {
    "area": ("bidding_zone", "bzn", "area", "zone", "deliveryArea"),
    "unit": ("unit", "currency_unit"),
    "auction": ("market", "auction"),
}


def json_table(text: str) -> tuple[Table, dict[str, str]]:
    """The table in a JSON document, and what stands beside it: ``area``, ``unit``, ``auction``.

    Raises:
        CsvError: no JSON, or none of the forms.
    """
    try:
        document = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise CsvError("it begins as JSON does and is none") from error
    said: dict[str, str] = {}
    if isinstance(document, Mapping):
        for name, keys in _SAID.items():
            found = next((document[key] for key in keys if isinstance(document.get(key), str)), None)
            if found is not None:
                said[name] = found
        if isinstance(document.get("currency"), str) and "multiAreaEntries" in document:
            said["unit"] = f"{document['currency']}/MWh"
    if '"startsAt"' in text and '"total"' in text:
        raise CsvError(
            "these are a supplier's prices with its fees and taxes: import the market's, and say fees and taxes in the"
            " policy's tariff"
        )
    rows = _rows(document)
    if not rows:
        raise CsvError(
            "it is JSON without a list of times and prices that is known here: make a CSV file of it, with a time and a"
            " price in each row"
        )
    titles = list(dict.fromkeys(key for row in rows for key in row))
    cells = tuple(tuple(_cell(row.get(title)) for title in titles) for row in rows)
    if "unit" not in said and "unit" in titles:
        said["unit"] = _cell(rows[0].get("unit"))
    return Table(tuple(titles), cells, 1), said


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:f}" if isinstance(value, Decimal) and value.is_finite() else str(value)


def _rows(document: Any) -> list[dict[str, Any]]:
    if isinstance(document, list):
        return _charted(document) or _objects(document)
    if not isinstance(document, Mapping):
        return []
    seconds, prices = document.get("unix_seconds"), document.get("price")
    if isinstance(seconds, list) and isinstance(prices, list):
        if len(seconds) != len(prices):
            raise CsvError(f"it has {len(seconds)} times and {len(prices)} prices")
        return [{"time": second, "price": price} for second, price in zip(seconds, prices, strict=True)]
    series = document.get("series")
    if isinstance(series, list) and (
        pairs := [pair for pair in series if isinstance(pair, list) and len(pair) == 2]
    ):
        return [{"time": pair[0], "price": pair[1]} for pair in pairs]
    if isinstance(entries := document.get("multiAreaEntries"), list):
        return _objects([_nord_pool(entry) for entry in entries])
    lists = (document[key] for key in _LISTS if isinstance(document.get(key), list))
    return next((rows for rows in map(_objects, lists) if rows), [])


def _charted(series: Sequence[Any]) -> list[dict[str, Any]]:
    """Series of a chart of Energy-Charts' page, each with a name in several languages, over one list of times."""
    charts = [one for one in series if isinstance(one, Mapping) and isinstance(one.get("data"), list)]
    times = next((one["xAxisValues"] for one in charts if isinstance(one.get("xAxisValues"), list)), None)
    if times is None:
        return []
    named = {_english(one.get("name")): one["data"] for one in charts if len(one["data"]) == len(times)}
    return [
        {"time": time, **{name: values[place] for name, values in named.items()}}
        for place, time in enumerate(times)
    ]


def _english(name: Any) -> str:
    while isinstance(name, list) and name:
        name = name[0]
    return str(name.get("en", "")) if isinstance(name, Mapping) else str(name or "")


def _nord_pool(entry: Any) -> Any:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("entryPerArea"), Mapping):
        return None
    areas = {f"price {area}": price for area, price in entry["entryPerArea"].items()}
    return {"deliveryStart": entry.get("deliveryStart"), **areas}


def _objects(items: Sequence[Any]) -> list[dict[str, Any]]:
    """Objects with their values, those of one level below among them."""
    rows = []
    for item in items:
        if not isinstance(item, Mapping):
            return []
        flat: dict[str, Any] = {}
        for key, value in item.items():
            if isinstance(value, Mapping):
                flat |= {
                    str(name): one for name, one in value.items() if not isinstance(one, (Mapping, list))
                }
            elif not isinstance(value, list):
                flat[str(key)] = value
        rows.append(flat)
    return rows
