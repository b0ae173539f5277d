"""Metrics of the policies' days: energy, cost, carbon dioxide, and what caps saved beside its baselines. Pure."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric

from ..worth.reported_day import ReportedDay
from . import catalogue
from .markets import gauge


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
