"""What the quarters of a report come to: the one sum that the report itself, metrics, page and command tell. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from powercap_api.powerreport import ReportQuarters


@dataclass(frozen=True, slots=True)
class ReportSums:
    """A report in numbers, or several together."""

    joules: int
    """Of packages and accelerators together."""
    accelerator_joules: int | None
    """Of the accelerators; None where there are none."""
    seconds: int
    """Of measured time, of all nodes together."""
    bound_seconds: int
    """Of these, those in which caps held packages back."""
    cost: Decimal | None
    """In the report's currency; None where a quarter has no price."""
    co2_kg: Decimal | None
    """None where the carbon intensity of a quarter is not known."""

    @property
    def energy_kwh(self) -> float:
        return self.joules / 3.6e6

    @property
    def node_hours(self) -> float:
        return self.seconds / 3600

    @property
    def bound(self) -> float | None:
        """Share of the measured time in which caps held nodes back; None where nothing was measured."""
        return self.bound_seconds / self.seconds if self.seconds else None


def sums_of(quarters: ReportQuarters) -> ReportSums:
    joules, others = quarters.all_joules, quarters.accelerators
    return ReportSums(
        joules=sum(joules),
        accelerator_joules=None if others is None else sum(others.joules),
        seconds=sum(quarters.seconds),
        bound_seconds=sum(quarters.bound_seconds),
        cost=_weighted(joules, quarters.prices),
        co2_kg=_weighted(joules, quarters.carbon),
    )


def together(days: Sequence[ReportSums]) -> ReportSums:
    """Several reports as one; cost and CO2 are known where they are of each."""
    known = [day.accelerator_joules for day in days if day.accelerator_joules is not None]
    return ReportSums(
        joules=sum(day.joules for day in days),
        accelerator_joules=sum(known) if known else None,
        seconds=sum(day.seconds for day in days),
        bound_seconds=sum(day.bound_seconds for day in days),
        cost=_sum([day.cost for day in days]),
        co2_kg=_sum([day.co2_kg for day in days]),
    )


def is_whole(column: Sequence[str] | None, quarters: ReportQuarters) -> bool:
    """Whether a column has a value for each quarter: one that something else wrote may be shorter."""
    return column is not None and len(column) >= len(quarters.joules)


def _weighted(joules: Sequence[int], per_unit: Sequence[str] | None) -> Decimal | None:
    """Σ MWh × value: the cost at prices per MWh, kilograms at g per kWh."""
    if per_unit is None or len(per_unit) < len(joules):
        return None
    parts = (Decimal(energy) * Decimal(value) for energy, value in zip(joules, per_unit, strict=False))
    return sum(parts, Decimal(0)) / Decimal(3_600_000_000)


def _sum(values: Sequence[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) if known and len(known) == len(values) else None
