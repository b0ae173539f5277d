"""What a PowerBudget's schedule asks of its node, as times and powers: for the demo, the bench and the tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from powercap_api.powerbudget import PowerBudgetSpec
from powercap_api.schedule import cap_uw, read_segments
from powercap_api.units import Power


@dataclass(frozen=True, slots=True)
class Cap:
    """A cap from ``start`` to the next one's."""

    start: datetime
    power_uw: int
    basis: str | None


def caps_of(spec: Mapping[str, Any], node_uw: int = 0) -> list[Cap]:
    """The caps of a budget's spec in wire form, in order of time; percentages are of ``node_uw``."""
    read = PowerBudgetSpec.model_validate(spec)
    slots = read_segments([segment.plain() for segment in read.schedule])
    low = Power(read.min_power_microwatts, read.min_power_percent).on(node_uw)
    high = Power(read.max_source_microwatts, read.max_source_percent).on(node_uw)
    return [Cap(slot.start, cap_uw(slot.share, low, high), slot.basis) for slot in slots]


def cap_at(caps: Sequence[Cap], now: datetime) -> Cap | None:
    """The last cap that has begun."""
    return next((cap for cap in reversed(caps) if cap.start <= now), None)
