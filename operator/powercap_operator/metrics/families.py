"""Metrics of the operator itself, of policies and what their nodes drew, of overrides and of market days. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from powercap_api.conditions import find_condition, is_true
from powercap_api.marketday import MarketDay
from powercap_api.poweroverride import PowerOverride
from powercap_api.powerpolicy import PowerPolicy
from powercap_api.reasons import ConditionType, PolicyReason
from powercap_api.units import MICROWATTS_PER_WATT, Power
from powercap_api.waitpolicy import WaitPolicy

from ..loops.pauses import LoopPauses
from ..market.known_days import DayKey, KnownDays, is_complete
from ..market.publication import DAILY_LIMIT
from ..world.node_state import NO_AGENT, Sums
from ..worth.reported_day import ReportedDay
from . import catalogue
from .catalogue import Family

_STATES: Final = (
    PolicyReason.CURRENT,
    PolicyReason.FALLBACK,
    PolicyReason.MISSING,
    PolicyReason.PENDING,
    PolicyReason.NOT_NEEDED,
)
JOULES_PER_MEGAWATT_HOUR: Final = 3_600_000_000


def gauge(family: Family) -> GaugeMetricFamily:
    return GaugeMetricFamily(family.name, family.text, labels=family.labels)


@dataclass(frozen=True, slots=True)
class Counts:
    """What the operator has done since it started."""

    passes: int
    failures: int
    writes: int
    pauses: LoopPauses
    leading: bool
    idle_seconds: Mapping[str, float] = field(default_factory=dict)
    """Time since each loop last turned, by the loop's name."""
    refused: int = 0
    """Writes that the API server did not take."""


