"""The time as an argument: the machine's clock, or the machine's clock and an offset that can be set while it runs.

``--clock-file FILE`` of operator and agent takes the second: the file holds a number of seconds, ``+3600`` or
``-12.5``, that is added to the machine's time. With it a day can be rehearsed on a test cluster, for instance
what happens at the next market period or at midnight. Whoever sets it should write a new file and rename it over
the old one, so that no half-written number is read.
"""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""No moment outside these means anything here. Within them no sum of a moment and a length overflows."""


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC to the second, as Kubernetes writes times: ``2025-10-09T22:00:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_time(text: object) -> datetime | None:
    """A moment as others have written it, never before EARLIEST or after LATEST: the nearer of them where it is.

    None for whatever is no RFC 3339 time with an offset.
    """
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if moment is None or moment.tzinfo is None:
        return None
    return min(max(moment, EARLIEST), LATEST)


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The moment, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The moment, in UTC."""
        return datetime.now(UTC)


class ClockFileError(ValueError):
    """The clock file does not hold a number of seconds."""


@dataclass
class OffsetClock:
    """The machine's clock plus the seconds in a file, read again whenever the file was replaced.

    A file that is not there means no offset. Raises ClockFileError from ``now`` where the file holds no number:
    a rehearsal at an unknown time is worse than none.
    """

    path: Path
    _seen: tuple[int, int] = field(default=(0, 0), init=False)
    _offset: timedelta = field(default=timedelta(), init=False)

    def now(self) -> datetime:
        """The moment, in UTC."""
        return datetime.now(UTC) + self.offset()

    def offset(self) -> timedelta:
        """What the file adds to the machine's time."""
        try:
            stat = os.stat(self.path)
        except FileNotFoundError:
            self._seen, self._offset = (0, 0), timedelta()
            return self._offset
        seen = (stat.st_ino, stat.st_mtime_ns)
        if seen != self._seen:
            text = self.path.read_text(encoding="utf-8").strip()
            try:
                self._offset = timedelta(seconds=float(text))
            except (ValueError, OverflowError) as error:
                raise ClockFileError(
                    f"{self.path} holds {text[:40]!r}: write a number of seconds, such as +3600"
                ) from error
            self._seen = seen
        return self._offset


def open_clock(path: Path | None) -> Clock:
    """The clock that ``--clock-file`` asks for: the machine's own where there is no file named."""
    return SystemClock() if path is None else OffsetClock(path)


def write_offset(path: Path, offset: timedelta) -> None:
    """Set the offset of every clock that reads ``path``, at once and whole."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    draft.write_text(f"{offset.total_seconds():+.6f}\n", encoding="utf-8")
    draft.replace(path)
