"""Metrics of the policies' days: energy, cost, carbon dioxide. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from prometheus_client.core import Metric

from powercap_api.powerreport import PowerReport

from ..reported_day import reported_days
from . import catalogue
from .markets import gauge


def report_metrics(reports: Mapping[str, PowerReport], now: datetime) -> Iterable[Metric]:
    """Today so far, and yesterday."""
    energy, cost, carbon = map(
        gauge, (catalogue.REPORT_ENERGY, catalogue.REPORT_COST, catalogue.REPORT_CARBON)
    )
    bound, lifts = gauge(catalogue.REPORT_BOUND), gauge(catalogue.REPORT_LIFTS)
    for one in reported_days(reports, now):
        labels = [one.policy, one.day]
        energy.add_metric(labels, one.joules)
        lifts.add_metric(labels, one.lifts)
        if one.cost is not None:
            cost.add_metric([*labels, one.currency], one.cost)
        if one.carbon_grams is not None:
            carbon.add_metric(labels, one.carbon_grams)
        if one.bound is not None:
            bound.add_metric(labels, one.bound)
    return energy, cost, carbon, bound, lifts
