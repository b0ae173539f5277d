"""What a PowerReport comes to, as numbers: for metrics and the page. Pure.

What caps saved is modelled as ``powercap report`` does it, where the cluster says what its machines are like. It is
some milliseconds of work, and done once for each report that was written.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from powercap_api.powerreport import PowerReport, PowerReportSpec

from ..planning.reports.sums import sums_of
from .comparison import Baselines
from .measured import Machine, Savings, savings_of

TODAY: Final = "today"
YESTERDAY: Final = "yesterday"


@dataclass(frozen=True, slots=True)
class ReportedDay:
    """One policy's day, as far as it is reported."""

    policy: str
    day: str
    """``TODAY`` or ``YESTERDAY``, on the clock of the policy's market."""
    joules: int
    """Of packages and accelerators together."""
    accelerator_joules: int | None
    """Of the accelerators; None where there are none."""
    cost: float | None
    """In ``currency``; None where prices are not known."""
    currency: str
    carbon_grams: float | None
    bound: float | None
    """Share of the measured time in which caps held nodes back; None where nothing was measured."""
    lifts: int
    worth: Baselines | None
    """What was measured beside no cap and the flat cap; None where prices, maxSource in watts or the machines are not
    known, or nothing was measured."""


class ReportedDays:
    """Reports as numbers. Remembers what each was worth; may be used from any thread."""

    def __init__(self, machine: Machine | None) -> None:
        self._machine = machine
        self._known: dict[str, tuple[PowerReport, Baselines | None]] = {}

    def at(self, reports: Mapping[str, PowerReport], now: datetime) -> list[ReportedDay]:
        """Today's and yesterday's report of each policy."""
        known: dict[str, tuple[PowerReport, Baselines | None]] = {}
        found = []
        for report, day in _recent(reports.values(), now):
            name = report.metadata.name
            before, worth = self._known.get(name, (None, None))
            if before is not report:
                saved = savings_of([report.spec], self._machine)
                worth = saved.found if isinstance(saved, Savings) else None
            known[name] = (report, worth)
            found.append(_reported(report.spec, day, worth))
        self._known = known
        return found


def _recent(reports: Iterable[PowerReport], now: datetime) -> Iterator[tuple[PowerReport, str]]:
    """Those of today and yesterday, and which of them it is."""
    for report in _one_of_each(reports):
        today = now.astimezone(ZoneInfo(report.spec.time_zone)).date()
        names = {today: TODAY, today - timedelta(days=1): YESTERDAY}
        if report.spec.day in names:
            yield report, names[report.spec.day]


def _reported(spec: PowerReportSpec, day: str, worth: Baselines | None) -> ReportedDay:
    told = sums_of(spec.quarters)
    return ReportedDay(
        policy=spec.policy,
        day=day,
        joules=told.joules,
        accelerator_joules=told.accelerator_joules,
        cost=None if told.cost is None else float(told.cost),
        currency=spec.currency or "",
        carbon_grams=None if told.co2_kg is None else float(told.co2_kg) * 1000,
        bound=told.bound,
        lifts=spec.lifts,
        worth=worth,
    )


def _one_of_each(reports: Iterable[PowerReport]) -> Iterable[PowerReport]:
    """The reports, one for each policy and day: of several the last by name."""
    ordered = sorted(reports, key=lambda report: report.metadata.name)
    return {(report.spec.policy, report.spec.day): report for report in ordered}.values()
