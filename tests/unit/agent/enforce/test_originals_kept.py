"""Originals are saved before the first write, found again after a crash, and put back."""

import errno
from pathlib import Path

import pytest

from dev.lab.fake_sysfs import (
    LOWERED,
    ONE_SOCKET,
    PACKAGE,
    SWAPPED_SOCKETS,
    FakeZone,
    Layout,
    Limit,
    set_limit,
)
from powercap_agent.enforce.enforcer import Enforcer
from powercap_agent.hardware.inventory import Inventory
from powercap_agent.hardware.powercap import PowercapTree
from powercap_agent.logs import Log, LogFormat
from powercap_api.reasons import ZoneReason
from tests.support.agent_parts import BOUNDS, Machine
from tests.support.enforced import WATT, message, reasons


def test_originals_are_saved_before_the_first_write(desktop: Machine) -> None:
    enforcer = desktop.enforcer()
    saved: list[dict[str, int]] = []
    desktop.kernel.before_write = lambda *_: saved.append(dict(desktop.store().limits))
    enforcer.enforce(40 * WATT, BOUNDS)
    assert saved == 2 * [
        {"intel-rapl/package-0:long_term": 65 * WATT, "intel-rapl/package-0:short_term": 81_250_000}
    ]


def test_nothing_is_written_where_originals_cannot_be_saved(desktop: Machine) -> None:
    desktop.state.write_text("in the way", encoding="utf-8")
    enforcer = desktop.enforcer
    with pytest.raises(Exception, match="state"):
        enforcer()
    desktop.state.unlink()
    made = desktop.enforcer()
    desktop.state.write_text("in the way", encoding="utf-8")
    report = made.enforce(40 * WATT, BOUNDS)
    assert desktop.kernel.written == []
    assert set(reasons(report).values()) == {ZoneReason.READ_ONLY}
    assert "nothing is written" in message(report, PACKAGE)


def test_an_agent_after_a_crash_knows_the_originals(desktop: Machine) -> None:
    desktop.enforcer().enforce(40 * WATT, BOUNDS)
    second = desktop.enforcer()
    assert second.enforce(60 * WATT, BOUNDS).applied_uw == 60 * WATT
    second.release()
    assert desktop.limits() == desktop.original


def test_originals_find_their_package_though_the_indices_swapped(tmp_path: Path) -> None:
    ordered = Layout(
        [
            FakeZone("intel-rapl/intel-rapl:0", "package-0", [Limit("long_term", 105 * WATT)]),
            FakeZone("intel-rapl/intel-rapl:1", "package-1", [Limit("long_term", 85 * WATT)]),
        ]
    )
    before = Machine(tmp_path / "before", ordered)
    before.enforcer().enforce(40 * WATT, BOUNDS)
    (tmp_path / "after").mkdir()
    after = Machine(tmp_path / "after", SWAPPED_SOCKETS)
    before.state.rename(after.state)
    for index in (0, 1):
        set_limit(after.root, f"intel-rapl/intel-rapl:{index}/long_term", 20 * WATT)
    after.enforcer().release()
    assert after.limits()["intel-rapl/intel-rapl:0/long_term"] == 85 * WATT
    assert after.limits()["intel-rapl/intel-rapl:1/long_term"] == 105 * WATT


def test_an_original_is_never_taken_from_a_short_or_passing_read(desktop: Machine) -> None:
    answers = iter(["65", "6500\n"])
    desktop.kernel.distort_read = lambda path, text: (
        next(answers, text) if path.endswith("constraint_0_power_limit_uw") else text
    )
    enforcer = desktop.enforcer()
    enforcer.enforce(40 * WATT, BOUNDS)
    assert enforcer.store.limits["intel-rapl/package-0:long_term"] == 65 * WATT


def test_a_package_that_appears_later_is_capped_and_put_back_too(tmp_path: Path) -> None:
    machine = Machine(tmp_path, ONE_SOCKET)
    enforcer = machine.enforcer()
    enforcer.enforce(40 * WATT, BOUNDS)
    later = Machine(
        tmp_path, Layout([FakeZone("intel-rapl/intel-rapl:1", "package-1", [Limit("long_term", 35 * WATT)])])
    )
    enforcer.survey()
    enforcer.enforce(40 * WATT, BOUNDS)
    assert later.limits()["intel-rapl/intel-rapl:1/long_term"] == 14 * WATT
    enforcer.release()
    assert later.limits() == machine.original | {"intel-rapl/intel-rapl:1/long_term": 35 * WATT}


def test_the_original_of_a_package_that_vanished_is_kept_until_it_is_back(server: Machine) -> None:
    enforcer = server.enforcer()
    enforcer.enforce(40 * WATT, BOUNDS)
    second = server.root / "intel-rapl/intel-rapl:1"
    second.rename(server.folder / "unplugged")
    report = enforcer.enforce(30 * WATT, BOUNDS)
    assert "intel-rapl/intel-rapl:1/long_term" not in reasons(report)
    assert server.limits()[PACKAGE] == 30 * WATT
    enforcer.release()
    assert set(server.store().limits) == {"intel-rapl/package-1:long_term", "intel-rapl/package-1:short_term"}
    (server.folder / "unplugged").rename(second)
    enforcer.release()
    assert server.limits() == server.original
    assert server.store().limits == {}


def test_a_limit_that_cannot_be_put_back_is_kept_and_tried_again(desktop: Machine) -> None:
    enforcer = desktop.enforcer()
    enforcer.enforce(40 * WATT, BOUNDS)
    desktop.kernel.refuse_write = lambda _: errno.EIO
    enforcer.release()
    assert len(desktop.store().limits) == 2
    desktop.kernel.refuse_write = lambda _: None
    enforcer.release()
    assert desktop.limits() == desktop.original


def test_an_original_that_was_stated_is_put_back(tmp_path: Path) -> None:
    machine = Machine(tmp_path, LOWERED)
    hardware = Inventory([PowercapTree(machine.kernel, str(machine.root)).discover])
    log = Log(LogFormat.TEXT, machine.logged)
    enforcer = Enforcer(hardware, machine.store(), machine.time.monotonic, log, 105 * WATT)
    enforcer.survey()
    assert enforcer.enforce(90 * WATT, BOUNDS).low_originals == ()
    assert set(machine.limits().values()) == {90 * WATT}
    enforcer.release()
    assert set(machine.limits().values()) == {105 * WATT}
