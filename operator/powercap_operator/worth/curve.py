"""Power to work: how fast a node works under a cap, and what it then draws. Pure.

A curve is made of runs of one fixed piece of work under several caps. Everything in it is a share of what holds under
the highest of them: at that cap work and power are 1. Between the caps of the runs both are linear; below the
lowest the line through the two lowest goes on until no work is left, from where on nothing is done and power stays.
"""

import csv
import io
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean
from typing import Final, Self

HEAD: Final = ("cap", "seconds", "joules")
_NOISE: Final = 0.02
"""Runs of the same work differ by so much without a reason."""


class CurveError(ValueError):
    """The runs make no curve; the message says why."""


@dataclass(frozen=True, slots=True)
class Run:
    """The fixed piece of work, done once under a cap."""

    cap: float
    """In watts, or in percent of the highest: only the ratio of caps counts."""
    seconds: float
    joules: float
    """Energy that the packages drew meanwhile."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Shares of full work and of full power at shares of the highest cap."""

    caps: tuple[float, ...]
    """Ascending, the last 1."""
    works: tuple[float, ...]
    powers: tuple[float, ...]
    source: str

    @classmethod
    def of(cls, runs: Iterable[Run], source: str) -> Self:
        """The curve through the runs; several runs under one cap are averaged.

        Raises:
            CurveError: fewer than two caps, a number that is not above 0, or work that is done faster under a lower
                cap than under a higher one by more than runs differ anyway.
        """
        averaged = average(runs)
        if len(averaged) < 2:
            raise CurveError("a curve needs runs under two caps at least, better under four or five")
        full = averaged[-1]
        caps = [run.cap / full.cap for run in averaged]
        works = _rising([full.seconds / run.seconds for run in averaged], averaged)
        powers = [run.joules / run.seconds / (full.joules / full.seconds) for run in averaged]
        low = _lowest(caps, works, powers)
        first = [] if low is None else [low]
        points = [*first, *zip(caps, works, powers, strict=True)]
        return cls(
            caps=tuple(cap for cap, _, _ in points),
            works=tuple(work for _, work, _ in points),
            powers=tuple(power for _, _, power in points),
            source=source,
        )

    def work(self, share: float) -> float:
        """Share of full work under a cap that is this share of what the node draws uncapped."""
        return interpolate(share, self.caps, self.works)

    def power(self, share: float) -> float:
        """Share of uncapped power drawn under that cap."""
        return interpolate(share, self.caps, self.powers)


def interpolate(at: float, places: Sequence[float], values: Sequence[float]) -> float:
    """The value at a place on the line through the points; outside of them, that of the nearest. Places ascend."""
    if at >= places[-1]:
        return values[-1]
    right = bisect_right(places, at)
    if right == 0:
        return values[0]
    left = right - 1
    part = (at - places[left]) / (places[right] - places[left])
    return values[left] + (values[right] - values[left]) * part


def average(runs: Iterable[Run]) -> list[Run]:
    """One run for each cap, in order of caps.

    Raises:
        CurveError: a number that is not above 0.
    """
    ordered = sorted(runs, key=lambda run: run.cap)
    for run in ordered:
        if not (run.cap > 0 and run.seconds > 0 and run.joules > 0):
            raise CurveError(f"cap {run.cap:g}: caps, seconds and joules must be above 0")
    groups = [list(group) for _, group in groupby(ordered, key=lambda run: run.cap)]
    return [
        Run(group[0].cap, fmean(run.seconds for run in group), fmean(run.joules for run in group))
        for group in groups
    ]


def read_runs(text: str) -> list[Run]:
    """Runs from CSV with the columns cap, seconds and joules.

    Raises:
        CurveError: other columns, or no number, with the line.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    if not rows or tuple(rows[0][1]) != HEAD:
        raise CurveError(f"the first line must be {','.join(HEAD)}")
    runs = []
    for number, row in rows[1:]:
        if tuple(row) == HEAD:  # several outputs put together
            continue
        try:
            cap, seconds, joules = (float(cell) for cell in row)
        except ValueError as error:
            raise CurveError(
                f"line {number}: {','.join(row)!r} is not three numbers cap,seconds,joules"
            ) from error
        runs.append(Run(cap, seconds, joules))
    return runs


def write_runs(runs: Sequence[Run]) -> str:
    """Runs as CSV, which ``read_runs`` takes."""
    lines = [",".join(HEAD), *(f"{run.cap:g},{run.seconds:.3f},{run.joules:.3f}" for run in runs)]
    return "\n".join(lines) + "\n"


def default_curve() -> Curve:
    """The curve of a Xeon E3-1240L v5 (25 W) with fixed work under RAPL caps.

    Source: green-coding.io, "CPU Power Capping": time and energy of the processor at 100, 80, 60, 40 and 20 % of
    its power limit. It is one small server processor and one load: measure your own (``powercap curve``).
    """
    runs = (
        Run(100, 8.48, 190.8),
        Run(80, 8.96, 179.4),
        Run(60, 10.49, 157.4),
        Run(40, 13.73, 140.0),
        Run(20, 30.23, 154.1),
    )
    return Curve.of(runs, "Xeon E3-1240L v5, fixed work (green-coding.io)")


def _rising(works: Sequence[float], runs: Sequence[Run]) -> list[float]:
    """The works, none of them above that of a higher cap."""
    rising = list(works)
    for index in range(len(rising) - 2, -1, -1):
        if rising[index] > rising[index + 1] * (1 + _NOISE):
            raise CurveError(
                f"under cap {runs[index].cap:g} the work took {runs[index].seconds:g} s, and under the higher cap"
                f" {runs[index + 1].cap:g} it took {runs[index + 1].seconds:g} s: measure longer runs, and repeat them"
            )
        rising[index] = min(rising[index], rising[index + 1])
    return rising


def _lowest(
    caps: Sequence[float], works: Sequence[float], powers: Sequence[float]
) -> tuple[float, float, float] | None:
    """Where the line through the two lowest points reaches no work, or the cap 0 where that comes first."""
    step = caps[1] - caps[0]
    work_slope, power_slope = (works[1] - works[0]) / step, (powers[1] - powers[0]) / step
    cap = max(caps[0] - works[0] / work_slope, 0.0) if work_slope > 0 else 0.0
    if cap >= caps[0]:
        return None
    back = caps[0] - cap
    return cap, max(works[0] - work_slope * back, 0.0), max(powers[0] - power_slope * back, 0.0)
