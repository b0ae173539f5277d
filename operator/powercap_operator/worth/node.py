"""What one node does and draws in each period under its cap, and what that comes to. Pure.

A node that would draw L watts draws L × power(c / L) under a cap of c watts, where ``power`` is the curve's, and does
L / maxSource × work(c / L) of a full node's work. A cap of L or more changes nothing. Static power, that of the rest
of the machine, is drawn whatever the cap. Powers are watts, prices currency per MWh, work is hours at full speed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import fsum, nan

from .curve import Curve

Floats = Sequence[float]


@dataclass(frozen=True, slots=True)
class Periods:
    """The periods of all days, in order."""

    hours: Floats
    """Length of each."""
    prices: Floats
    """Price paid in each, per MWh."""
    carbon: Floats | None
    """g CO2eq per kWh in each; None where that is not known of all of them."""
    loads: Floats
    """What the node draws uncapped in each, without static power, in watts."""
    day_starts: Sequence[int]
    """Place of each day's first period."""


@dataclass(frozen=True, slots=True)
class Flows:
    """Power drawn without the static part, in watts, and work done as a share of full speed, in each period."""

    power: Floats
    work: Floats


@dataclass(frozen=True, slots=True)
class Outcome:
    """What it comes to over some time."""

    energy_kwh: float
    cost: float
    co2_kg: float | None
    work_hours: float

    @property
    def cost_per_work_hour(self) -> float | None:
        """Cost of an hour's work at full speed; None where no work was done."""
        return self.cost / self.work_hours if self.work_hours > 0 else None


def flows(curve: Curve, caps: Floats, loads: Floats, max_watts: float) -> Flows:
    """A node's power and work under ``caps``; infinite where there is no cap."""
    shares = [min(1.0, cap / load) if load > 0 else 1.0 for cap, load in zip(caps, loads, strict=True)]
    return Flows(
        [load * curve.power(share) for load, share in zip(loads, shares, strict=True)],
        [load / max_watts * curve.work(share) for load, share in zip(loads, shares, strict=True)],
    )


def total(periods: Periods, run: Flows, static_watts: float) -> Outcome:
    energy = _energy_kwh(periods, run, static_watts)
    return Outcome(
        energy_kwh=fsum(energy),
        cost=_products(energy, periods.prices) / 1000,
        co2_kg=None if periods.carbon is None else _products(energy, periods.carbon) / 1000,
        work_hours=_products(run.work, periods.hours),
    )


def daily_cost_per_work_hour(periods: Periods, run: Flows, static_watts: float) -> list[float]:
    """Cost of an hour's work on each day; not a number on days without work."""
    energy = _energy_kwh(periods, run, static_watts)
    found = []
    for first, end in pairwise((*periods.day_starts, len(energy))):
        work = _products(run.work[first:end], periods.hours[first:end])
        cost = _products(energy[first:end], periods.prices[first:end]) / 1000
        found.append(cost / work if work > 0 else nan)
    return found


def binding(caps: Floats, loads: Floats) -> list[bool]:
    """Whether the cap holds the node back, in each period."""
    return [cap < load for cap, load in zip(caps, loads, strict=True)]


def _energy_kwh(periods: Periods, run: Flows, static_watts: float) -> list[float]:
    return [
        (watts + static_watts) / 1000 * hours for watts, hours in zip(run.power, periods.hours, strict=True)
    ]


def _products(left: Floats, right: Floats) -> float:
    return fsum(one * other for one, other in zip(left, right, strict=True))
