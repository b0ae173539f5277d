"""Which nodes overrides match, by kinds of nodes: those that no selector tells apart are one kind. Pure."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from powercap_api.schedule import MAX_WINDOWS, Window

from ...world.snapshot import NodeView
from .resolved_override import Pairs, ResolvedOverride
from .sweep import make_windows


class Matching:
    """Overrides and their nodes."""

    def __init__(self, overrides: Collection[ResolvedOverride], nodes: Mapping[str, NodeView]) -> None:
        self._overrides = overrides
        self._nodes = nodes
        pairs = {pair for one in overrides for pair in one.pairs}
        self._kinds: dict[Pairs, list[str]] = defaultdict(list)
        for node in nodes.values():
            self._kinds[frozenset(pairs.intersection(node.labels.items()))].append(node.name)
        self._with: dict[tuple[str, str], list[Pairs]] = defaultdict(list)
        for kind in self._kinds:
            for pair in kind:
                self._with[pair].append(kind)

    def nodes_of(self, one: ResolvedOverride) -> list[str]:
        """Names of the nodes that there are of it."""
        if one.names is not None:
            return [name for name in one.names if name in self._nodes]
        return [name for kind in self._kinds_of(one.pairs) for name in self._kinds[kind]]

    def windows(self, now: datetime) -> dict[str, tuple[Window, ...]]:
        """What is to come on each node that any of them matches, as far as a budget has room, by the node's name."""
        of_kind: dict[Pairs, list[ResolvedOverride]] = defaultdict(list)
        named: dict[str, list[ResolvedOverride]] = defaultdict(list)
        kinds_of: dict[Pairs, Sequence[Pairs]] = {}
        for one in self._overrides:
            if one.end <= now:
                continue
            for name in one.names or ():
                named[name].append(one)
            if one.names is None:
                if one.pairs not in kinds_of:
                    kinds_of[one.pairs] = self._kinds_of(one.pairs)
                for kind in kinds_of[one.pairs]:
                    of_kind[kind].append(one)
        found: dict[str, tuple[Window, ...]] = {}
        for kind, names in self._kinds.items():
            shared = of_kind.get(kind, [])
            known: dict[tuple[str, ...], tuple[Window, ...]] = {
                (): tuple(make_windows(shared, now, MAX_WINDOWS))
            }
            for name in names:
                own = named.get(name, ())
                key = tuple(one.name for one in own)
                if key not in known:
                    known[key] = tuple(make_windows([*shared, *own], now, MAX_WINDOWS))
                if known[key]:
                    found[name] = known[key]
        return found

    def _kinds_of(self, pairs: Pairs) -> Sequence[Pairs]:
        """The kinds of nodes that have all of these labels."""
        if not pairs:
            return list(self._kinds)
        fewest = min((self._with.get(pair, []) for pair in pairs), key=len)
        return [kind for kind in fewest if pairs <= kind]
