"""What a node draws uncapped: a trace of measured power, or a day's profile that repeats. Pure.

    time,watts                            time,watts
    2025-10-09T00:00:00Z,87.5             00:00,60
    2025-10-09T00:05:00Z,91.0             07:30,130

Times of a trace are RFC 3339; a period's load is the mean of the trace's values in it. Times of a profile are those of
the market zone's clock; each value holds until the next, the last until the first of the day after. Power is that of
the packages, without the rest of the machine.
"""

import csv
import io
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean
from typing import Final, Protocol
from zoneinfo import ZoneInfo

HEAD: Final = ("time", "watts")


class LoadError(ValueError):
    """The file is no load; the message says which line is wrong and how."""


class Load(Protocol):
    """Tells what a node draws uncapped."""

    def watts(self, starts: Sequence[datetime], minutes: int) -> list[float] | None:
        """The mean of each period of so many minutes; None where one of them is not known."""
        ...


@dataclass(frozen=True, slots=True)
class FullLoad:
    """A node that always draws what it may."""

    max_watts: float

    def watts(self, starts: Sequence[datetime], minutes: int) -> list[float]:
        """The same in each period."""
        del minutes
        return [self.max_watts] * len(starts)


@dataclass(frozen=True, slots=True)
class Profile:
    """A day that repeats: minutes of the day, ascending, and the watts from then on."""

    zone: ZoneInfo
    minutes: tuple[int, ...]
    values: tuple[float, ...]

    def watts(self, starts: Sequence[datetime], minutes: int) -> list[float]:
        """The mean of each period, minute by minute."""
        found = []
        for start in starts:
            local = start.astimezone(self.zone)
            begin = local.hour * 60 + local.minute
            found.append(fmean(self._at((begin + minute) % 1440) for minute in range(minutes)))
        return found

    def _at(self, minute: int) -> float:
        return self.values[bisect_right(self.minutes, minute) - 1]


@dataclass(frozen=True, slots=True)
class Trace:
    """Measured values by the quarter of an hour that they fall into."""

    by_quarter: Mapping[int, tuple[float, ...]]

    def watts(self, starts: Sequence[datetime], minutes: int) -> list[float] | None:
        """The mean of the values in each period."""
        found = []
        for start in starts:
            first = int(start.timestamp()) // 900
            values = [
                value
                for quarter in range(first, first + max(minutes // 15, 1))
                for value in self.by_quarter.get(quarter, ())
            ]
            if not values:
                return None
            found.append(fmean(values))
        return found


def read_load(text: str, zone: ZoneInfo) -> Load:
    """The load in a CSV text.

    Raises:
        LoadError: other columns, no time, no power, or traces and profiles mixed; with the line.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    if not rows or tuple(rows[0][1]) != HEAD:
        raise LoadError(f"the first line must be {','.join(HEAD)}")
    if len(rows) < 2:
        raise LoadError("there are no lines after the first")
    profile = _is_clock(rows[1][1][0])
    clock: dict[int, float] = {}
    quarters: dict[int, list[float]] = defaultdict(list)
    for number, row in rows[1:]:
        watts = _watts(number, row)
        if profile:
            clock[_minute(number, row[0])] = watts
        else:
            quarters[int(_moment(number, row[0]).timestamp()) // 900].append(watts)
    if profile:
        ordered = sorted(clock)
        return Profile(zone, tuple(ordered), tuple(clock[minute] for minute in ordered))
    return Trace({quarter: tuple(values) for quarter, values in quarters.items()})


def _is_clock(text: str) -> bool:
    return len(text) <= 5 and ":" in text


def _watts(number: int, row: Sequence[str]) -> float:
    try:
        (_, text) = row
        watts = float(text)
    except ValueError as error:
        raise LoadError(f"line {number}: {','.join(row)[:60]!r} is no time and power") from error
    if not 0 <= watts <= 100_000:
        raise LoadError(f"line {number}: {text} W is no power of a node")
    return watts


def _minute(number: int, text: str) -> int:
    hours, _, minutes = text.partition(":")
    if not (hours.isdigit() and minutes.isdigit() and int(hours) < 24 and int(minutes) < 60):
        raise LoadError(f"line {number}: {text!r} is no time of day such as 07:30")
    return int(hours) * 60 + int(minutes)


def _moment(number: int, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise LoadError(f"line {number}: {text!r} is no time such as 2025-10-09T00:00:00Z") from error
    if moment.tzinfo is None:
        raise LoadError(f"line {number}: {text!r} has no zone: end it in Z or +02:00")
    return moment.astimezone(UTC)
