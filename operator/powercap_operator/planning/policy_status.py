"""The status of a PowerPolicy: whether it is in force, on whose results, on how many nodes. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from powercap_api.clock import format_time
from powercap_api.conditions import condition, dated
from powercap_api.powerpolicy import MANUAL, PolicyCurrent, PolicyFallbacks, PowerPolicy, PowerPolicyStatus
from powercap_api.reasons import BudgetReason, ConditionType, PolicyReason
from powercap_api.units import format_watts, format_watts_short

from .. import strategies
from ..market.delivery_day import day_of
from ..market.fallback import market_of, serving_providers
from ..strategies.base import percent
from .assignment import Assignment
from .schedule import Plan, limits_of
from .snapshot import BudgetView
from .static_days import how_to_give

NO_MARKET = "not needed"
"""The status' market where the strategy looks at none."""
_NAMED = 3
"""So many nodes are named in a message before it says how many more there are."""


def policy_status(
    policy: PowerPolicy,
    planned: Plan,
    assignment: Assignment,
    budgets: Mapping[str, BudgetView],
    now: datetime,
) -> dict[str, Any]:
    """The whole status in wire form; equal to the one in force where nothing has changed."""
    name = policy.metadata.name
    nodes = [node for node, owner in assignment.owner.items() if owner.metadata.name == name]
    unsupported = [
        node for node in nodes if node in budgets and budgets[node].reason == BudgetReason.UNSUPPORTED
    ]
    waiting = [
        node for node in nodes if node not in unsupported and (node not in budgets or not budgets[node].ready)
    ]
    generation = policy.metadata.generation
    conditions = [
        _ready(policy, planned, assignment, nodes, waiting, unsupported, budgets),
        _market_data(policy, planned, now),
    ]
    status = PowerPolicyStatus(
        observed_generation=generation,
        market=NO_MARKET if planned.data == PolicyReason.NOT_NEEDED else str(market_of(policy.spec.market)),
        nodes=len(nodes),
        nodes_ready=len(nodes) - len(waiting) - len(unsupported),
        market_days=list(planned.market_days),
        current=_current(policy, planned, now),
        fallbacks=_fallbacks(policy, planned, now),
    ).to_wire()
    before = [old.to_wire() for old in policy.status.conditions]
    status["conditions"] = dated(conditions, before, format_time(now))
    return status


def _fallbacks(policy: PowerPolicy, planned: Plan, now: datetime) -> PolicyFallbacks | None:
    """The counter in force, one more on the first look at a delivery day on which an earlier day stands in."""
    before = policy.status.fallbacks
    if planned.data != PolicyReason.FALLBACK:
        return before
    today = day_of(now, market_of(policy.spec.market).bidding_zone.zone).isoformat()
    days = 0 if before is None else before.days
    if before is not None and before.last_day == today:
        return before
    return PolicyFallbacks(days=days + 1, last_day=today)


def _current(policy: PowerPolicy, planned: Plan, now: datetime) -> PolicyCurrent | None:
    period = None if policy.spec.suspend else planned.period_at(now)
    if period is None:
        return None
    share = Decimal(period.cap_uw) / limits_of(policy).max_uw
    unit = f"{planned.currency}/MWh" if planned.currency else "per MWh"
    return PolicyCurrent(
        start=period.start,
        cap=format_watts_short(period.cap_uw),
        share=percent(share),
        volume=None if period.volume is None else f"{period.volume} MWh",
        price=None if period.price is None else f"{period.price} {unit}",
        why=period.why,
    )


