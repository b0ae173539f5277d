"""The status of a PowerOverride: whether it holds, on which nodes, and what they read back of what is asked. Pure."""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Final

from powercap_api.conditions import find_condition
from powercap_api.foreign_text import shown
from powercap_api.names import POWER_OVERRIDE
from powercap_api.poweroverride import PowerOverrideStatus
from powercap_api.reasons import BudgetReason, ConditionType, OverrideReason
from powercap_api.schedule import Window, window_at
from powercap_api.schema.model import Condition, condition_on
from powercap_api.units import format_watts_short

from ...world.snapshot import BudgetView, World
from ...world.unreadable import FAULTS, Unreadable
from .resolved_override import ResolvedOverride
from .windows import Overrides

_NAMED: Final = 3
"""Most nodes named in a message; of others it has the number."""
_SETTLING: Final = timedelta(minutes=1)
"""Time for agents to lower caps step by step and to report, before a limit counts as missed."""
_TOLERANCE_PERCENT: Final = 1
"""Limits are rounded to what the hardware can hold."""
_ORIGINALS: Final = (BudgetReason.OVERRIDDEN, BudgetReason.LIFTED, BudgetReason.SUSPENDED)
"""A node that says so has its original limits."""


@dataclass(frozen=True, slots=True)
class _Alike:
    """Budgets of which every override says the same."""

    min_uw: int | None
    max_uw: int | None
    """None where only the agent knows it, as of a budget in percent of the node's own limits."""
    applied_uw: int | None
    cap_uw: int | None
    reason: str | None
    kind: int
    """Of nodes, which have the same windows."""
    windows: tuple[Window, ...] = field(compare=False)


@dataclass(frozen=True, slots=True)
class _Reach:
    """The nodes of an override."""

    alike: Mapping[_Alike, list[str]]
    """Those that can be capped, by what there is to say of them."""
    unsupported: int
    without: int
    """How many have no budget."""

    @property
    def count(self) -> int:
        """How many can be capped."""
        return sum(map(len, self.alike.values()))


def override_statuses(
    overrides: Overrides, world: World, now: datetime
) -> tuple[dict[str, dict[str, Any]], list[Unreadable]]:
    """The statuses that differ from those in force, by name, and the overrides of which nothing can be said."""
    statuses, faulty = {}, []
    reaches: dict[Hashable, _Reach] = {}
    for name, resolved in overrides.resolved.items():
        if name in overrides.over:
            continue
        key = (resolved.names, resolved.pairs)
        try:
            if key not in reaches:
                reaches[key] = _reach(resolved, overrides, world)
            status = override_status(resolved, reaches[key], now)
            if status != resolved.override.status.to_wire():
                statuses[name] = status
        except FAULTS as error:
            faulty.append(Unreadable.of(POWER_OVERRIDE, resolved.override, error))
    return statuses, faulty


def override_status(resolved: ResolvedOverride, reach: _Reach, now: datetime) -> dict[str, Any]:
    """The whole status in wire form; equal to the one in force where nothing has changed."""
    before = resolved.override.status
    active = resolved.holds(now)
    asked = _asked_uw(resolved, reach)
    achieved = before.achieved_microwatts
    if active:
        read = [
            one.applied_uw * len(names) for one, names in reach.alike.items() if one.applied_uw is not None
        ]
        achieved = sum(read) if read else None
    state = _state(resolved, now)
    over = state == OverrideReason.OVER
    conditions = [_active(resolved, reach, state, now)]
    if active:
        conditions.append(_achieved(resolved, reach, now))
    elif over and (last := find_condition(before.conditions, ConditionType.ACHIEVED)) is not None:
        conditions.append(last)
    if over:
        asked = before.asked_microwatts
    return PowerOverrideStatus(
        observed_generation=resolved.override.metadata.generation,
        conditions=conditions,
        state=state,
        start=resolved.start,
        end=resolved.end,
        nodes=before.nodes if over else reach.count,
        asked_microwatts=asked,
        achieved_microwatts=achieved,
        asked=None if asked is None else format_watts_short(asked),
        achieved=None if achieved is None else format_watts_short(achieved),
    ).to_wire()


def _state(resolved: ResolvedOverride, now: datetime) -> OverrideReason:
    if now < resolved.start:
        return OverrideReason.PENDING
    return OverrideReason.ACTIVE if now < resolved.end else OverrideReason.OVER


def _reach(resolved: ResolvedOverride, overrides: Overrides, world: World) -> _Reach:
    alike: dict[_Alike, list[str]] = defaultdict(list)
    unsupported, without = 0, len((resolved.names or frozenset()) - world.nodes.keys())
    for name in sorted(overrides.matching.nodes_of(resolved)):
        budget = world.budgets.get(name)
        if budget is None:
            without += 1
        elif budget.reason == BudgetReason.UNSUPPORTED:
            unsupported += 1
        else:
            alike[_alike(budget, overrides.windows.get(name, ()))].append(name)
    return _Reach(alike, unsupported, without)


def _alike(budget: BudgetView, windows: tuple[Window, ...]) -> _Alike:
    min_uw, max_uw = (budget.spec.get(f"{name}Microwatts") for name in ("minPower", "maxSource"))
    return _Alike(min_uw, max_uw, budget.applied_uw, budget.cap_uw, budget.reason, id(windows), windows)


