"""The time axis of a day's figures: the bidding zone's clock, to scale, with a mark where it changes."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK: Final = "#1f2937"
_QUIET: Final = "#6b7280"


def time_axis(axis: "Axes", begin: datetime, end: datetime, zone: ZoneInfo, *, every_hours: int = 3) -> None:
    """The zone's clock along the bottom, from ``begin`` to ``end`` (24:00)."""
    ticks, labels, moment = [], [], begin
    while moment < end:
        local = moment.astimezone(zone)
        if local.minute == 0 and local.hour % every_hours == 0 and not local.fold:
            ticks.append(hours(moment, begin))
            labels.append(f"{local:%H:%M}")
        moment += timedelta(minutes=15)
    axis.set_xticks([*ticks, hours(end, begin)], [*labels, "24:00"])
    axis.set_xlim(0, hours(end, begin))
    axis.set_xlabel(f"time in {zone.key.partition('/')[2].replace('_', ' ')}")


def mark_clock_change(axis: "Axes", begin: datetime, end: datetime, zone: ZoneInfo, *, named: bool) -> None:
    """A dotted line where the clocks change within the day, with its meaning where ``named``."""
    moment = begin
    while moment < end:
        after = moment + timedelta(minutes=15)
        before_offset, offset = moment.astimezone(zone).utcoffset(), after.astimezone(zone).utcoffset()
        if after < end and before_offset is not None and offset is not None and before_offset != offset:
            back = offset < before_offset
            axis.axvline(hours(after, begin), color=_INK, lw=1, ls=(0, (1, 2)))
            if named:
                axis.annotate(
                    "clocks go back: the hour before is repeated" if back else "clocks go forward by an hour",
                    (hours(after, begin), 1),
                    xycoords=("data", "axes fraction"),
                    xytext=(4, -1),
                    textcoords="offset points",
                    fontsize=8.5,
                    color=_QUIET,
                    va="top",
                )
        moment = after


def hours(moment: datetime, begin: datetime) -> float:
    """Place of a moment on the axis: hours since ``begin``."""
    return (moment - begin).total_seconds() / 3600
