"""Releases jobs that wait for cheap hours, where nobody will any more.

    python3 -m powercap_operator.helm_hooks.jobs

Run after an upgrade that turns ``jobs.enabled`` off, and used by the beginning of an uninstall. No more are released at
once than the strictest WaitPolicy lets. The exit code is 1 where some still wait when the time is up.
"""

import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from powercap_api.clock import format_time
from powercap_api.names import (
    API_VERSION,
    CHEAP_HOURS_LABEL,
    PLURALS,
    RELEASED_AT,
    RELEASED_BECAUSE,
    WAIT_POLICY,
)
from powercap_api.reasons import ReleaseReason
from powercap_api.waitpolicy import DEFAULT_MOST_AT_ONCE

from ..planning.jobs.release import AT_ONCE
from ..world.job import view_job
from .pod_api import PodApi, run_in_pod, say, setting, until

_JOBS: Final = f"/apis/batch/v1/jobs?labelSelector={CHEAP_HOURS_LABEL}%3Dtrue"
_POLICIES: Final = f"/apis/{API_VERSION}/{PLURALS[WAIT_POLICY]}"
_BINDINGS: Final = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings"


class JobRelease:
    """Releases jobs, some at a time."""

    def __init__(self, api: PodApi, binding: str, clock: Callable[[], float] = time.monotonic) -> None:
        """``binding`` names what has new jobs suspended."""
        self._api = api
        self._binding = binding
        self._clock = clock
        self._next = clock()

    def look(self) -> list[str]:
        """Release some where it is time to; what is left."""
        for version in ("v1", "v1beta1"):
            self._api.delete(f"{_BINDINGS.replace('v1', version, 1)}/{self._binding}")
        views = [view_job(body) for body in self._api.items(_JOBS)]
        waiting = sorted((job for job in views if job is not None and job.waits), key=lambda one: one.created)
        if not waiting:
            return []
        policies = self._api.items(_POLICIES)
        most = min((one["spec"]["mostAtOnce"] for one in policies), default=DEFAULT_MOST_AT_ONCE)
        if self._clock() >= self._next:
            self._next = self._clock() + AT_ONCE.total_seconds()
            for job in waiting[:most]:
                said = {
                    RELEASED_AT: format_time(datetime.now(UTC)),
                    RELEASED_BECAUSE: str(ReleaseReason.REMOVED),
                }
                metadata = {"resourceVersion": str(job.version), "annotations": said}
                path = f"/apis/batch/v1/namespaces/{job.namespace}/jobs/{job.name}"
                self._api.merge_patch(path, {"metadata": metadata, "spec": {"suspend": False}})
            say(f"{len(waiting[:most])} jobs released")
            waiting = waiting[most:]
        return [f"{len(waiting)} jobs wait: {most} are released at once"] if waiting else []


def run(api: PodApi, environ: Mapping[str, str]) -> int:
    """Release all; the exit code.

    Raises:
        PodApiError: a setting of the chart is missing.
    """
    jobs = JobRelease(api, setting(environ, "POWERCAP_JOBS"))
    left = until(jobs.look, float(setting(environ, "POWERCAP_TIMEOUT_SECONDS")))
    for line in left:
        say(line)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(run_in_pod("jobs", run))
