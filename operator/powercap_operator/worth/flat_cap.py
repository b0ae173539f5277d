"""The flat cap that does the same work: the baseline for a policy's savings. Pure.

Whoever caps a node all day by the same watts saves too, without any market. A policy's own saving is what it saves
beyond that, at the same work.
"""

from typing import Final

import numpy as np

from .curve import Curve
from .node import Periods, flows

_HALVINGS: Final = 100
"""More than a float has digits."""


def flat_cap_watts(curve: Curve, periods: Periods, max_watts: float, work_hours: float) -> float:
    """The lowest constant cap, in watts, under which the node does ``work_hours`` over all periods.

    Where it does them only uncapped, the largest load.
    """
    low, high = 0.0, float(periods.loads.max(initial=0.0))
    enough = work_hours * (1 - 1e-12)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        run = flows(curve, np.full_like(periods.loads, middle), periods.loads, max_watts)
        if float((run.work * periods.hours).sum()) < enough:
            low = middle
        else:
            high = middle
    return high
