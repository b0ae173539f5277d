"""The status of a PowerPolicy: whether it is in force, on whose results, on how many nodes. Pure."""

from collections.abc import Mapping, Sequence, Sized
from datetime import datetime
from decimal import Decimal
from typing import Any

from powercap_api.policy.status import PolicyCurrent, PolicyFallbacks, PowerPolicyStatus
from powercap_api.powerpolicy import MANUAL
from powercap_api.reasons import ConditionType, ObjectReason, PolicyReason
from powercap_api.schema.model import Condition, condition_on

from ..market.delivery_day import day_of
from ..market.plausibility import THIN_MW, mean_power
from ..strategies.base import percent
from ..world.node_state import NO_REPORT, NOT_TAKEN_UP, Following, NodeState, state_of
from ..world.snapshot import World
from .assignment import Assignment
from .budget_spec import Plan
from .resolved_policy import ResolvedPolicy
from .static_days import how_to_give

NO_MARKET = "not needed"
"""The status' market where the strategy looks at none."""
_NAMED = 3
"""Most nodes named in a message; of others it has the number."""


def policy_status(
    resolved: ResolvedPolicy,
    planned: Plan,
    assignment: Assignment,
    nodes: Sequence[str],
    world: World,
    now: datetime,
) -> dict[str, Any]:
    """The whole status in wire form; equal to the one in force where nothing has changed.

    ``nodes`` are those that the policy governs.
    """
    policy = resolved.policy
    unsupported = 0
    waiting: dict[str, NodeState] = {}
    for node in nodes:
        state = state_of(world.budget(node), now)
        if state.following is Following.UNSUPPORTED:
            unsupported += 1
        elif not state.ready:
            waiting[node] = state
    return PowerPolicyStatus(
        observed_generation=policy.metadata.generation,
        conditions=[
            _ready(resolved, planned, assignment, nodes, waiting, unsupported, now),
            _market_data(resolved, planned, now),
            *_thin_market(resolved, planned, now),
        ],
        market=NO_MARKET if planned.data == PolicyReason.NOT_NEEDED else str(resolved.market),
        nodes=len(nodes),
        nodes_ready=len(nodes) - len(waiting) - unsupported,
        nodes_without_agent=assignment.without_agent.get(resolved.name),
        market_days=list(planned.market_days),
        current=_current(resolved, planned, now),
        fallbacks=_fallbacks(resolved, planned, now),
    ).to_wire()


def _fallbacks(resolved: ResolvedPolicy, planned: Plan, now: datetime) -> PolicyFallbacks | None:
    """The counter in force, one more on the first look at a delivery day on which an earlier day stands in."""
    before = resolved.policy.status.fallbacks
    if planned.data != PolicyReason.FALLBACK:
        return before
    today = resolved.day(now).isoformat()
    days = 0 if before is None else before.days
    if before is not None and before.last_day == today:
        return before
    return PolicyFallbacks(days=days + 1, last_day=today)


def _current(resolved: ResolvedPolicy, planned: Plan, now: datetime) -> PolicyCurrent | None:
    period = None if resolved.policy.spec.suspend else planned.periods.at(now)
    if period is None:
        return None
    limits = resolved.limits
    share = Decimal(period.cap_uw) / limits.max_uw
    unit = f"{planned.currency}/MWh" if planned.currency else "per MWh"
    return PolicyCurrent(
        start=period.start,
        cap=limits.cap_text(period.cap_uw),
        cap_microwatts=None if limits.in_percent else period.cap_uw,
        cap_ratio=f"{Decimal(period.cap_uw) / limits.node_uw:f}" if limits.in_percent else None,
        share=percent(share),
        volume=None if period.volume is None else f"{period.volume} MWh",
        price=None if period.price is None else f"{period.price} {unit}",
        price_paid=None if period.price_paid is None else f"{period.price_paid} {unit}",
        paid_per_megawatt_hour=period.price if period.price_paid is None else period.price_paid,
        currency=planned.currency,
        carbon=_noted(period.carbon, "g/kWh", period.forecast),
        renewable=_noted(period.renewable, "%", period.forecast),
        why=period.why,
    )


