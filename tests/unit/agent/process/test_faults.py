"""The agent as a process over plain folders that are renamed, removed, made anew, and do not answer.

A pipe or a folder in place of a file stands for a file of the kernel's that answers with an error.
"""

import json
import os
import shutil
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dev.lab.agent_process import AgentProcess, eventually
from dev.lab.fake_api import Connection, FakeApi, Plan, stay
from dev.lab.fake_sysfs import (
    BURST,
    ONE_SOCKET,
    PACKAGE,
    TWO_SOCKETS,
    FakeZone,
    Layout,
    Limit,
    build_tree,
    limit_file,
)
from tests.support.agent_parts import budget_body

WATT = 1_000_000
RAPL = "intel-rapl"


def package(index: int, number: int, watts: float) -> FakeZone:
    """A package of so many watts in its register, which may draw 205 W."""
    limits = [
        Limit("long_term", int(watts * WATT), 205 * WATT),
        Limit("short_term", int(watts * 1.2 * WATT), 0),
    ]
    return FakeZone(f"{RAPL}/{RAPL}:{index}", f"package-{number}", limits)


UNEQUAL = Layout([package(0, 0, 205), package(1, 1, 85)])


@contextmanager
def running(
    folder: Path, layout: Layout, caps: list[float], watch: Plan = stay, **spec: Any
) -> Iterator[tuple[AgentProcess, FakeApi]]:
    """An agent that has brought the first of these caps into force, a quarter of an hour each."""
    start = datetime.now(UTC) - timedelta(minutes=5)
    budget = budget_body(caps, start=start, **spec)
    with (
        FakeApi(budget=budget, watches=deque([watch])) as api,
        AgentProcess(folder, "node-1", layout, server=api.url, token="t") as agent,
    ):
        agent.until(lambda limits: limits != agent.original)
        eventually(lambda: api.patches, agent.log)
        yield agent, api


def by_name(agent: AgentProcess) -> dict[str, float]:
    """The long-term limit of each package by its name, in watts."""
    limits = agent.limits()
    return {
        (folder / "name").read_text().strip(): limits[f"{RAPL}/{folder.name}/long_term"] / WATT
        for folder in (agent.root / RAPL).glob(f"{RAPL}:*")
    }


def conditions(api: FakeApi) -> dict[str, tuple[str, str, str]]:
    """Status, reason and message of each condition as last written."""
    if not api.patches:
        return {}
    return {
        one["type"]: (one["status"], one["reason"], one["message"])
        for one in api.patches[-1]["status"]["conditions"]
    }


def swap(agent: AgentProcess) -> None:
    """The driver is loaded anew and finds the packages in the other order; the registers keep their values."""
    folder = agent.root / RAPL
    (folder / f"{RAPL}:0").rename(folder / "away")
    (folder / f"{RAPL}:1").rename(folder / f"{RAPL}:0")
    (folder / "away").rename(folder / f"{RAPL}:1")


def make_anew(agent: AgentProcess) -> None:
    """The same, folders removed and made anew."""
    held = by_name(agent)
    shutil.rmtree(agent.root / RAPL)
    build_tree(agent.root, Layout([package(0, 1, held["package-1"]), package(1, 0, held["package-0"])]))


@pytest.mark.parametrize("reload", [swap, make_anew])
@pytest.mark.parametrize("slot", [False, True])
def test_each_package_gets_its_own_after_they_were_numbered_anew(
    tmp_path: Path, reload: Callable[[AgentProcess], None], *, slot: bool
) -> None:
    with running(tmp_path, UNEQUAL, [145, 58], minPowerMicrowatts=20 * WATT) as (agent, _):
        assert by_name(agent) == {"package-0": 102.5, "package-1": 42.5}
        reload(agent)
        if slot:
            agent.set_clock(timedelta(minutes=15))
            eventually(lambda: by_name(agent) == {"package-0": 41, "package-1": 17}, agent.log)
        agent.send(signal.SIGTERM)
        assert agent.wait() == 0
        assert by_name(agent) == {"package-0": 205, "package-1": 85}
        assert not (agent.state / "originals.json").exists()


def test_zones_that_were_away_are_followed_and_put_back(tmp_path: Path) -> None:
    with running(tmp_path, ONE_SOCKET, [40, 30], stabilisationSeconds=1) as (agent, api):
        (agent.root / RAPL).rename(tmp_path / "away")
        eventually(lambda: conditions(api)["Ready"][1] == "Unsupported", agent.log)
        assert "have gone with their driver" in conditions(api)["Ready"][2]
        assert "restart it once the driver is back" in conditions(api)["Ready"][2]
        agent.set_clock(timedelta(minutes=15))
        (tmp_path / "away").rename(agent.root / RAPL)
        agent.until_limits(**{PACKAGE: 30 * WATT})
        agent.send(signal.SIGTERM)
        assert agent.wait() == 0
        assert agent.limits() == agent.original


