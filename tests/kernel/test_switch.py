"""A slot's cap is in the registers of every package once its begin has come, and how long after, by the kernel's trace.

The trace's clock is the machine's own, and nothing polls files on the same cores. How late it was is told and not
judged: emulation makes it longer than on hardware. A bare timer and write in the same machine is told beside it.
``make kernel ARGS="--slots 100 -k switch"`` measures with 1, 2, 8 and 64 packages.
"""

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from dev.lab.figures import milliseconds
from powercap_api.clock import format_time
from powercap_api.schedule import pack_shares
from tests.kernel import registers
from tests.kernel.configurations import Configuration, prepare
from tests.kernel.node import Node
from tests.kernel.registers import ZONES

STEP_SECONDS = 2
LEAD_SECONDS = 10
PACKAGE_W = (60, 40)
_BARE_STEP_NS = 250_000_000


@pytest.mark.machine("sockets", measured=("single", "eight", "many"))
def test_every_package_switches_when_its_slot_begins(
    node: Node, machine: str, slots: int, record_property: Callable[[str, object], None]
) -> None:
    prepare(Configuration("packages"))
    packages = len(os.sched_getaffinity(0))
    before = registers.snapshot()
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=LEAD_SECONDS)
    shares = pack_shares(packages * PACKAGE_W[index % 2] for index in range(slots))
    node.put(
        packages * PACKAGE_W[1],
        schedule=[
            {"start": format_time(start), "stepSeconds": STEP_SECONDS, "shares": shares, "basis": "test"}
        ],
        validUntil=format_time(start + timedelta(hours=1)),
        maxSourceMicrowatts=10_000_000_000,
        stabilisationSeconds=300,
    )
    node.look_seconds = 1.0
    node.start()
    begins_ns = [_monotonic_ns(start) + index * STEP_SECONDS * 10**9 for index in range(slots)]
    # Whoever looks for it again and again takes the agent's time: there may be one CPU.
    time.sleep((begins_ns[-1] + 10**9 - time.monotonic_ns()) / 1e9)
    trace = registers.trace()
    # The agent may come after the first slot's begin.
    delays = [
        _switched(trace, index, begin_ns, packages) for index, begin_ns in enumerate(begins_ns) if index > 2
    ]
    ended_ns = time.monotonic_ns()
    assert node.kill(signal.SIGTERM) == 0
    assert registers.snapshot() == before
    back_ms = (registers.trace()[-1].at_ns - ended_ns) / 1e6
    bare = [_bare_write(packages, index) for index in range(len(delays))]
    record_property(
        "figure",
        f"{machine}: slot begins → last register of {packages} packages: {milliseconds(delays)} of {len(delays)};"
        f" a bare timer and write to each: {milliseconds(bare)}; SIGTERM → registers back {back_ms:.0f} ms",
    )


def _switched(trace: list[registers.Write], index: int, begin_ns: int, packages: int) -> float:
    """Seconds from the slot's begin until each package has its limit."""
    wanted_uw = PACKAGE_W[index % 2] * 1_000_000
    end_ns = begin_ns + STEP_SECONDS * 10**9
    written = [write for write in trace if write.pl1_uw is not None and begin_ns <= write.at_ns < end_ns]
    assert {write.pl1_uw for write in written} == {wanted_uw}, f"slot {index}"
    assert sorted(write.package for write in written) == list(range(packages)), f"slot {index}"
    return (max(write.at_ns for write in written) - begin_ns) / 1e9


def _bare_write(packages: int, index: int) -> float:
    """Seconds from a moment slept for until a plain write has reached the register of each package."""
    limits = sorted(ZONES.glob("intel-rapl/intel-rapl:*/constraint_0_power_limit_uw"))
    assert len(limits) == packages
    descriptors = [os.open(file, os.O_WRONLY) for file in limits]
    text = f"{PACKAGE_W[index % 2]}000000\n".encode()
    registers.clear_trace()
    at_ns = time.monotonic_ns() + _BARE_STEP_NS
    time.sleep(_BARE_STEP_NS / 1e9 - 0.01)
    time.sleep(max(at_ns - time.monotonic_ns(), 0) / 1e9)
    for descriptor in descriptors:
        os.write(descriptor, text)
    for descriptor in descriptors:
        os.close(descriptor)
    return (registers.trace()[-1].at_ns - at_ns) / 1e9


def _monotonic_ns(moment: datetime) -> int:
    """The moment on the clock of the trace, by the narrowest of some looks at both clocks."""
    looks = []
    for _ in range(20):
        before_ns, wall_ns, after_ns = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        looks.append((after_ns - before_ns, (before_ns + after_ns) // 2 - wall_ns))
    return int(moment.timestamp()) * 10**9 + min(looks)[1]
