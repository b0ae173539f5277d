"""The windows that overrides come to together, by one sweep over their begins and ends. Pure.

At each of them an override comes or goes, which costs the logarithm of how many hold.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from heapq import heappop, heappush, merge
from operator import itemgetter
from typing import Final

from powercap_api.poweroverride import GRID
from powercap_api.schedule import Window, merge_windows

from .resolved_override import ResolvedOverride

_LONGEST_BASIS: Final = 256
"""As long as the schema lets a window's basis be."""
_GRID: Final = -(10**10)
"""Rank of the grid's limits: before every priority."""


def make_windows(
    overrides: Sequence[ResolvedOverride], since: datetime | None = None, most: int | None = None
) -> list[Window]:
    """The windows of a node that all of these match, in order of time; from ``since`` on, and so many as ``most``."""
    windows: list[Window] = []
    for window in _windows(overrides, since):
        joined = merge_windows([*windows[-1:], window])
        windows[-1:] = joined
        if most is not None and len(windows) > most:
            return windows[:most]
    return windows


def _windows(overrides: Sequence[ResolvedOverride], since: datetime | None) -> Iterator[Window]:
    """The same, neighbours not joined."""
    holding, edges = _Holding(), []
    before = since
    for one in overrides:
        if one.start >= one.end or (since is not None and one.end <= since):
            continue
        edges.append((one.end, 0, one.name, one))
        if since is not None and one.start <= since:
            holding.add(one)
        else:
            edges.append((one.start, 1, one.name, one))
    edges.sort(key=itemgetter(0, 1, 2))
    for moment, begins, _, one in edges:
        if before is not None and moment > before and (window := holding.window(before, moment)) is not None:
            yield window
        before = moment
        (holding.add if begins else holding.remove)(one)


class _Ranked:
    """Names by a number, of which the lowest counts."""

    def __init__(self) -> None:
        self._heap: list[int] = []
        self._names: dict[int, list[str]] = {}

    def add(self, rank: int, name: str) -> None:
        if rank not in self._names:
            heappush(self._heap, rank)
            self._names[rank] = []
        insort(self._names[rank], name)

    def remove(self, rank: int, name: str) -> None:
        names = self._names[rank]
        names.pop(bisect_left(names, name))
        if not names:
            del self._names[rank]

    def lowest(self) -> int | None:
        """The lowest number that anybody has; None: nobody is there."""
        while self._heap and self._heap[0] not in self._names:
            heappop(self._heap)
        return self._heap[0] if self._heap else None

    def names(self) -> Sequence[str]:
        """Who has it, in order."""
        lowest = self.lowest()
        return () if lowest is None else self._names[lowest]


class _Holding:
    """The overrides that hold at a time."""

    def __init__(self) -> None:
        self._overrides: dict[str, ResolvedOverride] = {}
        self._shares, self._caps = _Ranked(), _Ranked()
        self._releases, self._limits = _Ranked(), _Ranked()
        self._released: list[str] = []

    def add(self, one: ResolvedOverride) -> None:
        """It begins."""
        self._overrides[one.name] = one
        if one.release:
            insort(self._released, one.name)
        for ranked, rank in self._ranks(one):
            ranked.add(rank, one.name)

    def remove(self, one: ResolvedOverride) -> None:
        """It ends."""
        del self._overrides[one.name]
        if one.release:
            self._released.pop(bisect_left(self._released, one.name))
        for ranked, rank in self._ranks(one):
            ranked.remove(rank, one.name)

    def _ranks(self, one: ResolvedOverride) -> Iterator[tuple[_Ranked, int]]:
        spec = one.override.spec
        if one.release:
            yield self._releases, -spec.priority
            return
        yield self._limits, _GRID if spec.source == GRID else -spec.priority
        if one.share is not None:
            yield self._shares, one.share
        if one.cap_uw is not None:
            yield self._caps, one.cap_uw

    def window(self, start: datetime, end: datetime) -> Window | None:
        """What they come to together; None where none holds."""
        release, limit = self._releases.lowest(), self._limits.lowest()
        if release is not None and (limit is None or limit >= release):
            return Window(start, end, basis=self._basis(self._released))
        if limit is None:
            return None
        counting = merge(self._shares.names(), self._caps.names())
        return Window(start, end, self._shares.lowest(), self._caps.lowest(), self._basis(counting))

    def _basis(self, names: Iterable[str]) -> str:
        text = "PowerOverride "
        for index, name in enumerate(names):
            text += f"{'; ' if index else ''}{self._overrides[name].basis}"
            if len(text) >= _LONGEST_BASIS:
                break
        return text[:_LONGEST_BASIS]