def test_zones_that_come_back_during_the_end_are_put_back(tmp_path: Path) -> None:
    with running(tmp_path, ONE_SOCKET, [40]) as (agent, _):
        (agent.root / RAPL).rename(tmp_path / "away")
        agent.send(signal.SIGTERM)
        eventually(lambda: "ending" in agent.log(), agent.log)
        (tmp_path / "away").rename(agent.root / RAPL)
        assert agent.wait() == 0
        assert agent.limits() == agent.original


def test_zones_that_stay_away_are_told_at_the_end(tmp_path: Path) -> None:
    with running(tmp_path, ONE_SOCKET, [40]) as (agent, api):
        (agent.root / RAPL).rename(tmp_path / "away")
        agent.send(signal.SIGTERM)
        assert agent.wait(20) == 1
        for status, reason, message in conditions(api).values():
            assert (status, reason) == ("False", "WriteFailed")
            assert "the zone is not there" in message
        assert "intel-rapl/package-0:long_term" in (agent.state / "originals.json").read_text()


def test_what_a_package_that_vanished_had_goes_to_the_others_at_the_slot(tmp_path: Path) -> None:
    layout = Layout([package(0, 0, 105), package(1, 1, 85)])
    with running(tmp_path, layout, [100, 95]) as (agent, _):
        (agent.root / RAPL / f"{RAPL}:1").rename(tmp_path / "gone")
        agent.set_clock(timedelta(minutes=15))
        eventually(lambda: by_name(agent) == {"package-0": 95}, agent.log)


@contextmanager
def broken(file: Path, kind: str) -> Iterator[None]:
    """The file answers with errors."""
    aside = file.with_name("aside")
    file.rename(aside)
    (os.mkfifo if kind == "pipe" else os.mkdir)(file)
    yield
    (os.unlink if kind == "pipe" else os.rmdir)(file)
    aside.rename(file)


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_a_limit_that_fails_for_a_moment_at_the_end_comes_back(tmp_path: Path, kind: str) -> None:
    with running(tmp_path, ONE_SOCKET, [40]) as (agent, api):
        with broken(limit_file(agent.root, PACKAGE), kind):
            agent.send(signal.SIGTERM)
            eventually(lambda: "could not be put back" in agent.log(), agent.log)
        assert agent.wait() == 0
        assert agent.limits() == agent.original
        assert conditions(api)["Ready"][1] == "Stopped"


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_a_limit_that_fails_for_good_holds_up_no_other_and_is_told(tmp_path: Path, kind: str) -> None:
    with running(tmp_path, UNEQUAL, [145]) as (agent, api):
        with broken(limit_file(agent.root, PACKAGE), kind):
            agent.send(signal.SIGTERM)
            second = f"{RAPL}/{RAPL}:1/long_term"
            eventually(lambda: limit_file(agent.root, second).read_text() == f"{85 * WATT}\n", agent.log, 5)
            assert agent.wait(20) == 1
        assert agent.limits()[PACKAGE] == 102_500_000
        status, reason, message = conditions(api)["Ready"]
        assert (status, reason) == ("False", "WriteFailed")
        assert "intel-rapl:0 long_term" in message
        assert "intel-rapl:1 long_term" not in message


def test_a_counter_that_does_not_answer_holds_up_nothing(tmp_path: Path) -> None:
    with running(tmp_path, TWO_SOCKETS, [100, 80]) as (agent, _):
        with broken(agent.root / RAPL / f"{RAPL}:0" / "energy_uj", "pipe"):
            before = agent.limits()
            agent.set_clock(timedelta(minutes=15))
            agent.until(lambda limits: limits != before)
            agent.send(signal.SIGTERM)
            assert agent.wait() == 0
        assert agent.limits() == agent.original


TIMES = {"since": "2025-10-09T12:00:00Z", "until": "2025-10-09T12:00:00Z"}


def kept_energy(joules: object) -> str:
    """What an agent keeps that has counted so much."""
    account = TIMES | {"readings": {}, "published": TIMES | {"packages": {"joules": joules, "seconds": 1}}}
    return json.dumps({"bootId": "boot-1", "account": account})


@pytest.mark.parametrize(
    "kept",
    [
        kept_energy(float("inf")),
        kept_energy("many"),
        json.dumps({"bootId": "boot-1", "account": 5}),
        "[" * 5000,
        "half",
    ],
)
def test_energy_kept_from_before_cannot_end_the_limits(tmp_path: Path, kept: str) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "energy.json").write_text(kept)
    with running(tmp_path, ONE_SOCKET, [40, 30]) as (agent, _):
        agent.until_limits(**{PACKAGE: 40 * WATT})
        agent.set_clock(timedelta(minutes=15))
        agent.until_limits(**{PACKAGE: 30 * WATT})
        assert "the energy kept from before cannot be read" in agent.log()


