"""Policies on the same days, each beside the node without caps and beside the flat cap that does the same work. Pure.

Two clusters are told apart. In a *saturated* one work waits: what is not done now takes more hours of the same
machines, and their static power counts as much as their processors'. In one *with slack* static power is spent whatever
is done: work that a capped node leaves is done on others that are on anyway, and static power is no cost of it.
Nothing else differs: with slack is the same sum without static power.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import accumulate
from math import fsum, inf, nan
from typing import Final

from ..market.results import Period
from ..planning.resolved_policy import ResolvedPolicy
from .curve import Curve
from .flat_cap import flat_cap_watts
from .history import History, day_caps
from .load import Load
from .node import Floats, Flows, Outcome, Periods, binding, daily_cost_per_work_hour, flows, total

_SAME: Final = 1e-9
"""Costs that differ by less are the same: sums of floats."""


class NoDaysError(ValueError):
    """There is no day to compare; the message says why."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What all policies share: the days and the node."""

    days: tuple[date, ...]
    periods: Periods
    max_watts: float
    static_watts: float
    curve: Curve
    currency: str
    without_load: tuple[date, ...] = ()
    """Days left out because the load does not tell them."""
    without_prices: tuple[date, ...] = ()
    """Days left out between the first and the last because a price is missing."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One policy, the node without caps, and the flat cap, in one kind of cluster."""

    policy: Outcome
    uncapped: Outcome
    flat: Outcome
    against_flat: Floats
    """For each day, cost per work hour by that of the flat cap, less 1: above 0 is worse. Not a number where either
    comes to nothing."""
    worse: tuple[bool, ...]
    """For each day, whether the policy's cost per work hour is above the flat cap's."""

    def saved(self, baseline: Outcome) -> float | None:
        """Which part of the baseline's cost per work hour the policy saved: 0 where the two are the same, below 0 where
        the policy cost more. None without work, or where the baseline's work cost nothing."""
        ours, theirs = self.policy.cost_per_work_hour, baseline.cost_per_work_hour
        return None if ours is None or not theirs else -_change(ours, theirs) + 0.0


@dataclass(frozen=True, slots=True)
class Baselines:
    """A node under caps beside one without and one under the flat cap."""

    flat_cap_watts: float
    bound: float
    """Share of the time in which the cap held the node back."""
    saturated: Compared
    slack: Compared


@dataclass(frozen=True, slots=True)
class PolicyResult(Baselines):
    """What one policy comes to."""

    name: str
    strategy: str
    lowest_cap_watts: float
    highest_load_watts: float
    fallback_days: int
    """Days on which an earlier day's results, or none, gave the caps."""


def prepare(
    policy: ResolvedPolicy,
    history: History,
    curve: Curve,
    load: Load,
    static_watts: float,
    first: date | None = None,
    last: date | None = None,
) -> Setting:
    """The days between ``first`` and ``last`` that have prices and a load, as the policy's market and tariff price
    them.

    Raises:
        NoDaysError: there is none.
    """
    wanted = [
        day for day in history.priced if (first is None or day >= first) and (last is None or day <= last)
    ]
    if not history.priced:
        raise NoDaysError("no day has a price in every period: there is nothing to compare")
    if not wanted:
        raise NoDaysError(
            f"no day is from {first or 'the first'} to {last or 'the last'}: those with prices are"
            f" {min(history.priced)} to {max(history.priced)}"
        )
    minutes = policy.market.resolution_minutes
    loads = {day: load.watts([one.start for one in history.priced[day]], minutes) for day in wanted}
    days = tuple(day for day in wanted if loads[day] is not None)
    if not days:
        raise NoDaysError("the load tells none of the days that have prices")
    return Setting(
        days=days,
        periods=_periods(policy, history, days, [watts for day in days for watts in loads[day] or ()]),
        max_watts=policy.limits.max_uw / 1e6,
        static_watts=static_watts,
        curve=curve,
        currency=policy.market.bidding_zone.currency,
        without_load=tuple(day for day in wanted if loads[day] is None),
        without_prices=tuple(day for day in _calendar(wanted[0], wanted[-1]) if day not in history.priced),
    )


