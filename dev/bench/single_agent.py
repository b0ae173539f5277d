"""One agent alone on a stand-in API: slots on few and on many zones, its end, and a flood of watch events."""

import json
import os
import signal
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dev.bench.file_writes import FileWrites
from dev.lab.agent_process import AgentProcess
from dev.lab.fake_api import Connection, FakeApi, stay
from dev.lab.fake_sysfs import TWO_SOCKETS, limit_file, many_packages
from dev.lab.figures import Figure, milliseconds
from dev.lab.processes import cpu_seconds, resident_mb
from powercap_api.clock import format_time
from powercap_api.schedule import FULL_SHARE, pack_shares

SLOTS = 101
PACKAGES = (1, 2, 8, 64)
_LEAD = timedelta(seconds=5)
_CAPS_W = (40, 20)
_AIMED_PACKAGES = 8
_AHEAD_SECONDS = 0.1
_LATEST_SECONDS = 0.8


class BenchError(Exception):
    """What was to be measured did not happen."""


def measure(soak_events: int) -> list[Figure]:
    """Everything; the flood has ``soak_events`` events."""
    return [figure for zones in PACKAGES for figure in _slots(zones)] + [_soak(soak_events)]


@contextmanager
def _agent(api: FakeApi, packages: int | None) -> Iterator[AgentProcess]:
    layout = TWO_SOCKETS if packages is None else many_packages(packages)
    with tempfile.TemporaryDirectory(prefix="powercap-bench-", dir=_in_memory()) as folder:
        agent = AgentProcess(Path(folder), "node-1", layout, server=api.url, token="bench")  # noqa: S106
        with agent:
            yield agent


def _in_memory() -> str | None:
    """A folder in memory, where there is one: sysfs is no disk."""
    return "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - folders in it get names of their own


def _slots(zones: int) -> list[Figure]:
    """``SLOTS`` slots of a second each, from each one's begin to the last file."""
    start = datetime.now(UTC).replace(microsecond=0) + _LEAD
    caps = [_CAPS_W[index % 2] * zones * 1_000_000 for index in range(SLOTS)]
    begins = [start + timedelta(seconds=index) for index in range(SLOTS)]
    body = _budget(caps, start, 1, begins[-1] + timedelta(seconds=30))
    with FakeApi(budget=body) as api, _agent(api, zones) as agent:
        names = [f"intel-rapl/intel-rapl:{index}/long_term" for index in range(zones)]
        files = [limit_file(agent.root, name) for name in names]
        _until(begins[0], 0.5)
        agent.until(lambda limits: sum(limits[name] for name in names) == caps[0])
        late: list[float] = []
        with FileWrites(files) as writes:
            delays = [
                _delay(writes, files, begin, cap, late)
                for begin, cap in zip(begins[1:], caps[1:], strict=True)
            ]
        memory, cpu = resident_mb(agent.pid), cpu_seconds(agent.pid)
        requests = len(api.requests)
        began = time.monotonic()
        agent.send(signal.SIGTERM)
        agent.wait()
        ended = time.monotonic() - began
        back = agent.limits() == agent.original
    what = f"{zones} package{'' if zones == 1 else 's'}"
    how = f"{SLOTS - 1} slots of a second, clock file in use, tree in memory"
    return [
        Figure(
            f"slot begins → last file, {what}",
            f"{milliseconds(delays)}; a bare timer at the same moments: {milliseconds(late)}",
            "" if zones > _AIMED_PACKAGES else "p99 under 20 ms",
            f"{how}; by inotify on every long_term, so that nothing reads files on the same cores",
        ),
        Figure(
            f"agent over {SLOTS} slots, {what}",
            f"{memory:.1f} MB, {cpu:.2f} s of processor time with start, {requests} requests",
            "29 MB",
            f"{how}; a slot a second is 900 times as many as there are",
        ),
        Figure(
            f"SIGTERM → originals back and ended, {what}",
            f"{ended * 1000:.0f} ms, {'all back' if back else 'NOT ALL BACK'}",
            "2 s",
            "one end",
        ),
    ]


def _budget(caps_uw: list[int], start: datetime, step_seconds: int, until: datetime) -> dict[str, Any]:
    """A PowerBudget as the API gives it."""
    most = max(caps_uw)
    shares = pack_shares(cap * FULL_SHARE // most for cap in caps_uw)
    schedule = [
        {"start": format_time(start), "stepSeconds": step_seconds, "shares": shares, "basis": "bench"}
    ]
    return {
        "apiVersion": "powercap.dev/v1alpha1",
        "kind": "PowerBudget",
        "metadata": {"name": "node-1", "uid": "uid-1", "generation": 1, "resourceVersion": "1"},
        "spec": {
            "policy": "default",
            "maxSourceMicrowatts": most,
            "minPowerMicrowatts": 10_000_000,
            "validUntil": format_time(until),
            "schedule": schedule,
        },
    }


def _delay(writes: FileWrites, files: list[Path], begins: datetime, cap_uw: int, late: list[float]) -> float:
    """Seconds from the slot's begin until every limit was written, and adds up to the slot's cap.

    Adds to ``late`` by how many seconds this process wakes too late if it sleeps until the slot's begin.

    Raises:
        BenchError: they were not, or do not.
    """
    _until(begins, -_AHEAD_SECONDS)
    timer = threading.Thread(target=_wake, args=(begins, late))
    timer.start()
    at = writes.until_each(_AHEAD_SECONDS + _LATEST_SECONDS)
    timer.join()
    limits_uw = sum(int(file.read_text(encoding="ascii")) for file in files)
    if at is None or limits_uw != cap_uw:
        raise BenchError(f"the slot of {begins}: the limits add up to {limits_uw} µW, its cap is {cap_uw} µW")
    return at - begins.timestamp()


def _wake(moment: datetime, late: list[float]) -> None:
    _until(moment, 0)
    late.append((datetime.now(UTC) - moment).total_seconds())


def _until(moment: datetime, seconds: float) -> None:
    """Sleep until ``seconds`` after the moment."""
    time.sleep(max((moment - datetime.now(UTC)).total_seconds() + seconds, 0))


def _soak(events: int) -> Figure:
    """Memory and file descriptors while watch events come as fast as they can be sent."""
    start = datetime.now(UTC) - timedelta(minutes=5)
    body = _budget([40_000_000] * 96, start, 900, start + timedelta(days=1))
    sent, done = [0], threading.Event()

    def flood(connection: Connection) -> None:
        for number in range(events):
            connection.bytes(_event(body, number))
            sent[0] = number + 1
        done.set()
        stay(connection)

    seen: list[tuple[float, int]] = []
    with FakeApi(budget=body, watches=deque([flood])) as api, _agent(api, None) as agent:
        while not done.wait(0.5):
            if sent[0] > events / 10:
                seen.append((resident_mb(agent.pid), len(os.listdir(f"/proc/{agent.pid}/fd"))))
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


def _event(body: dict[str, Any], number: int) -> bytes:
    metadata = body["metadata"] | {"generation": number + 2, "resourceVersion": str(100 + number)}
    spec = body["spec"] | {"minPowerMicrowatts": 10_000_000 + number // 100}
    kind = "MODIFIED" if number % 3 else "BOOKMARK"
    return json.dumps({"type": kind, "object": body | {"metadata": metadata, "spec": spec}}).encode() + b"\n"
