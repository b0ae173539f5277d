"""Puts the agent's parts together on a fake tree, without threads, network or waiting."""

import io
import signal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from dev.lab.fake_sysfs import FakeKernel, Layout, build_tree, read_limits
from powercap_agent.enforce.enforcer import Enforcer
from powercap_agent.follower import Floors, Follower
from powercap_agent.hardware.inventory import Inventory
from powercap_agent.hardware.powercap import PowercapTree
from powercap_agent.hardware.worker import Worker
from powercap_agent.hardware.zone import Zone
from powercap_agent.logs import Log, LogFormat
from powercap_agent.loop import Loop, Times
from powercap_agent.mailbox import BudgetSeen, Event, Mailbox, Stop
from powercap_agent.measuring import Measuring
from powercap_agent.planning.limits import Terms
from powercap_agent.state.known_budget import KnownBudget
from powercap_agent.state.originals_store import OriginalsStore
from powercap_agent.state.store import KeptFile
from powercap_agent.status.budget_status import Status
from powercap_agent.status.publisher import StatusPublisher, Urgency
from powercap_api.clock import format_time
from powercap_api.schedule import FULL_SHARE, pack_shares

T = TypeVar("T")
NOON = datetime(2025, 10, 9, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
BOUNDS = Terms(min_power_uw=10_000_000, hard_floor_uw=5_000_000, floor_percent=5)


SCALE_W = 1_000
"""maxSource of the budgets made here: every whole tenth of a watt is a share of it."""


def schedule_of(caps_w: Sequence[float], start: datetime, step: timedelta = QUARTER) -> list[dict[str, Any]]:
    """A schedule of caps at equal steps from ``start``, where maxSource is ``SCALE_W``."""
    if not caps_w:
        return []
    shares = [round(cap * FULL_SHARE / SCALE_W) for cap in caps_w]
    return [
        {
            "start": format_time(start),
            "stepSeconds": int(step.total_seconds()),
            "shares": pack_shares(shares),
            "basis": "test",
        }
    ]


def budget_body(
    caps_w: Sequence[float], *, start: datetime = NOON, name: str = "node-1", **spec: Any
) -> dict[str, Any]:
    """A PowerBudget as the API gives it, a slot for each quarter of an hour from ``start``."""
    return {
        "apiVersion": "powercap.dev/v1alpha1",
        "kind": "PowerBudget",
        "metadata": {"name": name, "uid": "uid-1", "generation": 1, "resourceVersion": "1"},
        "spec": {
            "policy": "default",
            "maxSourceMicrowatts": SCALE_W * 1_000_000,
            "minPowerMicrowatts": 10_000_000,
            "validUntil": format_time(start + len(caps_w) * QUARTER),
            "schedule": schedule_of(caps_w, start),
        }
        | spec,
    }


@dataclass
class FakeTime:
    """A clock and a stopwatch that stand still until they are moved."""

    wall: datetime = NOON
    seconds: float = 1000.0

    def now(self) -> datetime:
        """The moment, in UTC."""
        return self.wall

    def monotonic(self) -> float:
        """Seconds since some beginning."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.pass_by(timedelta(seconds=seconds))

    def pass_by(self, step: timedelta) -> None:
        """Let time pass, on both."""
        self.wall += step
        self.seconds += step.total_seconds()


@dataclass
class Machine:
    """A node: its tree, its kernel, its state folder."""

    folder: Path
    layout: Layout
    boot_id: str = "boot-1"
    kernel: FakeKernel = field(default_factory=FakeKernel)
    time: FakeTime = field(default_factory=FakeTime)
    pressure: float | None = None
    """some avg60, in percent."""
    logged: io.StringIO = field(default_factory=io.StringIO)
    drivers: Sequence[Callable[[], tuple[Zone, ...]]] = ()
    """Drivers beside powercap's."""

    def __post_init__(self) -> None:
        build_tree(self.root, self.layout)
        self.original = self.limits()

    @property
    def root(self) -> Path:
        """The powercap folder."""
        return self.folder / "powercap"

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / "state"

    def limits(self) -> dict[str, int]:
        """Every limit in the tree."""
        return read_limits(self.root)

    def store(self) -> OriginalsStore:
        """The originals as a newly started agent finds them."""
        return OriginalsStore(str(self.state), self.boot_id)

    def enforcer(self) -> Enforcer:
        """An enforcer as a newly started agent has it, zones found."""
        log = Log(LogFormat.TEXT, self.logged)
        hardware = Inventory([PowercapTree(self.kernel, str(self.root)).discover, *self.drivers])
        made = Enforcer(hardware, self.store(), self.time.monotonic, log)
        made.survey()
        return made


class Sink:
    """Takes statuses as the reporter does."""

    def __init__(self) -> None:
        self.statuses: list[Status] = []
        self.urgencies: list[Urgency] = []

    def submit(self, status: Status, urgency: Urgency) -> None:
        """Note it."""
        self.statuses.append(status)
        self.urgencies.append(urgency)

    def drop(self) -> None:
        """Nothing waits here."""

    def close(self, seconds: float) -> bool:
        """Nothing waits here."""
        return seconds > 0


class Killed(BaseException):
    """Raised by a step: the agent is killed there."""


class InTurn(Worker):
    """Does at once, without a thread, what it is given."""

    def offer(self, do: Callable[[], None]) -> bool:
        do()
        return True

    def call(self, do: Callable[[], T], seconds: float = 0.0) -> T:
        del seconds
        return do()


class _Impatient(Mailbox):
    """A mailbox where nobody waits; it notes for how long they would have."""

    def __init__(self, waits: list[float]) -> None:
        super().__init__()
        self._waits = waits

    def take(self, seconds: float) -> Event | None:
        self._waits.append(seconds)
        return super().take(0)


@dataclass
class Rehearsal:
    """One run of the agent's loop through a list of steps.

    A step is what happens between two turns of the loop: a function to call, or an event for the loop. After the
    last step the loop is stopped. Each turn's limits are kept in ``seen``, in the order of the steps.
    """

    machine: Machine
    sink: Sink = field(default_factory=Sink)
    seen: list[dict[str, int]] = field(default_factory=list)
    longest_wait: float = 0.0
    waits: list[float] = field(default_factory=list)
    """For how many seconds each turn wanted to wait for an event."""

    def run(self, steps: Iterable[Callable[[], None] | Event]) -> int:
        """Go through the steps; the loop's exit code."""
        mailbox = _Impatient(self.waits)
        waiting = iter(steps)
        began = False

        def beat() -> None:
            nonlocal began
            if began:
                self.seen.append(self.machine.limits())
            began = True
            step = next(waiting, Stop("the end"))
            if isinstance(step, BudgetSeen):
                mailbox.see(step.body)
            elif isinstance(step, Stop):
                mailbox.stop(step.why, step.exit_code)
            else:
                step()

        loop = self.loop(mailbox, beat)
        back = killed = False
        try:
            code = loop.run()
        except Killed:
            killed = True
        finally:
            back = killed or loop.end()
        if killed:
            return -signal.SIGKILL
        return code if back else 1

    def loop(self, mailbox: Mailbox, beat: Callable[[], None]) -> Loop:
        """The agent's loop on the machine."""
        log = Log(LogFormat.TEXT, self.machine.logged)
        time, state = self.machine.time, str(self.machine.state)
        return Loop(
            Times(time, time.monotonic, self.longest_wait, time.sleep),
            mailbox,
            KnownBudget(state, "node-1", log),
            Follower(
                self.machine.enforcer(),
                Floors(hard_floor_uw=5_000_000, floor_percent=5),
                lambda: self.machine.pressure,
                KeptFile(state, "energy.json", "the energy", log),
                Measuring(time.now, time.monotonic, InTurn("measuring")),
            ),
            StatusPublisher(self.sink),
            log,
            beat,
        )
