"""A budget's schedule: on the wire as segments of equal steps, in programs as slots. Plain data, exact arithmetic.

A segment is a start, a step and one share of maxSource for every step, in percent. It holds until the next segment
starts; the last share of a segment holds on until then, and that of the last segment until ``validUntil``. Two days of
quarters are two segments of 96 shares. What begins or ends within a period, at any second, is a segment of its own.

Over the schedule lie windows: for a while a PowerOverride limits the node or gives it its original limits, whatever the
schedule says and also where it has ended.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from math import gcd
from operator import attrgetter
from typing import Final, Generic, NamedTuple, Protocol, TypeVar, overload

FULL_SHARE: Final = 10_000
"""The share that stands for all of maxSource: shares are hundredths of a percent."""
MAX_SEGMENTS: Final = 64
MAX_SHARES: Final = 512
"""Most shares in one segment."""
_SHARE: Final = r"(100(\.0{1,2})?|[0-9]{1,2}(\.[0-9]{1,2})?)"
SHARES_PATTERN: Final = rf"^{_SHARE}( {_SHARE})*$"
"""What shares on the wire look like: percent with up to two decimals, one space between two."""
LONGEST_SHARES: Final = MAX_SHARES * len("63.09 ") - 1
"""Most characters of one segment's shares."""
MAX_WINDOWS: Final = 32


class Begins(Protocol):
    """What holds from a moment on."""

    @property
    def start(self) -> datetime:
        """The moment."""
        ...


T = TypeVar("T")
B = TypeVar("B", bound=Begins)


class Span(NamedTuple, Generic[T]):
    """A stretch of time, and what holds in it."""

    start: datetime
    end: datetime
    what: T


