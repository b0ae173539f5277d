"""One agent alone on a stand-in API that floods it with watch events: memory and file descriptors stay the same."""

import json
import os
import tempfile
import threading
from collections import deque
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dev.lab.agent_process import AgentProcess
from dev.lab.fake_api import Connection, FakeApi, stay
from dev.lab.fake_sysfs import TWO_SOCKETS
from dev.lab.figures import Figure
from dev.lab.processes import resident_mb
from powercap_api.clock import format_time
from powercap_api.schedule import FULL_SHARE, pack_shares


def measure(events: int) -> Figure:
    """While the events come as fast as the agent reads them."""
    body = _budget(datetime.now(UTC) - timedelta(minutes=5))
    sent, done = [0], threading.Event()

    def flood(connection: Connection) -> None:
        for number in range(events):
            connection.bytes(_event(body, number))
            sent[0] = number + 1
        done.set()
        stay(connection)

    seen: list[tuple[float, int]] = []
    with (
        tempfile.TemporaryDirectory(prefix="powercap-bench-") as folder,
        FakeApi(budget=body, watches=deque([flood])) as api,
        AgentProcess(Path(folder), "node-1", TWO_SOCKETS, server=api.url, token="bench") as agent,  # noqa: S106
    ):
        while not done.wait(0.5) or not seen:
            if sent[0] > events / 10:
                seen.append((resident_mb(agent.pid), len(os.listdir(f"/proc/{agent.pid}/fd"))))
    memories, files = [memory for memory, _ in seen], [count for _, count in seen]
    slope = (memories[-1] - memories[0]) / (0.9 * events) * 100_000
    return Figure(
        f"{events:,} watch events",
        f"{memories[0]:.1f} MB after a tenth, {memories[-1]:.1f} MB at the end ({slope:+.1f} MB per 100,000),"
        f" {min(files)} to {max(files)} file descriptors",
        "flat",
        "a budget of 96 slots each, sent as fast as the agent reads; one in a hundred changes the spec",
    )


def _budget(start: datetime) -> dict[str, Any]:
    """A PowerBudget of a day as the API gives it."""
    shares = pack_shares([FULL_SHARE] * 96)
    return {
        "apiVersion": "powercap.dev/v1alpha1",
        "kind": "PowerBudget",
        "metadata": {"name": "node-1", "uid": "uid-1", "generation": 1, "resourceVersion": "1"},
        "spec": {
            "policy": "default",
            "maxSourceMicrowatts": 40_000_000,
            "minPowerMicrowatts": 10_000_000,
            "validUntil": format_time(start + timedelta(days=1)),
            "schedule": [
                {"start": format_time(start), "stepSeconds": 900, "shares": shares, "basis": "bench"}
            ],
        },
    }


def _event(body: dict[str, Any], number: int) -> bytes:
    metadata = body["metadata"] | {"generation": number + 2, "resourceVersion": str(100 + number)}
    spec = body["spec"] | {"minPowerMicrowatts": 10_000_000 + number // 100}
    kind = "MODIFIED" if number % 3 else "BOOKMARK"
    return json.dumps({"type": kind, "object": body | {"metadata": metadata, "spec": spec}}).encode() + b"\n"
