"""Limits on a tree with a kernel that behaves as real ones do."""

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from powercap_agent.enforce.enforcer import Enforcer
from powercap_agent.enforce.limit_state import (
    FIGHT_PAUSE_SECONDS,
    FIGHT_WINDOW_SECONDS,
    MAX_FIGHTS,
    RETRY_SECONDS,
)
from powercap_agent.enforce.results import Report
from powercap_agent.hardware.node import NodeHardware
from powercap_agent.hardware.powercap import PowercapTree
from powercap_agent.logs import Log, LogFormat
from powercap_agent.planning.limits import Rule
from powercap_api.reasons import ZoneReason
from tests.support.agent_parts import BOUNDS, Machine
from tests.support.fake_sysfs import (
    ENERGY_ONLY,
    LOWERED,
    ONE_SOCKET,
    POWER_UNIT_UW,
    PSYS_BETWEEN,
    SWAPPED_SOCKETS,
    TWO_SOCKETS,
    FakeZone,
    Layout,
    Limit,
    limit_file,
    set_limit,
)

WATT = 1_000_000
PACKAGE = "intel-rapl/intel-rapl:0/long_term"
BURST = "intel-rapl/intel-rapl:0/short_term"
TWIN = "intel-rapl-mmio/intel-rapl-mmio:0/long_term"


@pytest.fixture
def desktop(tmp_path: Path) -> Machine:
    return Machine(tmp_path, ONE_SOCKET)


@pytest.fixture
def server(tmp_path: Path) -> Machine:
    return Machine(tmp_path, TWO_SOCKETS)


def reasons(report: Report) -> dict[str, ZoneReason]:
    return {f"{result.zone.path}/{result.constraint}": result.reason for result in report.results}


def message(report: Report, limit: str) -> str:
    (found,) = [r.message for r in report.results if f"{r.zone.path}/{r.constraint}" == limit]
    return found or ""


def test_a_cap_is_written_read_back_and_undone(desktop: Machine) -> None:
    enforcer = desktop.enforcer()
    report = enforcer.enforce(40 * WATT, BOUNDS)
    assert report.applied_uw == 40 * WATT
    assert set(reasons(report).values()) == {ZoneReason.APPLIED}
    assert desktop.limits() == desktop.original | {PACKAGE: 40 * WATT, BURST: 50 * WATT}
    assert set(reasons(enforcer.release()).values()) == {ZoneReason.RELEASED}
    assert desktop.limits() == desktop.original
    assert enforcer.store.limits == {}


