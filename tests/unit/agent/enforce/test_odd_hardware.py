"""Packages without a limit, without readable files, with psys between them, and with a limit that is low already."""

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from dev.lab.fake_sysfs import (
    ENERGY_ONLY,
    LOWERED,
    PACKAGE,
    PSYS_BETWEEN,
    FakeZone,
    Layout,
    Limit,
    limit_file,
)
from powercap_agent.planning.limits import Rule
from powercap_api.reasons import ZoneReason
from tests.support.agent_parts import BOUNDS, Machine
from tests.support.enforced import WATT, reasons


def test_limits_that_read_zero_or_not_at_all_are_unsupported(tmp_path: Path) -> None:
    machine = Machine(
        tmp_path, Layout([FakeZone("intel-rapl/intel-rapl:0", "package-0", [Limit("long_term", 0)])])
    )
    report = machine.enforcer().enforce(40 * WATT, BOUNDS)
    assert set(reasons(report).values()) == {ZoneReason.UNSUPPORTED}
    machine.kernel.refuse_read = lambda path: errno.ENODATA if path.endswith("limit_uw") else None
    assert set(reasons(machine.enforcer().enforce(40 * WATT, BOUNDS)).values()) == {ZoneReason.UNSUPPORTED}
    assert machine.kernel.written == []


def test_a_package_that_nothing_limits_is_told_and_an_interface_that_limits_nothing_is_no_fault(
    tmp_path: Path,
) -> None:
    """0 and disabled: the cap holds on another interface of the package, or not at all."""
    off = FakeZone("intel-rapl/intel-rapl:0", "package-0", [Limit("long_term", 0, 28 * WATT)], enabled=False)
    on = FakeZone("intel-rapl-mmio/intel-rapl-mmio:0", "package-0", [Limit("long_term", 28 * WATT)])
    alone = Machine(tmp_path / "alone", Layout([off])).enforcer().enforce(20 * WATT, BOUNDS)
    assert set(reasons(alone).values()) == {ZoneReason.UNSUPPORTED}
    both = Machine(tmp_path / "both", Layout([off, on], ("intel-rapl", "intel-rapl-mmio")))
    report = both.enforcer().enforce(20 * WATT, BOUNDS)
    assert (report.applied_uw, {r.reason for r in report.results}) == (
        20 * WATT,
        {ZoneReason.APPLIED, ZoneReason.RELEASED},
    )


def test_a_limit_that_cannot_be_read_any_more_is_still_written(desktop: Machine) -> None:
    enforcer = desktop.enforcer()
    enforcer.enforce(40 * WATT, BOUNDS)
    limit_file(desktop.root, PACKAGE).write_text("", encoding="ascii")
    enforcer.enforce(40 * WATT, BOUNDS)
    assert desktop.limits()[PACKAGE] == 40 * WATT


NO_LIMIT = 4_095_875_000


def without_limits(folder: Path, short_uw: int = 250 * WATT) -> Machine:
    """Two packages of 205 W whose PL1 firmware left at the top of its field."""
    limits = [Limit("long_term", NO_LIMIT, 205 * WATT), Limit("short_term", short_uw, 0)]
    zones = [FakeZone(f"intel-rapl/intel-rapl:{n}", f"package-{n}", limits) for n in (0, 1)]
    return Machine(folder, Layout(zones))


@pytest.mark.parametrize(("short_uw", "expected_w"), [(250 * WATT, 73.125), (NO_LIMIT, 60)])
def test_a_cap_of_packages_without_a_limit_refers_to_what_they_may_draw(
    tmp_path: Path, short_uw: int, expected_w: float
) -> None:
    machine = without_limits(tmp_path, short_uw)
    enforcer = machine.enforcer()
    assert enforcer.standing_uw(BOUNDS) == 410 * WATT
    report = enforcer.enforce(120 * WATT, BOUNDS)
    assert (report.applied_uw, report.clamped) == (120 * WATT, False)
    assert machine.limits()["intel-rapl/intel-rapl:1/long_term"] == 60 * WATT
    assert machine.limits()["intel-rapl/intel-rapl:1/short_term"] == round(expected_w * WATT)
    enforcer.enforce(1, BOUNDS)
    assert machine.limits()["intel-rapl/intel-rapl:1/long_term"] == 10_250_000, "5 % of 205 W"
    enforcer.release()
    assert machine.limits() == machine.original


def test_a_limit_is_never_set_below_what_the_hardware_takes(tmp_path: Path) -> None:
    limits = [Limit("SCMI power-cap", 65 * WATT, min_power_uw=20 * WATT)]
    zone = FakeZone("arm_scmi_powercap/arm_scmi_powercap:0", "soc", limits)
    machine = Machine(tmp_path, Layout([zone], ("arm_scmi_powercap",)))
    report = machine.enforcer().enforce(15 * WATT, BOUNDS)
    assert set(reasons(report).values()) == {ZoneReason.CLAMPED}
    assert report.applied_uw == 20 * WATT


def test_energy_alone_is_not_supported(tmp_path: Path) -> None:
    assert not Machine(tmp_path, ENERGY_ONLY).enforcer().supported


def test_psys_between_the_packages_is_left_alone(tmp_path: Path) -> None:
    machine = Machine(tmp_path, PSYS_BETWEEN)
    report = machine.enforcer().enforce(120 * WATT, BOUNDS)
    assert report.applied_uw == 120 * WATT
    limits = machine.limits()
    assert [limits[f"intel-rapl/intel-rapl:{index}/long_term"] for index in range(4)] == [
        60 * WATT,
        300 * WATT,
        60 * WATT,
        300 * WATT,
    ]


def test_a_rule_for_psys_finds_that_of_any_master_package(tmp_path: Path) -> None:
    machine = Machine(tmp_path, PSYS_BETWEEN)
    terms = replace(BOUNDS, zones=(Rule("psys", cap_uw=200 * WATT),))
    enforcer = machine.enforcer()
    assert enforcer.enforce(120 * WATT, terms).applied_uw == 120 * WATT
    limits = machine.limits()
    assert {limits[f"intel-rapl/intel-rapl:{index}/long_term"] for index in (1, 3)} == {200 * WATT}
    enforcer.release()
    assert machine.limits() == machine.original


def test_a_limit_found_far_below_what_the_package_may_draw_is_told(tmp_path: Path) -> None:
    machine = Machine(tmp_path, LOWERED)
    enforcer = machine.enforcer()
    report = enforcer.enforce(30 * WATT, BOUNDS)
    enforcer.enforce(30 * WATT, BOUNDS)
    assert [(low.original_uw, low.most_uw) for low in report.low_originals] == [(40 * WATT, 105 * WATT)]
    assert machine.logged.getvalue().count("is it the original?") == 1


def test_a_usual_limit_is_not_told(server: Machine) -> None:
    assert server.enforcer().enforce(100 * WATT, BOUNDS).low_originals == ()
