"""What Prometheus can ask of the operator: the policies, the nodes' budgets and the market days as they stand.

Nothing is counted twice: a scrape looks at the same world that decisions are made from. Powers are in watts and times
in seconds, as Prometheus wants base units.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from powercap_api.conditions import find_condition, is_true
from powercap_api.reasons import ConditionType, PolicyReason
from powercap_api.units import MICROWATTS_PER_WATT, Power

from .loop_pauses import LoopPauses
from .market.fallback import KnownDays, is_complete
from .planning.snapshot import World

_STATES: Final = (
    PolicyReason.CURRENT,
    PolicyReason.FALLBACK,
    PolicyReason.MISSING,
    PolicyReason.PENDING,
    PolicyReason.NOT_NEEDED,
)
_DAY: Final = ("area", "auction", "provider", "date")

NAMES: Final = frozenset(
    f"powercap_{name}"
    for name in (
        "build_info",
        "policy_ready",
        "policy_nodes",
        "policy_nodes_ready",
        "policy_nodes_unsupported",
        "policy_max_source_watts",
        "policy_max_source_ratio",
        "policy_cap_watts",
        "policy_cap_ratio",
        "policy_market_data",
        "policy_fallback_days_total",
        "node_ready",
        "node_cap_watts",
        "node_applied_watts",
        "market_day_complete",
        "market_day_requests",
        "reconcile_passes_total",
        "reconcile_failures_total",
        "api_writes_total",
        "leader",
        "loop_pause_seconds_bucket",
        "loop_pause_seconds_count",
        "loop_pause_seconds_sum",
        "loop_longest_pause_seconds",
        "loop_longest_step_seconds",
    )
)
"""Every metric there is."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the operator has done since it started."""

    passes: int
    failures: int
    writes: int
    pauses: LoopPauses
    leading: bool


def families(world: World, counts: Counts, version: str) -> Iterator[Metric]:
    """All metrics of one scrape. Pure."""
    build = GaugeMetricFamily("powercap_build_info", "Version of the operator.", labels=["version"])
    build.add_metric([version], 1)
    yield build
    yield from _policies(world)
    yield from _nodes(world)
    yield from _market_days(world)
    for name, text, value in (
        ("reconcile_passes", "Looks at the whole cluster.", counts.passes),
        ("reconcile_failures", "Looks after which not everything could be written.", counts.failures),
        ("api_writes", "Requests to the API server that meant to change something.", counts.writes),
    ):
        yield CounterMetricFamily(f"powercap_{name}", text, value=value)
    yield GaugeMetricFamily(
        "powercap_leader",
        "1 where this operator leads, 0 where it is ready to take over.",
        value=counts.leading,
    )
    yield from _pauses(counts.pauses)


def _pauses(pauses: LoopPauses) -> Iterable[Metric]:
    lengths = HistogramMetricFamily(
        "powercap_loop_pause_seconds",
        "Time for which the event loop was held up, looked at fifty times a second.",
        buckets=pauses.cumulative(),
        sum_value=pauses.total_seconds,
    )
    longest = GaugeMetricFamily(
        "powercap_loop_longest_pause_seconds",
        "Longest time for which the event loop was held up since the start.",
        value=pauses.longest_seconds,
    )
    step = GaugeMetricFamily(
        "powercap_loop_longest_step_seconds",
        "Most processor time that the event loop took in one pause since the start.",
        value=pauses.longest_step_seconds,
    )
    return lengths, longest, step


