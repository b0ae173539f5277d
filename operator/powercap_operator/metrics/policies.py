"""Metrics of the policies. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client.core import CounterMetricFamily, Metric

from powercap_api.conditions import find_condition, is_true
from powercap_api.powerpolicy import PowerPolicy
from powercap_api.reasons import ConditionType, PolicyReason
from powercap_api.units import MICROWATTS_PER_WATT, Power

from ..world.node_state import NO_AGENT, Sums
from . import catalogue
from .markets import gauge

_STATES: Final = (
    PolicyReason.CURRENT,
    PolicyReason.FALLBACK,
    PolicyReason.MISSING,
    PolicyReason.PENDING,
    PolicyReason.NOT_NEEDED,
)


def policy_metrics(policies: Iterable[PowerPolicy], sums: Mapping[str, Sums]) -> Iterable[Metric]:
    """What each policy asks for, on whose results, and how its nodes stand together."""
    return *_in_force(policies), _price_paid(policies), *_market_data(policies), *_nodes(policies, sums)


def _in_force(policies: Iterable[PowerPolicy]) -> Iterable[Metric]:
    """Powers in watts, or as a part of each node's original limits where the policy has percentages."""
    ready, share = gauge(catalogue.POLICY_READY), gauge(catalogue.POLICY_SHARE)
    most_watts, most_ratio = gauge(catalogue.POLICY_MAX_SOURCE), gauge(catalogue.POLICY_MAX_SOURCE_RATIO)
    cap_watts, cap_ratio = gauge(catalogue.POLICY_CAP), gauge(catalogue.POLICY_CAP_RATIO)
    for policy in policies:
        name, current = [policy.metadata.name], policy.status.current
        ready.add_metric(name, float(is_true(policy.status.conditions, ConditionType.READY)))
        power = Power.parse(policy.spec.max_source)
        most = (power.uw or 0) / MICROWATTS_PER_WATT if power.percent is None else power.percent / 100
        (most_watts if power.percent is None else most_ratio).add_metric(name, most)
        cap = None
        if current is not None and current.cap_microwatts is not None:
            cap = current.cap_microwatts / MICROWATTS_PER_WATT
            cap_watts.add_metric(name, cap)
        elif current is not None and current.cap_ratio is not None:
            cap = float(current.cap_ratio)
            cap_ratio.add_metric(name, cap)
        if cap is not None:
            share.add_metric(name, cap / most)
    return ready, share, most_watts, most_ratio, cap_watts, cap_ratio


def _price_paid(policies: Iterable[PowerPolicy]) -> Metric:
    """The status' price paid; the market's where the policy has no tariff."""
    paid = gauge(catalogue.POLICY_PRICE_PAID)
    for policy in policies:
        current = policy.status.current
        if current is not None and current.paid_per_megawatt_hour is not None:
            labels = [policy.metadata.name, current.currency or ""]
            paid.add_metric(labels, float(current.paid_per_megawatt_hour))
    return paid


def _market_data(policies: Iterable[PowerPolicy]) -> Iterable[Metric]:
    data = gauge(catalogue.POLICY_DATA)
    fallbacks = CounterMetricFamily(
        catalogue.POLICY_FALLBACKS.name, catalogue.POLICY_FALLBACKS.text, labels=catalogue.POLICY
    )
    for policy in policies:
        name, status = policy.metadata.name, policy.status
        found = find_condition(status.conditions, ConditionType.MARKET_DATA)
        for state in _STATES:
            data.add_metric([name, state.value], float(found is not None and found.reason == state))
        fallbacks.add_metric([name], 0 if status.fallbacks is None else status.fallbacks.days)
    return data, fallbacks


def _nodes(policies: Iterable[PowerPolicy], sums: Mapping[str, Sums]) -> Iterable[Metric]:
    values = {
        family: gauge(family)
        for family in (
            catalogue.POLICY_NODES,
            catalogue.POLICY_NODES_READY,
            catalogue.POLICY_NODES_UNSUPPORTED,
            catalogue.POLICY_NODES_SILENT,
            catalogue.POLICY_NODES_BINDING,
            catalogue.POLICY_NODES_CAP,
            catalogue.POLICY_NODES_APPLIED,
            catalogue.POLICY_NODES_DRAW,
        )
    }
    reasons = gauge(catalogue.POLICY_NODES_REASON)
    for policy in policies:
        name, status = policy.metadata.name, policy.status
        nodes = sums.get(name, Sums())
        said = (
            status.nodes or 0,
            nodes.following,
            nodes.unsupported,
            nodes.silent,
            nodes.binding,
            nodes.cap_uw / MICROWATTS_PER_WATT,
            nodes.applied_uw / MICROWATTS_PER_WATT,
            nodes.draw_uw / MICROWATTS_PER_WATT,
        )
        for family, value in zip(values.values(), said, strict=True):
            family.add_metric([name], value)
        without_agent = {NO_AGENT: status.nodes_without_agent} if status.nodes_without_agent else {}
        for reason, number in sorted({**nodes.reasons, **without_agent}.items()):
            reasons.add_metric([name, reason], number)
    return *values.values(), reasons
