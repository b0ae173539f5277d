"""What one node does and draws in each period under its cap, and what that comes to. Pure.

A node that would draw L watts draws L × power(c / L) under a cap of c watts, where ``power`` is the curve's, and does
L / maxSource × work(c / L) of a full node's work. A cap of L or more changes nothing. Static power, that of the rest
of the machine, is drawn whatever the cap. Powers are watts, prices currency per MWh, work is hours at full speed.
"""

from dataclasses import dataclass

import numpy as np

from .curve import Curve, Floats


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
    day_starts: "np.typing.NDArray[np.intp]"
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
    shares = np.minimum(1.0, np.divide(caps, loads, out=np.ones_like(loads), where=loads > 0))
    return Flows(loads * curve.power(shares), loads / max_watts * curve.work(shares))


def total(periods: Periods, run: Flows, static_watts: float) -> Outcome:
    """All periods together."""
    energy = (run.power + static_watts) / 1000 * periods.hours
    return Outcome(
        energy_kwh=float(energy.sum()),
        cost=float((energy * periods.prices).sum() / 1000),
        co2_kg=None if periods.carbon is None else float((energy * periods.carbon).sum() / 1000),
        work_hours=float((run.work * periods.hours).sum()),
    )


def daily_cost_per_work_hour(periods: Periods, run: Flows, static_watts: float) -> Floats:
    """Cost of an hour's work on each day; not a number on days without work."""
    energy = (run.power + static_watts) / 1000 * periods.hours
    cost = np.add.reduceat(energy * periods.prices, periods.day_starts) / 1000
    work = np.add.reduceat(run.work * periods.hours, periods.day_starts)
    return np.divide(cost, work, out=np.full_like(cost, np.nan), where=work > 0)


def binding(caps: Floats, loads: Floats) -> "np.typing.NDArray[np.bool_]":
    """Whether the cap holds the node back, in each period."""
    return caps < loads
