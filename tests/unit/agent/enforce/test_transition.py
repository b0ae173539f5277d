"""Partial failures on the way from limits to limits: the node's sum, the order within a zone, what is known."""

import errno
from pathlib import Path

import pytest

from dev.lab.fake_sysfs import BURST, FakeZone, Layout, Limit, limit_file, set_limit
from powercap_agent.enforce.enforcer import Enforcer
from powercap_agent.enforce.results import Report
from powercap_agent.planning.limits import Terms
from powercap_api.reasons import ZoneReason
from tests.support.agent_parts import BOUNDS, Machine

WATT = 1_000_000
FIRST, SECOND = (f"intel-rapl/intel-rapl:{index}/long_term" for index in (0, 1))
EVEN = Terms(min_power_uw=10 * WATT, hard_floor_uw=5 * WATT, floor_percent=5, even=True)


def package(index: int, watts: int) -> FakeZone:
    limits = [Limit("long_term", watts * WATT), Limit("short_term", watts * 6 // 5 * WATT)]
    return FakeZone(f"intel-rapl/intel-rapl:{index}", f"package-{index}", limits)


@pytest.fixture
def node(tmp_path: Path) -> Machine:
    """Two packages of 100 W."""
    return Machine(tmp_path, Layout([package(0, 100), package(1, 100)]))


def reason(report: Report, limit: str) -> ZoneReason:
    (found,) = [r.reason for r in report.results if f"{r.zone.path}/{r.constraint}" == limit]
    return found


def refuse(machine: Machine, limit: str, number: int | None) -> None:
    path = str(limit_file(machine.root, limit))
    machine.kernel.refuse_write = lambda written: number if written == path else None


def test_short_term_stays_above_a_long_term_that_could_not_be_lowered(node: Machine) -> None:
    enforcer = node.enforcer()
    enforcer.enforce(180 * WATT, EVEN)
    refuse(node, FIRST, errno.EIO)
    report = enforcer.enforce(60 * WATT, EVEN)
    assert reason(report, BURST) is ZoneReason.FAILED
    assert node.limits()[BURST] >= node.limits()[FIRST] == 90 * WATT
    refuse(node, FIRST, None)
    enforcer.enforce(60 * WATT, EVEN)
    assert (node.limits()[FIRST], node.limits()[BURST]) == (30 * WATT, 36 * WATT)


def test_short_term_is_lowered_as_far_as_a_long_term_that_could_not_be_leaves_room(node: Machine) -> None:
    enforcer = node.enforcer()
    enforcer.enforce(180 * WATT, EVEN)
    refuse(node, FIRST, errno.EIO)
    enforcer.enforce(170 * WATT, EVEN)
    assert (node.limits()[FIRST], node.limits()[BURST]) == (90 * WATT, 102 * WATT)


def test_long_term_stays_below_a_short_term_that_could_not_be_raised(node: Machine) -> None:
    enforcer = node.enforcer()
    enforcer.enforce(60 * WATT, EVEN)
    refuse(node, BURST, errno.EIO)
    enforcer.enforce(180 * WATT, EVEN)
    assert (node.limits()[FIRST], node.limits()[BURST]) == (30 * WATT, 36 * WATT)


@pytest.mark.parametrize("locked", [False, True])
def test_no_limit_goes_up_by_what_another_does_not_give_back(node: Machine, *, locked: bool) -> None:
    enforcer = node.enforcer()
    enforcer.enforce(80 * WATT, EVEN)
    set_limit(node.root, SECOND, 60 * WATT)
    set_limit(node.root, FIRST, 20 * WATT)
    if locked:
        node.kernel.ignore_write = lambda path: path == str(limit_file(node.root, SECOND))
    else:
        refuse(node, SECOND, errno.ENODATA)
    for _ in range(3):
        node.time.seconds += 300
        report = enforcer.enforce(80 * WATT, EVEN)
        limits = node.limits()
        assert limits[FIRST] + limits[SECOND] <= 80 * WATT
        assert report.applied_uw == limits[FIRST] + limits[SECOND]
        assert reason(report, SECOND) is ZoneReason.FIRMWARE_LOCKED


def test_what_cannot_be_lowered_is_taken_from_the_others(node: Machine) -> None:
    enforcer = node.enforcer()
    refuse(node, SECOND, errno.ENODATA)
    report = enforcer.enforce(120 * WATT, EVEN)
    assert (node.limits()[FIRST], node.limits()[SECOND]) == (20 * WATT, 100 * WATT)
    assert report.applied_uw == 120 * WATT
    refuse(node, SECOND, None)
    assert enforcer.enforce(120 * WATT, EVEN).applied_uw == 120 * WATT
    assert (node.limits()[FIRST], node.limits()[SECOND]) == (60 * WATT, 60 * WATT)


def test_a_package_that_cannot_be_read_counts_as_its_highest_power(node: Machine) -> None:
    path = str(limit_file(node.root, SECOND))
    node.kernel.refuse_read = lambda read: errno.EIO if read == path else None
    report = node.enforcer().enforce(130 * WATT, EVEN)
    assert node.limits()[FIRST] == 30 * WATT
    assert report.applied_uw == 130 * WATT


def test_one_whose_reading_fails_later_does_too(node: Machine) -> None:
    enforcer = node.enforcer()
    enforcer.enforce(130 * WATT, EVEN)
    path = str(limit_file(node.root, SECOND))
    node.kernel.refuse_read = lambda read: errno.EIO if read == path else None
    report = enforcer.enforce(130 * WATT, EVEN)
    assert node.limits()[FIRST] == 30 * WATT
    assert report.applied_uw == 130 * WATT


def test_a_new_cap_is_tried_at_once_after_another_was_refused(node: Machine) -> None:
    enforcer = node.enforcer()
    path = str(limit_file(node.root, FIRST))
    tried: list[int] = []

    def note(written: str, text: str) -> None:
        if written == path:
            tried.append(int(text))

    node.kernel.before_write = note
    node.kernel.refuse_write = lambda written: (
        errno.EINVAL if written == path and tried[-1] < 50 * WATT else None
    )
    for _ in range(20):
        enforcer.enforce(80 * WATT, EVEN)
        node.time.seconds += 10
    assert len([uw for uw in tried if uw == 40 * WATT]) == 4, "at 0, 10, 70 and 190 s"
    report = enforcer.enforce(140 * WATT, EVEN)
    assert reason(report, FIRST) is ZoneReason.APPLIED
    assert node.limits()[FIRST] == 70 * WATT


def test_a_ramp_does_not_spam_the_kernels_log_about_a_locked_limit(node: Machine) -> None:
    enforcer = node.enforcer()
    tries = 0

    def refuse_all(_: str) -> int:
        nonlocal tries
        tries += 1
        return errno.ENODATA

    node.kernel.refuse_write = refuse_all
    for step in range(60):
        enforcer.enforce((190 - step) * WATT, EVEN)
        node.time.seconds += 1
    assert tries <= 2 * 2 * 2, "two values of each limit"


def other_manager(machine: Machine) -> Enforcer:
    """An agent at 80 W, after another manager has set the first package to 20 W."""
    enforcer = machine.enforcer()
    enforcer.enforce(100 * WATT, EVEN)
    enforcer.enforce(80 * WATT, EVEN)
    set_limit(machine.root, FIRST, 20 * WATT)
    return enforcer


@pytest.mark.parametrize("crash", [False, True])
def test_a_limit_that_another_manager_set_lower_is_left_and_told(node: Machine, *, crash: bool) -> None:
    enforcer = other_manager(node)
    if crash:
        enforcer = node.enforcer()
    for cap in (80, 80, 90):
        node.time.seconds += 300
        report = enforcer.enforce(cap * WATT, EVEN)
        assert reason(report, FIRST) is ZoneReason.LOWER_BY_OTHER
        assert node.limits()[FIRST] == 20 * WATT
        assert enforcer.reapplied == 0
    enforcer.enforce(30 * WATT, EVEN)
    assert node.limits()[FIRST] == 15 * WATT
    enforcer.release()
    assert node.limits() == node.original


def test_what_a_crashed_agent_wrote_is_ours(node: Machine) -> None:
    node.enforcer().enforce(40 * WATT, EVEN)
    report = node.enforcer().enforce(90 * WATT, EVEN)
    assert reason(report, FIRST) is ZoneReason.APPLIED
    assert node.limits()[FIRST] == 45 * WATT


def test_a_full_run_folder_stops_only_limits_whose_originals_are_not_saved(tmp_path: Path) -> None:
    node = Machine(tmp_path, Layout([package(0, 100)]))
    enforcer = node.enforcer()
    enforcer.enforce(40 * WATT, BOUNDS)
    (node.state / "originals.json.tmp").mkdir()
    later = Machine(tmp_path, Layout([package(1, 100)]))
    enforcer.survey()
    report = enforcer.enforce(130 * WATT, EVEN)
    assert reason(report, SECOND) is ZoneReason.READ_ONLY
    assert reason(report, FIRST) is ZoneReason.APPLIED
    assert (later.limits()[FIRST], later.limits()[SECOND]) == (30 * WATT, 100 * WATT)
    assert "could not be noted" in node.logged.getvalue()
    (node.state / "originals.json.tmp").rmdir()
    enforcer.enforce(130 * WATT, EVEN)
    assert (later.limits()[FIRST], later.limits()[SECOND]) == (65 * WATT, 65 * WATT)
