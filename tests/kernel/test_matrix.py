"""Every kind of node, ended in each of five ways: capped within bounds, told as it is, and put back bit for bit."""

import signal
from collections.abc import Callable

import pytest

from dev.lab.agent_process import eventually
from tests.kernel import registers
from tests.kernel.configurations import DIES, SOCKETS, Configuration, prepare
from tests.kernel.judge import judge_limits, judge_status, judge_writes
from tests.kernel.node import WAIT_SECONDS, Node

CAP_W = 120


def _sigterm(node: Node) -> None:
    assert node.kill(signal.SIGTERM) == 0


def _successor(node: Node) -> None:
    node.kill(signal.SIGKILL)
    node.start()
    node.status()
    _sigterm(node)


def _restore(node: Node) -> None:
    node.kill(signal.SIGKILL)
    node.restore()


def _suspend(node: Node) -> None:
    node.put(CAP_W, suspend=True)
    node.status()


def _deletion(node: Node) -> None:
    node.delete()


ENDINGS: dict[str, Callable[[Node], None]] = {
    "SIGTERM": _sigterm,
    "successor": _successor,
    "restore": _restore,
    "suspend": _suspend,
    "deletion": _deletion,
}


@pytest.mark.machine("sockets")
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("configuration", SOCKETS, ids=lambda c: c.name)
def test_matrix(configuration: Configuration, ending: str, node: Node) -> None:
    _run(configuration, ENDINGS[ending], node)


@pytest.mark.machine("dies")
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("configuration", DIES, ids=lambda c: c.name)
def test_dies(configuration: Configuration, ending: str, node: Node) -> None:
    _run(configuration, ENDINGS[ending], node)


def _run(configuration: Configuration, end: Callable[[Node], None], node: Node) -> None:
    prepare(configuration)
    before = registers.snapshot()
    for cap_w in (CAP_W, CAP_W / 2):
        node.put(cap_w)
        if cap_w == CAP_W:
            node.start()
        status = node.status()
        ready = next(c for c in status["conditions"] if c["type"] == "Ready")
        assert (ready["status"] == "True", ready["reason"]) == (configuration.ready, configuration.reason), (
            status
        )
        judge_status(status)
        judge_limits(configuration, cap_w, before, status)
    end(node)
    eventually(lambda: registers.snapshot() == before, lambda: _difference(before, node), WAIT_SECONDS)
    judge_writes(registers.trace(), before, configuration.most_w)


def _difference(before: dict[str, int], node: Node) -> str:
    now = registers.snapshot()
    wrong = {
        name: f"{before[name]:#x} before, {now.get(name, 0):#x} now"
        for name in before
        if before[name] != now.get(name)
    }
    return f"{wrong}\n{node.log.read_text(encoding='utf-8')}"
