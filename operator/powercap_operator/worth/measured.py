"""What caps saved by what was measured: a report's energy beside the two baselines. Pure.

Each quarter of an hour of a report is two stretches: that in which caps bound, and the rest. In the rest nothing was
saved: the nodes drew what they wanted. Where caps bound, the nodes are taken to have wanted maxSource, which is the
most that can be said; the share of full work is that at which the curve draws what was measured. So the energy of the
policy is the measured energy itself, and where nothing bound all three are the same.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import accumulate
from math import inf
from typing import NamedTuple

from powercap_api.powerreport import PowerReportSpec

from ..planning.reports.sums import is_whole
from .comparison import Baselines, against_baselines
from .curve import Curve, interpolate
from .node import Periods


class _Stretch(NamedTuple):
    """Node hours under the same terms."""

    hours: float
    price: float
    carbon: float | None
    load: float
    cap: float
    """Infinite where none bound."""


class Machine(NamedTuple):
    """What a cluster's machines are said to be like."""

    curve: Curve
    static_watts: float
    """Of one node."""


class NotKnown(StrEnum):
    """Why savings cannot be told, in words."""

    NO_MACHINE = "they are modelled: say what a node is like with --curve and --static-watts"
    NO_DAYS = "no whole day is reported yet"
    PERCENT = "maxSource is in percent: say what it is on a node with --max-source-watts"
    NO_PRICES = "no report has both prices and measured time"


class Savings(NamedTuple):
    """What caps saved, and the terms by which that is told."""

    found: Baselines
    max_watts: float
    static_watts: float


def savings_of(
    reports: Sequence[PowerReportSpec],
    machine: Machine | None,
    max_watts: float | None = None,
) -> Savings | NotKnown:
    """All nodes of the reports' policy together over the reports' days that have prices; hours are node hours.

    ``max_watts`` is that of one node: where it is None, the mean of what the reports say.
    """
    if machine is None:
        return NotKnown.NO_MACHINE
    if not reports:
        return NotKnown.NO_DAYS
    known = [report.max_source_microwatts for report in reports if report.max_source_microwatts]
    most = max_watts or (sum(known) / len(known) / 1e6 if known else None)
    if most is None:
        return NotKnown.PERCENT
    days = [day for report in reports if (day := list(_stretches(report, machine.curve, most)))]
    if not days:
        return NotKnown.NO_PRICES
    stretches = [stretch for day in days for stretch in day]
    carbon = [stretch.carbon for stretch in stretches]
    periods = Periods(
        hours=[stretch.hours for stretch in stretches],
        prices=[stretch.price for stretch in stretches],
        carbon=None if None in carbon else [one for one in carbon if one is not None],
        loads=[stretch.load for stretch in stretches],
        day_starts=list(accumulate((len(day) for day in days[:-1]), initial=0)),
    )
    caps = [one.cap for one in stretches]
    found = against_baselines(machine.curve, periods, caps, most, machine.static_watts)
    return Savings(found, most, machine.static_watts)


def power_of(text: str) -> float:
    """A power of a machine in watts.

    Raises:
        ValueError: it is none; the message says what to write.
    """
    try:
        watts = float(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no power: write watts, such as 90") from error
    if not 0 <= watts <= 100_000:
        raise ValueError(f"{text} W is no power of a machine: write watts, such as 90")
    return watts


def _stretches(report: PowerReportSpec, curve: Curve, max_watts: float) -> Iterator[_Stretch]:
    """Those of a report that has prices, in order."""
    quarters = report.quarters
    if quarters.prices is None or not is_whole(quarters.prices, quarters):
        return
    carbon: list[float | None] = [None] * len(quarters.joules)
    if quarters.carbon is not None and is_whole(quarters.carbon, quarters):
        carbon = [float(one) for one in quarters.carbon]
    powers = list(accumulate(curve.powers, max))
    # Columns are as long as the day: only an object that something else wrote has shorter ones.
    for seconds, bound_seconds, joules, bound_joules, price, grams in zip(
        quarters.seconds,
        quarters.bound_seconds,
        quarters.joules,
        quarters.bound_joules,
        quarters.prices,
        carbon,
        strict=False,
    ):
        if seconds > bound_seconds:
            free = seconds - bound_seconds
            load = max(joules - bound_joules, 0) / free
            yield _Stretch(free / 3600, float(price), grams, load, inf)
        if bound_seconds > 0:
            drawn = bound_joules / bound_seconds
            wanted = max(drawn, max_watts)
            cap = interpolate(drawn / wanted, powers, curve.caps) * wanted if drawn < wanted else inf
            yield _Stretch(bound_seconds / 3600, float(price), grams, wanted, cap)
