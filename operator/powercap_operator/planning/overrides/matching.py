"""Which nodes overrides match, and what is to come on each. Pure but for its memory.

From one look to the next what has not changed is kept: windows are worked out anew only for the nodes of overrides that
have changed. A set of nodes is an int with a bit for each, in order of their names.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime
from functools import reduce
from itertools import compress
from operator import and_, or_
from typing import Final

from powercap_api.schedule import MAX_WINDOWS, Window

from ...world.snapshot import NodeView
from .resolved_override import ResolvedOverride, Selector
from .sweep import Sweep, places_of

MOST: Final = 1_000
"""Most overrides of a cluster that are not over, where nobody says otherwise."""
_ONE: Final = ord("1")
_DIGITS: Final = bytes.maketrans(b"01", b"\x00\x01")


class Matching:
    """Overrides and their nodes."""

    def __init__(self, most: int = MOST) -> None:
        """``most`` is how many overrides that are not over have room."""
        self.most = most
        self.names: Sequence[str] = ()
        """The node of each bit."""
        self.windows: Mapping[str, tuple[Window, ...]] = {}
        """What is to come on each node that any override matches, as far as a budget has room, by the node's name."""
        self._labels: Mapping[str, Mapping[str, str]] = {}
        self._overrides: Mapping[str, ResolvedOverride] = {}
        self._sets: dict[Selector, int] = {}
        self._looked: datetime | None = None

    def nodes_of(self, one: ResolvedOverride) -> int:
        """The nodes that there are of it."""
        return self._sets[one.selector]

    def look(
        self, overrides: Mapping[str, ResolvedOverride], nodes: Mapping[str, NodeView], now: datetime
    ) -> None:
        """Take the overrides and the nodes that there are now."""
        before, known, kept = self._overrides, self._labels, self.windows
        if self._looked is None or now < self._looked:
            before, known, kept, self.names, self._sets = {}, {}, {}, (), {}
        self._looked = None  # until all is done: what fails in between leaves nothing that could be relied on
        changed = {
            name for name in before.keys() | overrides.keys() if before.get(name) != overrides.get(name)
        }
        stale = self._names_of(before[name] for name in changed & before.keys())
        labels = {name: nodes[name].labels for name in sorted(nodes)}
        if labels != known:
            self.names, self._sets = tuple(labels), {}
            stale |= {name for name in labels if labels[name] != known.get(name)}
        self._sets = self._found({one.selector for one in overrides.values()}, labels)
        stale |= self._names_of(overrides[name] for name in changed & overrides.keys())
        stale |= {name for name, windows in kept.items() if windows[0].end <= now}
        kept = {name: kept[name] for name in kept.keys() & labels.keys() - stale}
        self.windows = kept | self._windows(overrides, stale & labels.keys(), now)
        self._overrides, self._labels, self._looked = overrides, labels, now

    def _names_of(self, overrides: Iterable[ResolvedOverride]) -> set[str]:
        union = reduce(or_, map(self.nodes_of, overrides), 0)
        return {self.names[place] for place in places_of(union)}

    def _found(
        self, selectors: Set[Selector], labels: Mapping[str, Mapping[str, str]]
    ) -> dict[Selector, int]:
        """The nodes of each selector."""
        found = {one: self._sets[one] for one in selectors & self._sets.keys()}
        new = selectors - found.keys()
        places, size = {name: place for place, name in enumerate(self.names)}, len(self.names)
        pairs = {pair for one in new for pair in one.pairs}
        having: dict[tuple[str, str], list[int]] = {pair: [] for pair in pairs}
        for place, name in enumerate(self.names if pairs else ()):
            for pair in pairs.intersection(labels[name].items()):
                having[pair].append(place)
        sets = {pair: node_set(having[pair], size) for pair in pairs}
        everyone = (1 << size) - 1
        for one in new:
            if one.names is not None:
                found[one] = node_set((places[name] for name in one.names & places.keys()), size)
            else:
                found[one] = reduce(and_, (sets[pair] for pair in one.pairs), everyone)
        return found

    def _windows(
        self, overrides: Mapping[str, ResolvedOverride], names: Set[str], now: datetime
    ) -> dict[str, tuple[Window, ...]]:
        """What is to come on these nodes. Those that the same overrides match share it."""
        if not names:
            return {}
        sweep, size = Sweep(overrides.values(), now), len(self.names)
        bits = self._table(reversed(sweep.ranked))
        edges = self._table(sweep.edges).translate(_DIGITS)
        known: dict[int, tuple[Window, ...]] = {}
        found = {}
        for place, name in enumerate(self.names):
            if name not in names:
                continue
            mine = int(bits[size - 1 - place :: size] or b"0", 2)
            if mine not in known:
                touched = compress(range(len(sweep.edges)), edges[size - 1 - place :: size])
                known[mine] = tuple(sweep.windows(mine, touched, MAX_WINDOWS))
            if known[mine]:
                found[name] = known[mine]
        return found

    def _table(self, overrides: Iterable[ResolvedOverride]) -> bytes:
        """A row of digits for each, one for each node, the last first."""
        rows: dict[Selector, bytes] = {}
        table = []
        for one in overrides:
            if one.selector not in rows:
                rows[one.selector] = format(self.nodes_of(one), f"0{len(self.names)}b").encode()
            table.append(rows[one.selector])
        return b"".join(table)


def node_set(places: Iterable[int], size: int) -> int:
    """The set of these of so many nodes."""
    digits = bytearray(b"0") * size
    for place in places:
        digits[-1 - place] = _ONE
    return int(digits or b"0", 2)
