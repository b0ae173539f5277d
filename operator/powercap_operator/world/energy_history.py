"""The energy history in a budget's status, kept small: a cluster has thousands of them. Pure."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Final, Self

from powercap_api.budget.energy import STEP_SECONDS, Quarter, Run, read_run
from powercap_api.clock import EARLIEST, LATEST
from powercap_api.units import MAX_NODE_WATTS

_MOST_JOULES: Final = int(MAX_NODE_WATTS) * STEP_SECONDS
"""Energy of a node at most in a quarter of an hour."""
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


def read_history(history: object) -> EnergyHistory:
    """The history in wire form; a run that another version tells otherwise, or that no node can have, is left out."""
    told = history if isinstance(history, list | tuple) else ()
    runs = [run for one in told if (run := _possible_run(one)) is not None]
    return EnergyHistory(
        tuple(EnergyRun.of(run, run.packages, run.lifts) for run in runs if run.packages),
        tuple(EnergyRun.of(run, run.accelerators, ()) for run in runs if run.accelerators),
    )


def is_run(told: object) -> bool:
    """Whether it is a run that a node can have."""
    return _possible_run(told) is not None


def _possible_run(told: object) -> Run | None:
    try:
        run = read_run(told) if isinstance(told, Mapping) else None
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return None
    return run if run is not None and _is_possible(run) else None


def _is_possible(run: Run) -> bool:
    """Whether a node can have drawn this: in time, in power, and each second once."""
    return (
        run.start.tzinfo is not None
        and EARLIEST <= run.start <= LATEST
        and (not run.lifts or len(run.lifts) == len(run.packages or run.accelerators))
        and all(0 <= lifts <= STEP_SECONDS for lifts in run.lifts)
        and all(
            0 <= quarter.seconds <= STEP_SECONDS
            and 0 <= quarter.bound_seconds <= STEP_SECONDS
            and 0 <= quarter.joules <= _MOST_JOULES
            and 0 <= quarter.bound_joules <= _MOST_JOULES
            for quarter in (*run.packages, *run.accelerators)
        )
    )


def quarter_of(moment: datetime) -> int:
    """Number of the quarter that a moment lies in."""
    return int(moment.timestamp()) // STEP_SECONDS