def test_a_read_back_within_the_power_unit_is_a_success(server: Machine) -> None:
    server.kernel.unit_uw = POWER_UNIT_UW
    enforcer = server.enforcer()
    report = enforcer.enforce(40 * WATT, BOUNDS)
    assert set(reasons(report).values()) == {ZoneReason.APPLIED}
    assert report.applied_uw is not None
    assert 40 * WATT - 2 * POWER_UNIT_UW < report.applied_uw <= 40 * WATT
    before = len(server.kernel.written)
    enforcer.enforce(40 * WATT, BOUNDS)
    assert len(server.kernel.written) == before
    assert enforcer.reapplied == 0


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


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENODATA, ZoneReason.FIRMWARE_LOCKED),
        (errno.EACCES, ZoneReason.FIRMWARE_LOCKED),
        (errno.EROFS, ZoneReason.READ_ONLY),
        (errno.EIO, ZoneReason.FAILED),
    ],
)
def test_a_refused_limit_is_told_once_and_retried_ever_more_rarely(
    server: Machine, number: int, reason: ZoneReason
) -> None:
    tries: list[float] = []
    second = str(server.root / "intel-rapl/intel-rapl:1/")

    def refuse(path: str) -> int | None:
        if not path.startswith(second):
            return None
        tries.append(server.time.seconds)
        return number

    server.kernel.refuse_write = refuse
    enforcer = server.enforcer()
    for cap in [40, 40, 40, 30, 20, *[40] * 500]:
        report = enforcer.enforce(cap * WATT, BOUNDS)
        server.time.seconds += 30
        assert reasons(report)["intel-rapl/intel-rapl:1/long_term"] is reason
        assert reasons(report)[PACKAGE] is ZoneReason.CLAMPED, "the other package holds more than the cap"
    assert len(tries) <= 2 * (len(RETRY_SECONDS) + 505 * 30 // RETRY_SECONDS[-1])
    assert server.logged.getvalue().count("intel-rapl/package-1:long_term") == 1
    server.kernel.refuse_write = lambda _: None
    server.time.seconds += RETRY_SECONDS[-1]
    assert set(reasons(enforcer.enforce(40 * WATT, BOUNDS)).values()) == {ZoneReason.APPLIED}


def test_a_write_without_effect_is_found_out_by_the_read_back(desktop: Machine) -> None:
    desktop.kernel.ignore_write = lambda _: True
    report = desktop.enforcer().enforce(40 * WATT, BOUNDS)
    assert set(reasons(report).values()) == {ZoneReason.FIRMWARE_LOCKED}
    assert report.applied_uw == 65 * WATT


def test_a_stale_read_back_is_read_again(desktop: Machine) -> None:
    enforcer = desktop.enforcer()
    enforcer.enforce(60 * WATT, BOUNDS)
    stale = iter(["60000000\n", "60000000\n"])
    after_write = False

    def written(*_: str) -> None:
        nonlocal after_write
        after_write = True

    desktop.kernel.before_write = written
    desktop.kernel.distort_read = lambda path, text: (
        next(stale, text) if after_write and path.endswith("constraint_0_power_limit_uw") else text
    )
    assert set(reasons(enforcer.enforce(40 * WATT, BOUNDS)).values()) == {ZoneReason.APPLIED}


def test_an_original_is_never_taken_from_a_short_or_passing_read(desktop: Machine) -> None:
    answers = iter(["65", "6500\n"])
    desktop.kernel.distort_read = lambda path, text: (
        next(answers, text) if path.endswith("constraint_0_power_limit_uw") else text
    )
    enforcer = desktop.enforcer()
    enforcer.enforce(40 * WATT, BOUNDS)
    assert enforcer.store.limits["intel-rapl/package-0:long_term"] == 65 * WATT


def drift(machine: Machine, enforcer: Enforcer) -> Report:
    set_limit(machine.root, PACKAGE, 55 * WATT)
    machine.time.seconds += 300
    return enforcer.enforce(40 * WATT, BOUNDS)


def test_drift_is_undone_and_counted_and_not_fought_for_ever(desktop: Machine) -> None:
    enforcer = desktop.enforcer()
    enforcer.enforce(40 * WATT, BOUNDS)
    for fights in range(1, MAX_FIGHTS + 1):
        assert reasons(drift(desktop, enforcer))[PACKAGE] is ZoneReason.APPLIED
        assert desktop.limits()[PACKAGE] == 40 * WATT
        assert enforcer.reapplied == fights
    report = drift(desktop, enforcer)
    assert reasons(report)[PACKAGE] is ZoneReason.DRIFTED
    assert "again and again" in message(report, PACKAGE)
    assert desktop.limits()[PACKAGE] == 55 * WATT
    desktop.time.seconds += FIGHT_PAUSE_SECONDS
    enforcer.enforce(40 * WATT, BOUNDS)
    assert desktop.limits()[PACKAGE] == 40 * WATT


def test_somebody_who_raises_the_limit_in_each_slot_is_found(desktop: Machine) -> None:
    enforcer = desktop.enforcer()
    enforcer.enforce(40 * WATT, BOUNDS)
    told = []
    for slot in range(12):
        set_limit(desktop.root, PACKAGE, 60 * WATT)
        desktop.time.seconds += 900
        told.append(reasons(enforcer.enforce((40 - slot % 2) * WATT, BOUNDS))[PACKAGE])
        assert desktop.limits()[PACKAGE] == (40 - slot % 2) * WATT, "a new cap is written all the same"
    assert told == [ZoneReason.APPLIED] * MAX_FIGHTS + [ZoneReason.DRIFTED] * (12 - MAX_FIGHTS)


def test_a_drift_now_and_then_is_no_fight(desktop: Machine) -> None:
    enforcer = desktop.enforcer()
    enforcer.enforce(40 * WATT, BOUNDS)
    for _ in range(3 * MAX_FIGHTS):
        drift(desktop, enforcer)
        enforcer.enforce(40 * WATT, BOUNDS)
        desktop.time.seconds += FIGHT_WINDOW_SECONDS / (MAX_FIGHTS - 1)
    assert desktop.limits()[PACKAGE] == 40 * WATT
    assert enforcer.reapplied == 3 * MAX_FIGHTS


def test_a_lower_twin_is_what_is_in_force(server: Machine) -> None:
    set_limit(server.root, TWIN, 15 * WATT)
    report = server.enforcer().enforce(40 * WATT, BOUNDS)
    assert reasons(report)[PACKAGE] is ZoneReason.MMIO_LOWER
    assert report.applied_uw == 15 * WATT + 17_894_737


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


def test_a_dry_run_writes_nothing_and_undoes_what_was_written(desktop: Machine) -> None:
    enforcer = desktop.enforcer()
    report = enforcer.enforce(40 * WATT, BOUNDS, dry_run=True)
    assert desktop.kernel.written == []
    assert not desktop.state.exists()
    assert set(reasons(report).values()) == {ZoneReason.DRY_RUN}
    enforcer.enforce(40 * WATT, BOUNDS)
    enforcer.enforce(40 * WATT, BOUNDS, dry_run=True)
    assert desktop.limits() == desktop.original


def test_a_dry_run_tells_each_limit_once_though_an_original_cannot_be_put_back(desktop: Machine) -> None:
    enforcer = desktop.enforcer()
    enforcer.enforce(40 * WATT, BOUNDS)
    desktop.kernel.refuse_write = lambda _: errno.EIO
    report = enforcer.enforce(40 * WATT, BOUNDS, dry_run=True)
    assert reasons(report) == {PACKAGE: ZoneReason.FAILED, BURST: ZoneReason.FAILED}
    assert len(report.results) == 2


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
    assert reasons(report)["intel-rapl/intel-rapl:1/long_term"] is ZoneReason.UNSUPPORTED
    enforcer.survey()
    enforcer.release()
    assert set(server.store().limits) == {"intel-rapl/package-1:long_term", "intel-rapl/package-1:short_term"}
    (server.folder / "unplugged").rename(second)
    enforcer.survey()
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


def test_limits_that_read_zero_or_not_at_all_are_unsupported(tmp_path: Path) -> None:
    machine = Machine(
        tmp_path, Layout([FakeZone("intel-rapl/intel-rapl:0", "package-0", [Limit("long_term", 0)])])
    )
    report = machine.enforcer().enforce(40 * WATT, BOUNDS)
    assert set(reasons(report).values()) == {ZoneReason.UNSUPPORTED}
    machine.kernel.refuse_read = lambda path: errno.ENODATA if path.endswith("limit_uw") else None
    assert set(reasons(machine.enforcer().enforce(40 * WATT, BOUNDS)).values()) == {ZoneReason.UNSUPPORTED}
    assert machine.kernel.written == []


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


@pytest.mark.parametrize(("short_uw", "expected_w"), [(250 * WATT, 73.170731), (NO_LIMIT, 60)])
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


def test_every_limit_file_is_one_that_was_there(server: Machine) -> None:
    server.enforcer().enforce(40 * WATT, BOUNDS)
    known = {str(limit_file(server.root, name)) for name in server.original}
    assert {path for path, _ in server.kernel.written} <= known


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


def test_an_original_that_was_stated_is_put_back(tmp_path: Path) -> None:
    machine = Machine(tmp_path, LOWERED)
    hardware = NodeHardware([PowercapTree(machine.kernel, str(machine.root))])
    log = Log(LogFormat.TEXT, machine.logged)
    enforcer = Enforcer(hardware, machine.store(), machine.time.monotonic, log, 105 * WATT)
    enforcer.survey()
    assert enforcer.enforce(90 * WATT, BOUNDS).low_originals == ()
    assert set(machine.limits().values()) == {90 * WATT}
    enforcer.release()
    assert set(machine.limits().values()) == {105 * WATT}
