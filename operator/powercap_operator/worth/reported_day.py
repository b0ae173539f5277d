"""What a PowerReport comes to, as numbers: for metrics and the page. Pure.

What caps saved is what ``powercap report`` tells of the same report without options: by the default curve, with half of
maxSource as static power. It is some milliseconds of work, and done once for each report that was written.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from powercap_api.powerreport import PowerReport, PowerReportSpec

from .comparison import Baselines, NoDaysError
from .curve import default_curve
from .measured import default_static_watts, max_source_watts, savings

_JOULES_PER_MEGAWATT_HOUR: Final = 3.6e9
_JOULES_PER_KILOWATT_HOUR: Final = 3.6e6
TODAY: Final = "today"
YESTERDAY: Final = "yesterday"


@dataclass(frozen=True, slots=True)
class ReportedDay:
    """One policy's day, as far as it is reported."""

    policy: str
    day: str
    """``TODAY`` or ``YESTERDAY``, on the clock of the policy's market."""
    joules: int
    cost: float | None
    """In ``currency``; None where prices are not known."""
    currency: str
    carbon_grams: float | None
    bound: float | None
    """Share of the measured time in which caps held nodes back; None where nothing was measured."""
    lifts: int
    worth: Baselines | None
    """What was measured beside no cap and the flat cap; None where prices or maxSource in watts are not known, or
    nothing was measured."""


class ReportedDays:
    """Reports as numbers. Remembers what each was worth; may be used from any thread."""

    def __init__(self) -> None:
        self._curve = default_curve()
        self._known: dict[str, tuple[PowerReport, Baselines | None]] = {}

    def at(self, reports: Mapping[str, PowerReport], now: datetime) -> list[ReportedDay]:
        """Today's and yesterday's report of each policy."""
        known: dict[str, tuple[PowerReport, Baselines | None]] = {}
        found = []
        for report, day in _recent(reports.values(), now):
            name = report.metadata.name
            before, worth = self._known.get(name, (None, None))
            if before is not report:
                worth = self._worth(report.spec)
            known[name] = (report, worth)
            found.append(_reported(report.spec, day, worth))
        self._known = known
        return found

    def _worth(self, spec: PowerReportSpec) -> Baselines | None:
        watts = max_source_watts([spec])
        if watts is None:
            return None
        try:
            return savings([spec], self._curve, default_static_watts(watts), watts)
        except NoDaysError:
            return None


def _recent(reports: Iterable[PowerReport], now: datetime) -> Iterator[tuple[PowerReport, str]]:
    """Those of today and yesterday, and which of them it is."""
    for report in _one_of_each(reports):
        today = now.astimezone(ZoneInfo(report.spec.time_zone)).date()
        names = {today: TODAY, today - timedelta(days=1): YESTERDAY}
        if report.spec.day in names:
            yield report, names[report.spec.day]


def _reported(spec: PowerReportSpec, day: str, worth: Baselines | None) -> ReportedDay:
    quarters = spec.quarters
    seconds = sum(quarters.seconds)
    return ReportedDay(
        policy=spec.policy,
        day=day,
        joules=sum(quarters.joules),
        cost=_weighted(quarters.joules, quarters.prices, _JOULES_PER_MEGAWATT_HOUR),
        currency=spec.currency or "",
        carbon_grams=_weighted(quarters.joules, quarters.carbon, _JOULES_PER_KILOWATT_HOUR),
        bound=sum(quarters.bound_seconds) / seconds if seconds else None,
        lifts=spec.lifts,
        worth=worth,
    )


def _one_of_each(reports: Iterable[PowerReport]) -> Iterable[PowerReport]:
    """The reports, one for each policy and day: of several the last by name."""
    ordered = sorted(reports, key=lambda report: report.metadata.name)
    return {(report.spec.policy, report.spec.day): report for report in ordered}.values()


def _weighted(joules: Sequence[int], values: Sequence[str] | None, unit_joules: float) -> float | None:
    """Energy times value, for values per ``unit_joules``; None without values."""
    if values is None:
        return None
    return sum(energy * float(value) for energy, value in zip(joules, values, strict=False)) / unit_joules
