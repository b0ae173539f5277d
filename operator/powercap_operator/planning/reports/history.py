"""The energy history in a budget's status, kept small: a cluster has thousands of them. Pure."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from powercap_api.budget.energy import STEP_SECONDS

NAMES: Final = ("joules", "seconds", "boundSeconds", "boundJoules", "lifts")
"""The columns of a history, in this order."""


@dataclass(frozen=True, slots=True, eq=False)
class EnergyRun:
    """Quarters of an hour that follow each other, under one policy."""

    policy: str
    first: int
    """Number of the first quarter since 1970."""
    columns: "tuple[array[int], ...]"
    """One for each of ``NAMES``."""

    def quarters(self) -> Iterator[tuple[int, Sequence[int]]]:
        """Number and values of each quarter."""
        for place, values in enumerate(zip(*self.columns, strict=True)):
            yield self.first + place, values


def read_history(history: Sequence[Mapping[str, Any]]) -> tuple[EnergyRun, ...]:
    """The runs in wire form; what is absent is 0, or a whole quarter of seconds."""
    return tuple(_run(one) for one in history)


def quarter_of(moment: datetime) -> int:
    """Number of the quarter that a moment lies in."""
    return int(moment.timestamp()) // STEP_SECONDS


def _run(history: Mapping[str, Any]) -> EnergyRun:
    count = len(history["joules"])
    absent = {"seconds": STEP_SECONDS}
    columns = tuple(array("q", history.get(name) or [absent.get(name, 0)] * count) for name in NAMES)
    return EnergyRun(history["policy"], quarter_of(datetime.fromisoformat(history["start"])), columns)
