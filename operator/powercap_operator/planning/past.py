"""What a policy had in force on its nodes, as their budgets say. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from pydantic import ValidationError

from powercap_api.powerbudget import PowerBudgetSpec
from powercap_api.schedule import FULL_SHARE, Slot, read_segments

from ..strategies import counts_hours
from ..world.snapshot import BudgetView
from .resolved_policy import ResolvedPolicy


@dataclass(frozen=True, slots=True)
class Past:
    """The schedules of a policy's budgets up to ``now``."""

    now: datetime
    records: tuple[tuple[tuple[Slot, ...], datetime], ...]
    """Slots in order, and until when the last of them holds."""

    @classmethod
    def of(cls, resolved: ResolvedPolicy, specs: Iterable[Mapping[str, Any]], now: datetime) -> Self:
        """From the specs of budgets; those of another policy or area, or that cannot be read, say nothing."""
        records: dict[tuple[tuple[Slot, ...], datetime], None] = {}
        for spec in specs:
            read = read_spec(spec) if spec.get("policy") == resolved.name else None
            if read is not None:
                slots = read_segments([segment.plain() for segment in read.schedule])
                own = tuple(slot for slot in slots if area_of(slot) == resolved.market.area)
                records[own, read.valid_until] = None
        return cls(now, tuple(record for record in records if record[0]))

    def was_full(self, starts: Sequence[datetime], end: datetime) -> dict[datetime, bool | None]:
        """Of periods in a row up to ``end``, those that have begun, and whether maxSource was in force in them on any
        node; None where the budgets do not reach back so far. The one that holds now is among them only if it was."""
        begun: dict[datetime, bool | None] = {}
        for start, until in zip(starts, [*starts[1:], end], strict=True):
            shares = [share for record in self.records if (share := _share(*record, start)) is not None]
            if until <= self.now:
                forgotten = any(record[0][0].start > start for record in self.records)
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


def _share(slots: Sequence[Slot], valid_until: datetime, moment: datetime) -> int | None:
    index = bisect_right(slots, moment, key=lambda slot: slot.start)
    return slots[index - 1].share if index and moment < valid_until else None


def read_spec(spec: Mapping[str, Any]) -> PowerBudgetSpec | None:
    """A budget's spec without the fields that this version does not know; None where it cannot read the rest."""
    try:
        return PowerBudgetSpec.model_validate(spec)
    except ValidationError:
        return None


def area_of(slot: Slot) -> str:
    """The zone whose results the slot follows. Another zone's are no record of this one's."""
    return (slot.basis or "").partition(":")[0].partition(" ")[0]
