"""Logging never blocks: with a standard error that nobody reads the agent keeps its slots and ends when told."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dev.lab.agent_process import AgentProcess
from dev.lab.fake_api import FakeApi
from dev.lab.fake_sysfs import ONE_SOCKET, PACKAGE
from powercap_agent.logs import Log, LogFormat
from powercap_agent.stderr import NonBlockingStderr
from tests.support.agent_parts import QUARTER, budget_body

WATT = 1_000_000


@pytest.fixture
def full_pipe() -> Iterator[tuple[int, int]]:
    """A pipe that is full: its reading and its writing end, the latter blocking."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def test_lines_that_nobody_reads_are_dropped_and_counted(full_pipe: tuple[int, int]) -> None:
    reading, writing = full_pipe
    log = Log(LogFormat.TEXT, NonBlockingStderr(writing))
    for _ in range(3):
        log.info("nobody reads this")
    os.read(reading, 65_536)
    log.info("somebody does")
    read = os.read(reading, 65_536).decode().splitlines()
    assert read[0] == "3 log lines were dropped, as nobody read them"
    assert read[1].endswith("INFO somebody does")
    assert os.get_blocking(writing), "the flag would hold for all processes that share the pipe"


def test_a_socket_that_nobody_reads_does_not_block_either() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stderr = NonBlockingStderr(ours.fileno())
        for _ in range(10_000):
            stderr.write("x" * 100 + "\n")
        assert 0 < stderr.dropped < 10_000


def test_an_agent_whose_log_nobody_reads_keeps_its_slots_and_ends_when_told(
    tmp_path: Path, full_pipe: tuple[int, int]
) -> None:
    start = datetime.now(UTC) - QUARTER / 2
    with FakeApi(budget=budget_body([40, 30], start=start)) as api:
        agent = AgentProcess(tmp_path, "node-1", ONE_SOCKET, server=api.url, token="t")
        agent.start(stderr=full_pipe[1])
        try:
            agent.until_limits(**{PACKAGE: 40 * WATT})
            agent.set_clock(timedelta(minutes=15))
            agent.until_limits(**{PACKAGE: 30 * WATT})
            agent.send(signal.SIGTERM)
            assert agent.wait() == 0
            assert agent.limits() == agent.original
        finally:
            agent.__exit__(None, None, None)


def test_a_process_that_is_stuck_everywhere_ends_though_nobody_reads_its_log(
    full_pipe: tuple[int, int],
) -> None:
    program = """
import signal, time
from powercap_agent.logs import Log, LogFormat
from powercap_agent.mailbox import Mailbox
from powercap_agent.supervisor import ENDINGS, Supervisor

class Stuck:
    def run(self): time.sleep(600)
    def end(self): time.sleep(600)

signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
Supervisor(Mailbox(), Log(LogFormat.TEXT), stall_seconds=0.1, end_seconds=1).run(Stuck())
"""
    done = subprocess.run([sys.executable, "-c", program], stderr=full_pipe[1], timeout=60, check=False)
    assert done.returncode == 1
