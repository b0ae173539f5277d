"""Lines of a budget's energy history, from and as columns."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from powercap_api.budget.energy import STEP_SECONDS, Quarter, line_of, read_line
from powercap_api.clock import format_time

_COLUMNS = {"boundSeconds": 0, "boundJoules": 0, "lifts": 0, "seconds": STEP_SECONDS}
"""Beside joules, and what each is where nothing is said."""


def columns_of(line: str) -> dict[str, Any]:
    """Policy, start and columns of a line; columns of nothing but defaults are left out."""
    policy, start, quarters = read_line(line)
    joules, *others = zip(*quarters, strict=True)
    told = {"policy": policy, "start": format_time(start), "joules": list(joules)}
    columns = zip(_COLUMNS.items(), others, strict=True)
    return told | {name: list(column) for (name, usual), column in columns if set(column) != {usual}}


def line_of_columns(told: Mapping[str, Any]) -> str:
    """The line of what ``columns_of`` gives."""
    count = len(told["joules"])
    others = [told.get(name, [usual] * count) for name, usual in _COLUMNS.items()]
    quarters = [Quarter(*numbers) for numbers in zip(told["joules"], *others, strict=True)]
    return line_of(told["policy"], datetime.fromisoformat(told["start"]), quarters)
