"""Times as other tools write them: the begin of each row's period, in UTC. Pure.

A cell has a time with an offset, seconds or milliseconds since 1970, or a date and a time of day on a clock; of an
interval ``A - B`` the begin counts. On a clock that is set back, the second of two equal times in a row of times is the
later one. Whether 03/04 is the third of April is found in all rows together.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from powercap_operator.market.errors import CsvError

_INTERVAL: Final = re.compile(r"\s+[-–—]\s+|\s*/\s*(?=[0-9]{4}-[0-9]{2}-[0-9]{2}T)")
_OFFSET: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:?[0-9]{2}.*(?:Z|[+-][0-9]{2}:?[0-9]{2})")
_SINCE_1970: Final = re.compile(r"[0-9]{10}(?:[0-9]{3})?(?:\.0+)?")
_LOCAL: Final = re.compile(
    r"(?P<a>[0-9]{1,4})(?P<sign>[-./])(?P<b>[0-9]{1,2})(?P=sign)(?P<c>[0-9]{1,4})"
    r"(?:[T ,]+(?P<hour>[0-9]{1,2})[:h.](?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.[0-9]+)?)?"
    r"\s*(?P<half>[ap]\.?m\.?)?)?\s*(?:\(?(?P<mark>UTC|GMT|CEST|CET|MESZ|MEZ|BST)\)?)?",
    re.IGNORECASE,
)
_HOUR: Final = re.compile(
    r"(?:h|hour)?\s*(?P<hour>[0-9]{1,2})(?:[:h](?P<minute>[0-9]{2}))?(?:\s*[-–—].*)?", re.IGNORECASE
)
_MARKS: Final = {"utc": 0, "gmt": 0, "cet": 1, "mez": 1, "cest": 2, "mesz": 2, "bst": 1}
_CLOCKS: Final = (
    (re.compile(r"UTC\b|\bGMT\b(?!\s*[+-])"), "UTC"),
    (re.compile(r"\bCET\b|\bCEST\b|\bMEZ\b|\bMESZ\b"), "Europe/Paris"),
    (re.compile(r"\bEET\b|\bEEST\b"), "Europe/Helsinki"),
    (re.compile(r"\bBST\b|\bUK\b"), "Europe/London"),
)


def begin_of(cell: str) -> str:
    """The begin of an interval, or the cell itself."""
    return _INTERVAL.split(cell.strip(), maxsplit=1)[0].strip()


def is_time(cell: str) -> bool:
    text = begin_of(cell)[:60]
    return bool(_OFFSET.fullmatch(text) or _SINCE_1970.fullmatch(text) or _LOCAL.fullmatch(text))


def is_hour(cell: str) -> bool:
    """Whether a cell has a time of day, or the number of an hour."""
    return _HOUR.fullmatch(cell.strip()[:30]) is not None


def has_clock(cell: str) -> bool:
    """Whether a cell has the time of day beside the date."""
    found = _LOCAL.fullmatch(begin_of(cell)[:60])
    return found is None or found["hour"] is not None


def clock_in(title: str) -> ZoneInfo | None:
    """The clock that a title names; None where it names none."""
    return next((ZoneInfo(zone) for pattern, zone in _CLOCKS if pattern.search(title)), None)


def read_times(
    cells: Sequence[str], zone: ZoneInfo, hours: Sequence[str] | None = None, *, day_first: bool = False
) -> list[datetime]:
    """The begin of each row's period in UTC. ``zone`` is the clock of times without an offset, ``hours`` a column of
    times of day beside one of dates. With ``day_first`` the file is known to write 03/04 for the third of April.

    Raises:
        CsvError: a time that is none, or that the clock does not have; no order of day and month fits.
    """
    begins = [begin_of(cell) for cell in cells]
    if all(_OFFSET.fullmatch(text) for text in begins):
        return [_with_offset(text) for text in begins]
    if all(_SINCE_1970.fullmatch(text) for text in begins):
        return [_since_1970(text) for text in begins]
    found = [_LOCAL.fullmatch(text[:60]) for text in begins]
    for text, match in zip(begins, found, strict=True):
        if match is None:
            raise CsvError(f"{text[:40]!r} is no time of the same form as the others")
    matches = [match for match in found if match is not None]
    dates = _dates(matches, day_first=day_first)
    if hours is not None:
        return _numbered(dates, hours, zone)
    locals_ = [_local(match, day) for match, day in zip(matches, dates, strict=True)]
    marks = [(match["mark"] or "").lower() for match in matches]
    return _placed(locals_, marks, zone)


def _with_offset(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise CsvError(f"{text[:40]!r} is no time") from error


def _since_1970(text: str) -> datetime:
    seconds = int(text.partition(".")[0])
    return datetime.fromtimestamp(seconds / (1000 if seconds >= 10**12 else 1), UTC)


def _dates(matches: Sequence[re.Match[str]], *, day_first: bool) -> list[date]:
    """The dates, in the one order of year, month and day that fits every row.

    With slashes the month may come first; of two orders that fit, the one whose dates are closer together is meant.
    """
    orders = ["abc", "cba", *(["cab"] if matches[0]["sign"] == "/" and not day_first else [])]
    if any(match["half"] for match in matches):
        orders.remove("cba")  # who writes am and pm writes the month first
    fitting: set[tuple[date, ...]] = set()
    for order in orders:
        try:
            fitting.add(tuple(_date(*(match[name] for name in order)) for match in matches))
        except ValueError:
            continue
    ranked = sorted(fitting, key=lambda dates: max(dates) - min(dates))
    if not ranked:
        raise CsvError(
            f"{matches[0][0][:40]!r} and what follows have no order of day, month and year that fits"
        )
    if len(ranked) > 1 and max(ranked[0]) - min(ranked[0]) == max(ranked[1]) - min(ranked[1]):
        raise CsvError(
            f"{matches[0][0][:40]!r} may be day or month first, and the other rows do not say: write 2025-10-02"
        )
    return list(ranked[0])


def _date(year: str, month: str, day: str) -> date:
    if len(year) == 2:
        year = f"20{year}"
    if len(year) != 4:
        raise ValueError(year)
    return date(int(year), int(month), int(day))


def _local(match: re.Match[str], day: date) -> datetime:
    hour, minute = int(match["hour"] or 0), int(match["minute"] or 0)
    if match["half"]:
        hour = hour % 12 + (12 if match["half"][0].lower() == "p" else 0)
    if hour > 24 or minute > 59:
        raise CsvError(f"{match[0][:40]!r} is no time of day")
    return _at(day, hour, minute)


def _placed(moments: Sequence[datetime], marks: Sequence[str], zone: ZoneInfo) -> list[datetime]:
    """Times of a clock in UTC, in the order of the rows, up or down."""
    downwards = len(moments) > 1 and moments[0] > moments[-1]
    order = range(len(moments) - 1, -1, -1) if downwards else range(len(moments))
    placed: list[datetime | None] = [None] * len(moments)
    last: datetime | None = None
    for index in order:
        local = moments[index]
        if marks[index] in _MARKS:
            moment = local.replace(tzinfo=UTC) - timedelta(hours=_MARKS[marks[index]])
        else:
            moment = local.replace(tzinfo=zone).astimezone(UTC)
            if last is not None and moment <= last:
                moment = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
            if moment.astimezone(zone).replace(tzinfo=None) != local:
                raise CsvError(
                    f"{local:%Y-%m-%d %H:%M} is an hour that {zone.key} skips, so the times are of another clock:"
                    " say which with --clock, such as --clock UTC or --clock Etc/GMT-1 for CET without summer time"
                )
        placed[index] = last = moment
    return [moment for moment in placed if moment is not None]


def _numbered(dates: Sequence[date], hours: Sequence[str], zone: ZoneInfo) -> list[datetime]:
    """Dates with times of day, or with the numbers of hours from 0 or from 1 on."""
    found = [_HOUR.fullmatch(cell.strip()[:30]) for cell in hours]
    if any(match is None for match in found):
        raise CsvError("the column of hours has something else")
    matches = [match for match in found if match is not None]
    if any(match["minute"] is not None or "-" in match[0] for match in matches):
        locals_ = [
            _at(day, int(match["hour"]), int(match["minute"] or 0))
            for day, match in zip(dates, matches, strict=True)
        ]
        return _placed(locals_, [""] * len(locals_), zone)
    numbers = [int(match["hour"]) for match in matches]
    first = min(numbers)
    if first not in (0, 1):
        raise CsvError(f"the hours begin with {first}: number them from 0 or from 1")
    if first == 0:
        return _placed(
            [_at(day, number) for day, number in zip(dates, numbers, strict=True)], [""] * len(dates), zone
        )
    return [
        _at(day, 0).replace(tzinfo=zone).astimezone(UTC) + timedelta(hours=number - 1)
        for day, number in zip(dates, numbers, strict=True)
    ]


def _at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day) + timedelta(hours=hour, minutes=minute)  # noqa: DTZ001
