"""When a policy's report is to be written, and of which day. Pure.

At most one write for each policy and market period: soon after a period has ended, the report of its day is written as
far as that. The day before is written as far as its end first, and once more two hours after midnight, with what agents
told late.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from powercap_api.powerreport import PowerReport, report_name

from ...market.delivery_day import day_bounds
from ..resolved_policy import ResolvedPolicy

SETTLING: Final = timedelta(minutes=2)
"""Time after a period's end by which agents have told what was drawn in it."""
LATE: Final = timedelta(hours=2)
"""Time after midnight at which the day before is written once more: agents tell their energy once an hour at least."""


@dataclass(frozen=True, slots=True)
class Due:
    """A report, and how far it is to reach."""

    name: str
    day: date
    start: datetime
    end: datetime
    """Begin and end of the day."""
    until: datetime
    written_at: datetime
    """End of the last period."""


def due(resolved: ResolvedPolicy, reports: Mapping[str, PowerReport], now: datetime) -> Due | None:
    """What is to be written now; None: nothing before the next period ends."""
    moment = now - SETTLING
    today = resolved.day(moment)
    midnight, _ = day_bounds(today, resolved.zone)
    step = timedelta(minutes=resolved.market.resolution_minutes)
    boundary = midnight + (moment - midnight) // step * step
    names = [report_name(resolved.name, day) for day in (today - timedelta(days=1), today)]
    before, current = (reports.get(name) for name in names)
    if any(one is not None and one.spec.written_at >= boundary for one in (before, current)):
        return None
    if before is not None and _is_unfinished(before, midnight, boundary):
        day = today - timedelta(days=1)
        return Due(names[0], day, day_bounds(day, resolved.zone)[0], midnight, midnight, boundary)
    if boundary == midnight:
        return None
    return Due(names[1], today, midnight, day_bounds(today, resolved.zone)[1], boundary, boundary)


def _is_unfinished(before: PowerReport, midnight: datetime, boundary: datetime) -> bool:
    """Whether the day before lacks its end, or what was told late."""
    late = midnight + LATE
    return before.spec.until < midnight or before.spec.written_at < late <= boundary
