"""What caps saved by what was measured: a report's energy beside the two baselines. Pure.

Each quarter of an hour of a report is two stretches: that in which caps bound, and the rest. In the rest nothing was
saved: the nodes drew what they wanted. Where caps bound, the nodes are taken to have wanted maxSource, which is the
most that can be said; the share of full work is that at which the curve draws what was measured. So the energy of the
policy is the measured energy itself, and where nothing bound all three are the same.
"""

from collections.abc import Iterable, Sequence
from math import inf

import numpy as np

from powercap_api.powerreport import PowerReportSpec

from .comparison import Baselines, NoDaysError, against_baselines
from .curve import Curve, Floats
from .node import Periods


def savings(
    reports: Sequence[PowerReportSpec], curve: Curve, static_watts: float, max_watts: float
) -> Baselines:
    """All nodes of the reports' policy together over the reports' days that have prices.

    Hours are node hours, and ``static_watts`` and ``max_watts`` are those of one node.

    Raises:
        NoDaysError: no report has prices and measured time.
    """
    days = [_stretches(report, curve, max_watts) for report in reports if report.quarters.prices]
    days = [day for day in days if len(day[0])]
    if not days:
        raise NoDaysError("no report has both prices and measured time")
    hours, prices, loads, caps, carbon = (np.concatenate(column) for column in zip(*days, strict=True))
    starts = np.concatenate(([0], np.cumsum([len(day[0]) for day in days])[:-1])).astype(np.intp)
    known = None if np.isnan(carbon).any() else carbon
    return against_baselines(
        curve, Periods(hours, prices, known, loads, starts), caps, max_watts, static_watts
    )


def _stretches(
    report: PowerReportSpec, curve: Curve, max_watts: float
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Node hours, price, load and cap of each stretch, and carbon intensity or not a number."""
    quarters = report.quarters
    seconds, bound_seconds = _array(quarters.seconds), _array(quarters.bound_seconds)
    joules, bound_joules = _array(quarters.joules), _array(quarters.bound_joules)
    prices = _array(quarters.prices or ())
    carbon = np.full_like(prices, np.nan) if quarters.carbon is None else _array(quarters.carbon)
    free_seconds = np.maximum(seconds - bound_seconds, 0)
    free_watts = _quotient(np.maximum(joules - bound_joules, 0), free_seconds)
    bound_watts = _quotient(bound_joules, bound_seconds)
    wanted = np.maximum(bound_watts, max_watts)
    rising = np.maximum.accumulate(curve.powers)
    caps = np.interp(_quotient(bound_watts, wanted), rising, curve.caps) * wanted
    held = bound_watts < wanted
    hours = np.concatenate((free_seconds, bound_seconds)) / 3600
    kept = hours > 0
    columns = (
        hours,
        np.concatenate((prices, prices)),
        np.concatenate((free_watts, wanted)),
        np.concatenate((np.full_like(free_watts, inf), np.where(held, caps, inf))),
        np.concatenate((carbon, carbon)),
    )
    first, second, third, fourth, fifth = (column[kept] for column in columns)
    return first, second, third, fourth, fifth


def _array(values: Iterable[int | str]) -> Floats:
    return np.array([float(value) for value in values], dtype=np.float64)


def _quotient(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
