"""Limits on a tree with a kernel that behaves as real ones do."""

import errno

import pytest

from dev.lab.fake_sysfs import BURST, PACKAGE, POWER_UNIT_UW, limit_file, set_limit
from powercap_agent.enforce.limit_state import LAST_PAUSE_SECONDS
from powercap_api.reasons import ZoneReason
from tests.support.agent_parts import BOUNDS, Machine
from tests.support.enforced import TWIN, WATT, reasons


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
    enforcer = server.enforcer()
    report = enforcer.enforce(40 * WATT, BOUNDS)
    assert set(reasons(report).values()) == {ZoneReason.APPLIED}
    assert report.applied_uw is not None
    assert 40 * WATT - 2 * POWER_UNIT_UW < report.applied_uw <= 40 * WATT
    before = len(server.kernel.written)
    enforcer.enforce(40 * WATT, BOUNDS)
    assert len(server.kernel.written) == before
    assert enforcer.reapplied == 0


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
    for cap in [40, 40, 40, 30, 20, *[40] * 100]:
        report = enforcer.enforce(cap * WATT, BOUNDS)
        server.time.seconds += 150
        assert reasons(report)["intel-rapl/intel-rapl:1/long_term"] is reason
        assert reasons(report)[PACKAGE] is ZoneReason.CLAMPED, "the other package holds more than the cap"
    assert len(tries) <= 2 * 14
    assert server.logged.getvalue().count("intel-rapl/package-1:long_term") == 1
    server.kernel.refuse_write = lambda _: None
    server.time.seconds += LAST_PAUSE_SECONDS
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


def test_a_lower_twin_is_what_is_in_force(server: Machine) -> None:
    set_limit(server.root, TWIN, 15 * WATT)
    report = server.enforcer().enforce(140 * WATT, BOUNDS)
    assert reasons(report)[PACKAGE] is ZoneReason.MMIO_LOWER
    assert report.applied_uw == (15 + 85) * WATT


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


def test_every_limit_file_is_one_that_was_there(server: Machine) -> None:
    server.enforcer().enforce(40 * WATT, BOUNDS)
    known = {str(limit_file(server.root, name)) for name in server.original}
    assert {path for path, _ in server.kernel.written} <= known
