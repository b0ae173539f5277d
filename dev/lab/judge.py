"""What must be true of a node and its budget at any moment: for demo, bench, chaos, soak and the end to end tests.

The limits hold the cap; the budget has no gap, no overlap, and a past that stays as it was. Each function gives a
complaint, empty where there is none. They read a budget as the agent reads it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from dev.lab.fake_sysfs import POWER_UNIT_UW
from powercap_agent.schedule.budget import Budget, read_budget
from powercap_agent.schedule.directive import Action, Phase, directive_at, overridden
from powercap_api.powerbudget import PowerBudgetSpec
from powercap_api.schedule import Slot, read_segments

HISTORY: Final = timedelta(days=14)
"""The operator's default of ``--history-days``, as docs/operations.md promises it."""
FLOOR_UW: Final = 5_000_000
"""For a node: the default of the agent's ``--floor-microwatts``, as docs/operations.md promises it."""
FLOOR_PERCENT: Final = 5
"""Of each original limit: the default of its ``--floor-percent``."""


def in_force_uw(cap_uw: int, originals_uw: int) -> int:
    """What a node is to have in force under a cap, where the originals of its packages add up to so much."""
    return min(max(cap_uw, FLOOR_UW, originals_uw * FLOOR_PERCENT // 100), originals_uw)


def not_in_force(cap_uw: int, limits_uw: Sequence[int], originals_uw: Sequence[int]) -> str:
    """How the limits of a node's packages differ from its cap; a processor may round down each by a power unit."""
    found, wanted = sum(limits_uw), in_force_uw(cap_uw, sum(originals_uw))
    if wanted - len(limits_uw) * POWER_UNIT_UW < found <= wanted:
        return ""
    return f"{found} µW are in force, not {wanted}"


def out_of_bounds(limit_uw: int, original_uw: int) -> str:
    """A limit that is above its original, or below its floor."""
    floor = original_uw * FLOOR_PERCENT // 100
    return "" if floor <= limit_uw <= original_uw else f"{limit_uw} µW, its original is {original_uw} µW"


def budget_of(spec: Mapping[str, Any]) -> Budget:
    """The agent's reading of a budget's spec."""
    return read_budget({"metadata": {"name": "any", "uid": "any", "generation": 1}, "spec": spec})


def cap_asked_for(spec: Mapping[str, Any], now: datetime) -> int | None:
    """What the budget asks for at a moment, overrides with it, in microwatts; None: the original limits."""
    budget = budget_of(spec)
    directive = overridden(budget, directive_at(budget, now), now)
    return directive.cap_uw if directive.action is Action.CAP and not budget.dry_run else None


def holds(written: Any, found: Any) -> bool:
    """Whether what was written is there; the API server adds defaults."""
    if isinstance(written, dict):
        return isinstance(found, dict) and all(holds(value, found.get(key)) for key, value in written.items())
    if isinstance(written, list):
        return isinstance(found, list) and len(written) == len(found) and all(map(holds, written, found))
    return bool(written == found)


def overlap(spec: Mapping[str, Any]) -> str:
    """A segment that does not begin where the one before ends, or a last one that does not end with the budget."""
    read = PowerBudgetSpec.model_validate(spec)
    segments = [segment.plain() for segment in read.schedule]
    ends = [one.start + len(one.shares) * timedelta(seconds=one.step_seconds) for one in segments]
    begins = [*(one.start for one in segments[1:]), read.valid_until]
    found = next(((end, begin) for end, begin in zip(ends, begins, strict=False) if end != begin), None)
    return "" if found is None else f"a segment ends at {found[0]}, and what comes next begins at {found[1]}"


def gap(spec: Mapping[str, Any], begin: datetime, end: datetime, step: timedelta) -> str:
    """A moment from ``begin`` to ``end``, of those ``step`` apart, at which there is no slot to follow."""
    budget, at = budget_of(spec), begin
    expected = Phase.SUSPENDED if budget.suspend else Phase.SLOT
    while at <= end:
        found = directive_at(budget, at).phase
        if found is not expected:
            return f"at {at} it is {found}, not {expected}: the budget ends at {budget.valid_until}"
        at += step
    return ""


def changed_past(before: Mapping[str, Any], after: Mapping[str, Any], now: datetime, step: timedelta) -> str:
    """A period that was over an hour ago and is told otherwise now, as far back as both budgets say."""
    old, new = _slots(before), _slots(after)
    if not old or not new or before["policy"] != after["policy"]:
        return ""
    at, until = max(old[0].start, new[0].start), now - timedelta(hours=1)
    while at < until:
        one, other = _asked_for(old, at), _asked_for(new, at)
        if one is None or other is None or (one.share, one.basis) != (other.share, other.basis):
            return f"at {at} it was {one}, and is {other}"
        at += step
    return ""


def _slots(spec: Mapping[str, Any]) -> list[Slot]:
    read = PowerBudgetSpec.model_validate(spec)
    return read_segments([segment.plain() for segment in read.schedule])


def _asked_for(slots: list[Slot], at: datetime) -> Slot | None:
    return next((slot for slot in reversed(slots) if slot.start <= at), None)
