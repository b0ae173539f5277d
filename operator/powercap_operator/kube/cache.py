"""Holds the newest known state of the cluster between watch events, lists and our own writes.

Three sources feed it: kopf's watch events, which are quick but can be missed (kopf does not report what was
deleted while a watch was down); full lists, which put that right; and the answers to our own writes, so that
the next decision sees them although their watch event is still on its way. The resource version decides which
of two states of an object is newer.
"""

import logging
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from powercap_api.marketday import MarketDay
from powercap_api.names import MARKET_DAY, POWER_BUDGET, POWER_POLICY
from powercap_api.powerpolicy import PowerPolicy

from ..planning.snapshot import BudgetView, KnownSpecs, NodeView, World, view_budget, view_node

logger = logging.getLogger(__name__)

NODE = "Node"


class WorldCache:
    """The newest known state, by kind and name."""

    def __init__(self) -> None:
        """Begin with an empty cluster."""
        self._specs = KnownSpecs()
        self._versions: dict[tuple[str, str], int] = {}
        self._policies: dict[str, PowerPolicy] = {}
        self._days: dict[str, MarketDay] = {}
        self._nodes: dict[str, NodeView] = {}
        self._budgets: dict[str, BudgetView] = {}

    def world(self) -> World:
        """The state now, as a value that later changes do not touch."""
        return World(dict(self._policies), dict(self._days), dict(self._nodes), dict(self._budgets))

    def version(self, kind: str, name: str) -> int | None:
        """Resource version of the object as last known; None where there is none."""
        return self._versions.get((kind, name)) if name in self._store(kind) else None

    def put(self, kind: str, body: Mapping[str, Any]) -> bool:
        """Take an object's state, unless a newer one is known. Whether anything that decisions see has changed.

        An object that cannot be read is left as it was last known, and said in the log.
        """
        name, version = body["metadata"]["name"], int(body["metadata"]["resourceVersion"])
        if version < self._versions.get((kind, name), 0):
            return False
        self._versions[kind, name] = version
        store = self._store(kind)
        try:
            view = self._view(kind, body)
        except ValidationError as error:
            logger.error("%s %s cannot be read and is left as last known: %s", kind, name, _first(error))
            return False
        changed = store.get(name) != view
        store[name] = view
        return changed

    def drop(self, kind: str, name: str, version: str | None = None) -> bool:
        """Forget an object that was deleted. Whether it was known.

        With the ``version`` of the deletion, an event from before it that comes late does not bring the object back,
        and a deletion that comes late does not take away an object that was made anew since.
        """
        if version is not None:
            if int(version) < self._versions.get((kind, name), 0):
                return False
            self._versions[kind, name] = int(version)
        return self._store(kind).pop(name, None) is not None

    def replace(self, kind: str, bodies: list[dict[str, Any]], list_version: str) -> bool:
        """Take a full list: objects that are not in it, and not newer than it, are gone."""
        listed = {body["metadata"]["name"] for body in bodies}
        old = [
            name
            for known, name in self._versions
            if known == kind and name not in listed and self._versions[known, name] <= int(list_version)
        ]
        changed = [self.put(kind, body) for body in bodies] + [self.drop(kind, name) for name in old]
        for name in old:
            del self._versions[kind, name]
        return any(changed)

    def _store(self, kind: str) -> dict[str, Any]:
        stores: dict[str, dict[str, Any]] = {
            POWER_POLICY: self._policies,
            MARKET_DAY: self._days,
            POWER_BUDGET: self._budgets,
            NODE: self._nodes,
        }
        return stores[kind]

    def _view(self, kind: str, body: Mapping[str, Any]) -> PowerPolicy | MarketDay | BudgetView | NodeView:
        if kind == POWER_POLICY:
            return PowerPolicy.from_wire(dict(body))
        if kind == MARKET_DAY:
            return MarketDay.from_wire(dict(body))
        if kind == POWER_BUDGET:
            return view_budget(body, self._specs)
        return view_node(body)


def _first(error: ValidationError) -> str:
    detail = error.errors(include_url=False)[0]
    return f"{'.'.join(str(part) for part in detail['loc'])}: {detail['msg']}"
