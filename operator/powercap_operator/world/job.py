"""What decisions see of a Job that may wait for cheap hours."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from powercap_api.clock import read_time
from powercap_api.names import DURATION, FINISH_BY, RELEASED_AT, WAIT

from .agents_word import mapping_of

_QUEUE: Final = "kueue.x-k8s.io/queue-name"
_JOB_CONTROLLER: Final = "kubernetes.io/job-controller"
_OVER: Final = frozenset({"Complete", "Failed", "SuccessCriteriaMet", "FailureTarget"})
_PODS: Final = ("active", "terminating", "succeeded", "failed")


@dataclass(frozen=True, slots=True)
class JobView:
    """A labelled Job that is neither queued nor managed by another."""

    namespace: str
    name: str
    uid: str
    created: datetime
    suspended: bool
    over: bool
    """Whether it has ended, or is about to."""
    has_run: bool
    """Whether it has or had pods: what is suspended then, somebody suspended."""
    released: bool
    """Whether it has the annotation that says so."""
    released_at: datetime | None
    wait: str | None
    finish_by: str | None
    duration: str | None
    """Its annotations as they are written."""
    cron_job: str | None
    """Name of the CronJob that made it."""
    ran: timedelta | None
    """How long it ran, where it succeeded."""
    version: int = field(default=0, compare=False)
    """Its resource version: a write that was decided from it names it."""

    @property
    def key(self) -> str:
        """What the cache knows it by."""
        return f"{self.namespace}/{self.name}"

    @property
    def waits(self) -> bool:
        """Whether it is the operator's to release."""
        return self.suspended and not (self.over or self.has_run or self.released)


def view_job(body: Mapping[str, Any]) -> JobView | None:
    """A Job as the API gives it; None where it is not the operator's to start: it has a queue name or another manager,
    or is being deleted."""
    metadata, spec, status = body["metadata"], body["spec"], mapping_of(body.get("status"))
    another = spec.get("managedBy", _JOB_CONTROLLER) != _JOB_CONTROLLER
    if another or _QUEUE in (metadata.get("labels") or {}) or "deletionTimestamp" in metadata:
        return None
    annotations = metadata.get("annotations") or {}
    conditions = [one["type"] for one in status.get("conditions") or () if one["status"] == "True"]
    started, completed = read_time(status.get("startTime")), read_time(status.get("completionTime"))
    created = read_time(metadata["creationTimestamp"])
    if created is None:
        raise ValueError(f"{metadata['creationTimestamp']!r} is no time")
    owners = metadata.get("ownerReferences") or ()
    return JobView(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        created=created,
        suspended=spec.get("suspend") is True,
        over=not _OVER.isdisjoint(conditions),
        has_run=any(status.get(name) for name in _PODS),
        released=RELEASED_AT in annotations,
        released_at=read_time(annotations.get(RELEASED_AT)),
        wait=annotations.get(WAIT),
        finish_by=annotations.get(FINISH_BY),
        duration=annotations.get(DURATION),
        cron_job=next((one["name"] for one in owners if one["kind"] == "CronJob"), None),
        ran=completed - started if "Complete" in conditions and started and completed else None,
        version=int(metadata["resourceVersion"]),
    )
