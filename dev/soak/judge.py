"""What must hold at every look: budgets without gaps and overlaps, objects that do not pile up, requests in bounds."""

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from dev.lab.exchange.site import ExchangeSite
from dev.lab.judge import HISTORY, changed_past, gap, overlap
from dev.soak.cluster import WatchedCluster
from powercap_api.names import MARKET_DAY, POWER_BUDGET, POWER_OVERRIDE, POWER_REPORT
from powercap_operator.market.publication import DAILY_LIMIT

_STEP: Final = timedelta(minutes=15)
_AHEAD: Final = timedelta(hours=5)
_BESIDE_HISTORY: Final = 4
"""Days that the history does not count: today, tomorrow, and the two that its border falls into."""
_MOST_OVERRIDES: Final = 12


@dataclass
class Judge:
    """``complaints`` is empty where all held."""

    cluster: WatchedCluster
    complaints: list[str] = field(default_factory=list)
    judged: int = 0
    """Budgets that were judged."""
    writes: int = 0
    """Specs of budgets that were written."""
    most: Counter[str] = field(default_factory=Counter)
    """The most objects of each kind at any look."""
    _specs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of the look before."""
    _generations: dict[str, int] = field(default_factory=dict)

    def budgets(self, now: datetime, following: datetime) -> None:
        """Each has a slot from now until the next look, and for five hours; what is over is told as before."""
        until = max(following, now + _AHEAD)
        for name, body in self.cluster.budgets.items():
            self.judged += 1
            spec, before = body["spec"], self._specs.get(name)
            found = [overlap(spec), gap(spec, now, until, _STEP)]
            if before is not None and before != spec:
                found.append(changed_past(before, spec, now, _STEP))
            self.complaints += [f"{name} at {now}: {one}" for one in found if one]
            self._count_writes(name, body["metadata"]["generation"])
        self._specs = {name: body["spec"] for name, body in self.cluster.budgets.items()}

    def unattended(self, now: datetime) -> None:
        """While operator or API server are away the budgets as last known have a slot now."""
        for name, spec in self._specs.items():
            found = gap(spec, now, now, _STEP)
            self.complaints += [f"{name}, unattended at {now}: {found}"] if found else []

    def objects(self, now: datetime, nodes: Set[str]) -> None:
        """One budget for each node."""
        self.most |= Counter(self.cluster.counts)
        if set(self.cluster.budgets) != nodes:
            self.complaints.append(f"at {now} budgets are {sorted(self.cluster.budgets)}, nodes {nodes}")

    def history(self, now: datetime, policies: int) -> None:
        """No more MarketDays, reports and overrides than the history holds."""
        counts, kept = self.cluster.counts, HISTORY.days + _BESIDE_HISTORY
        bounds = {MARKET_DAY: policies * kept, POWER_REPORT: policies * kept, POWER_OVERRIDE: _MOST_OVERRIDES}
        self.complaints += [
            f"at {now} there are {counts[kind]} objects of kind {kind}"
            for kind, bound in bounds.items()
            if counts[kind] > bound
        ]

    def left(self) -> None:
        """Nothing of the operator's is left when all of people's is away and the history over."""
        kinds = (MARKET_DAY, POWER_BUDGET, POWER_OVERRIDE, POWER_REPORT)
        left = {kind: count for kind in kinds if (count := self.cluster.counts[kind])}
        if left:
            self.complaints.append(f"left over at the end: {left}")

    def requests(self, site: ExchangeSite) -> None:
        """At most so many for a market day, each counted before it was made, one at a time."""
        counted, came = self.cluster.requests, len(site.requests)
        self.complaints += [
            f"{name} was asked for {number} times" for name, number in counted.items() if number > DAILY_LIMIT
        ]
        if came > sum(counted.values()):
            self.complaints.append(f"{came} requests came, {sum(counted.values())} were counted")
        if site.most_at_once > 1:
            self.complaints.append(f"{site.most_at_once} requests at once")

    def _count_writes(self, name: str, generation: int) -> None:
        last = self._generations.get(name, 0)
        self.writes += generation - last if generation >= last else generation
        self._generations[name] = generation
