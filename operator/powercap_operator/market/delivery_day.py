"""Delivery days: which market periods a day has, and which period a printed label means.

A delivery day runs from midnight to midnight on its zone's clock. Everything is keyed by the period's start
in UTC; how many periods there are (92, 96 or 100 quarters) follows from the zone and is never assumed. Pure.

Labels are what the exchange and its users' files print: ``00 - 01``, ``00:15 - 00:30``, ``23:45-24:00``. When
clocks go back an hour is printed twice; some pages repeat the label, older ones mark it (``02a - 02b``, ``02b
- 03``, see emarketcrawlR#1). ``resolve_labels`` accepts both and refuses whatever fits the day in no or in
several ways.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

MINUTES_PER_DAY: Final = 24 * 60


class LabelError(ValueError):
    """Labels that do not fit the delivery day. ``index`` is the offending label's place, from 0."""

    def __init__(self, message: str, index: int = 0) -> None:
        super().__init__(message)
        self.index = index


@lru_cache(maxsize=256)
def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Begin and end of the delivery day in UTC: 23, 24 or 25 hours apart."""
    first = datetime.combine(day, time.min, tzinfo=zone)
    after = datetime.combine(day + timedelta(days=1), time.min, tzinfo=zone)
    return first.astimezone(UTC), after.astimezone(UTC)


@lru_cache(maxsize=256)
def period_starts(day: date, zone: ZoneInfo, resolution_minutes: int) -> tuple[datetime, ...]:
    """Starts in UTC of all periods of the day, in order. ``resolution_minutes`` must divide an hour."""
    if resolution_minutes <= 0 or 60 % resolution_minutes:
        raise ValueError(f"{resolution_minutes} minutes do not divide an hour")
    begin, end = day_bounds(day, zone)
    step = timedelta(minutes=resolution_minutes)
    return tuple(begin + step * index for index in range((end - begin) // step))


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """The delivery day that a moment belongs to."""
    return moment.astimezone(zone).date()


def period_label(start: datetime, zone: ZoneInfo, resolution_minutes: int) -> str:
    """The users' label of a period, ``02:00-02:15``; the day's last ends at ``24:00``.

    Both periods of a repeated hour have the same label, and the end is always the label's beginning plus the
    length, also where clocks change: ``01:45-02:00`` on the day that has no 02:00.
    """
    local = start.astimezone(zone)
    begin = local.hour * 60 + local.minute
    end = begin + resolution_minutes
    return f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"


@dataclass(frozen=True, slots=True)
class Label:
    """A printed period: minutes of the wall clock from 0 to 1440, and the mark of a repeated hour, if any."""

    begin: int
    end: int
    mark: str = ""

    @property
    def minutes(self) -> int:
        """Length on the face of the clock; 0 or less where it is set back within (``02a - 02b``)."""
        return self.end - self.begin


_TIME: Final = r"(?P<{0}h>[0-9]{{1,2}})\s?(?P<{0}m>[ab]?)(?:[:.](?P<{0}min>[0-9]{{2}}))?\s?(?P<{0}n>[ab]?)"
_LABEL: Final = re.compile(rf"\s*{_TIME.format('b')}\s*[-–—]\s*{_TIME.format('e')}\s*", re.IGNORECASE)
_LONGEST_LABEL: Final = 40


def parse_label(text: str) -> Label:
    """Read one printed label.

    Raises:
        LabelError: not of the form ``00 - 01`` or ``00:00 - 00:15``, or no such time of day.
    """
    match = _LABEL.fullmatch(text) if len(text) <= _LONGEST_LABEL else None
    if match is None:
        raise LabelError(f"{text.strip()[:_LONGEST_LABEL]!r} is no period such as 00:00 - 00:15")
    begin = int(match["bh"]) * 60 + int(match["bmin"] or 0)
    end = int(match["eh"]) * 60 + int(match["emin"] or 0)
    mark = (match["bm"] or match["bn"]).lower()
    if end == 0 < begin:
        end = MINUTES_PER_DAY
    if begin >= MINUTES_PER_DAY or end > MINUTES_PER_DAY or int(match["bmin"] or 0) > 59:
        raise LabelError(f"{text.strip()!r} is outside a day")
    return Label(begin, end, mark)


def _wall_minute(moment: datetime, zone: ZoneInfo) -> int:
    local = moment.astimezone(zone)
    return local.hour * 60 + local.minute


def resolve_labels(
    labels: Sequence[Label], day: date, zone: ZoneInfo, resolution_minutes: int
) -> tuple[datetime | None, ...]:
    """Starts in UTC of the periods that ``labels`` mean on ``day``, in the order given.

    None stands for a label in the hour that the clocks skip: no such period exists, the caller may accept it
    where the row is empty. Never guesses: a repeated hour needs both its labels, or a mark.

    Raises:
        LabelError: a label of another length, off the grid, more often than the day has it, once where the
        day has
            it twice, marked where the day has it once, or out of order.
    """
    at: dict[int, list[datetime]] = defaultdict(list)
    for start in period_starts(day, zone, resolution_minutes):
        at[_wall_minute(start, zone)].append(start)
    places: dict[int, list[int]] = defaultdict(list)
    for index, label in enumerate(labels):
        _check_length(label, index, resolution_minutes, day, zone)
        places[label.begin].append(index)
    starts: list[datetime | None] = [None] * len(labels)
    for minute, indexes in places.items():
        if minute % resolution_minutes:
            raise LabelError(
                f"{_clock(minute)} is no begin of a {resolution_minutes}-minute period", indexes[0]
            )
        for index, meant in _assign(minute, indexes, labels, at[minute], day):
            starts[index] = meant
    known = [(index, start) for index, start in enumerate(starts) if start is not None]
    for (_, earlier), (index, later) in pairwise(known):
        if later <= earlier:
            raise LabelError(f"{_clock(labels[index].begin)} comes out of order", index)
    return tuple(starts)


def _assign(
    minute: int, indexes: list[int], labels: Sequence[Label], candidates: list[datetime], day: date
) -> list[tuple[int, datetime | None]]:
    """Which of the day's periods that begin at this wall-clock minute each of the labels means."""
    marks = [labels[index].mark for index in indexes]
    if len(candidates) < 2:
        if len(indexes) > 1 or marks[0]:
            raise LabelError(
                f"{_clock(minute)} is there {'marked' if marks[0] else 'more than once'}"
                f" and {day} has it {'once' if candidates else 'never'}",
                indexes[-1],
            )
        return [(indexes[0], candidates[0] if candidates else None)]
    once_unmarked = len(indexes) == 1 and not marks[0]
    both_marked_alike = len(indexes) == 2 and marks[0] == marks[1] != ""
    if len(indexes) > 2 or once_unmarked or both_marked_alike:
        raise LabelError(
            f"{day} has {_clock(minute)} twice, and the labels do not say which is meant", indexes[-1]
        )
    second_first = marks[0] == "b" or (len(marks) == 2 and marks[1] == "a")
    ordered = reversed(candidates) if second_first else iter(candidates)
    return list(zip(indexes, ordered, strict=False))


def _check_length(label: Label, index: int, resolution_minutes: int, day: date, zone: ZoneInfo) -> None:
    """The end must be the begin plus the length, on the face of the clock or as clocks really went."""
    if label.minutes == resolution_minutes:
        return
    begin, end = day_bounds(day, zone)
    if end - begin != timedelta(hours=24):
        length = timedelta(minutes=resolution_minutes)
        for start in period_starts(day, zone, resolution_minutes):
            ends = _wall_minute(start + length, zone) or MINUTES_PER_DAY
            if _wall_minute(start, zone) == label.begin and ends == label.end:
                return
    raise LabelError(
        f"{_clock(label.begin)} - {_clock(label.end)} is no period of {resolution_minutes} minutes", index
    )


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
