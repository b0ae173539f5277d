"""Which jobs are released now. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from powercap_api.reasons import ReleaseReason
from powercap_api.waitpolicy import DEFAULT_MOST_AT_ONCE

from ...world.snapshot import World
from ..reading import read_wait_policies
from .plan import JobPlan, policies_of_namespaces

AT_ONCE: Final = timedelta(seconds=10)
"""In so long, a policy's ``mostAtOnce`` jobs are released at most."""


@dataclass(frozen=True, slots=True)
class JobDecision:
    """What becomes of the jobs now."""

    release: tuple[JobPlan, ...] = ()
    """Those whose time has come, the most urgent first."""
    mark: tuple[JobPlan, ...] = ()
    """Those that run and are to be left alone from then on, whoever suspends them."""
    waiting: tuple[JobPlan, ...] = ()
    """All others."""
    next_look: datetime | None = None
    """When time alone next changes what is to be decided."""


def decide_jobs(
    world: World, plans: Sequence[JobPlan], now: datetime, orphans_at_once: int = DEFAULT_MOST_AT_ONCE
) -> JobDecision:
    """Release jobs whose start has come, no more at once than their policy lets; those at their last moment all.

    Args:
        world: the cluster.
        plans: what becomes of its jobs that wait.
        now: the moment, in UTC.
        orphans_at_once: how many jobs without a policy are released at once.
    """
    jobs = world.jobs or {}
    rules, _ = read_wait_policies(world)
    policies = policies_of_namespaces(world, rules)
    room: Counter[str | None] = Counter({name: rule.most_at_once for name, rule in rules.items()})
    room[None] = orphans_at_once
    looks = []
    for job in jobs.values():
        if job.released_at is not None and timedelta() <= now - job.released_at < AT_ONCE:
            room[policies.get(job.namespace, policies.get(""))] -= 1
            looks.append(job.released_at + AT_ONCE)
    release, waiting = [], []
    for plan in sorted(plans, key=lambda one: (one.start, one.latest, one.job.created, one.job.key)):
        if plan.start > now:
            waiting.append(plan)
            looks.append(plan.start)
        elif plan.reason is ReleaseReason.DEADLINE or room[plan.policy] > 0:
            room[plan.policy] -= 1
            release.append(plan)
        else:
            waiting.append(plan)
            looks.append(max(plan.latest, now + timedelta(seconds=1)))
    mark = tuple(
        JobPlan(job, now, now, ReleaseReason.NOT_SUSPENDED)
        for job in jobs.values()
        if not (job.suspended or job.released or job.over)
    )
    return JobDecision(tuple(release), mark, tuple(waiting), min(looks, default=None))
