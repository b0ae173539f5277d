"""``powercap jobs``: which jobs of a cluster wait for cheap hours, until when, and what that saves."""

import argparse
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from powercap_api.clock import format_time
from powercap_api.names import CHEAP_HOURS_LABEL, WAIT_POLICY
from powercap_api.waitpolicy import WaitPolicy
from powercap_operator.planning.jobs.plan import JobPlan, JobPlanner, zone_of
from powercap_operator.planning.jobs.status import release_sentence, wait_sentence
from powercap_operator.world.job import JobView, view_job
from powercap_operator.world.snapshot import World
from powercap_operator.world.unreadable import Unreadable, unreadable

from .access import add_cluster_options, run_on_cluster
from .client import Cluster, NotFoundError
from .objects import market_days


def add_waiting_options(parser: argparse.ArgumentParser) -> None:
    """Have ``powercap jobs`` without a further word list the cluster's jobs."""
    parser.add_argument("--namespace", "-n", metavar="NAME", help="jobs of this namespace (default: all)")
    parser.add_argument("--output", "-o", choices=("json",), help="data for programs, in place of tables")
    add_cluster_options(parser)
    parser.set_defaults(run=run_jobs)


def run_jobs(arguments: argparse.Namespace) -> int:
    """List them; the exit code."""
    return run_on_cluster(
        arguments,
        lambda cluster: show_jobs(cluster, arguments.namespace, arguments.output, datetime.now(UTC)),
    )


def show_jobs(cluster: Cluster, namespace: str | None, output: str | None, now: datetime) -> int:
    """Print those of a namespace, or of all; the exit code."""
    from .screen import Screen, print_json  # noqa: PLC0415 - of the extra, which `jobs plan` does without

    plans = waiting_jobs(cluster, namespace, now)
    if output == "json":
        print_json([_body(plan) for plan in plans])
        return 0
    screen = Screen()
    if not plans:
        screen.say("No job waits for cheap hours.")
        return 0
    columns = ("NAMESPACE", "JOB", "POLICY", "STARTS", "LATEST", "SAVES", "WHY")
    screen.table(columns, ([*_body(plan).values()] for plan in plans))
    screen.say("What is saved is modelled, for each kilowatt that the job draws.")
    return 0


def waiting_jobs(cluster: Cluster, namespace: str | None, now: datetime) -> list[JobPlan]:
    """The plans of the jobs that wait, those first that start first.

    Raises:
        ClusterError: the API server refused or did not answer.
    """
    within = "" if namespace is None else f"/namespaces/{namespace}"
    bodies = cluster.list_path(f"/apis/batch/v1{within}/jobs", {"labelSelector": f"{CHEAP_HOURS_LABEL}=true"})
    views = [view for body in bodies if (view := view_job(body)) is not None]
    policies, faulty = _wait_policies(cluster)
    world = World(
        days={day.metadata.name: day for day in market_days(cluster)},
        wait_policies=policies,
        jobs={job.key: job for job in views},
        unreadable=faulty,
    )
    planner, zones = JobPlanner(), _zones(cluster, views)
    plans = planner.plan(world, now, zones)
    while planner.behind:
        plans = planner.plan(world, now, zones)
    return sorted(plans, key=lambda one: (one.start, one.job.key))


def _zones(cluster: Cluster, jobs: Iterable[JobView]) -> dict[str, ZoneInfo]:
    """Time zones of the CronJobs whose jobs have a time of day to be done by."""
    found = {}
    for namespace, name in {(job.namespace, job.cron_job) for job in jobs if job.finish_by and job.waits}:
        if name is None:
            continue
        try:
            zone = zone_of(cluster.request("GET", f"/apis/batch/v1/namespaces/{namespace}/cronjobs/{name}"))
        except NotFoundError:
            continue
        if zone is not None:
            found[f"{namespace}/{name}"] = zone
    return found


def _wait_policies(cluster: Cluster) -> tuple[dict[str, WaitPolicy], dict[tuple[str, str], Unreadable]]:
    found, faulty = {}, {}
    for body in cluster.list_kind(WAIT_POLICY):
        name = body["metadata"]["name"]
        try:
            found[name] = WaitPolicy.from_wire(body)
        except ValidationError as error:
            faulty[WAIT_POLICY, name] = unreadable(WAIT_POLICY, body, error)
            sys.stderr.write(f"powercap: WaitPolicy {name} is left out: {error}\n")
    return found, faulty


def _body(plan: JobPlan) -> dict[str, Any]:
    waits = plan.cost is not None and plan.start < plan.latest
    return {
        "namespace": plan.job.namespace,
        "name": plan.job.name,
        "policy": plan.policy,
        "start": format_time(plan.start),
        "latest": format_time(plan.latest),
        "savedPerKilowatt": None
        if plan.rule is None or plan.cost is None
        else f"{plan.saved:.4f} {plan.rule.saved_unit}",
        "why": wait_sentence(plan) if waits else release_sentence(plan),
    }