def _ready(
    policy: PowerPolicy,
    planned: Plan,
    assignment: Assignment,
    nodes: Sequence[str],
    waiting: Sequence[str],
    unsupported: Sequence[str],
    budgets: Mapping[str, BudgetView],
) -> dict[str, Any]:
    name = policy.metadata.name
    holds, reason = True, PolicyReason.ACTIVE
    losses = assignment.overruled.get(name, {})
    if policy.spec.suspend:
        holds, reason = False, PolicyReason.SUSPENDED
        message = "suspended: the nodes' original limits are in force. Set suspend: false to resume."
    elif not nodes and losses:
        holds, reason = False, PolicyReason.OVERRULED
        winners = ", ".join(sorted(set(losses.values())))
        message = f"every node that it selects is governed by {winners}. Raise priority to take them."
    elif not nodes:
        holds, reason = False, PolicyReason.NO_NODES
        message = (
            "no node has the labels of nodeSelector (nodes labelled powercap.dev/exempt=true do not count)."
        )
    elif planned.data == PolicyReason.PENDING:
        holds, reason = False, PolicyReason.PENDING
        message = "today's market results are being fetched; until they are there budgets stay as they are."
    elif planned.data == PolicyReason.MISSING:
        holds, reason = False, PolicyReason.MISSING
        message = f"there are no market results to follow: {_then(policy)}."
    elif waiting:
        holds, reason = False, PolicyReason.NODES_NOT_READY
        able = len(nodes) - len(unsupported)
        named = "; ".join(_named(waiting, budgets))
        message = f"{able - len(waiting)} of {able} nodes follow their budget; not: {named}."
    elif len(unsupported) == len(nodes):
        holds, reason = False, PolicyReason.NO_NODES
        message = "none of its nodes has anything that can be capped."
    else:
        following = len(nodes) - len(unsupported)
        message = f"{following} {'node follows its' if following == 1 else 'nodes follow their'} budget."
        if policy.spec.dry_run:
            message += " dryRun: no limit is changed."
    if 0 < len(unsupported) < len(nodes):
        message += f" {len(unsupported)} more {'has' if len(unsupported) == 1 else 'have'} nothing to cap."
    if nodes and losses:
        message += (
            f" {len(losses)} more selected {'node is' if len(losses) == 1 else 'nodes are'} governed by "
        )
        message += f"{', '.join(sorted(set(losses.values())))}."
    if ties := assignment.ties.get(name):
        message += f" Same priority as {', '.join(sorted(ties))}: the older policy wins."
    return condition(ConditionType.READY, holds, reason, message, policy.metadata.generation)


def _named(waiting: Sequence[str], budgets: Mapping[str, BudgetView]) -> list[str]:
    named = []
    for node in sorted(waiting)[:_NAMED]:
        budget = budgets.get(node)
        why = "no report from the node's agent yet"
        if budget is not None and budget.reason is not None:
            why = budget.reason
        named.append(f"{node} ({why})")
    more = len(waiting) - len(named)
    return [*named, f"and {more} more"] if more else named


def _market_data(policy: PowerPolicy, planned: Plan, now: datetime) -> dict[str, Any]:
    market = market_of(policy.spec.market)
    strategy = strategies.describe(policy.spec.strategy)
    if planned.data == PolicyReason.NOT_NEEDED:
        message = f"strategy {strategy} looks at no market results."
        return condition(ConditionType.MARKET_DATA, True, planned.data, message, policy.metadata.generation)
    if planned.data == PolicyReason.CURRENT:
        message = f"{market}: today's results ({', '.join(planned.market_days)})."
        return condition(ConditionType.MARKET_DATA, True, planned.data, message, policy.metadata.generation)
    if planned.data == PolicyReason.PENDING:
        message = f"{market}: today's results are being fetched."
        return condition(ConditionType.MARKET_DATA, None, planned.data, message, policy.metadata.generation)
    if planned.data == PolicyReason.FALLBACK:
        message = (
            f"{market}: today's results are not there; those of {planned.data_day} stand in until they come."
        )
    else:
        message = (
            f"{market}: neither today's results are there nor any of the {policy.spec.fallback.previous_days}"
            f" days before: {_then(policy)}. kubectl get marketdays says what was tried."
        )
    skipped = [name for name in policy.spec.market.providers if name not in _serving(policy)]
    if skipped:
        message += f" {', '.join(skipped)} is not asked: it has no volumes, which strategy {strategy} needs."
    if MANUAL & set(policy.spec.market.providers):
        message += f" {how_to_give(market, day_of(now, market.bidding_zone.zone))}"
    return condition(ConditionType.MARKET_DATA, False, planned.data, message, policy.metadata.generation)


def _serving(policy: PowerPolicy) -> list[str]:
    return serving_providers(policy.spec.market, strategies.create(policy.spec.strategy))


def _then(policy: PowerPolicy) -> str:
    return {
        "MinPower": f"nodes are capped at minPower, {format_watts(limits_of(policy).min_uw)} W",
        "Hold": "nodes keep their last cap",
        "Release": "the nodes' original limits are in force",
    }[policy.spec.fallback.then]
