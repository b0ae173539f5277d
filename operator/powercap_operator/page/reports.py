"""What the nodes of each policy drew, cost and saved: today so far beside yesterday. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ..worth.comparison import Compared
from ..worth.reported_day import TODAY, YESTERDAY, ReportedDay

_UNKNOWN: Final = "–"
_NO_CAP: Final = "no caps (at most)"
_FLAT_CAP: Final = "a constant cap"
_SLACK: Final = "with nodes to spare"
_SATURATED: Final = "with work waiting"
_TIED: Final = "\N{NO-BREAK SPACE}"
_NOTHING: Final = 0.0005
"""Parts of less are told as nothing."""


@dataclass(frozen=True, slots=True)
class Report:
    """A table: a column for each day that is reported, a row for each quantity."""

    days: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    """What it is, and its value on each of the days."""
    modelled: bool
    """Whether some of the rows tell what was saved."""


def reports(days: Iterable[ReportedDay]) -> dict[str, Report]:
    by_policy: dict[str, dict[str, ReportedDay]] = {}
    for day in days:
        by_policy.setdefault(day.policy, {})[day.day] = day
    return {policy: _report(of_policy) for policy, of_policy in by_policy.items()}


def _report(days: Mapping[str, ReportedDay]) -> Report:
    names = tuple(name for name in (TODAY, YESTERDAY) if name in days)
    modelled = any(day.worth is not None for day in days.values())
    columns = [{**_measured(days[name]), **(_saved(days[name]) if modelled else {})} for name in names]
    rows = tuple((what, tuple(column[what] for column in columns)) for what in columns[0])
    return Report(names, rows, modelled)


def _measured(day: ReportedDay) -> dict[str, str]:
    return {
        "Drawn": f"{day.joules / 3.6e6:,.3g} kWh{_of_accelerators(day)}",
        "Cost": _UNKNOWN if day.cost is None else f"{day.cost:,.2f} {day.currency}",
        "CO2": _UNKNOWN if day.carbon_grams is None else f"{day.carbon_grams / 1000:,.3g} kg",
        "Time held back by caps": _UNKNOWN if day.bound is None else f"{day.bound * 100:.0f} %",
    }


def _of_accelerators(day: ReportedDay) -> str:
    joules = day.accelerator_joules
    return "" if joules is None else f", {joules / 3.6e6:,.3g} of it accelerators"


def _saved(day: ReportedDay) -> dict[str, str]:
    """For the same work, in both kinds of cluster, against both baselines: nothing where no cap bound."""
    found = {}
    for against in (_NO_CAP, _FLAT_CAP):
        for cluster in (_SLACK, _SATURATED):
            compared = None
            if day.worth is not None:
                compared = day.worth.slack if cluster is _SLACK else day.worth.saturated
            found[f"Against {against}, {cluster}"] = _told(day, compared, flat=against is _FLAT_CAP)
    return found


def _told(day: ReportedDay, compared: Compared | None, *, flat: bool) -> str:
    """What was saved or lost, in money and in percent of the baseline's cost."""
    if day.worth is None or compared is None or day.cost is None:
        return _UNKNOWN
    baseline = compared.flat if flat else compared.uncapped
    part = compared.saved(baseline)
    ours, theirs = compared.policy.cost_per_work_hour, baseline.cost_per_work_hour
    if part is None or ours is None or theirs is None or not day.worth.slack.policy.cost:
        return _UNKNOWN
    if abs(part) < _NOTHING:
        return "nothing"
    nodes = (
        day.cost / day.worth.slack.policy.cost
    )  # the comparison is of one node: with slack its cost is the measured one
    money = (theirs - ours) * compared.policy.work_hours * nodes
    word = "saved" if part > 0 else "lost"
    amount = f"{abs(money):,.2f}" if abs(money) >= 0.01 else "less than 0.01"
    return f"{word} {amount}{_TIED}{day.currency} ({abs(part) * 100:.1f}{_TIED}%)"
