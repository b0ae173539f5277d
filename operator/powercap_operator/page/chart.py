"""Geometry of the page's charts, in percent of their width and height. Pure.

A chart is drawn with SVG's rectangles and lines at percentages, so that it fits a phone and a wall alike while its text
keeps its size.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from powercap_api.schedule import Span

_LONG_SPAN: Final = timedelta(hours=30)
"""From so long a span on, every sixth hour is marked in place of every third."""


@dataclass(frozen=True, slots=True)
class Step:
    """A value that holds for a while."""

    value: float
    text: str
    """What it says where a person points at it."""
    amount: str = ""
    """The value for people."""
    mark: str = ""
    """A further class of its rectangle, after a space."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle: left edge, top, width and height in percent."""

    x: float
    y: float
    width: float
    height: float
    text: str
    when: str
    """``past``, ``now`` or ``ahead``, and the step's mark."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on an axis, in percent, and what stands there."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars over a span of time."""

    label: str
    """What it shows, for people who do not see it."""
    bars: tuple[Bar, ...]
    now: float | None
    """Where now is; None: outside."""
    hours: tuple[Mark, ...]
    days: tuple[Mark, ...]
    values: tuple[Mark, ...]
    zero: float
    """Where 0 is."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Time along a chart, on a zone's clock."""

    start: datetime
    end: datetime
    zone: ZoneInfo

    def place(self, moment: datetime) -> float:
        """Where a moment is, in percent of the axis."""
        return _rounded(100 * (moment - self.start) / (self.end - self.start))

    def hours(self) -> tuple[Mark, ...]:
        """Every third or sixth full hour of the zone's clock, the first moment left out."""
        every = 6 if self.end - self.start > _LONG_SPAN else 3
        marks, moment = [], self.start + timedelta(hours=1)
        while moment < self.end:
            local = moment.astimezone(self.zone)
            if local.hour % every == 0 and local.hour and not local.fold:
                marks.append(Mark(self.place(moment), f"{local:%H:%M}"))
            moment += timedelta(hours=1)
        return tuple(marks)

    def days(self) -> tuple[Mark, ...]:
        """The days of the zone's clock, each where it begins."""
        marks, moment = [], self.start
        while moment < self.end:
            local = moment.astimezone(self.zone)
            if moment == self.start or local.hour == 0:
                marks.append(Mark(self.place(moment), f"{local:%a} {local.day} {local:%b}"))
            moment += timedelta(hours=1)
        return tuple(marks)


def bar_chart(
    label: str,
    steps: Iterable[Span[Step]],
    axis: Axis,
    now: datetime,
    extent: tuple[float, float],
    values: Sequence[Mark],
) -> Chart:
    """Bars from 0 to each step's value; ``extent`` is the least and the most that fits, 0 among them.

    ``values`` are marks at values, which become places.
    """
    low, high = extent

    def height(value: float) -> float:
        return _rounded(100 * (high - value) / (high - low))

    zero = height(0)
    bars = []
    for begin, until, step in steps:
        start, end = max(begin, axis.start), min(until, axis.end)
        if start >= end:
            continue
        top, bottom = sorted((height(step.value), zero))
        left = axis.place(start)
        when = "past" if end <= now else "ahead" if start > now else "now"
        width = _rounded(axis.place(end) - left)
        bars.append(Bar(left, top, width, _rounded(bottom - top), step.text, when + step.mark))
    return Chart(
        label=label,
        bars=tuple(bars),
        now=axis.place(now) if axis.start <= now < axis.end else None,
        hours=axis.hours(),
        days=axis.days(),
        values=tuple(Mark(height(mark.at), mark.text) for mark in values),
        zero=zero,
    )


def extent_of(steps: Sequence[Span[Step]]) -> tuple[tuple[float, float], list[Mark]]:
    """From the least to the most with some room, 0 always within; and what to mark."""
    low, high = min(0.0, *(step.what.value for step in steps)), max(0.0, *(step.what.value for step in steps))
    room = (high - low or 1.0) * 0.16
    marks = [Mark(high, f"{high:,.6g}")] if high > 0 else []
    if low < 0:
        marks.append(Mark(low, f"{low:,.6g}"))
    return (low - room if low < 0 else 0.0, high + room), marks


def _rounded(value: float) -> float:
    return round(value, 3)
