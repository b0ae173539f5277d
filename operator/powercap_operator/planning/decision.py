"""What to write, given the cluster as it is and the time: the writes that bring it to what the policies ask for. Pure.

``decide`` looks at the whole world each time and returns only differences, so that it does not matter which event
was seen, missed or seen twice, and nothing is written that is already so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from powercap_api.clock import format_time
from powercap_api.marketday import MarketDaySpec
from powercap_api.names import MARKET_DAY, POLICY_LABEL, POWER_BUDGET, SILENT_SINCE, WRITTEN_AT
from powercap_api.poweroverride import PodFloor
from powercap_api.powerpolicy import PowerPolicy
from powercap_api.reasons import PolicyReason
from powercap_api.schedule import Window

from ..world.silence import silent_since
from ..world.snapshot import LIFT_UNTIL, BudgetView, KnownSpec, NodeView, World
from ..world.unreadable import FAULTS, Unreadable, unreadable_status
from .assignment import Assignment, assign, is_exempt
from .budget_spec import Plan, budget_spec, says_the_same, with_windows
from .hardware import lift_until
from .overrides.matching import Matching
from .overrides.override_status import override_statuses
from .overrides.pod_floors import floors_of_nodes
from .overrides.windows import next_look, read_overrides
from .policy_status import policy_status
from .price_agreement import check_agreement
from .reading import read_policies, read_wait_policies
from .reports.report import ReportWrite, report_writes, surplus_reports
from .resolved_policy import ResolvedPolicy
from .static_days import read_static_days
from .wanted_days import FollowsResults, surplus_days, wanted_days

_SCHEDULED: Final = ("schedule", "area", "validUntil", "overrides")
"""Fields of a budget's spec that follow from results and overrides, not from what else the policy says."""
_SETTLING: Final = timedelta(minutes=3)
"""Time after the cluster was first seen in which nothing is deleted for its age."""


@dataclass(frozen=True, slots=True)
class BudgetWrite:
    """A budget to make or change."""

    node: NodeView
    policy: str
    spec: Mapping[str, Any]
    written_at: datetime | None
    """When this spec was first written; None where nobody knows."""
    silent_since: datetime | None = None
    """Since when the agent owes a report, where it is silent."""

    @property
    def metadata(self) -> dict[str, Any]:
        """Label and owner (the budget goes when its node goes), and what is said of the agent's reports."""
        moments = {WRITTEN_AT: self.written_at, SILENT_SINCE: self.silent_since}
        return {
            "labels": {POLICY_LABEL: self.policy},
            "annotations": {
                name: format_time(moment) for name, moment in moments.items() if moment is not None
            },
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Node", "name": self.node.name, "uid": self.node.uid}
            ],
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """Everything that has to change, and nothing else."""

    create_days: Mapping[str, MarketDaySpec] = field(default_factory=dict)
    delete_days: tuple[str, ...] = ()
    write_budgets: tuple[BudgetWrite, ...] = ()
    delete_budgets: tuple[str, ...] = ()
    policy_statuses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    day_statuses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    override_statuses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    delete_overrides: tuple[str, ...] = ()
    write_reports: tuple[ReportWrite, ...] = ()
    delete_reports: tuple[str, ...] = ()
    next_look: datetime | None = None
    """When time alone, but for the minute, next changes what is to be decided."""

    def __bool__(self) -> bool:
        return bool(
            self.create_days
            or self.delete_days
            or self.write_budgets
            or self.delete_budgets
            or self.policy_statuses
            or self.day_statuses
            or self.override_statuses
            or self.delete_overrides
            or self.write_reports
            or self.delete_reports
        )