@pytest.mark.parametrize(
    "status", ["x", {"energy": "x"}, {"energy": {"joules": 1e400}}, {"conditions": [5]}, []]
)
def test_a_status_that_makes_no_sense_cannot_end_the_limits(tmp_path: Path, status: object) -> None:
    start = datetime.now(UTC) - timedelta(minutes=5)
    body = budget_body([40, 30], start=start) | {"status": status}
    with (
        FakeApi(budget=body) as api,
        AgentProcess(tmp_path, "node-1", ONE_SOCKET, server=api.url, token="t") as agent,
    ):
        agent.until_limits(**{PACKAGE: 40 * WATT})
        eventually(lambda: conditions(api)["Ready"][1] == "Applied", agent.log)
        agent.set_clock(timedelta(minutes=15))
        agent.until_limits(**{PACKAGE: 30 * WATT})


def test_a_register_that_was_cleared_is_written_again_before_it_is_enabled(tmp_path: Path) -> None:
    with running(tmp_path, ONE_SOCKET, [40], stabilisationSeconds=1) as (agent, api):
        enabled = agent.root / RAPL / f"{RAPL}:0" / "enabled"
        enabled.write_text("0\n")
        for name in (PACKAGE, BURST):
            limit_file(agent.root, name).write_text("0\n")
        eventually(lambda: enabled.read_text() == "1\n", agent.log)
        assert agent.limits()[PACKAGE] == 40 * WATT
        eventually(lambda: conditions(api)["Applied"][1] == "Applied", agent.log)


def test_a_stop_beside_a_word_of_a_newer_version_is_obeyed(tmp_path: Path) -> None:
    changed = threading.Event()

    def until_changed(connection: Connection) -> None:
        while not changed.is_set() and connection.silence(0.02):
            pass
        assert api.budget is not None
        connection.event("MODIFIED", "11", **api.budget)
        connection.end()

    start = datetime.now(UTC) - timedelta(minutes=5)
    with FakeApi(budget=budget_body([40], start=start)) as api:
        api.watches.append(until_changed)
        with AgentProcess(tmp_path, "node-1", ONE_SOCKET, server=api.url, token="t") as agent:
            agent.until_limits(**{PACKAGE: 40 * WATT})
            api.budget = budget_body([40], start=start, suspend=True, onExpiry="KeepLast")
            changed.set()
            agent.until(lambda limits: limits == agent.original)
            eventually(lambda: conditions(api)["Ready"][1] == "InvalidSpec", agent.log)
            assert "is suspended: the original limits are in force" in conditions(api)["Ready"][2]


def test_an_answer_nested_five_thousand_deep_does_not_end_the_agent(tmp_path: Path) -> None:
    over = threading.Event()

    def until_over(connection: Connection) -> None:
        while not over.is_set() and connection.silence(0.02):
            pass
        connection.end()

    with running(tmp_path, ONE_SOCKET, [40, 30], watch=until_over) as (agent, api):
        api.body = b"[" * 5000
        over.set()
        eventually(lambda: "the answer is no JSON" in agent.log(), agent.log)
        agent.set_clock(timedelta(minutes=15))
        agent.until_limits(**{PACKAGE: 30 * WATT})


def test_a_signal_right_after_the_start_puts_back_what_a_killed_agent_left(tmp_path: Path) -> None:
    with running(tmp_path, ONE_SOCKET, [40]) as (agent, _):
        agent.send(signal.SIGKILL)
        agent.wait()
        agent.start()
        eventually(lambda: _blocks(agent.pid, signal.SIGTERM), agent.log)
        agent.send(signal.SIGTERM)
        assert agent.wait() == 0
        assert agent.limits() == agent.original


def test_a_clock_that_cannot_be_read_ends_the_agent_in_good_order(tmp_path: Path) -> None:
    with running(tmp_path, ONE_SOCKET, [40]) as (agent, _):
        agent.clock_file.write_text("half an hour\n")
        assert agent.wait() == 1
        assert agent.limits() == agent.original


def test_at_rest_there_is_one_thread_for_each_thing_that_may_wait(tmp_path: Path) -> None:
    with running(tmp_path, ONE_SOCKET, [40]) as (agent, _):
        # Signals, limits, counters, watch, status.
        eventually(lambda: len(list(Path(f"/proc/{agent.pid}/task").iterdir())) == 5, agent.log)


def _blocks(pid: int, number: signal.Signals) -> bool:
    """Whether a process blocks a signal, by the kernel's word."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("SigBlk:"):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False