def _allowed_uw(resolved: ResolvedOverride, budget: _Alike) -> int | None:
    """The most that the override lets such a node have; None for a release, and where only the agent knows it."""
    if budget.min_uw is None or budget.max_uw is None:
        return None
    window = Window(resolved.start, resolved.end, resolved.share, resolved.cap_uw)
    return window.limit_uw(budget.min_uw, budget.max_uw)


def _asked_uw(resolved: ResolvedOverride, reach: _Reach) -> int | None:
    """The sum of what the override lets its nodes have; None for a release, and where it is not known of all."""
    total = 0
    for one, names in reach.alike.items():
        allowed = _allowed_uw(resolved, one)
        if allowed is None:
            return None
        total += allowed * len(names)
    return total or None


def _active(resolved: ResolvedOverride, reach: _Reach, state: OverrideReason, now: datetime) -> Condition:
    reason = shown(resolved.override.spec.reason)
    begin, end = _time(resolved.start), _time(resolved.end)
    what = "the original limits" if resolved.release else f"{_limit(resolved)} at most"
    count = reach.count
    nodes = f"{count} node" if count == 1 else f"{count} nodes"
    sentence = {
        OverrideReason.PENDING: f"{what} on {nodes} from {begin} to {end}: {reason}",
        OverrideReason.ACTIVE: f"{what} on {nodes} until {end}: {reason}",
    }.get(state, f"ended at {end}; it is deleted a day later.")
    if state != OverrideReason.OVER and reach.without:
        sentence += f"{'' if reason.endswith('.') else '.'} {_without(reach.without)}"
    holds = state == OverrideReason.ACTIVE
    return condition_on(resolved.override, ConditionType.ACTIVE, holds, state, sentence, now)


def _achieved(resolved: ResolvedOverride, reach: _Reach, now: datetime) -> Condition:
    holds, reason, sentence = _outcome(resolved, reach, now)
    if reach.unsupported and reach.alike:
        sentence += f" {reach.unsupported} more {'has' if reach.unsupported == 1 else 'have'} nothing to cap."
    return condition_on(resolved.override, ConditionType.ACHIEVED, holds, reason, sentence, now)


def _outcome(
    resolved: ResolvedOverride, reach: _Reach, now: datetime
) -> tuple[bool | None, OverrideReason, str]:
    if not reach.alike:
        return False, OverrideReason.NO_NODES, _no_nodes(reach)
    stronger = [_stronger(resolved, one.windows, now) for one in reach.alike]
    if all(window is not None for window in stronger):
        named = next(window.basis for window in stronger if window is not None)
        return False, OverrideReason.OVERRULED, f"without effect: {named} holds."
    missed = [one for one in reach.alike if not _fits(resolved, one)]
    what = "have their original limits" if resolved.release else "are at or under the limit"
    total = reach.count
    count = total - sum(len(reach.alike[one]) for one in missed)
    if not missed:
        one = "has its original limits" if resolved.release else "is at or under the limit"
        sentence = f"all {total} nodes {what}." if total > 1 else f"the node {one}."
        return True, OverrideReason.ACHIEVED, sentence
    sentence = f"{count} of {total} nodes {what}; not: {_named(missed, reach)}."
    if now < resolved.start + _SETTLING or now < _made(resolved) + _SETTLING:
        return None, OverrideReason.APPLYING, sentence
    return False, OverrideReason.NOT_ACHIEVED, sentence


def _made(resolved: ResolvedOverride) -> datetime:
    return resolved.override.metadata.creation_timestamp or resolved.start


def _stronger(resolved: ResolvedOverride, windows: Sequence[Window], now: datetime) -> Window | None:
    """What holds on a node in place of the override: a limit over a release, or a release over a limit."""
    window = window_at(windows, now)
    return None if window is None or window.release == resolved.release else window


def _fits(resolved: ResolvedOverride, budget: _Alike) -> bool:
    if resolved.release:
        return budget.reason in _ORIGINALS
    if budget.applied_uw is None or budget.reason == BudgetReason.STOPPED:
        return False
    allowed_uw = _allowed_uw(resolved, budget)
    if allowed_uw is None:  # the agent has worked out the limit, and asks for no more
        allowed_uw = budget.cap_uw or 0
    return 100 * budget.applied_uw <= (100 + _TOLERANCE_PERCENT) * allowed_uw


def _named(missed: Sequence[_Alike], reach: _Reach) -> str:
    first = sorted(((name, one) for one in missed for name in reach.alike[one][:_NAMED]), key=itemgetter(0))[
        :_NAMED
    ]
    named = []
    for name, one in first:
        applied = "no limit read back" if one.applied_uw is None else format_watts_short(one.applied_uw)
        named.append(f"{name} ({applied}, {one.reason or 'no report from its agent'})")
    more = sum(len(reach.alike[one]) for one in missed) - len(named)
    return "; ".join([*named, f"and {more} more"] if more else named)


def _no_nodes(reach: _Reach) -> str:
    if reach.unsupported:
        return "none of its nodes has anything that can be capped."
    if reach.without:
        return _without(reach.without)
    return "no node has its labels."


def _without(count: int) -> str:
    nodes = "1 node has" if count == 1 else f"{count} nodes have"
    return f"{nodes} no PowerBudget: there is no such node, or no policy selects it."


def _limit(resolved: ResolvedOverride) -> str:
    if resolved.cap_uw is not None:
        return format_watts_short(resolved.cap_uw)
    return f"{resolved.override.spec.limit} of maxSource"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