def _noted(value: str | None, unit: str, forecast: bool) -> str | None:
    return None if value is None else f"{value} {unit}{' (forecast)' if forecast else ''}"


def _ready(
    resolved: ResolvedPolicy,
    planned: Plan,
    assignment: Assignment,
    nodes: Sequence[str],
    waiting: Mapping[str, NodeState],
    unsupported: int,
    now: datetime,
) -> Condition:
    losses = assignment.overruled.get(resolved.name, {})
    without_agent = assignment.without_agent.get(resolved.name, 0)
    reason, sentence = _state(resolved, planned, losses, without_agent, nodes, waiting, unsupported)
    sentences = [sentence]
    # As a DaemonSet is that no node wants: a pool may be at zero.
    nothing_to_do = reason == PolicyReason.NO_NODES and not nodes and not without_agent
    if 0 < unsupported < len(nodes):
        sentences.append(f"{unsupported} more {'has' if unsupported == 1 else 'have'} nothing to cap.")
    if nodes and without_agent:
        sentences.append(f"No agent can run on {without_agent} more (NoAgent).")
    if nodes and losses:
        winners = ", ".join(sorted(set(losses.values())))
        sentences.append(f"{len(losses)} more selected {_node_is(losses)} governed by {winners}.")
    if ties := assignment.ties.get(resolved.name):
        sentences.append(f"Same priority as {', '.join(sorted(ties))}: the older policy wins.")
    return condition_on(
        resolved.policy,
        ConditionType.READY,
        None if reason == PolicyReason.AGENT_SILENT else reason == PolicyReason.ACTIVE or nothing_to_do,
        reason,
        " ".join(sentences),
        now,
    )


def _state(
    resolved: ResolvedPolicy,
    planned: Plan,
    losses: Mapping[str, str],
    without_agent: int,
    nodes: Sequence[str],
    waiting: Mapping[str, NodeState],
    unsupported: int,
) -> tuple[PolicyReason, str]:
    """Why the policy is in force or not: the first of these that holds, with a sentence."""
    if resolved.policy.spec.suspend:
        return (
            PolicyReason.SUSPENDED,
            "suspended: the nodes' original limits are in force. Set suspend: false to resume.",
        )
    if not nodes and losses:
        winners = ", ".join(sorted(set(losses.values())))
        return (
            PolicyReason.OVERRULED,
            f"every node that it selects is governed by {winners}. Raise priority to take them.",
        )
    if not nodes and without_agent:
        return (
            PolicyReason.NO_NODES,
            f"no agent can run on any of the {without_agent} nodes that it selects (NoAgent): look at the chart's"
            " agent.nodeSelector, agent.affinity and agent.tolerations.",
        )
    if not nodes:
        return (
            PolicyReason.NO_NODES,
            "there is no node that it selects (nodes labelled powercap.dev/exempt=true do not count).",
        )
    if planned.data == PolicyReason.PENDING:
        return (
            PolicyReason.PENDING,
            "today's market results are being fetched; until they are there budgets stay as they are.",
        )
    if planned.data == PolicyReason.MISSING:
        return PolicyReason.MISSING, f"there are no market results to follow: {_then(resolved)}."
    if waiting:
        able = len(nodes) - unsupported
        named = "; ".join(_named(waiting))
        sentence = f"{able - len(waiting)} of {able} nodes follow their budget; not: {named}."
        silent = all(state.following is Following.SILENT for state in waiting.values())
        return PolicyReason.AGENT_SILENT if silent else PolicyReason.NODES_NOT_READY, sentence
    if unsupported == len(nodes):
        return PolicyReason.NO_NODES, "none of its nodes has anything that can be capped."
    count = len(nodes) - unsupported
    sentence = f"{count} {'node follows its' if count == 1 else 'nodes follow their'} budget."
    if resolved.policy.spec.dry_run:
        sentence += " dryRun: no limit is changed."
    return PolicyReason.ACTIVE, sentence


