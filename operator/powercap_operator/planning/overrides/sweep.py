"""The windows that overrides come to together, by one sweep over their begins and ends. Pure.

A set of overrides is an int with a bit for each. Bits are in the order in which overrides count, so that the one that
counts is the lowest bit, however many hold.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import accumulate, groupby, islice, pairwise
from operator import or_, xor
from typing import Final

from powercap_api.schedule import Window

from .resolved_override import ResolvedOverride

_LONGEST_BASIS: Final = 256
"""As long as the schema lets a window's basis be."""

Said = tuple[int | None, int | None, str]
"""Share, cap and basis of a window."""


def first_of(bits: int) -> int:
    """The place of the lowest bit."""
    return (bits & -bits).bit_length() - 1


def places_of(bits: int) -> Iterator[int]:
    """The places of the bits, the lowest first."""
    while bits:
        yield first_of(bits)
        bits &= bits - 1


def make_windows(overrides: Sequence[ResolvedOverride], since: datetime | None = None) -> list[Window]:
    """The windows of a node that all of these match, in order of time; from ``since`` on."""
    sweep = Sweep(overrides, since)
    return sweep.windows((1 << len(sweep.ranked)) - 1, range(len(sweep.edges)))


class Sweep:
    """The begins and ends of overrides in order of time, and which of them hold after each."""

    def __init__(self, overrides: Iterable[ResolvedOverride], since: datetime | None = None) -> None:
        """Take those that last at ``since`` or later, in whole seconds as budgets have them; all where it is None."""
        since = None if since is None else since.replace(microsecond=0)
        lasting = sorted(
            (one for one in overrides if one.start < one.end and (since is None or one.end > since)),
            key=lambda one: one.name,
        )
        shares = sorted((one for one in lasting if one.share is not None), key=lambda one: one.share or 0)
        caps = sorted((one for one in lasting if one.cap_uw is not None), key=lambda one: one.cap_uw or 0)
        releases = [one for one in lasting if one.release]
        strongest = sorted(releases, key=lambda one: one.rank)
        parts = (shares, caps, strongest, releases)
        self.ranked: Sequence[ResolvedOverride] = [one for part in parts for one in part]
        """The override of each bit. A release has two bits: one in order of strength, one in order of names."""
        ends = [0, *accumulate(map(len, parts))]
        self._shares, self._caps, self._strongest, self._releases = (
            (1 << end) - (1 << begin) for begin, end in pairwise(ends)
        )
        limits = self.ranked[: ends[2]]
        self._alike: list[int] = []
        """Of each bit of a limit, the bits of the limits that are equal."""
        for _, equal in groupby(limits, lambda one: (one.share, one.cap_uw)):
            count, begin = len(list(equal)), len(self._alike)
            self._alike += [(1 << begin + count) - (1 << begin)] * count
        by_rank = sorted(range(len(limits)), key=lambda place: limits[place].rank)
        ranks = [limits[place].rank for place in by_rank]
        stronger = list(accumulate((1 << place for place in by_rank), or_, initial=0))
        self._over = {one.rank: stronger[bisect_left(ranks, one.rank)] for one in releases}
        """By the rank of a release, the limits that hold in spite of it."""
        own: dict[str, int] = {}
        for place, one in enumerate(self.ranked):
            own[one.name] = own.get(one.name, 0) | 1 << place
        begun = {one.name for one in lasting if since is not None and one.start <= since}
        edges = [(one.end, one.name) for one in lasting]
        edges += [(one.start, one.name) for one in lasting if one.name not in begun]
        edges.sort()
        named = {one.name: one for one in lasting}
        self.edges: Sequence[ResolvedOverride] = [named[name] for _, name in edges]
        """The override that begins or ends at each."""
        self._moments = [moment for moment, _ in edges]
        self._since, self._at_first = since, sum(own[name] for name in begun)
        after = list(accumulate((own[name] for _, name in edges), xor, initial=self._at_first))
        self._after = [after[bisect_right(self._moments, moment)] for moment in self._moments]
        """What holds after each, and after all others of the same moment."""
        order = {one.name: number for number, one in enumerate(lasting)}
        self._order = [order[one.name] for one in self.ranked]
        self._room = 1 + _LONGEST_BASIS // min((len(one.basis) for one in lasting), default=1)
        """So many names fill a basis."""
        self._bases: dict[int, str] = {}

    def windows(self, mine: int, edges: Iterable[int], most: int | None = None) -> list[Window]:
        """The windows of some of the overrides in order of time; neighbours that say the same are one.

        Args:
            mine: bits of the overrides.
            edges: places of all their begins and ends, in order.
            most: so many windows, the first; None for all.
        """
        windows: list[Window] = []
        start, holding = self._since, mine & self._at_first
        said, watched = self._said(holding)
        for place in edges:
            before, holding = holding, mine & self._after[place]
            if not (before ^ holding) & watched:
                continue
            now, watched = self._said(holding)
            if now == said:
                continue
            moment = self._moments[place]
            if said is not None and start is not None:
                windows.append(Window(start, moment, *said))
                if len(windows) == most:
                    break
            start, said = moment, now
        return windows

    def _said(self, holding: int) -> tuple[Said | None, int]:
        """What they come to together, None where none holds; and the bits that change it when they come or go."""
        releases, shares, caps = holding & self._strongest, holding & self._shares, holding & self._caps
        watched = _up_to(self._strongest, releases & -releases)
        if releases:
            over = self._over[self.ranked[first_of(releases)].rank]
            against = (shares | caps) & over
            if not against:
                basis = self._basis(holding & self._releases)
                return (None, None, basis), watched | over | self._releases
            watched |= against & -against  # while that one holds no release does
        share = cap_uw = None
        share_bits, watched_shares = self._lowest(shares, self._shares)
        cap_bits, watched_caps = self._lowest(caps, self._caps)
        if not share_bits | cap_bits:
            return None, watched | self._shares | self._caps
        if share_bits:
            share = self.ranked[first_of(share_bits)].share
        if cap_bits:
            cap_uw = self.ranked[first_of(cap_bits)].cap_uw
        said = share, cap_uw, self._basis(share_bits | cap_bits)
        return said, watched | watched_shares | watched_caps

    def _lowest(self, holding: int, part: int) -> tuple[int, int]:
        """Of limits those that are lowest, and the bits that change it when they come or go."""
        if not holding:
            return 0, part
        alike = self._alike[first_of(holding)]
        return holding & alike, _up_to(part, alike)

    def _basis(self, counting: int) -> str:
        """Their names with their reasons, in order of names, as far as there is room."""
        if counting not in self._bases:
            parts = (counting & self._shares, counting & ~self._shares)
            places = [place for part in parts for place in islice(places_of(part), self._room)]
            if all(parts):
                places.sort(key=self._order.__getitem__)
            text = f"PowerOverride {'; '.join(self.ranked[place].basis for place in places)}"
            self._bases[counting] = text[:_LONGEST_BASIS]
        return self._bases[counting]


def _up_to(part: int, bits: int) -> int:
    """The bits of a part up to the highest of these; all of it where there are none of these."""
    return part & ((1 << bits.bit_length()) - 1) if bits else part
