"""The status of a PowerOverride: whether it holds, on which nodes, and what they read back of what is asked. Pure."""

from datetime import datetime, timedelta
from typing import Any, Final

from powercap_api.conditions import find_condition
from powercap_api.foreign_text import shown
from powercap_api.names import POWER_OVERRIDE
from powercap_api.poweroverride import PowerOverrideStatus
from powercap_api.reasons import ConditionType, OverrideReason
from powercap_api.schema.model import Condition, condition_on
from powercap_api.units import format_watts_short

from ...world.snapshot import World
from ...world.unreadable import FAULTS, Unreadable
from .reach import Reach, Reports
from .resolved_override import ResolvedOverride
from .windows import Overrides

_NAMED: Final = 3
"""Most nodes named in a message; of others it has the number."""
_SETTLING: Final = timedelta(minutes=1)
"""Time for agents to lower caps step by step and to report, before a limit counts as missed."""


def override_statuses(
    overrides: Overrides, world: World, now: datetime
) -> tuple[dict[str, dict[str, Any]], list[Unreadable]]:
    """The statuses that differ from those in force, by name, and the overrides of which nothing can be said."""
    statuses, faulty = {}, []
    reports = Reports(overrides.matching, world.budgets, now)
    for name, resolved in overrides.resolved.items():
        if name in overrides.over:
            continue
        try:
            status = override_status(resolved, reports, now)
            if status != resolved.override.status.to_wire():
                statuses[name] = status
        except FAULTS as error:
            faulty.append(Unreadable.of(POWER_OVERRIDE, resolved.override, error))
    return statuses, faulty


def override_status(resolved: ResolvedOverride, reports: Reports, now: datetime) -> dict[str, Any]:
    """The whole status in wire form; equal to the one in force where nothing has changed."""
    before, reach = resolved.override.status, reports.of(resolved)
    active = resolved.holds(now)
    asked = reports.asked_uw(resolved, reach.nodes)
    achieved = reports.read_uw(reach.nodes) if active else before.achieved_microwatts
    state = _state(resolved, now)
    over = state == OverrideReason.OVER
    conditions = [_active(resolved, reach, state, now)]
    if active:
        conditions.append(_achieved(resolved, reports, reach, now))
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


def _active(resolved: ResolvedOverride, reach: Reach, state: OverrideReason, now: datetime) -> Condition:
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


def _achieved(resolved: ResolvedOverride, reports: Reports, reach: Reach, now: datetime) -> Condition:
    holds, reason, sentence = _outcome(resolved, reports, reach, now)
    if reach.unsupported and reach.nodes:
        sentence += f" {reach.unsupported} more {'has' if reach.unsupported == 1 else 'have'} nothing to cap."
    return condition_on(resolved.override, ConditionType.ACHIEVED, holds, reason, sentence, now)


def _outcome(
    resolved: ResolvedOverride, reports: Reports, reach: Reach, now: datetime
) -> tuple[bool | None, OverrideReason, str]:
    if not reach.nodes:
        return False, OverrideReason.NO_NODES, _no_nodes(reach)
    stronger = reports.overruled_by(resolved, reach.nodes)
    if stronger is not None:
        return False, OverrideReason.OVERRULED, f"without effect: {stronger.basis} holds."
    missed = reports.missed(resolved, reach.nodes)
    what = "have their original limits" if resolved.release else "are at or under the limit"
    total = reach.count
    count = total - missed.bit_count()
    if not missed:
        one = "has its original limits" if resolved.release else "is at or under the limit"
        sentence = f"all {total} nodes {what}." if total > 1 else f"the node {one}."
        return True, OverrideReason.ACHIEVED, sentence
    sentence = f"{count} of {total} nodes {what}; not: {_named(missed, reports)}."
    if now < resolved.start + _SETTLING or now < _made(resolved) + _SETTLING:
        return None, OverrideReason.APPLYING, sentence
    return False, OverrideReason.NOT_ACHIEVED, sentence


def _made(resolved: ResolvedOverride) -> datetime:
    return resolved.override.metadata.creation_timestamp or resolved.start


def _named(missed: int, reports: Reports) -> str:
    named = []
    for one in reports.first(missed, _NAMED):
        applied = "no limit read back" if one.applied_uw is None else format_watts_short(one.applied_uw)
        named.append(f"{one.name} ({applied}, {one.reason or 'no report from its agent'})")
    more = missed.bit_count() - len(named)
    return "; ".join([*named, f"and {more} more"] if more else named)


def _no_nodes(reach: Reach) -> str:
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
