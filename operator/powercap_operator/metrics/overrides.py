"""Metrics of the limits for a while. Pure."""

from collections.abc import Iterable

from prometheus_client.core import Metric

from powercap_api.poweroverride import PowerOverride
from powercap_api.units import MICROWATTS_PER_WATT

from . import catalogue
from .markets import gauge


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