def decide(
    world: World,
    now: datetime,
    history: timedelta,
    seen_since: datetime | None = None,
    matching: Matching | None = None,
) -> Decision:
    """Compare the world as it should be with the world as it is.

    Args:
        world: the cluster as last seen.
        now: the moment, in UTC.
        history: how long after its day a MarketDay or a PowerReport is kept.
        seen_since: since when the cluster has been seen without a break; None where that is not so.
        matching: of overrides and nodes, from the last time; None: begin without.
    """
    days, policies, plans, faulty = read_policies(world, now, seen_since)
    frozen = _frozen(world, faulty)
    following: list[FollowsResults] = [*policies.values(), *read_wait_policies(world)[0].values()]
    nodes = [node for name, node in world.nodes.items() if name not in frozen]
    assignment = assign((resolved.policy for resolved in policies.values()), nodes, world.agents)
    governed = assignment.nodes_by_policy()
    overrides = read_overrides(world, now, matching or Matching())
    windows, settled = overrides.matching.windows, _is_settled(world, now, seen_since)
    said, wordless = override_statuses(overrides, world, now)
    statuses = {
        name: policy_status(resolved, plans[name], assignment, governed.get(name, ()), world, now)
        for name, resolved in policies.items()
    }
    return Decision(
        create_days={
            name: spec
            for name, spec in wanted_days(following, days, now).items()
            if (MARKET_DAY, name) not in world.unreadable
        },
        delete_days=surplus_days(world.days.values(), following, now, history) if settled else (),
        write_budgets=(
            *_budget_writes(world, assignment, policies, plans, windows, now, seen_since),
            *_frozen_writes(world, frozen, windows, now),
        ),
        delete_budgets=tuple(
            name
            for name in world.budgets
            if name not in frozen and (name not in world.nodes or name not in assignment.owner)
        ),
        policy_statuses={
            name: status
            for name, status in statuses.items()
            if status != world.policies[name].status.to_wire()
        }
        | _complaints(faulty.values(), now),
        day_statuses=check_agreement(days, now)
        | read_static_days(world.days.values(), now)
        | _complaints((one for (kind, _), one in world.unreadable.items() if kind == MARKET_DAY), now),
        override_statuses=said | _complaints([*overrides.faulty, *wordless], now),
        delete_overrides=overrides.over if settled else (),
        write_reports=report_writes(world, policies.values(), days, now),
        delete_reports=surplus_reports(world.reports, {*policies, *faulty}, now, history) if settled else (),
        next_look=next_look(overrides.resolved.values(), now),
    )


def _is_settled(world: World, now: datetime, seen_since: datetime | None) -> bool:
    """Whether the clock has gone on evenly for some minutes: by one that has just been set nothing is old."""
    if world.jump is not None and now < world.jump.until:
        return False
    return seen_since is None or not timedelta() <= now - seen_since < _SETTLING


def _frozen(world: World, policies: Mapping[str, Unreadable]) -> dict[str, Unreadable]:
    """The nodes whose budgets stay as they are, as nobody can tell what their policy now asks for, each with it."""
    return {
        name: policies[budget.spec["policy"]]
        for name, budget in world.budgets.items()
        if budget.spec.get("policy") in policies and name in world.nodes and not is_exempt(world.nodes[name])
    }


def _frozen_writes(
    world: World, frozen: Mapping[str, Unreadable], windows: Mapping[str, tuple[Window, ...]], now: datetime
) -> list[BudgetWrite]:
    """What still changes in such budgets: whether the policy is suspended, which is read on its own, and overrides."""
    writes = []
    since = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    for name, policy in frozen.items():
        in_force = world.budgets[name].spec
        suspend = in_force.get("suspend", False) if policy.suspend is None else policy.suspend
        try:
            spec = {**with_windows(in_force, since, now, windows.get(name, ())), "suspend": suspend}
        except FAULTS:  # the budget is of another version too
            spec = {**in_force, "suspend": suspend}
        if spec != {"suspend": False, **in_force}:
            writes.append(BudgetWrite(world.nodes[name], policy.name, spec, now))
    return writes


def _complaints(faulty: Iterable[Unreadable], now: datetime) -> dict[str, dict[str, Any]]:
    return {one.name: status for one in faulty if (status := unreadable_status(one, now)) != dict(one.status)}


