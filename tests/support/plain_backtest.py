"""The sums of ``powercap backtest`` done again, row by row as in a spreadsheet, sharing no code with it.

Rows are (hours, price per MWh, volume in MWh, load in watts). Everything is in floats and plain loops, as in
docs/backtest.md.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

SECONDS = {100: 8.48, 80: 8.96, 60: 10.49, 40: 13.73, 20: 30.23}
JOULES = {100: 190.8, 80: 179.4, 60: 157.4, 40: 140.0, 20: 154.1}


@dataclass(frozen=True)
class Row:
    """One market period."""

    day: int
    hours: float
    price: float
    volume: float
    load: float


@dataclass(frozen=True)
class Sums:
    """What the rows come to."""

    energy_kwh: float
    cost: float
    work_hours: float

    @property
    def cost_per_work_hour(self) -> float:
        """Cost of an hour's work at full speed."""
        return self.cost / self.work_hours


def line(points: Sequence[tuple[float, float]], at: float) -> float:
    """Linear between points in ascending order, flat after the last."""
    if at >= points[-1][0]:
        return points[-1][1]
    for (left, low), (right, high) in itertools.pairwise(points):
        if left <= at <= right:
            return low + (high - low) * (at - left) / (right - left)
    raise AssertionError("below the points")


def curve() -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Points of cap share and work share, and of cap share and power share. Caps below 20 % do not occur here."""
    full = JOULES[100] / SECONDS[100]
    work = [(cap / 100, SECONDS[100] / SECONDS[cap]) for cap in sorted(SECONDS)]
    power = [(cap / 100, JOULES[cap] / SECONDS[cap] / full) for cap in sorted(SECONDS)]
    return work, power


def sums(rows: Sequence[Row], caps: Sequence[float], max_watts: float, static_watts: float) -> Sums:
    """Energy, cost and work of one node under these caps."""
    work_points, power_points = curve()
    energy = cost = work = 0.0
    for row, cap in zip(rows, caps, strict=True):
        share = min(1.0, cap / row.load)
        watts = row.load * line(power_points, share) + static_watts
        energy += watts * row.hours / 1000
        cost += watts * row.hours / 1_000_000 * row.price
        work += row.load / max_watts * line(work_points, share) * row.hours
    return Sums(energy, cost, work)


def flat_cap(rows: Sequence[Row], max_watts: float, work_hours: float) -> float:
    """The constant cap with the same work, by halving."""
    low, high = max(row.load for row in rows) * 0.2, max(row.load for row in rows)
    for _ in range(80):
        middle = (low + high) / 2
        if sums(rows, [middle] * len(rows), max_watts, 0).work_hours < work_hours:
            low = middle
        else:
            high = middle
    return high


def carried(watts: Fraction, max_watts: int, min_watts: int) -> float:
    """A cap as budgets carry it: a hundredth of a percent of maxSource, to the nearest, and never under minPower."""
    share = Fraction(int(watts / max_watts * 10_000 + Fraction(1, 2)), 10_000)
    return float(max(share * max_watts, Fraction(min_watts)))


def volume_caps(rows: Sequence[Row], max_watts: int, min_watts: int) -> list[float]:
    """Strategy Volume: volume by the day's largest."""
    largest = {row.day: max(other.volume for other in rows if other.day == row.day) for row in rows}
    shares = [Fraction(str(row.volume)) / Fraction(str(largest[row.day])) for row in rows]
    return [carried(share * max_watts, max_watts, min_watts) for share in shares]


def price_caps(rows: Sequence[Row], max_watts: int, min_watts: int) -> list[float]:
    """Strategy Price: linear between the day's percentiles 10 and 90."""
    caps = []
    for row in rows:
        prices = sorted(Fraction(str(other.price)) for other in rows if other.day == row.day)
        low, high = percentile(prices, 10), percentile(prices, 90)
        price = Fraction(str(row.price))
        if price <= low or price < 0:
            wanted = Fraction(max_watts)
        elif price >= high:
            wanted = Fraction(0)
        else:
            wanted = (high - price) / (high - low) * max_watts
        caps.append(carried(wanted, max_watts, min_watts))
    return caps


def percentile(ordered: Sequence[Fraction], rank: int) -> Fraction:
    """Linear between neighbours in order."""
    place = Fraction(rank * (len(ordered) - 1), 100)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


CAPS: dict[str, Callable[[Sequence[Row], int, int], list[float]]] = {
    "Volume": volume_caps,
    "Price": price_caps,
}
