"""Metrics of the operator's own process: its passes, its writes, its loops. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from ..loops.pauses import LoopPauses
from . import catalogue
from .markets import gauge


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