def _policies(world: World) -> Iterable[Metric]:
    by_policy = ["policy"]
    ready = GaugeMetricFamily("powercap_policy_ready", "The policy is in force.", labels=by_policy)
    nodes = GaugeMetricFamily("powercap_policy_nodes", "Nodes that the policy governs.", labels=by_policy)
    followed = GaugeMetricFamily(
        "powercap_policy_nodes_ready", "Nodes that follow their budget.", labels=by_policy
    )
    unsupported = GaugeMetricFamily(
        "powercap_policy_nodes_unsupported", "Nodes that have nothing to cap.", labels=by_policy
    )
    most = GaugeMetricFamily(
        "powercap_policy_max_source_watts", "Power of a node at the best period.", labels=by_policy
    )
    most_ratio = GaugeMetricFamily(
        "powercap_policy_max_source_ratio",
        "Power of a node at the best period, as a part of what its original limits add up to.",
        labels=by_policy,
    )
    cap = GaugeMetricFamily("powercap_policy_cap_watts", "Cap of a node now.", labels=by_policy)
    cap_ratio = GaugeMetricFamily(
        "powercap_policy_cap_ratio",
        "Cap of a node now, as a part of what its original limits add up to.",
        labels=by_policy,
    )
    data = GaugeMetricFamily(
        "powercap_policy_market_data", "Whose results are followed.", labels=["policy", "state"]
    )
    fallbacks = CounterMetricFamily(
        "powercap_policy_fallback_days",
        "Delivery days on which an earlier day's results stood in.",
        labels=by_policy,
    )
    for name, policy in world.policies.items():
        status = policy.status
        lacking = sum(
            1
            for budget in world.budgets.values()
            if budget.policy_label == name and budget.reason == "Unsupported"
        )
        ready.add_metric([name], float(is_true(status.conditions, ConditionType.READY)))
        nodes.add_metric([name], status.nodes or 0)
        followed.add_metric([name], status.nodes_ready or 0)
        unsupported.add_metric([name], lacking)
        max_source, current = Power.parse(policy.spec.max_source), status.current
        if max_source.uw is not None:
            most.add_metric([name], max_source.uw / MICROWATTS_PER_WATT)
        if max_source.percent is not None:
            most_ratio.add_metric([name], max_source.percent / 100)
        if current is not None and current.cap_microwatts is not None:
            cap.add_metric([name], current.cap_microwatts / MICROWATTS_PER_WATT)
        if current is not None and current.cap_ratio is not None:
            cap_ratio.add_metric([name], float(current.cap_ratio))
        market_data = find_condition(status.conditions, ConditionType.MARKET_DATA)
        for state in _STATES:
            data.add_metric(
                [name, state.value], float(market_data is not None and market_data.reason == state)
            )
        fallbacks.add_metric([name], 0 if status.fallbacks is None else status.fallbacks.days)
    return ready, nodes, followed, unsupported, most, most_ratio, cap, cap_ratio, data, fallbacks


def _nodes(world: World) -> Iterable[Metric]:
    ready = GaugeMetricFamily(
        "powercap_node_ready", "The node follows its budget.", labels=["node", "policy"]
    )
    cap = GaugeMetricFamily("powercap_node_cap_watts", "Cap that the slot asks for.", labels=["node"])
    applied = GaugeMetricFamily(
        "powercap_node_applied_watts", "Sum of the limits that the packages read back.", labels=["node"]
    )
    for name, budget in world.budgets.items():
        ready.add_metric([name, budget.policy_label or ""], float(budget.ready))
        if budget.cap_uw is not None:
            cap.add_metric([name], budget.cap_uw / MICROWATTS_PER_WATT)
        if budget.applied_uw is not None:
            applied.add_metric([name], budget.applied_uw / MICROWATTS_PER_WATT)
    return ready, cap, applied


def _market_days(world: World) -> Iterable[Metric]:
    complete = GaugeMetricFamily(
        "powercap_market_day_complete", "All periods of the day are there.", labels=_DAY
    )
    requests = GaugeMetricFamily(
        "powercap_market_day_requests", "Requests made to the source for the day.", labels=_DAY
    )
    for day in KnownDays(world.days.values()).values():
        spec = day.spec
        labels = [spec.area, spec.auction, spec.provider, spec.delivery_date.isoformat()]
        complete.add_metric(labels, float(is_complete(day)))
        requests.add_metric(labels, 0 if day.status.fetch is None else day.status.fetch.requests)
    return complete, requests


class WorldCollector(Collector):
    """Looks at the world whenever Prometheus asks."""

    def __init__(self, world: Callable[[], World], counts: Callable[[], Counts], version: str) -> None:
        """``world`` and ``counts`` are called from the server's thread."""
        self._world = world
        self._counts = counts
        self._version = version

    def collect(self) -> Iterator[Metric]:
        """The metrics now."""
        return families(self._world(), self._counts(), self._version)
