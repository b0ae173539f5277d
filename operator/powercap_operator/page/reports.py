"""What the nodes of each policy drew, cost and saved: today so far beside yesterday. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ..worth.comparison import Compared
from ..worth.reported_day import TODAY, YESTERDAY, ReportedDay

_UNKNOWN: Final = "–"
_NO_CAP: Final = "against no cap, at most"
_FLAT_CAP: Final = "against the flat cap that does the same work"


@dataclass(frozen=True, slots=True)
class Report:
    """A table: a column for each day that is reported, a row for each quantity."""

    days: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    """What it is, and its value on each of the days."""


def reports(days: Iterable[ReportedDay]) -> dict[str, Report]:
    by_policy: dict[str, dict[str, ReportedDay]] = {}
    for day in days:
        by_policy.setdefault(day.policy, {})[day.day] = day
    return {policy: _report(of_policy) for policy, of_policy in by_policy.items()}


def _report(days: Mapping[str, ReportedDay]) -> Report:
    names = tuple(name for name in (TODAY, YESTERDAY) if name in days)
    columns = [{**_measured(days[name]), **_saved(days[name])} for name in names]
    return Report(names, tuple((what, tuple(column[what] for column in columns)) for what in columns[0]))


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
    """Per unit of work, in both kinds of cluster, against both baselines: 0 where no cap bound."""
    slack = None if day.worth is None else day.worth.slack
    saturated = None if day.worth is None else day.worth.saturated
    return {
        f"Saved per unit of work, {cluster}: {against}": _part(compared, flat=against is _FLAT_CAP)
        for cluster, compared in (("with slack", slack), ("saturated", saturated))
        for against in (_NO_CAP, _FLAT_CAP)
    }


def _part(compared: Compared | None, *, flat: bool) -> str:
    part = None if compared is None else compared.saved(compared.flat if flat else compared.uncapped)
    return _UNKNOWN if part is None else f"{part * 100:.1f} %".replace("-", "−")
