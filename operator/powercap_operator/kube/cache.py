"""Holds the newest known state of the cluster between watch events, lists and our own writes.

Three sources feed it: kopf's watch events, which are quick but can be missed (kopf does not report what was
deleted while a watch was down); full lists, which put that right; and the answers to our own writes, so that
the next decision sees them although their watch event is still on its way. The resource version decides which
of two states of an object is newer.
"""

import logging
from collections.abc import Mapping, Set
from datetime import datetime
from typing import Any, Final

from powercap_api.marketday import MarketDay
from powercap_api.names import (
    MARKET_DAY,
    NODE,
    PLURALS,
    POWER_BUDGET,
    POWER_OVERRIDE,
    POWER_POLICY,
    POWER_REPORT,
)
from powercap_api.poweroverride import PowerOverride
from powercap_api.powerpolicy import PowerPolicy
from powercap_api.powerreport import PowerReport

from ..world.node_match import EVERYWHERE, AgentPlacement
from ..world.silence import GRACE, Passage
from ..world.snapshot import (
    BudgetView,
    KnownSpec,
    KnownSpecs,
    NodeView,
    PodView,
    World,
    view_budget,
    view_node,
)
from ..world.unreadable import FAULTS, Unreadable, read_object, unreadable

logger = logging.getLogger(__name__)

KINDS: Final = (NODE, *PLURALS)
"""What is listed and watched, as decisions are made from it."""


class WorldCache:
    """The newest known state, by kind and name."""

    def __init__(self, agents: AgentPlacement = EVERYWHERE) -> None:
        """Begin with an empty cluster, whose agents can run on such nodes."""
        self._agents = agents
        self._specs = KnownSpecs()
        self._versions: dict[tuple[str, str], int] = {}
        self.latest = 0
        """The highest resource version seen, of an object or of a list."""
        self._policies: dict[str, PowerPolicy] = {}
        self._days: dict[str, MarketDay] = {}
        self._nodes: dict[str, NodeView] = {}
        self._budgets: dict[str, BudgetView] = {}
        self._unreadable: dict[tuple[str, str], Unreadable] = {}
        self._kept_as: dict[KnownSpec, KnownSpec] = {}
        self._overrides: dict[str, PowerOverride] = {}
        self._reports: dict[str, PowerReport] = {}
        self._passage = Passage()
        self.pods: Mapping[str, PodView] = {}
        """The pods that ask for something; replaced as a whole by whoever watches them."""

    def world(self) -> World:
        """The state now, as a value that later changes do not touch."""
        return World(
            dict(self._policies),
            dict(self._days),
            dict(self._nodes),
            dict(self._budgets),
            unreadable=dict(self._unreadable),
            kept_as=dict(self._kept_as),
            overrides=dict(self._overrides),
            reports=dict(self._reports),
            pods=self.pods,
            agents=self._agents,
            jump=self._passage.jump,
        )

    def look(self, now: datetime) -> None:
        """Note the time. Called about once a second, so that time that was skipped is noticed."""
        if self._passage.look(now):
            logger.warning(
                "the clock was set ahead, or this process stood still: agents are given %.0f s to report",
                GRACE.total_seconds(),
            )

    def version(self, kind: str, name: str) -> int | None:
        """Resource version of the object as last known; None where there is none."""
        known = name in self._store(kind) or (kind, name) in self._unreadable
        return self._versions.get((kind, name)) if known else None

    def put(self, kind: str, body: Mapping[str, Any]) -> bool:
        """Take an object's state, unless a newer one is known. Whether anything that decisions see has changed.

        An object that cannot be read is known as such, and said in the log; a node is left as it was last known.
        """
        name, version = body["metadata"]["name"], int(body["metadata"]["resourceVersion"])
        self.latest = max(self.latest, version)
        if version < self._versions.get((kind, name), 0):
            return False
        self._versions[kind, name] = version
        store = self._store(kind)
        try:
            view = self._view(kind, body)
        except FAULTS as error:
            found = unreadable(kind, body, error)
            changed = self._unreadable.get((kind, name)) != found
            if changed:
                logger.error("%s %s cannot be read: %s", kind, name, found.why)
            if kind != NODE:
                store.pop(name, None)
            self._unreadable[kind, name] = found
            return changed
        changed = self._unreadable.pop((kind, name), None) is not None or store.get(name) != view
        store[name] = view
        return changed

    def learn(self, sent: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        """Take note of what the API server made of a budget's spec, where that is not what it was sent."""
        key, written = self._specs.known(sent), self._budgets.get(body["metadata"]["name"])
        if written is None or written.spec == key:
            self._kept_as.pop(key, None)
        else:
            self._kept_as[key] = written.spec

    def drop(self, kind: str, name: str, version: str | None = None) -> bool:
        """Forget an object that was deleted. Whether it was known.

        With the ``version`` of the deletion, an event from before it that comes late does not bring the object back,
        and a deletion that comes late does not take away an object that was made anew since.
        """
        if version is not None:
            self.latest = max(self.latest, int(version))
            if int(version) < self._versions.get((kind, name), 0):
                return False
            self._versions[kind, name] = int(version)
        was_there = self._unreadable.pop((kind, name), None) is not None
        return self._store(kind).pop(name, None) is not None or was_there

    def drop_unlisted(self, kind: str, listed: Set[str], list_version: str) -> None:
        """Forget the objects that a full list does not name and that are not newer than it: they are gone."""
        self.latest = max(self.latest, int(list_version))
        old = [
            name
            for known, name in self._versions
            if known == kind and name not in listed and self._versions[known, name] <= int(list_version)
        ]
        for name in old:
            self.drop(kind, name)
            del self._versions[kind, name]
        if kind == POWER_BUDGET:
            used = {budget.spec for budget in self._budgets.values()}
            self._kept_as = {sent: kept for sent, kept in self._kept_as.items() if kept in used}

    def _store(self, kind: str) -> dict[str, Any]:
        stores: dict[str, dict[str, Any]] = {
            POWER_POLICY: self._policies,
            MARKET_DAY: self._days,
            POWER_BUDGET: self._budgets,
            POWER_OVERRIDE: self._overrides,
            POWER_REPORT: self._reports,
            NODE: self._nodes,
        }
        return stores[kind]

    def _view(
        self, kind: str, body: Mapping[str, Any]
    ) -> PowerPolicy | MarketDay | PowerOverride | PowerReport | BudgetView | NodeView:
        if kind == POWER_POLICY:
            return read_object(PowerPolicy, body)
        if kind == MARKET_DAY:
            return read_object(MarketDay, body)
        if kind == POWER_OVERRIDE:
            return read_object(PowerOverride, body)
        if kind == POWER_REPORT:
            return read_object(PowerReport, body)
        if kind == POWER_BUDGET:
            return view_budget(body, self._specs)
        return view_node(body)
