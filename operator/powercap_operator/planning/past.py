"""What a policy had in force on its nodes, as their budgets say. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from pydantic import ValidationError

from powercap_api.powerbudget import PowerBudgetSpec
from powercap_api.schedule import FULL_SHARE, Schedule, Slot

from ..market.results import Period
from ..strategies import counts_hours
from ..world.snapshot import BudgetView
from .resolved_policy import ResolvedPolicy


@dataclass(frozen=True, slots=True)
class Past:
    """The schedules of a policy's budgets up to ``now``."""

    now: datetime
    records: tuple[Schedule[Slot], ...]

    @classmethod
    def of(cls, resolved: ResolvedPolicy, specs: Iterable[Mapping[str, Any]], now: datetime) -> Self:
        """From the specs of budgets; those of another policy or area, or that cannot be read, say nothing."""
        read = (read_spec(spec) for spec in specs if spec.get("policy") == resolved.name)
        own = (one.slots() for one in read if one is not None and one.area == resolved.market.area)
        return cls(now, tuple(dict.fromkeys(record for record in own if record)))

    def was_full(self, periods: Schedule[Period]) -> dict[datetime, bool | None]:
        """Of periods in a row, those that have begun, and whether maxSource was in force in them on any node; None
        where the budgets do not reach back so far. The one that holds now is among them only if it was."""
        begun: dict[datetime, bool | None] = {}
        for start, end, _ in periods.spans():
            shares = [slot.share for record in self.records if (slot := record.at(start)) is not None]
            if end <= self.now:
                forgotten = any(record[0].start > start for record in self.records)
                begun[start] = None if not shares and forgotten else FULL_SHARE in shares
            elif start <= self.now and FULL_SHARE in shares:
                begun[start] = True
        return begun


def specs_in_force(
    resolved: ResolvedPolicy, budgets: Mapping[str, BudgetView]
) -> tuple[Mapping[str, Any], ...] | None:
    """The different specs of the policy's budgets; None where there are none, or its strategy counts no hours."""
    if not counts_hours(resolved.policy.spec.strategy):
        return None
    specs = (budget.spec for budget in budgets.values() if budget.spec.get("policy") == resolved.name)
    return tuple(dict.fromkeys(spec.without_lift for spec in specs)) or None


def read_spec(spec: Mapping[str, Any]) -> PowerBudgetSpec | None:
    """A budget's spec without the fields that this version does not know; None where it cannot read the rest."""
    try:
        return PowerBudgetSpec.model_validate(spec)
    except ValidationError:
        return None
