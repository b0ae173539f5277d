"""The energy history in a budget's status, kept small: a cluster has thousands of them. Pure."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Final, Self

from powercap_api.budget.energy import STEP_SECONDS, Quarter, Run, read_run

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

    @classmethod
    def of(cls, run: Run, quarters: Sequence[Quarter], lifts: Sequence[int]) -> Self:
        """What a run tells of packages or accelerators."""
        columns = [*zip(*quarters, strict=True), lifts or [0] * len(quarters)]
        return cls(run.policy, quarter_of(run.start), array("q", chain.from_iterable(columns)))


@dataclass(frozen=True, slots=True, eq=False)
class EnergyHistory:
    """What a node drew in the last hours."""

    packages: tuple[EnergyRun, ...] = ()
    """With the lifts of the node's cap."""
    accelerators: tuple[EnergyRun, ...] = ()


def read_history(history: Sequence[object]) -> EnergyHistory:
    """The history in wire form; what an agent of another version tells in another form is left out."""
    runs = [read_run(told) for told in history if isinstance(told, dict)]
    return EnergyHistory(
        tuple(EnergyRun.of(run, run.packages, run.lifts) for run in runs if run.packages),
        tuple(EnergyRun.of(run, run.accelerators, ()) for run in runs if run.accelerators),
    )


def quarter_of(moment: datetime) -> int:
    """Number of the quarter that a moment lies in."""
    return int(moment.timestamp()) // STEP_SECONDS