@dataclass(frozen=True, slots=True)
class Schedule(Sequence[B]):
    """What holds one after another, in order: each up to the next one's start, the last up to ``until``."""

    entries: tuple[B, ...]
    until: datetime

    @overload
    def __getitem__(self, place: int) -> B: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[B, ...]: ...
    def __getitem__(self, place: int | slice) -> B | tuple[B, ...]:
        return self.entries[place]

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[B]:
        """The entries, quicker than by their places."""
        return iter(self.entries)

    def spans(self) -> Iterator[Span[B]]:
        """Each entry with its begin and its end."""
        ends = [*(entry.start for entry in self.entries[1:]), self.until]
        return (Span(entry.start, end, entry) for entry, end in zip(self.entries, ends, strict=False))

    def at(self, moment: datetime) -> B | None:
        """The entry that holds at a moment; None before the first and after the last."""
        index = bisect_right(self.entries, moment, key=attrgetter("start"))
        return self.entries[index - 1] if index and moment < self.until else None


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch of time with one share of maxSource, up to the next slot's start or to the schedule's end."""

    start: datetime
    share: int
    basis: str | None = None
    """The rule and the results that gave the share."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Shares at equal steps from a start on."""

    start: datetime
    step_seconds: int
    shares: tuple[int, ...]
    basis: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time in which overrides hold. Windows of one budget do not overlap."""

    start: datetime
    end: datetime
    share: int | None = None
    """Limit as a share of maxSource; with ``cap_uw`` the lower of the two counts."""
    cap_uw: int | None = None
    """Limit in microwatts."""
    basis: str | None = None
    """The overrides that hold, and why."""

    @property
    def release(self) -> bool:
        """Whether the original limits are in force: there is no limit."""
        return self.share is None and self.cap_uw is None

    def limit_uw(self, min_uw: int, max_uw: int) -> int | None:
        """The most power that the node may have, in microwatts, never less than ``min_uw``; None for a release."""
        limits = [] if self.cap_uw is None else [self.cap_uw]
        if self.share is not None:
            limits.append(max_uw * self.share // FULL_SHARE)
        return max(min_uw, min(limits)) if limits else None


def pack_shares(shares: Iterable[int]) -> str:
    """Shares as a segment carries them: ``100 63.09 5.5`` is 10000, 6309 and 550."""
    return " ".join(_percent(share) for share in shares)


def _percent(share: int) -> str:
    whole, hundredths = divmod(share, 100)
    return f"{whole}.{hundredths:02d}".rstrip("0") if hundredths else str(whole)


def unpack_shares(text: str) -> tuple[int, ...]:
    """The shares that a segment carries.

    Raises:
        ValueError: it carries no shares, too many, or something else.
    """
    words = text.split(" ", MAX_SHARES)
    if len(words) > MAX_SHARES:
        raise ValueError(f"has more than {MAX_SHARES} shares")
    for word in words:
        if not re.fullmatch(_SHARE, word):
            raise ValueError(f"has {word[:40]!r}, no percentage from 0 to 100 with at most two decimals")
    parts = (word.partition(".") for word in words)
    return tuple(int(whole) * 100 + int(decimals.ljust(2, "0")) for whole, _, decimals in parts)


def window_at(windows: Sequence[Window], now: datetime) -> Window | None:
    """The window that holds at ``now``, of windows in order of their starts; None: there is none."""
    index = bisect_right(windows, now, key=lambda window: window.start)
    return windows[index - 1] if index and now < windows[index - 1].end else None


def next_bound(windows: Sequence[Window], now: datetime) -> datetime | None:
    """When a window next begins or ends after ``now``; None: never."""
    return min(
        (bound for window in windows for bound in (window.start, window.end) if bound > now), default=None
    )


def merge_windows(windows: Iterable[Window]) -> list[Window]:
    """Join every window to the one before it where that ends when it starts, and says the same."""
    merged: list[Window] = []
    for window in windows:
        if merged and merged[-1] == replace(window, start=merged[-1].start, end=window.start):
            merged[-1] = replace(merged[-1], end=window.end)
        else:
            merged.append(window)
    return merged


def cap_uw(share: int, min_uw: int, max_uw: int) -> int:
    """The power that a share of ``max_uw`` is, in microwatts, and never less than ``min_uw``."""
    return max(min_uw, max_uw * share // FULL_SHARE)


def share_of(power_uw: int, max_uw: int) -> int:
    """The share of ``max_uw`` that is nearest to a power, at most all of it."""
    return min(FULL_SHARE, (2 * power_uw * FULL_SHARE + max_uw) // (2 * max_uw))


def read_segments(segments: Sequence[Segment]) -> list[Slot]:
    """The slots that segments, in order of their starts, stand for; equal neighbours are one slot."""
    slots: list[Slot] = []
    for index, segment in enumerate(segments):
        until = segments[index + 1].start if index + 1 < len(segments) else None
        for position, share in enumerate(segment.shares):
            start = segment.start + position * timedelta(seconds=segment.step_seconds)
            if until is not None and start >= until:
                break
            slots.append(Slot(start, share, segment.basis))
    return merge(slots)


def merge(slots: Iterable[Slot]) -> list[Slot]:
    """Drop every slot that says the same as the one before it."""
    merged: list[Slot] = []
    for slot in slots:
        if not merged or (slot.share, slot.basis) != (merged[-1].share, merged[-1].basis):
            merged.append(slot)
    return merged


def make_segments(schedule: Schedule[Slot]) -> list[Segment]:
    """The segments that stand for a schedule; equal schedules have equal segments.

    The inverse of ``read_segments`` for merged slots that begin on whole seconds before the end.
    """
    merged = Schedule(tuple(merge(schedule)), schedule.until)
    runs = [(slot, int((end - start).total_seconds())) for start, end, slot in merged.spans()]
    return [
        segment
        for _, group in groupby(runs, key=lambda run: run[0].basis)
        for segment in _segments(list(group))
    ]


def _segments(runs: Sequence[tuple[Slot, int]]) -> list[Segment]:
    """One segment at the coarsest step that fits all runs, or two halves where that step would be much too fine."""
    step = gcd(*(seconds for _, seconds in runs))
    steps = sum(seconds for _, seconds in runs) // step
    if len(runs) > 1 and steps > min(MAX_SHARES, 2 * len(runs) + 16):
        middle = len(runs) // 2
        return [*_segments(runs[:middle]), *_segments(runs[middle:])]
    shares = tuple(slot.share for slot, seconds in runs for _ in range(seconds // step))
    first = runs[0][0]
    return [Segment(first.start, step, shares, first.basis)]
