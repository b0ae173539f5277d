"""What a PowerReport comes to, as numbers: for metrics and the page. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from powercap_api.powerreport import PowerReport

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


def reported_days(reports: Mapping[str, PowerReport], now: datetime) -> Iterator[ReportedDay]:
    """Today's and yesterday's report of each policy."""
    for report in _one_of_each(reports.values()):
        spec, quarters = report.spec, report.spec.quarters
        today = now.astimezone(ZoneInfo(spec.time_zone)).date()
        names = {today: TODAY, today - timedelta(days=1): YESTERDAY}
        if spec.day not in names:
            continue
        seconds = sum(quarters.seconds)
        yield ReportedDay(
            policy=spec.policy,
            day=names[spec.day],
            joules=sum(quarters.joules),
            cost=_weighted(quarters.joules, quarters.prices, _JOULES_PER_MEGAWATT_HOUR),
            currency=spec.currency or "",
            carbon_grams=_weighted(quarters.joules, quarters.carbon, _JOULES_PER_KILOWATT_HOUR),
            bound=sum(quarters.bound_seconds) / seconds if seconds else None,
            lifts=spec.lifts,
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