def process_metrics(counts: Counts, version: str) -> Iterator[Metric]:
    """What the operator is, whether it leads, and whether it moves."""
    build = gauge(catalogue.BUILD_INFO)
    build.add_metric([version], 1)
    yield build
    for counter, number in (
        (catalogue.PASSES, counts.passes),
        (catalogue.FAILURES, counts.failures),
        (catalogue.REFUSED, counts.refused),
        (catalogue.WRITES, counts.writes),
    ):
        yield CounterMetricFamily(counter.name, counter.text, value=number)
    pauses = counts.pauses
    for family, value in (
        (catalogue.LEADER, float(counts.leading)),
        (catalogue.LOOP_LONGEST_PAUSE, pauses.longest_seconds),
        (catalogue.LOOP_LONGEST_STEP, pauses.longest_step_seconds),
    ):
        metric = gauge(family)
        metric.add_metric([], value)
        yield metric
    idle = gauge(catalogue.LOOP_IDLE)
    for loop, seconds in counts.idle_seconds.items():
        idle.add_metric([loop], seconds)
    yield idle
    yield HistogramMetricFamily(
        catalogue.LOOP_PAUSE.name,
        catalogue.LOOP_PAUSE.text,
        buckets=pauses.cumulative(),
        sum_value=pauses.total_seconds,
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


def report_metrics(days: Iterable[ReportedDay]) -> Iterable[Metric]:
    """Today so far, and yesterday."""
    energy, cost, carbon = map(
        gauge, (catalogue.REPORT_ENERGY, catalogue.REPORT_COST, catalogue.REPORT_CARBON)
    )
    on_accelerators = gauge(catalogue.REPORT_ACCELERATOR_ENERGY)
    work_cost, saved = gauge(catalogue.REPORT_WORK_COST), gauge(catalogue.REPORT_SAVED)
    bound, lifts = gauge(catalogue.REPORT_BOUND), gauge(catalogue.REPORT_LIFTS)
    for one in days:
        labels = [one.policy, one.day]
        energy.add_metric(labels, one.joules)
        lifts.add_metric(labels, one.lifts)
        if one.accelerator_joules is not None:
            on_accelerators.add_metric(labels, one.accelerator_joules)
        if one.cost is not None:
            cost.add_metric([*labels, one.currency], one.cost)
        if one.carbon_grams is not None:
            carbon.add_metric(labels, one.carbon_grams)
        if one.bound is not None:
            bound.add_metric(labels, one.bound)
        _add_worth(work_cost, saved, one)
    return energy, on_accelerators, cost, carbon, work_cost, saved, bound, lifts


def _add_worth(work_cost: GaugeMetricFamily, saved: GaugeMetricFamily, one: ReportedDay) -> None:
    """What the day's work cost beside both baselines, and what was saved against each."""
    if one.worth is None:
        return
    for load, compared in (("saturated", one.worth.saturated), ("slack", one.worth.slack)):
        labels = [one.policy, one.day, load]
        baselines = (("no_cap", compared.uncapped), ("flat_cap", compared.flat))
        for case, outcome in (("measured", compared.policy), *baselines):
            if outcome.cost_per_work_hour is not None:
                work_cost.add_metric([*labels, case, one.currency], outcome.cost_per_work_hour)
        for against, outcome in baselines:
            part = compared.saved(outcome)
            if part is not None:
                saved.add_metric([*labels, against], part)


def override_metrics(overrides: Iterable[PowerOverride]) -> Iterable[Metric]:
    """Whether each holds, and what it asks for and achieves."""
    active = gauge(catalogue.OVERRIDE_ACTIVE)
    asked, achieved = gauge(catalogue.OVERRIDE_ASKED), gauge(catalogue.OVERRIDE_ACHIEVED)
    for override in overrides:
        labels, status = [override.metadata.name, override.spec.source], override.status
        active.add_metric(labels, float(status.state == "Active"))
        if status.asked_microwatts is not None:
            asked.add_metric(labels, status.asked_microwatts / MICROWATTS_PER_WATT)
        if status.achieved_microwatts is not None:
            achieved.add_metric(labels, status.achieved_microwatts / MICROWATTS_PER_WATT)
    return active, asked, achieved


def market_metrics(days: Iterable[MarketDay], now: datetime) -> Iterator[Metric]:
    """Every day that there is, and every known period from the current one on."""
    known = KnownDays(days)
    yield from _days(known)
    yield from _periods(known, now)


def _days(known: KnownDays) -> Iterable[Metric]:
    complete, requests, left = map(
        gauge, (catalogue.DAY_COMPLETE, catalogue.DAY_REQUESTS, catalogue.DAY_REQUESTS_LEFT)
    )
    for key, day in known.items():
        labels = [*_market(key), key.day.isoformat()]
        made = 0 if day.status.fetch is None else day.status.fetch.requests
        complete.add_metric(labels, float(is_complete(day)))
        requests.add_metric(labels, made)
        left.add_metric(labels, max(DAILY_LIMIT - made, 0))
    return complete, requests, left


def _periods(known: KnownDays, now: datetime) -> Iterable[Metric]:
    price, volume = gauge(catalogue.PRICE), gauge(catalogue.VOLUME)
    carbon, renewable = gauge(catalogue.CARBON), gauge(catalogue.RENEWABLE)
    for key, day in known.items():
        length = timedelta(minutes=key.market.resolution_minutes)
        for period in day.status.periods:
            if period.start + length <= now:
                continue
            ahead = -((now - period.start) // length) * key.market.resolution_minutes
            labels = [*_market(key), str(ahead)]
            if period.price is not None:
                currency = day.status.currency or key.market.bidding_zone.currency
                price.add_metric([*labels, currency], float(period.price))
            if period.volume is not None:
                volume.add_metric(labels, float(period.volume) * JOULES_PER_MEGAWATT_HOUR)
            of = [*labels, str(bool(period.forecast)).lower()]
            if period.carbon is not None:
                carbon.add_metric(of, float(period.carbon))
            if period.renewable is not None:
                renewable.add_metric(of, float(period.renewable) / 100)
    return price, volume, carbon, renewable


def _market(key: DayKey) -> list[str]:
    market = key.market
    return [market.area, market.auction.value, str(market.resolution_minutes), str(key.provider)]


def waiting_metrics(policies: Iterable[WaitPolicy]) -> Iterable[Metric]:
    """What waits, what was released and why, and what that saved by the model."""
    waiting, saved = gauge(catalogue.JOBS_WAITING), gauge(catalogue.JOBS_SAVED)
    family = catalogue.JOBS_RELEASED
    released = CounterMetricFamily(family.name, family.text, labels=family.labels)
    for policy in policies:
        name, status = policy.metadata.name, policy.status
        if status.waiting is not None:
            waiting.add_metric([name], status.waiting)
        for one in status.releases:
            released.add_metric([name, one.reason], one.jobs)
        if status.saved_per_kilowatt is not None and status.saved is not None:
            saved.add_metric([name, status.saved.partition(" ")[2]], float(status.saved_per_kilowatt))
    return waiting, released, saved
