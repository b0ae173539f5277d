"""What the policies come to at a moment, resolved and planned: for decisions, and for whoever tells of them. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from powercap_api.foreign_text import shown
from powercap_api.markets import market_day_name
from powercap_api.names import MARKET_DAY, POWER_POLICY, WAIT_POLICY
from powercap_api.reasons import PolicyReason
from powercap_api.schedule import Schedule

from ..market.known_days import DayKey, KnownDays
from ..world.snapshot import World
from ..world.unreadable import FAULTS, Unreadable, unreadable
from .budget_spec import Plan, plan
from .jobs.rule import Rule
from .past import specs_in_force
from .resolved_policy import ResolvedPolicy, resolve
from .wanted_days import FollowsResults, has_waited, is_pending


class Reading(NamedTuple):
    """The market days there are, and the policies by name; those that are being deleted are in none of them."""

    days: KnownDays
    policies: Mapping[str, ResolvedPolicy]
    plans: Mapping[str, Plan]
    faulty: Mapping[str, Unreadable]
    """Those that cannot be read or planned with."""


def read_policies(world: World, now: datetime, seen_since: datetime | None = None) -> Reading:
    """Resolve and plan every policy of the world.

    ``seen_since`` says since when the cluster has been seen without a break; None where that is not so.
    """
    days = KnownDays(world.days.values())
    policies, plans = {}, {}
    faulty = {name: one for (kind, name), one in world.unreadable.items() if kind == POWER_POLICY}
    for name, policy in world.policies.items():
        if policy.metadata.deletion_timestamp is not None:
            continue
        try:
            resolved = resolve(policy)
            plans[name] = _plan(resolved, days, now, world, seen_since)
            policies[name] = resolved
        except FAULTS as error:
            faulty[name] = unreadable(POWER_POLICY, policy.to_wire(), error)
    return Reading(days, policies, plans, faulty)


def read_wait_policies(world: World) -> tuple[dict[str, Rule], dict[str, Unreadable]]:
    """The rules of the world's WaitPolicies, and those that cannot be read or worked with. None where the operator does
    not follow jobs."""
    if world.jobs is None:
        return {}, {}
    rules = {}
    faulty = {name: one for (kind, name), one in world.unreadable.items() if kind == WAIT_POLICY}
    for name, policy in world.wait_policies.items():
        try:
            rules[name] = Rule.of(policy.spec)
        except FAULTS as error:
            faulty[name] = Unreadable.of(WAIT_POLICY, policy, error)
    return rules, faulty


def followed(world: World) -> list[FollowsResults]:
    """All policies that follow results; those that cannot be worked with are left out."""
    found: list[FollowsResults] = [*read_wait_policies(world)[0].values()]
    for policy in world.policies.values():
        try:
            found.append(resolve(policy))
        except FAULTS:
            continue
    return found


def _plan(
    resolved: ResolvedPolicy, days: KnownDays, now: datetime, world: World, seen_since: datetime | None
) -> Plan:
    """The policy's plan; PENDING, and not acted on, while today's results may still come from a first try, for some
    minutes."""
    planned = plan(resolved, days, now, specs_in_force(resolved, world.budgets))
    without = planned.data in {PolicyReason.MISSING, PolicyReason.FALLBACK}
    if without:
        planned = replace(planned, cause=_cause(resolved, days, now, world))
    suspended = resolved.policy.spec.suspend
    pending = without and not suspended and is_pending(resolved, days, now, resolved.day(now))
    if pending and not has_waited(resolved, now, seen_since):
        return replace(
            planned,
            periods=Schedule((), planned.periods.until),
            market_days=(),
            data=PolicyReason.PENDING,
            meanwhile=planned,
        )
    return planned


def _cause(resolved: ResolvedPolicy, days: KnownDays, now: datetime, world: World) -> str | None:
    """What the first source that something is known of makes of today's results; None where nothing is known."""
    for provider in resolved.request.providers:
        key = DayKey(provider, resolved.market, resolved.day(now))
        name = market_day_name(*key)
        faulty, day = world.unreadable.get((MARKET_DAY, name)), days.get(key)
        if faulty is not None:
            return f"MarketDay {name} cannot be worked with: {faulty.why}"
        if day is not None and day.metadata.deletion_timestamp is not None:
            return f"MarketDay {name} is being deleted, and something keeps it"
        if day is not None and day.status.fetch is not None and day.status.fetch.last_error is not None:
            return f"{provider}: {shown(day.status.fetch.last_error)}"
    return None
