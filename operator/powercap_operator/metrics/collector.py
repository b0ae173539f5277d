"""One scrape: the whole world as Prometheus's text format.

Nothing is counted twice: a scrape looks at the same world that decisions are made from.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from ..world.containment import Containment
from ..world.node_state import Sums, sums_of
from ..world.snapshot import World
from ..worth.measured import Machine
from ..worth.reported_day import ReportedDay, ReportedDays
from . import catalogue
from .families import (
    Counts,
    gauge,
    market_metrics,
    override_metrics,
    policy_metrics,
    process_metrics,
    report_metrics,
    waiting_metrics,
)
from .nodes import text_of


class _Families(Collector):
    """The families of one scrape, for the library."""

    def __init__(self, metrics: Iterator[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        return self._metrics


def exposition(
    world: World, counts: Counts, version: str, now: datetime, reported: Iterable[ReportedDay]
) -> bytes:
    """Everything that there is to say at ``now``, in Prometheus's text format."""
    _, by_policy = sums_of(world.budgets.values(), now)
    return (
        _families_text(_metrics(world, by_policy, counts, version, now, reported))
        + "".join(text_of(world.budgets.values(), now)).encode()
    )


def _metrics(
    world: World,
    by_policy: Mapping[str, Sums],
    counts: Counts,
    version: str,
    now: datetime,
    reported: Iterable[ReportedDay],
) -> Iterator[Metric]:
    yield from process_metrics(counts, version)
    yield from policy_metrics(list(world.policies.values()), by_policy)
    yield from report_metrics(reported)
    yield from override_metrics(world.overrides.values())
    yield from waiting_metrics(world.wait_policies.values())
    yield from market_metrics(world.days.values(), now)
    yield _unreadable(world)


def _unreadable(world: World) -> Metric:
    found = gauge(catalogue.UNREADABLE)
    counts = Counter(kind for kind, _ in world.unreadable)
    counts["PowerBudget status"] = sum(bool(budget.left_out) for budget in world.budgets.values())
    for kind, number in sorted(counts.items()):
        found.add_metric([kind], number)
    return found


def _families_text(metrics: Iterator[Metric]) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(metrics))
    return generate_latest(registry)


class Scrapes:
    """Answers scrapes; may be called from any thread."""

    def __init__(
        self,
        world: Callable[[], World],
        counts: Callable[[], Counts],
        version: str,
        now: Callable[[], datetime],
        machine: Machine | None,
    ) -> None:
        """``world`` and ``counts`` are called from the server's threads."""
        self._world = world
        self._counts = counts
        self._version = version
        self._now = now
        self._reported = ReportedDays(machine)
        self._containment = Containment("metrics")
        self._process = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._process)

    def text(self) -> bytes:
        """The metrics now, those of the process's memory and processor time too."""
        world, now = self._world(), self._now()
        counts = self._counts()

        def told(some: World) -> bytes:
            return exposition(some, counts, self._version, now, self._reported.at(some.reports, now))

        return self._containment.run(world, told) + generate_latest(self._process)
