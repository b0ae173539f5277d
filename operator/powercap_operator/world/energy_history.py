"""The energy history in a budget's status, kept small: a cluster has thousands of them. Pure."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from operator import attrgetter
from typing import Final

from powercap_api.budget.energy import STEP_SECONDS, read_line

NAMES: Final = ("joules", "seconds", "bound_seconds", "bound_joules", "lifts")
"""The columns of a history, in this order."""


@dataclass(frozen=True, slots=True, eq=False)
class EnergyRun:
    """Quarters of an hour that follow each other, under one policy."""

    policy: str
    first: int
    """Number of the first quarter since 1970."""
    values: "array[int]"
    """All columns, one after the other. One array, as each is one more object for the garbage collector."""

    def __len__(self) -> int:
        """Number of quarters."""
        return len(self.values) // len(NAMES)

    @property
    def columns(self) -> "tuple[array[int], ...]":
        """One for each of ``NAMES``."""
        length = len(self)
        return tuple(self.values[index * length : (index + 1) * length] for index in range(len(NAMES)))


def read_history(history: Sequence[object]) -> tuple[EnergyRun, ...]:
    """The lines in wire form; what an agent of another version tells in another form is left out."""
    return tuple(_run(line) for line in history if isinstance(line, str))


def quarter_of(moment: datetime) -> int:
    """Number of the quarter that a moment lies in."""
    return int(moment.timestamp()) // STEP_SECONDS


def _run(line: str) -> EnergyRun:
    policy, start, quarters = read_line(line)
    values = array("q", chain.from_iterable(map(attrgetter(name), quarters) for name in NAMES))
    return EnergyRun(policy, quarter_of(start), values)