def compare(policy: ResolvedPolicy, history: History, setting: Setting) -> PolicyResult:
    """The policy on the setting's days.

    Raises:
        NoDaysError: none of them has what the policy's strategy looks at.
    """
    caps, fallback_days = _caps(policy, history, setting.days)
    if fallback_days == len(setting.days):
        needs = [name for name, needed in asdict(policy.request.needs).items() if needed]
        raise NoDaysError(
            f"strategy {policy.strategy_name} looks at {' and '.join(needs)}, and no day has it in every period: add"
            " files that have it, or compare other strategies"
        )
    periods = setting.periods
    found = against_baselines(setting.curve, periods, caps, setting.max_watts, setting.static_watts)
    return PolicyResult(
        found.flat_cap_watts,
        found.bound,
        found.saturated,
        found.slack,
        name=policy.name,
        strategy=policy.strategy_name,
        lowest_cap_watts=min(caps),
        highest_load_watts=max(periods.loads),
        fallback_days=fallback_days,
    )


def against_baselines(
    curve: Curve, periods: Periods, caps: Floats, max_watts: float, static_watts: float
) -> Baselines:
    """A node under ``caps`` in each period, infinite where there is none, beside the two baselines."""
    capped = flows(curve, caps, periods.loads, max_watts)
    work_hours = total(periods, capped, 0.0).work_hours
    flat_watts = flat_cap_watts(curve, periods, max_watts, work_hours)
    runs = (
        capped,
        flows(curve, [inf] * len(caps), periods.loads, max_watts),
        flows(curve, [flat_watts] * len(caps), periods.loads, max_watts),
    )
    held = zip(binding(caps, periods.loads), periods.hours, strict=True)
    return Baselines(
        flat_cap_watts=flat_watts,
        bound=fsum(hours for binds, hours in held if binds) / fsum(periods.hours),
        saturated=_compared(periods, *runs, static_watts),
        slack=_compared(periods, *runs, 0.0),
    )


def ranked(results: Sequence[PolicyResult]) -> list[PolicyResult]:
    """The cheapest per unit of work in a saturated cluster first; without any work last."""

    def cost(result: PolicyResult) -> float:
        found = result.saturated.policy.cost_per_work_hour
        return inf if found is None else found

    return sorted(results, key=cost)


def _compared(periods: Periods, capped: Flows, uncapped: Flows, flat: Flows, static_watts: float) -> Compared:
    ours = daily_cost_per_work_hour(periods, capped, static_watts)
    theirs = daily_cost_per_work_hour(periods, flat, static_watts)
    days = list(zip(ours, theirs, strict=True))
    return Compared(
        policy=total(periods, capped, static_watts),
        uncapped=total(periods, uncapped, static_watts),
        flat=total(periods, flat, static_watts),
        against_flat=tuple(_change(one, other) for one, other in days),
        worse=tuple(one - other > _SAME * abs(other) for one, other in days),
    )


def _change(ours: float, theirs: float) -> float:
    """By what part of theirs ours is more, 0 where the two are the same; not a number where theirs is 0 or neither is
    known."""
    change = (ours - theirs) / abs(theirs) if theirs else nan
    return 0.0 if abs(change) < _SAME else change


def _caps(policy: ResolvedPolicy, history: History, days: Sequence[date]) -> tuple[list[float], int]:
    """The policy's cap in every period of the days, in watts, infinite where there is none; and on how many days an
    earlier day's results, or none, gave them."""
    caps: list[float] = []
    wanted, fallback_days = set(days), 0
    last = inf
    for day in _calendar(days[0], days[-1]):
        made = day_caps(policy, history, day)
        if made is None:
            of_day = [last] * len(history.priced.get(day, ()))
        else:
            of_day = [inf if cap is None else cap / 1e6 for cap in made.caps_uw]
            last = of_day[-1]
        if day in wanted:
            caps += of_day
            if policy.request.needs.market and (made is None or made.source_day != day):
                fallback_days += 1
    return caps, fallback_days


def _periods(
    policy: ResolvedPolicy, history: History, days: Sequence[date], loads: Sequence[float]
) -> Periods:
    found: list[Period] = [period for day in days for period in history.priced[day]]
    paid = policy.tariff.prices_paid(found, policy.wall_clock)
    carbon = [period.carbon for period in found]
    lengths = [len(history.priced[day]) for day in days]
    return Periods(
        hours=[policy.market.resolution_minutes / 60] * len(found),
        prices=[float(price) for price in paid if price is not None],
        carbon=None if None in carbon else [float(one) for one in carbon if one is not None],
        loads=loads,
        day_starts=list(accumulate(lengths[:-1], initial=0)),
    )


def _calendar(first: date, last: date) -> list[date]:
    return [first + timedelta(days=step) for step in range((last - first).days + 1)]
