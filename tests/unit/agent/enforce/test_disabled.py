"""Packages that were found disabled: enabled to be capped, and disabled again."""

import errno
from pathlib import Path

import pytest

from dev.lab.fake_sysfs import FakeZone, Layout, Limit
from powercap_api.reasons import ZoneReason
from tests.support.agent_parts import BOUNDS, Machine
from tests.support.enforced import WATT, reasons


@pytest.fixture
def left_off(tmp_path: Path) -> Machine:
    """A node whose package firmware left disabled."""
    limits = [Limit("long_term", 65 * WATT), Limit("short_term", 80 * WATT), Limit("peak_power", 130 * WATT)]
    return Machine(
        tmp_path, Layout([FakeZone("intel-rapl/intel-rapl:0", "package-0", limits, enabled=False)])
    )


def enabled(machine: Machine) -> str:
    return (machine.root / "intel-rapl/intel-rapl:0/enabled").read_text(encoding="ascii")


def test_disabled_packages_are_enabled(left_off: Machine) -> None:
    report = left_off.enforcer().enforce(40 * WATT, BOUNDS)
    assert set(reasons(report).values()) == {ZoneReason.APPLIED}
    assert enabled(left_off) == "1\n"


@pytest.mark.parametrize("crash", [False, True])
def test_a_package_that_was_disabled_is_disabled_again_before_its_limits_are_put_back(
    left_off: Machine, *, crash: bool
) -> None:
    enforcer = left_off.enforcer()
    enforcer.enforce(40 * WATT, BOUNDS)
    enforcer.enforce(30 * WATT, BOUNDS)
    if crash:
        enforcer = left_off.enforcer()
        assert enforcer.enforce(35 * WATT, BOUNDS).reenabled == ()
    left_off.kernel.written.clear()
    assert set(reasons(enforcer.release()).values()) == {ZoneReason.RELEASED}
    assert enabled(left_off) == "0\n"
    assert left_off.kernel.written[0][0].endswith("/enabled")
    assert left_off.limits() == left_off.original
    assert not (left_off.state / "originals.json").exists()


def test_a_package_that_stays_enabled_is_told_and_tried_again(left_off: Machine) -> None:
    enforcer = left_off.enforcer()
    enforcer.enforce(40 * WATT, BOUNDS)
    left_off.kernel.ignore_write = lambda path: path.endswith("/enabled")
    assert set(reasons(enforcer.release()).values()) == {ZoneReason.FAILED}
    assert left_off.store().disabled == {"intel-rapl/package-0"}
    left_off.kernel.ignore_write = lambda _: False
    enforcer.release()
    assert enabled(left_off) == "0\n"
    assert left_off.store().disabled == frozenset()


def test_a_package_that_was_enabled_stays_so_though_it_returned_disabled(desktop: Machine) -> None:
    enforcer = desktop.enforcer()
    assert enforcer.enforce(40 * WATT, BOUNDS).reenabled == ()
    (desktop.root / "intel-rapl/intel-rapl:0/enabled").write_text("0\n", encoding="ascii")
    enforcer.enforce(40 * WATT, BOUNDS)
    assert enabled(desktop) == "1\n"
    told = [enforcer.enforce(40 * WATT, BOUNDS), enforcer.release(), enforcer.enforce(30 * WATT, BOUNDS)]
    assert [[zone.name for zone in report.reenabled] for report in told] == [["package-0"]] * 3
    assert desktop.logged.getvalue().count("its clamp bits stay set") == 1
    assert enabled(desktop) == "1\n"


def test_a_limit_saved_later_does_not_take_its_zone_for_one_that_was_found_disabled(desktop: Machine) -> None:
    enforcer = desktop.enforcer()
    enforcer.enforce(40 * WATT, BOUNDS)
    enforcer.store.drop(["intel-rapl/package-0:short_term"])
    (desktop.root / "intel-rapl/intel-rapl:0/enabled").write_text("0\n", encoding="ascii")
    enforcer.enforce(30 * WATT, BOUNDS)
    assert "intel-rapl/package-0:short_term" in enforcer.store.limits
    assert enforcer.store.disabled == frozenset()


def test_packages_that_firmware_keeps_disabled_are_locked(left_off: Machine) -> None:
    left_off.kernel.refuse_write = lambda path: errno.ENOSYS if path.endswith("/enabled") else None
    report = left_off.enforcer().enforce(40 * WATT, BOUNDS)
    assert set(reasons(report).values()) == {ZoneReason.FIRMWARE_LOCKED}
