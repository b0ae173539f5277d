"""The cluster of a run as its judge sees it: listed anew at each look, with the budgets as the API server has them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from dev.lab.api_client import Client
from dev.lab.judge import HISTORY
from dev.lab.stage import Stage
from powercap_api.conditions import condition
from powercap_api.marketday import MarketDay
from powercap_api.names import POWER_BUDGET
from powercap_operator.kube.cache import KINDS, WorldCache
from powercap_operator.market.known_days import is_complete
from powercap_operator.planning.decision import decide
from powercap_operator.planning.due_days import next_groups
from powercap_operator.planning.marketday_status import fetch_of


class WatchedCluster:
    """Lists what there is, and says what is still to be done about it."""

    def __init__(self, stage: Stage, direct: Client) -> None:
        self._stage = stage
        self._direct = direct
        self._cache = WorldCache()
        self._before: dict[str, tuple[int, int]] = {}
        self.budgets: dict[str, dict[str, Any]] = {}
        """As the API server has them, by node."""
        self.counts: dict[str, int] = {}
        """Objects of each kind."""
        self.requests: dict[str, int] = {}
        """Requests that were counted for each MarketDay there ever was, by name."""

    def look(self) -> None:
        """List everything; only what has changed is read again."""
        for kind in KINDS:
            listed = self._direct.get(kind)
            bodies = {body["metadata"]["name"]: body for body in listed["items"]}
            for name, body in bodies.items():
                if self._cache.version(kind, name) != _version(body):
                    self._cache.put(kind, body)
            self._cache.drop_unlisted(kind, set(bodies), listed["metadata"]["resourceVersion"])
            self.counts[kind] = len(bodies)
            if kind == POWER_BUDGET:
                self.budgets = bodies
        for name, day in self._days().items():
            self.requests[name] = max(self.requests.get(name, 0), fetch_of(day).requests)

    def begin_look(self) -> None:
        """Remember which requests have come to something, for ``unfinished``."""
        self._before = {name: _outcomes(day) for name, day in self._days().items()}

    def unfinished(self, now: datetime, *, settled: bool) -> str:
        """List everything; what an operator would still do about it, empty where nothing. Nothing is deleted for its
        age until the clock has ``settled``.
        """
        self.look()
        days = self._days()
        for name, day in days.items():
            requests, failures = self._before.get(name, (0, 0))
            asked, failed = _outcomes(day)
            if asked > requests and failed == failures and not is_complete(day):
                return f"MarketDay {name} is being asked for"
        due = next_groups(days.values(), now, lambda _: True)
        if due:
            return f"to be asked for: {', '.join(group.first.metadata.name for group in due.values())}"
        decision = decide(self._cache.world(), now, HISTORY)
        if not settled:
            decision = replace(decision, delete_days=(), delete_overrides=(), delete_reports=())
        return f"to be done: {str(decision)[:1500]}" if decision else ""

    def report(self, node: str) -> None:
        """Say for the agent of the node that it follows its newest budget."""
        body = self.budgets[node]
        generation = body["metadata"]["generation"]
        if body.get("status", {}).get("observedGeneration") == generation:
            return
        ready = condition("Ready", True, "Applied", "", generation)
        ready["lastTransitionTime"] = "2025-01-01T00:00:00Z"
        status = {"observedGeneration": generation, "conditions": [ready]}
        self._direct.patch(POWER_BUDGET, node, {"status": status}, "status")

    def not_followed(self, node: str, now: datetime) -> str:
        """How the limits of the node differ from its budget as last listed; empty where they do not."""
        return self._stage.not_followed(node, self.budgets[node]["spec"], now)

    def _days(self) -> Mapping[str, MarketDay]:
        return self._cache.world().days


def _outcomes(day: MarketDay) -> tuple[int, int]:
    fetch = fetch_of(day)
    return fetch.requests, fetch.failures


def _version(body: Mapping[str, Any]) -> int:
    return int(body["metadata"]["resourceVersion"])
