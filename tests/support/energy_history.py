"""Runs of a budget's energy history as columns of numbers, and back."""

from collections.abc import Mapping
from typing import Any

_COLUMNS = ("joules", "seconds", "boundSeconds", "boundJoules")


def columns_of(run: Mapping[str, Any], part: str = "packages") -> dict[str, Any]:
    """Policy, start and the columns of ``part`` with their numbers; what the run leaves out is left out."""
    told = {**run[part], **({"lifts": run["lifts"]} if "lifts" in run else {})}
    return {name: run[name] for name in ("policy", "start")} | {
        name: [int(word) for word in text.split()] for name, text in told.items()
    }


def run_of_columns(told: Mapping[str, Any], part: str = "packages") -> dict[str, Any]:
    """The run of what ``columns_of`` gives."""
    texts = {name: " ".join(map(str, told[name])) for name in (*_COLUMNS, "lifts") if name in told}
    run = {"policy": told["policy"], "start": told["start"]}
    if "lifts" in texts:
        run["lifts"] = texts.pop("lifts")
    return {**run, part: texts}