def _budget_writes(
    world: World,
    assignment: Assignment,
    policies: Mapping[str, ResolvedPolicy],
    plans: Mapping[str, Plan],
    windows: Mapping[str, tuple[Window, ...]],
    now: datetime,
    seen_since: datetime | None,
) -> list[BudgetWrite]:
    """Nodes under one policy mostly have one spec: but for the lift it is worked out once per policy, spec in force,
    overrides and floor.

    While a policy's results are being fetched, schedules stay as they are. What else the policy says is followed, and
    new nodes get what would stand in.
    """
    wanted: dict[tuple[object, ...], tuple[Mapping[str, Any], bool]] = {}
    floors = floors_of_nodes(world.pods.values(), assignment.owner)
    judged_at = world.reports_judged_at(now)
    writes = []
    for name, policy in assignment.owner.items():
        planned = plans[policy.metadata.name]
        node, existing = world.nodes[name], world.budgets.get(name)
        in_force = None if existing is None else existing.spec
        pending = planned.data == PolicyReason.PENDING
        if (POWER_BUDGET, name) in world.unreadable:
            continue
        if pending and in_force is None:
            if planned.meanwhile is None or planned.meanwhile.data != PolicyReason.FALLBACK:
                continue
            planned, pending = planned.meanwhile, False
        base, ahead = None if in_force is None else in_force.without_lift, windows.get(name, ())
        key = (policy.metadata.name, base, ahead, floors.get(name))
        if key not in wanted:
            resolved = policies[policy.metadata.name]
            computed = _computed(resolved, planned, base, now, ahead, floors.get(name))
            wanted[key] = (computed, base is not None and says_the_same(computed, base))
        spec, stands = wanted[key]
        lift = lift_until(policy, node, now)
        until = None if lift is None else format_time(lift)
        if in_force is not None:
            until = in_force.get(LIFT_UNTIL) if pending else until
            stands = stands and in_force.get(LIFT_UNTIL) == until
        if until is not None:
            spec = {**spec, LIFT_UNTIL: until}
        if not stands and in_force is not None and world.kept_as:
            stands = world.kept_as.get(KnownSpec(spec)) == in_force
        silent = None
        if existing is not None:
            silent = silent_since(existing.reporting, existing.silent_since, now, judged_at, seen_since)
        written_at = existing.reporting.written_at if stands and existing is not None else now
        if not (stands and existing is not None and _says(existing, node, policy, silent, pending)):
            writes.append(BudgetWrite(node, spec["policy"], spec, written_at, silent))
    return writes


def _computed(
    resolved: ResolvedPolicy,
    planned: Plan,
    in_force: KnownSpec | None,
    now: datetime,
    ahead: tuple[Window, ...],
    floor: PodFloor | None,
) -> Mapping[str, Any]:
    """The spec that should be but for the lift; one in force that this version cannot read is no record of what is
    over."""
    try:
        if planned.data == PolicyReason.PENDING and in_force is not None:
            return _while_pending(resolved, planned, in_force, now, ahead, floor)
        return budget_spec(resolved, planned, in_force, now, ahead, floor)
    except FAULTS:
        if planned.data == PolicyReason.PENDING and in_force is not None:
            return in_force
        return budget_spec(resolved, planned, None, now, ahead, floor)


def _while_pending(
    resolved: ResolvedPolicy,
    planned: Plan,
    in_force: KnownSpec,
    now: datetime,
    ahead: tuple[Window, ...],
    floor: PodFloor | None,
) -> Mapping[str, Any]:
    """The schedule in force under the terms that the policy has now; of another policy's node what would stand in."""
    kept, meanwhile = with_windows(in_force, planned.keep_since, now, ahead), planned.meanwhile
    if meanwhile is None:
        return kept
    if in_force.get("policy") != resolved.name:
        stands_in = meanwhile.data == PolicyReason.FALLBACK
        return budget_spec(resolved, meanwhile, None, now, ahead, floor) if stands_in else kept
    terms = budget_spec(resolved, meanwhile, None, now, ahead, floor)
    return {
        **{name: value for name, value in terms.items() if name not in _SCHEDULED},
        **{name: kept[name] for name in _SCHEDULED if name in kept},
    }


def _says(
    existing: BudgetView, node: NodeView, policy: PowerPolicy, silent: datetime | None, pending: bool
) -> bool:
    """Whether annotation, label and owner reference are right, the last two not while results are being fetched.

    A node made again has another uid.
    """
    owned = existing.policy_label == policy.metadata.name and existing.owner_uid == node.uid
    return existing.silent_since == silent and (pending or owned)
