"""What jobs that wait cost: 200 starts beside bare patches, and the operator's memory with 10,000 of them.

python -m dev.scale.jobs [--jobs 200] [--waiting 10000]
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dev.cluster.binaries import locate
from dev.cluster.control_plane import ControlPlane
from dev.lab.audit_log import BARE, OPERATOR, Asked, AuditLog
from dev.lab.figures import Figure, show
from dev.lab.processes import resident_mb
from dev.lab.stage import Stage, next_quarter, quoted_logs, wait_until
from dev.lab.waiting_jobs import QUARTER, publish_cheap_quarters, wait_policy, waiting_job
from dev.scale.bare_client import Request, send
from powercap_operator.loops.writing import PARALLEL_WRITES

_JOBS = "/apis/batch/v1/namespaces/default/jobs"
_SECONDS = 300.0


def say(text: str) -> None:
    """What is going on, beside the table."""
    sys.stderr.write(f"{text}\n")


def main() -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m dev.scale.jobs", description=__doc__)
    parser.add_argument("--jobs", type=int, default=200, metavar="N", help="started at once")
    parser.add_argument("--waiting", type=int, default=10_000, metavar="N", help="that wait, for the memory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="powercap-jobs-") as folder:
        log = AuditLog(Path(folder) / "audit")
        plane = ControlPlane(
            locate(os.environ, say),
            Path(folder) / "plane",
            controller_manager=False,
            api_server_flags=log.flags,
        )
        with Stage(Path(folder), plane, {}) as stage, quoted_logs(stage):
            stage.start_cluster()
            show(_measured(stage, log, options.jobs, options.waiting), "powercap jobs")
    return 0


def _measured(stage: Stage, log: AuditLog, jobs: int, waiting: int) -> list[Figure]:
    cheap = next_quarter(datetime.now(UTC) + timedelta(minutes=5)) + QUARTER
    later = cheap + timedelta(hours=3)
    publish_cheap_quarters(stage.exchange, datetime.now(UTC), [cheap, later])
    stage.apply(wait_policy(mostAtOnce=10_000))
    stage.start_operator("--jobs")
    wait_until(lambda: "waiting" in _status(stage), "the operator has looked", 60)
    _create(stage, "batch", jobs, wait="3h")
    wait_until(lambda: _status(stage).get("waiting") == jobs, "they wait", 60)
    time.sleep(5)
    idle_mb = resident_mb(stage.operator.pid or 0)
    stage.advance(cheap - datetime.now(UTC) + timedelta(seconds=1))
    wait_until(lambda: _status(stage).get("released") == jobs, "they are started", _SECONDS)
    _create(stage, "bare", jobs, wait="3h", released_at="2025-01-01T00:00:00Z")
    patch = {
        "metadata": {"annotations": {"powercap.dev/released-because": "Bare"}},
        "spec": {"suspend": False},
    }
    requests = [
        Request("PATCH", f"{_JOBS}/bare-{number:05}", patch, "application/merge-patch+json")
        for number in range(jobs)
    ]
    send(stage.control_plane, requests, PARALLEL_WRITES)
    asked = log.new()
    seconds, bare = _seconds(asked, OPERATOR), _seconds(asked, BARE)
    say(f"{jobs} jobs started in {seconds:.2f} s, by a bare client in {bare:.2f} s")
    stage.advance(QUARTER)  # the cheap quarter is over, and the next one is hours away
    _create(stage, "many", waiting, wait="23h")
    wait_until(lambda: _status(stage).get("waiting", 0) >= waiting * 0.9, "they are known", _SECONDS)
    time.sleep(20)
    full_mb = resident_mb(stage.operator.pid or 0)
    return [
        Figure(
            f"{jobs} jobs started",
            f"{seconds:.2f} s, {seconds / bare:.1f} times bare patches ({bare:.2f} s)",
            "",
            f"from the first patch to the last by the audit log, {PARALLEL_WRITES} at a time",
        ),
        Figure(
            f"memory for {waiting} waiting jobs",
            f"{idle_mb:.0f} → {full_mb:.0f} MB",
            "50 MB more",
            "resident, of the operator's process",
        ),
    ]


def _status(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = stage.get("waitpolicy", "default").get("status", {})
    return found


def _create(stage: Stage, name: str, count: int, **annotations: Any) -> None:
    requests = []
    for number in range(count):
        body = waiting_job(f"{name}-{number:05}", **annotations)
        requests.append(Request("POST", _JOBS, body))
    send(stage.control_plane, requests, PARALLEL_WRITES)


def _seconds(asked: Iterable[Asked], agent: str) -> float:
    """From the first patch of a Job by this client, as the API server tells it, to the last."""
    times = [
        one.done_at
        for one in asked
        if one.agent.startswith(agent) and (one.verb, one.resource) == ("patch", "jobs") and one.is_applied
    ]
    return max(times) - min(times)


if __name__ == "__main__":
    sys.exit(main())
