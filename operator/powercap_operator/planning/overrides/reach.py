"""What the nodes of an override say of themselves, by sets of nodes, however many and different they are. Pure.

A set of nodes is an int with a bit for each, as in ``matching``.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, islice
from operator import or_
from typing import Final

from powercap_api.reasons import BudgetReason
from powercap_api.schedule import Window, window_at

from ...world.agents_word import power_of
from ...world.snapshot import BudgetView
from .matching import Matching, node_set
from .resolved_override import ResolvedOverride
from .sweep import first_of, places_of

_TOLERANCE_PERCENT: Final = 1
"""Limits are rounded to what the hardware can hold."""
_ORIGINALS: Final = (BudgetReason.OVERRIDDEN, BudgetReason.LIFTED, BudgetReason.SUSPENDED)
"""A node that says so has its original limits."""


class _Alike:
    """Nodes under one minPower and maxSource."""

    def __init__(self, nodes: Mapping[int, BudgetView], size: int) -> None:
        self.nodes = node_set(nodes, size)
        read = sorted(
            (budget.applied_uw, place)
            for place, budget in nodes.items()
            if budget.applied_uw is not None and budget.reason != BudgetReason.STOPPED
        )
        self._read = [applied_uw for applied_uw, _ in read]
        self._sets = list(accumulate((1 << place for _, place in read), or_, initial=0))

    def within(self, limit_uw: int) -> int:
        """Those that read back no more."""
        return self._sets[bisect_right(self._read, limit_uw * (100 + _TOLERANCE_PERCENT) // 100)]


class Reports:
    """What all nodes say of themselves."""

    def __init__(self, matching: Matching, budgets: Mapping[str, BudgetView], now: datetime) -> None:
        """Look at each of them once."""
        self._matching, self._budgets = matching, budgets
        names, size = matching.names, len(matching.names)
        found = {place: budgets[name] for place, name in enumerate(names) if name in budgets}
        unsupported = [place for place, one in found.items() if one.reason == BudgetReason.UNSUPPORTED]
        self._with_budget, self._unsupported = node_set(found, size), node_set(unsupported, size)
        self._originals = node_set((place for place, one in found.items() if one.reason in _ORIGINALS), size)
        applied = {place: one.applied_uw for place, one in found.items() if one.applied_uw is not None}
        self._read = node_set(applied, size)
        digits = max(applied.values(), default=0).bit_length()
        table = "".join(format(applied.get(place, 0), f"0{digits}b") for place in reversed(range(size)))
        self._digits = [int(table[digits - 1 - digit :: digits], 2) for digit in range(digits)]
        """Of each binary digit of what nodes read back, the nodes that have a 1: a sum is one count for each digit."""
        alike: dict[tuple[int, int] | None, dict[int, BudgetView]] = {}
        for place, one in found.items():
            alike.setdefault(_terms(one), {})[place] = one
        of_agents = alike.pop(None, {})
        self._follow = node_set((place for place, one in of_agents.items() if _follows(one)), size)
        """Those whose limits only the agent knows, as of a policy in percent, and that hold theirs."""
        self._alike = {terms: _Alike(nodes, size) for terms, nodes in alike.items() if terms is not None}
        held: dict[bool, list[int]] = {True: [], False: []}
        for place, name in enumerate(names):
            window = window_at(matching.windows.get(name, ()), now)
            if window is not None:
                held[window.release].append(place)
        self._held = {release: node_set(places, size) for release, places in held.items()}
        """Where a window with the original limits, or with a limit, holds now."""
        self._now = now

    def of(self, resolved: ResolvedOverride) -> "Reach":
        """What there is to say of the nodes of an override."""
        nodes = self._matching.nodes_of(resolved)
        named = nodes.bit_count() if resolved.selector.names is None else len(resolved.selector.names)
        return Reach(
            nodes=nodes & self._with_budget & ~self._unsupported,
            unsupported=(nodes & self._unsupported).bit_count(),
            without=named - (nodes & self._with_budget).bit_count(),
        )

    def asked_uw(self, resolved: ResolvedOverride, nodes: int) -> int | None:
        """The sum of what the override lets them have; None for a release, and where it is not known of all."""
        total = 0
        for (min_uw, max_uw), alike in self._alike.items():
            if common := nodes & alike.nodes:
                limit_uw = resolved.limit_uw(min_uw, max_uw)
                if limit_uw is None:
                    return None
                total += limit_uw * common.bit_count()
                nodes ^= common
        return None if nodes else total or None

    def read_uw(self, nodes: int) -> int | None:
        """The sum of what they read back; None where none does."""
        if not nodes & self._read:
            return None
        return sum((nodes & ones).bit_count() << digit for digit, ones in enumerate(self._digits))

    def missed(self, resolved: ResolvedOverride, nodes: int) -> int:
        """Those that are above the limit, or do not have their original limits."""
        if resolved.release:
            return nodes & ~self._originals
        fit = self._follow
        for (min_uw, max_uw), alike in self._alike.items():
            if nodes & alike.nodes:
                fit |= alike.within(resolved.limit_uw(min_uw, max_uw) or 0)
        return nodes & ~fit

    def overruled_by(self, resolved: ResolvedOverride, nodes: int) -> Window | None:
        """What holds in place of the override, on the first of them: a limit over a release, or a release over a limit.
        None where on some of them nothing does."""
        if nodes & ~self._held[not resolved.release]:
            return None
        return window_at(self._matching.windows[self._matching.names[first_of(nodes)]], self._now)

    def first(self, nodes: int, count: int) -> Iterator[BudgetView]:
        """The budgets of the first so many of them."""
        return (self._budgets[self._matching.names[place]] for place in islice(places_of(nodes), count))


@dataclass(frozen=True, slots=True)
class Reach:
    """The nodes of an override."""

    nodes: int
    """Those that can be capped."""
    unsupported: int
    without: int
    """How many have no budget."""

    @property
    def count(self) -> int:
        return self.nodes.bit_count()


def _terms(budget: BudgetView) -> tuple[int, int] | None:
    """minPower and maxSource in microwatts; None where only the agent knows them."""
    min_uw, max_uw = (power_of(budget.spec.get(f"{name}Microwatts")) for name in ("minPower", "maxSource"))
    return None if min_uw is None or max_uw is None else (min_uw, max_uw)


def _follows(budget: BudgetView) -> bool:
    """Whether it reads back no more than the agent has worked out."""
    if budget.applied_uw is None or budget.reason == BudgetReason.STOPPED:
        return False
    return 100 * budget.applied_uw <= (100 + _TOLERANCE_PERCENT) * (budget.cap_uw or 0)
