"""kill -9 at every single change to a file that the agent makes: originals are never lost, bounds never broken.

Each case runs the agent in a forked process that sends itself SIGKILL just before the n-th change to any file of
the machine (opening one for writing, rename, removal; in the powercap tree and the state folder alike), for every
n there is; then a second agent takes over. To be killed between two changes is to be killed before the second.
"""

import errno
import os
import random
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dev.lab.agent_process import AgentProcess
from dev.lab.fake_api import FakeApi
from dev.lab.fake_sysfs import TWO_SOCKETS, FakeKernel, limit_file, set_limit
from powercap_agent.mailbox import BudgetSeen, Event
from tests.support.agent_parts import NOON, QUARTER, Machine, Rehearsal, budget_body

WATT = 1_000_000
FLOORS = {"intel-rapl/intel-rapl:0": 5_526_315, "intel-rapl/intel-rapl:1": 4_473_684}
"""minPower of 10 W, shared over 105 W and 85 W."""
FAULTS = (errno.ENODATA, errno.EIO, errno.EACCES, errno.EROFS)


def steps(machine: Machine, *, drift: bool) -> list[Callable[[], None] | Event]:
    """Half a day of an agent's life: caps up and down, drift, suspension, the end."""

    def clock(quarters: int) -> Callable[[], None]:
        def move() -> None:
            machine.time.wall = NOON + quarters * QUARTER
            machine.time.seconds += 900

        return move

    def meddle() -> None:
        set_limit(machine.root, "intel-rapl/intel-rapl:0/long_term", 60 * WATT)

    return [
        BudgetSeen(budget_body([40, 150, 12, 60])),
        clock(1),
        clock(2),
        *([meddle] if drift else []),
        clock(2),
        BudgetSeen(budget_body([40, 150, 12, 60], suspend=True)),
        BudgetSeen(budget_body([40, 150, 12, 60])),
        clock(3),
    ]


def flaky(seed: int) -> FakeKernel:
    """A kernel that refuses, ignores, and answers short or stale, now and then."""
    dice = random.Random(seed)
    last: dict[str, str] = {}

    def fault(path: str) -> int | None:
        return dice.choice(FAULTS) if "power_limit" in path and dice.random() < 0.1 else None

    def distort(path: str, text: str) -> str:
        before, last[path] = last.get(path, text), text
        chance = dice.random()
        return text[:3] if chance < 0.03 else before if chance < 0.1 else text

    return FakeKernel(
        refuse_write=fault,
        refuse_read=fault,
        distort_read=distort,
        ignore_write=lambda path: "power_limit" in path and dice.random() < 0.05,
    )


def guard(machine: Machine) -> Callable[[str, str], None]:
    """Ends the process with 3 where a limit is about to leave [floor, original]."""
    originals = {str(limit_file(machine.root, name)): limit for name, limit in machine.original.items()}

    def check(path: str, text: str) -> None:
        if path in originals:
            zone = str(Path(path).relative_to(machine.root).parent).replace("intel-rapl-mmio", "intel-rapl")
            if not FLOORS[zone] <= int(text) <= originals[path]:
                os._exit(3)

    return check


def run_and_be_killed(machine: Machine, kill_at: int, *, drift: bool = True) -> bool:
    """Run the steps in a process of its own that is killed at file operation ``kill_at``; whether it was."""
    child = os.fork()
    if child == 0:
        count = 0

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal count
            changes = event in {"os.rename", "os.remove", "os.mkdir"} or (
                event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            )
            if changes and str(machine.folder) in str(arguments[0]):
                count += 1
                if count == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        os._exit(Rehearsal(machine).run(steps(machine, drift=drift)))
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False


def assert_nothing_is_lost(machine: Machine) -> None:
    """Every limit holds its original, or that is safely stored."""
    stored = machine.store().limits
    names = {"intel-rapl/intel-rapl:0": "package-0", "intel-rapl/intel-rapl:1": "package-1"}
    names["intel-rapl-mmio/intel-rapl-mmio:0"] = "package-0"
    for name, limit in machine.limits().items():
        zone, constraint = name.rsplit("/", 1)
        if limit != machine.original[name]:
            assert stored[f"{zone.split('/', 1)[0]}/{names[zone]}:{constraint}"] == machine.original[name]


@pytest.mark.parametrize("without_budget_after", [pytest.param(True, marks=pytest.mark.long), False])
def test_killed_at_every_change_to_a_file(tmp_path: Path, *, without_budget_after: bool) -> None:
    for kill_at in range(1, 1000):
        machine = Machine(tmp_path / str(kill_at), TWO_SOCKETS)
        machine.kernel.before_write = guard(machine)
        killed = run_and_be_killed(machine, kill_at)
        assert_nothing_is_lost(machine)
        heard = BudgetSeen(None if without_budget_after else budget_body([40]))
        assert Rehearsal(machine).run([heard, lambda: None]) == 0
        assert machine.limits() == machine.original
        assert machine.store().limits == {}
        if not killed:
            assert kill_at > 30
            return
    raise AssertionError("the agent never came to its end")


@pytest.mark.parametrize(
    "seed", [*range(8), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(8, 40))]
)
def test_killed_now_and_then_on_a_flaky_machine(tmp_path: Path, seed: int) -> None:
    machine = Machine(tmp_path, TWO_SOCKETS)
    machine.kernel = flaky(seed)
    machine.kernel.before_write = guard(machine)
    for kill_at in random.Random(seed).sample(range(1, 70), 4):
        run_and_be_killed(machine, kill_at, drift=False)
        assert_nothing_is_lost(machine)
    machine.kernel = FakeKernel(before_write=guard(machine))
    assert Rehearsal(machine).run([BudgetSeen(None), lambda: None]) == 0
    assert machine.limits() == machine.original


@pytest.mark.parametrize("kill_at", range(1, 5))
def test_killed_at_every_api_call(tmp_path: Path, kill_at: int) -> None:
    with FakeApi(budget=budget_body([40], start=datetime.now(UTC) - QUARTER / 2)) as api:
        # List, watch and status as the agent comes up; then a watch that ends and the one after it.
        api.watches = deque([lambda connection: connection.event("BOOKMARK", "11")])
        with AgentProcess(tmp_path, "node-1", TWO_SOCKETS, server=api.url, token="t") as agent:
            seen = threading.Event()

            def kill(number: int) -> None:
                if number == kill_at:
                    agent.send(signal.SIGKILL)
                    seen.set()

            api.on_request = kill
            assert seen.wait(20)
            agent.wait()
            api.on_request = lambda _: None
            api.budget = None
            agent.start()
            agent.until(lambda limits: limits == agent.original)
