"""A file of the kernel's that does not answer at all: the end comes all the same, and other zones get theirs back."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dev.lab.agent_process import eventually
from dev.lab.fake_sysfs import FakeZone, Layout, Limit, limit_file
from powercap_agent.hardware.worker import each_in_time
from powercap_agent.mailbox import Mailbox
from tests.support.agent_parts import QUARTER, Machine, Rehearsal, budget_body

WATT = 1_000_000
FIRST, SECOND = (f"intel-rapl/intel-rapl:{number}/long_term" for number in (0, 1))
LAYOUT = Layout(
    [
        FakeZone(f"intel-rapl/intel-rapl:{number}", f"package-{number}", [Limit("long_term", 100 * WATT)])
        for number in (0, 1)
    ]
)


class Hang:
    """Whoever comes here stays until it is over."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.entered = threading.Event()

    def __call__(self) -> None:
        self.entered.set()
        assert self.over.wait(120)


@pytest.fixture
def hang() -> Iterator[Hang]:
    """It is over after the test."""
    made = Hang()
    yield made
    made.over.set()


@pytest.mark.parametrize("access", ["read", "write"])
def test_the_end_does_not_wait_for_a_loop_that_hangs(tmp_path: Path, hang: Hang, access: str) -> None:
    node = Machine(tmp_path, LAYOUT)
    rehearsal, mailbox = Rehearsal(node, longest_wait=0.01), Mailbox()
    loop = rehearsal.loop(mailbox, lambda: None)
    mailbox.see(budget_body([80, 60]))
    thread = threading.Thread(target=loop.run)
    thread.start()
    eventually(lambda: rehearsal.sink.statuses, node.logged.getvalue)
    assert node.limits() == {FIRST: 40 * WATT, SECOND: 40 * WATT}
    first = str(limit_file(node.root, FIRST))
    if access == "read":
        node.kernel.distort_read = lambda path, text: _after(hang, text) if path == first else text
    else:
        node.kernel.before_write = lambda path, _: hang() if path == first else None
    node.time.wall += QUARTER
    eventually(hang.entered.is_set, node.logged.getvalue)
    assert loop.end() is False
    assert node.limits()[SECOND] == 100 * WATT
    told = rehearsal.sink.statuses[-1]["conditions"][1]
    assert (told["status"], told["reason"]) == ("False", "WriteFailed")
    assert "intel-rapl:0 long_term: Failed, the zone's files do not answer" in told["message"]
    assert "intel-rapl:1" not in told["message"]
    mailbox.stop("the end")
    hang.over.set()
    thread.join(60)
    assert not thread.is_alive()
    assert node.limits()[SECOND] == 100 * WATT, "a loop that wakes up after the end writes nothing"


def _after(hang: Hang, text: str) -> str:
    hang()
    return text


def test_what_hangs_holds_up_no_other_and_is_left_out(hang: Hang) -> None:
    def hangs() -> int:
        hang()
        return 0

    work: dict[str, Callable[[], int]] = {"a": lambda: 1, "b": hangs, "c": hangs, "d": lambda: 4}
    assert each_in_time(work, seconds=1.0, patience=0.02) == {"a": 1, "d": 4}
    assert each_in_time({}, seconds=1.0) == {}
