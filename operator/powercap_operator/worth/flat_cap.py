"""The flat cap that does the same work: the baseline for a policy's savings. Pure.

Whoever caps a node all day by the same watts saves too, without any market. A policy's own saving is what it saves
beyond that, at the same work.
"""

from bisect import bisect_left
from collections import defaultdict
from math import fsum

from .curve import Curve
from .node import Periods


def flat_cap_watts(curve: Curve, periods: Periods, max_watts: float, work_hours: float) -> float:
    """The lowest constant cap, in watts, under which the node does ``work_hours`` over all periods.

    Where it does them only uncapped, the largest load. Exact: as the cap rises, work is a line between the caps at
    which one of the loads meets a point of the curve.
    """
    hours: defaultdict[float, float] = defaultdict(float)
    for load, length in zip(periods.loads, periods.hours, strict=True):
        hours[load] += length
    full = [(load, length * load / max_watts) for load, length in hours.items() if load > 0]

    def work(cap: float) -> float:
        return fsum(most * curve.work(min(1.0, cap / load)) for load, most in full)

    enough = work_hours * (1 - 1e-12)
    corners = sorted({0.0, *(load * share for load, _ in full for share in curve.caps)})
    place = bisect_left(corners, enough, key=work)
    if place in (0, len(corners)):
        return corners[min(place, len(corners) - 1)]
    low, high = corners[place - 1], corners[place]
    below, above = work(low), work(high)
    return low + (high - low) * (enough - below) / (above - below)
