"""What is told of jobs that wait: the status of a WaitPolicy, and sentences for events. Pure."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from powercap_api.clock import format_time
from powercap_api.reasons import ConditionType, ReleaseReason, WaitReason
from powercap_api.schema.model import condition_on
from powercap_api.waitpolicy import Releases, WaitPolicy, WaitPolicyStatus

from ...market.tariff import short_price
from .plan import JobPlan
from .rule import Rule

_SENTENCES: Final = {
    ReleaseReason.WINDOW: "starts in its cheap hours: {costs}",
    ReleaseReason.NO_SAVING: "starts: no later start saves enough",
    ReleaseReason.DEADLINE: "starts: it may not be put off any longer",
    ReleaseReason.NO_DATA: "starts at once: results of {market} are not known for as long as it runs",
    ReleaseReason.NO_POLICY: "starts at once: no WaitPolicy is for namespace {namespace}",
    ReleaseReason.UNREADABLE_POLICY: "starts at once: this operator cannot work with WaitPolicy {fault}",
    ReleaseReason.UNREADABLE_JOB: "starts at once: {fault}",
    ReleaseReason.NOT_SUSPENDED: "did not wait: a job that can wait needs spec.suspend: true when it is made",
}


def release_sentence(plan: JobPlan) -> str:
    """Why the job starts, for people."""
    market = "" if plan.rule is None else str(plan.rule.market)
    return _SENTENCES[plan.reason].format(
        costs=costs(plan), market=market, namespace=plan.job.namespace, fault=plan.fault
    )


def wait_sentence(plan: JobPlan) -> str:
    """Until when the job waits and what for, such as ``waits until Thu 13:00: 22.8 instead of 52.9 EUR/MWh``."""
    zone = ZoneInfo("UTC") if plan.rule is None else plan.rule.wall_clock
    return f"waits until {plan.start.astimezone(zone):%a %H:%M}: {costs(plan)}"


def costs(plan: JobPlan) -> str:
    """What the job's start costs, and what a start at its creation would have."""
    if plan.rule is None or plan.cost is None:
        return "its turn"
    cost = short_price(round(plan.rule.shown(plan.cost), 2))
    before = (
        "" if plan.at_once is None else f" instead of {short_price(round(plan.rule.shown(plan.at_once), 2))}"
    )
    return f"{cost}{before} {plan.rule.unit}"


def wait_policy_status(
    policy: WaitPolicy,
    rule: Rule,
    waiting: Sequence[JobPlan],
    released: Sequence[JobPlan],
    known_until: datetime | None,
    now: datetime,
) -> dict[str, Any]:
    """The status in wire form; equal to the one in force where nothing is new.

    Args:
        policy: as it is.
        rule: what its spec implies.
        waiting: its jobs that wait.
        released: those released since its status was written.
        known_until: up to when results are known.
        now: the moment.
    """
    before = policy.status
    counts = Counter({one.reason: one.jobs for one in before.releases})
    counts.update(str(plan.reason) for plan in released)
    same_unit = (before.saved or "").endswith(f" {rule.saved_unit}")
    saved = Decimal(before.saved_per_kilowatt or 0) if same_unit else Decimal(0)
    saved += sum((plan.saved for plan in released), Decimal(0))
    current = known_until is not None and known_until > now
    until = "not known: jobs start at once. kubectl get marketdays says why"
    if current and known_until is not None:
        until = f"known until {format_time(known_until)}"
    conditions = [
        condition_on(
            policy, ConditionType.READY, True, WaitReason.ACTIVE, f"jobs wait by {rule.market}", now
        ),
        condition_on(
            policy,
            ConditionType.MARKET_DATA,
            current,
            WaitReason.CURRENT if current else WaitReason.MISSING,
            f"results of {rule.market} are {until}",
            now,
        ),
    ]
    return WaitPolicyStatus(
        observed_generation=policy.metadata.generation,
        conditions=conditions,
        market=str(rule.market),
        waiting=len(waiting),
        next_start=min((max(plan.start, now) for plan in waiting if plan.start > now), default=None),
        released=sum(counts.values()),
        releases=[Releases(reason=reason, jobs=jobs) for reason, jobs in sorted(counts.items())],
        saved_per_kilowatt=f"{saved:.6f}",
        saved=f"{saved:.2f} {rule.saved_unit}",
    ).to_wire()


def jobs_off_status(policy: WaitPolicy, now: datetime) -> dict[str, Any]:
    """The status of a WaitPolicy that nobody follows, in wire form."""
    message = (
        "no job waits by it: the operator does not follow jobs. --set jobs.enabled=true of the chart lets it"
    )
    said = condition_on(policy, ConditionType.READY, False, WaitReason.JOBS_OFF, message, now)
    status = policy.status.model_copy(
        update={
            "observed_generation": policy.metadata.generation,
            "conditions": [said],
            "waiting": 0,
            "next_start": None,
        }
    )
    return status.to_wire()