def _node_is(nodes: Sized) -> str:
    return "node is" if len(nodes) == 1 else "nodes are"


def _named(waiting: Mapping[str, NodeState]) -> list[str]:
    """A reason that only the operator gives is no word of the API: its sentence stands for it."""
    own = {NO_REPORT, NOT_TAKEN_UP, ObjectReason.UNREADABLE}
    named = [
        f"{node} ({state.message if state.reason in own else state.reason})"
        for node, state in sorted(waiting.items())[:_NAMED]
    ]
    more = len(waiting) - len(named)
    return [*named, f"and {more} more"] if more else named


def _thin_market(resolved: ResolvedPolicy, planned: Plan, now: datetime) -> list[Condition]:
    """The condition ThinMarket, where the strategy divides volumes that are too small to say anything."""
    today = resolved.day(now)
    volumes = [
        Decimal(period.volume)
        for period in planned.periods
        if period.volume is not None and day_of(period.start, resolved.zone) == today
    ]
    mean = mean_power(volumes, resolved.market.resolution_minutes)
    if not resolved.request.needs.volume or mean is None or mean >= THIN_MW:
        return []
    message = (
        f"{resolved.market}: {mean:.1f} MWh an hour were traded on the mean of {planned.data_day}. Below {THIN_MW} one"
        " company's orders are the course of the day, and caps say little: write strategy: {type: Price}, or follow"
        " auction: SDAC."
    )
    thin, why = ConditionType.THIN_MARKET, PolicyReason.LITTLE_TRADED
    return [condition_on(resolved.policy, thin, True, why, message, now)]


def _market_data(resolved: ResolvedPolicy, planned: Plan, now: datetime) -> Condition:
    holds = {
        PolicyReason.NOT_NEEDED: True,
        PolicyReason.CURRENT: True,
        PolicyReason.PENDING: None,
        PolicyReason.FALLBACK: False,
        PolicyReason.MISSING: False,
    }[planned.data]
    message = _about_data(resolved, planned)
    if holds is False:
        if planned.cause:
            message += f" {planned.cause.removesuffix('.')}."
        if resolved.passed_over:
            message += f" {resolved.passed_over}"
        if MANUAL & set(resolved.request.providers):
            message += f" {how_to_give(resolved.market, resolved.day(now))}"
    return condition_on(resolved.policy, ConditionType.MARKET_DATA, holds, planned.data, message, now)


def _about_data(resolved: ResolvedPolicy, planned: Plan) -> str:
    market = resolved.market
    if planned.data == PolicyReason.NOT_NEEDED:
        return f"strategy {resolved.strategy_name} looks at no market results."
    if planned.data == PolicyReason.CURRENT:
        message = f"{market}: today's results ({', '.join(planned.market_days)}).{_tomorrow(planned)}"
        if not market.bidding_zone.proof:
            message += f" That {market.area}'s days are in market time is not proven (docs/markets.md)."
        return message
    if planned.data == PolicyReason.PENDING:
        return f"{market}: today's results are being fetched."
    if planned.data == PolicyReason.FALLBACK:
        return (
            f"{market}: today's results are not there; those of {planned.data_day} stand in until they come."
            f"{_tomorrow(planned)}"
        )
    return (
        f"{market}: neither today's results are there nor any of the"
        f" {resolved.policy.spec.fallback.previous_days} days before: {_then(resolved)}. kubectl get marketdays says"
        " what was tried."
    )


def _tomorrow(planned: Plan) -> str:
    if planned.stand_in_day is None:
        return ""
    return f" Tomorrow's are not there yet: those of {planned.stand_in_day} stand in until they come."


def _then(resolved: ResolvedPolicy) -> str:
    return {
        "MinPower": f"nodes are capped at minPower, {resolved.limits.least_text}",
        "Hold": "nodes keep their last cap",
        "Release": "the nodes' original limits are in force",
    }[resolved.policy.spec.fallback.then]
