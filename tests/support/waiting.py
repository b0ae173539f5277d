"""Jobs and WaitPolicies for tests, with as little said as possible."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from powercap_api.clock import format_time
from powercap_api.marketday import MarketDay
from powercap_api.markets import Auction, Market
from powercap_api.names import API_VERSION, CHEAP_HOURS_LABEL
from powercap_api.waitpolicy import WaitPolicy
from powercap_operator.world.job import JobView, view_job
from powercap_operator.world.snapshot import World
from tests.support.objects import make_day, make_world

SDAC_60 = Market("FR", Auction.SDAC, 60)
MARKET = {"area": "FR", "auction": "SDAC", "resolutionMinutes": 60}


def make_wait_policy(
    name: str = "default", *, created: str = "2025-01-01T00:00:00Z", **spec: Any
) -> WaitPolicy:
    """A WaitPolicy as the API would give it: on hourly day-ahead prices of France, for any saving."""
    metadata = {"name": name, "uid": f"uid-{name}", "generation": 1, "creationTimestamp": created}
    spec = {"market": MARKET, "leastSavingPercent": 0, **spec}
    return WaitPolicy.from_wire(
        {"apiVersion": API_VERSION, "kind": "WaitPolicy", "metadata": metadata, "spec": spec}
    )


def job_body(
    name: str,
    created: datetime,
    *,
    namespace: str = "batch",
    labels: dict[str, str] | None = None,
    cron_job: str | None = None,
    spec: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
    **annotations: str,
) -> dict[str, Any]:
    """A Job as the API gives it, suspended; annotations without their prefix, ``-`` written as ``_``."""
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": namespace,
        "uid": f"uid-{name}",
        "resourceVersion": "7",
        "creationTimestamp": format_time(created),
        "labels": {CHEAP_HOURS_LABEL: "true", **(labels or {})},
        "annotations": {f"powercap.dev/{key.replace('_', '-')}": value for key, value in annotations.items()},
    }
    if cron_job is not None:
        metadata["ownerReferences"] = [{"kind": "CronJob", "name": cron_job, "uid": f"uid-{cron_job}"}]
    return {"metadata": metadata, "spec": {"suspend": True, **(spec or {})}, "status": status or {}}


def make_job(name: str, created: datetime, **said: Any) -> JobView:
    """What decisions see of it."""
    view = view_job(job_body(name, created, **said))
    assert view is not None
    return view


def ran(name: str, created: datetime, lasted: timedelta, cron_job: str) -> JobView:
    """An earlier run of a CronJob, which succeeded."""
    times = {"startTime": format_time(created), "completionTime": format_time(created + lasted)}
    status = {**times, "succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}
    return make_job(name, created, cron_job=cron_job, spec={"suspend": False}, status=status)


def priced(day: date, prices: Sequence[float]) -> MarketDay:
    """A day of hours with these prices, the last again and again."""
    made = make_day(day, market=SDAC_60)
    values = [*prices, *[prices[-1]] * 25]
    periods = [
        period.model_copy(update={"price": f"{value:.2f}"})
        for period, value in zip(made.status.periods, values, strict=False)
    ]
    return made.model_copy(update={"status": made.status.model_copy(update={"periods": periods})})


def waiting_world(
    jobs: Iterable[JobView], policies: Iterable[WaitPolicy] = (), days: Iterable[MarketDay] = ()
) -> World:
    """A world of these, whose operator follows jobs."""
    return replace(
        make_world(days=days),
        wait_policies={policy.metadata.name: policy for policy in policies},
        jobs={job.key: job for job in jobs},
    )
