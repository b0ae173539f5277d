"""A cluster as values: what the operator decides is done to it at once, and its agents follow.

For runs over hundreds of delivery days without an API server. The fetcher's part is done here, in the order in which
the real one does it: the request is counted before it is made.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from powercap_api.marketday import MarketDay, MarketDayStatus, MarketSource
from powercap_api.names import API_VERSION, MANAGED_BY_LABEL, OPERATOR_FIELD_MANAGER
from powercap_api.powerpolicy import PowerPolicy
from powercap_operator.market.errors import (
    DayIncomplete,
    Forbidden,
    Malformed,
    MarketError,
    NotPublished,
    WrongMarket,
)
from powercap_operator.market.publication import results_expected_at
from powercap_operator.market.results import Period, Query, build_market_day
from powercap_operator.planning import marketday_status
from powercap_operator.planning.decision import BudgetWrite, Decision, decide
from powercap_operator.planning.due_days import after_failure, next_groups
from powercap_operator.planning.wanted_days import query_of
from powercap_operator.sources.mock import made_up_periods
from powercap_operator.world.snapshot import BudgetView, KnownSpecs, NodeView, World, view_budget

HISTORY: Final = timedelta(days=14)
_PASSES: Final = 10


class MoodySource:
    """Results that come late, in part, on a wrong page, or not at all; never two days in a row."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._published: dict[Query, datetime | None] = {}
        self._missing_day = 0
        self.requests: Counter[Query] = Counter()
        self.troubles: Counter[str] = Counter()

    def ask(self, query: Query, now: datetime) -> list[Period]:
        """What the source answers at ``now``.

        Raises:
            MarketError: no results.
        """
        self.requests[query] += 1
        published = self._publication(query)
        if published is None or now < published:
            self._trouble("late or missing")
            raise NotPublished("not yet")
        mood = self._chance.random()
        for below, what, error in (
            (0.04, "wrong page", WrongMarket("another market")),
            (0.08, "damaged page", Malformed("damaged")),
            (0.12, "refusal", Forbidden("403")),
        ):
            if mood < below:
                self._trouble(what)
                raise error
        periods = list(made_up_periods(query))
        if mood < 0.15:
            self._trouble("half a page")
            del periods[self._chance.randrange(len(periods)) :]
        return periods

    def _publication(self, query: Query) -> datetime | None:
        if query not in self._published:
            expected, mood = results_expected_at(query), self._chance.random()
            ordinal = query.delivery_day.toordinal()
            if mood < 0.04 and abs(ordinal - self._missing_day) > 1:
                self._missing_day = ordinal
                self._published[query] = None
            elif mood < 0.2:
                self._published[query] = expected + timedelta(hours=self._chance.uniform(0, 16))
            else:
                self._published[query] = expected
        return self._published[query]

    def _trouble(self, what: str) -> None:
        self.troubles[what] += 1


class SimulatedCluster:
    """Policies, days, nodes and budgets, and an operator that makes passes over them."""

    def __init__(
        self, policies: Iterable[PowerPolicy], nodes: Iterable[NodeView], source: MoodySource
    ) -> None:
        self.policies = {policy.metadata.name: policy for policy in policies}
        self.nodes = {node.name: node for node in nodes}
        self.days: dict[str, MarketDay] = {}
        self.budgets: dict[str, BudgetView] = {}
        self.source = source
        self.writes: Counter[str] = Counter()
        self._specs = KnownSpecs()

    def world(self) -> World:
        """The state now."""
        return World(dict(self.policies), dict(self.days), dict(self.nodes), dict(self.budgets))

    def settle(self, now: datetime, is_up: Callable[[], bool] = lambda: True) -> None:
        """Passes and requests until nothing is left to do, or the operator is down."""
        for _ in range(_PASSES):
            if not is_up():
                return
            decision = decide(self.world(), now, HISTORY)
            self._apply(decision)
            if not self._fetch(now) and not decision:
                return
        raise AssertionError(f"at {now} it never comes to rest: {decision}")

    def restart(self) -> None:
        """Forget everything but what an API server keeps."""
        self._specs = KnownSpecs()
        self.policies = {name: PowerPolicy.from_wire(one.to_wire()) for name, one in self.policies.items()}
        self.days = {name: MarketDay.from_wire(one.to_wire()) for name, one in self.days.items()}
        self.budgets = {name: self._view(name, one.spec, one) for name, one in self.budgets.items()}

    def edit(self, name: str, **spec: Any) -> None:
        """Change a policy's spec."""
        body = self.policies[name].to_wire()
        body["spec"] |= spec
        body["metadata"]["generation"] += 1
        self.policies[name] = PowerPolicy.from_wire(body)

    def _apply(self, decision: Decision) -> None:
        for name, spec in decision.create_days.items():
            self.writes["days"] += 1
            metadata = {
                "name": name,
                "uid": f"uid-{name}",
                "labels": {MANAGED_BY_LABEL: OPERATOR_FIELD_MANAGER},
            }
            body = {
                "apiVersion": API_VERSION,
                "kind": "MarketDay",
                "metadata": metadata,
                "spec": spec.to_wire(),
            }
            self.days[name] = MarketDay.from_wire(body)
        for name in decision.delete_days:
            del self.days[name]
        for write in decision.write_budgets:
            self.writes["budgets"] += 1
            self.budgets[write.node.name] = self._written(write)
        for name in decision.delete_budgets:
            del self.budgets[name]
        for name, status in decision.policy_statuses.items():
            self.writes["policy statuses"] += 1
            self.policies[name] = PowerPolicy.from_wire(
                {**self.policies[name].to_wire(), "status": dict(status)}
            )
        for name, status in decision.day_statuses.items():
            self.days[name] = MarketDay.from_wire({**self.days[name].to_wire(), "status": dict(status)})

    def _written(self, write: BudgetWrite) -> BudgetView:
        metadata = {"name": write.node.name, "uid": f"uid-{write.node.name}", **write.metadata}
        conditions = [{"type": "Ready", "status": "True", "reason": "Applied", "message": ""}]
        body = {"metadata": metadata, "spec": dict(write.spec), "status": {"conditions": conditions}}
        return view_budget(body, self._specs)

    def _view(self, name: str, spec: Any, old: BudgetView) -> BudgetView:
        node = self.nodes[name]
        written_at = old.reporting.written_at
        return self._written(BudgetWrite(node, old.policy_label or "", spec, written_at))

    def _fetch(self, now: datetime) -> bool:
        """Attend to what is due; whether anything was."""
        groups = next_groups(self.days.values(), now, lambda _: True)
        for group in groups.values():
            if group.behind:
                for day in group.behind:
                    self._status(day, marketday_status.with_copy(day, group.first, now))
                continue
            self._ask(group.first, now)
        return bool(groups)

    def _ask(self, day: MarketDay, now: datetime) -> None:
        requests = marketday_status.fetch_of(day).requests + 1
        day = self._status(day, marketday_status.with_request(day, requests, now + MarketError.patience, now))
        query = query_of(day)
        try:
            data = build_market_day(self.source.ask(query, now), query)
        except MarketError as error:
            status = marketday_status.with_failure(day, error, after_failure(day, error, now), now)
        else:
            source = MarketSource(fetched_at=now, route="page")
            again = None if data.complete else after_failure(day, DayIncomplete(data.why), now)
            status = marketday_status.with_results(day, data, source, again, now)
        self._status(day, status)

    def _status(self, day: MarketDay, status: MarketDayStatus) -> MarketDay:
        self.writes["day statuses"] += 1
        self.days[day.metadata.name] = MarketDay.from_wire({**day.to_wire(), "status": status.to_wire()})
        return self.days[day.metadata.name]
