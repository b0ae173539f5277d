"""Caps that the kernel shows as hwmon devices."""

from pathlib import Path

import pytest

from powercap_agent.enforce.enforcer import Enforcer
from powercap_agent.hardware.files import KernelFiles
from powercap_agent.hardware.hwmon import Hwmon
from powercap_agent.hardware.inventory import Inventory
from powercap_agent.hardware.zone import LimitError
from powercap_agent.logs import Log, LogFormat
from powercap_agent.planning.limits import Rule, Terms
from powercap_agent.planning.meaning import highest_draw_uw
from powercap_agent.state.originals_store import OriginalsStore
from tests.support.fake_hwmon import HwmonDevice, HwmonKernel, build_hwmon

WATT = 1_000_000
EPYC = (
    HwmonDevice("amd_hsmp_hwmon", "AMDI0097:00", 240 * WATT, cap_max_uw=280 * WATT),
    HwmonDevice("amd_hsmp_hwmon", "AMDI0097:01", 240 * WATT, cap_max_uw=280 * WATT),
)
CARD = HwmonDevice("amdgpu", "0000:03:00.0", 303 * WATT, cap_max_uw=340 * WATT, cap_min_uw=50 * WATT)
SENSOR = HwmonDevice("k10temp", "0000:00:18.3", None)


def enforcer(folder: Path) -> Enforcer:
    made = Enforcer(
        Inventory([Hwmon(HwmonKernel(), str(folder / "class" / "hwmon")).discover]),
        OriginalsStore(str(folder / "state"), "boot-1"),
        lambda: 0.0,
        Log(LogFormat.TEXT),
    )
    made.survey()
    return made


def cap(folder: Path, device: HwmonDevice) -> int:
    return int((folder / "devices" / device.address / "hwmon" / "power1_cap").read_text(encoding="ascii"))


def test_only_devices_known_to_take_a_cap_are_found(tmp_path: Path) -> None:
    build_hwmon(tmp_path, [SENSOR, CARD, *EPYC])
    zones = Hwmon(KernelFiles(), str(tmp_path / "class" / "hwmon")).discover()
    assert {zone.key for zone in zones} == {
        "amdgpu/0000:03:00.0",
        "amd_hsmp_hwmon/AMDI0097:00",
        "amd_hsmp_hwmon/AMDI0097:01",
    }


@pytest.mark.parametrize(
    ("addresses", "uids", "packages"),
    [
        (("AMDI0097:00", "AMDI0097:01"), ("ID00", "ID01"), ["package-0", "package-1"]),
        (("AMDI0097:00", "AMDI0097:01"), ("ID01", "ID00"), ["package-1", "package-0"]),
        (("AMDI0097:00",), ("ID01",), ["package-1"]),
        (("AMDI0097:01", "AMDI0097:00"), (None, None), ["package-1", "package-0"]),
        (("amd_hsmp",) * 12, (None,) * 12, [f"package-{n}" for n in range(12)]),
    ],
)
def test_a_socket_is_named_by_its_package_and_not_by_its_rank(
    addresses: tuple[str, ...], uids: tuple[str | None, ...], packages: list[str], tmp_path: Path
) -> None:
    """drivers/platform/x86/amd/hsmp: ``_UID`` in acpi.c, one device for all sockets in plat.c."""
    devices = [
        HwmonDevice("amd_hsmp_hwmon", address, 240 * WATT, uid=uid)
        for address, uid in zip(addresses, uids, strict=True)
    ]
    build_hwmon(tmp_path, devices)
    zones = Hwmon(KernelFiles(), str(tmp_path / "class" / "hwmon")).discover()
    assert [zone.name for zone in zones] == packages
    assert len({zone.key for zone in zones}) == len(devices)


def test_a_card_whose_driver_counts_energy_tells_it(tmp_path: Path) -> None:
    build_hwmon(tmp_path, [CARD, HwmonDevice("amdgpu", "0000:04:00.0", 303 * WATT, energy_uj=7_000_000)])
    without, counting = Hwmon(KernelFiles(), str(tmp_path / "class" / "hwmon")).discover()
    assert (without.energy, counting.device.energy_uj()) == (None, 7_000_000)
    assert highest_draw_uw(without, ()) == 340 * WATT
    assert counting.energy is not None


def test_no_folder_no_devices(tmp_path: Path) -> None:
    assert Hwmon(KernelFiles(), str(tmp_path / "none")).discover() == ()


def test_keys_stay_when_the_kernel_numbers_them_anew(tmp_path: Path) -> None:
    build_hwmon(tmp_path / "a", [SENSOR, *EPYC])
    build_hwmon(tmp_path / "b", [*reversed(EPYC), SENSOR])
    found = [
        {zone.key for zone in Hwmon(KernelFiles(), str(tmp_path / boot / "class" / "hwmon")).discover()}
        for boot in ("a", "b")
    ]
    assert found[0] == found[1]


def test_epyc_sockets_share_the_nodes_cap_and_get_their_own_back(tmp_path: Path) -> None:
    build_hwmon(tmp_path, [*EPYC])
    made = enforcer(tmp_path)
    assert made.supported
    report = made.enforce(300 * WATT, Terms(10 * WATT, 5 * WATT, 5))
    assert report.applied_uw == 300 * WATT
    assert [cap(tmp_path, device) for device in EPYC] == [150 * WATT, 150 * WATT]
    made.release()
    assert [cap(tmp_path, device) for device in EPYC] == [240 * WATT, 240 * WATT]


def test_cards_are_left_alone_until_a_rule_names_them(tmp_path: Path) -> None:
    build_hwmon(tmp_path, [CARD, *EPYC])
    made = enforcer(tmp_path)
    made.enforce(300 * WATT, Terms(10 * WATT, 5 * WATT, 5))
    assert cap(tmp_path, CARD) == 303 * WATT
    made.enforce(300 * WATT, Terms(10 * WATT, 5 * WATT, 5, devices=(Rule("amdgpu", cap_uw=10_500_000),)))
    assert cap(tmp_path, CARD) == 50 * WATT
    made.enforce(300 * WATT, Terms(10 * WATT, 5 * WATT, 5))
    assert cap(tmp_path, CARD) == 303 * WATT


def test_a_card_rounds_to_watts_and_that_is_a_success(tmp_path: Path) -> None:
    build_hwmon(tmp_path, [CARD, *EPYC])
    made = enforcer(tmp_path)
    terms = Terms(10 * WATT, 5 * WATT, 5, devices=(Rule("amdgpu", cap_uw=100_700_000),))
    report = made.enforce(300 * WATT, terms)
    assert {result.reason.value for result in report.results} == {"Applied"}
    assert cap(tmp_path, CARD) == 100 * WATT


def test_there_is_no_energy_counter(tmp_path: Path) -> None:
    build_hwmon(tmp_path, [CARD])
    driver = Hwmon(KernelFiles(), str(tmp_path / "class" / "hwmon"))
    with pytest.raises(LimitError):
        driver.discover()[0].device.energy_uj()


def test_a_card_gets_its_own_limit_back_after_the_kernel_numbered_cards_anew(tmp_path: Path) -> None:
    other = HwmonDevice("amdgpu", "0000:83:00.0", 150 * WATT, cap_max_uw=200 * WATT, cap_min_uw=50 * WATT)
    build_hwmon(tmp_path, [CARD, other, *EPYC])
    made = enforcer(tmp_path)
    made.enforce(300 * WATT, Terms(10 * WATT, 5 * WATT, 5, devices=(Rule("amdgpu", cap_uw=100 * WATT),)))
    folder = tmp_path / "class" / "hwmon"
    (folder / "hwmon0").rename(folder / "away")
    (folder / "hwmon1").rename(folder / "hwmon0")
    (folder / "away").rename(folder / "hwmon1")
    made.release()
    assert [cap(tmp_path, card) for card in (CARD, other)] == [303 * WATT, 150 * WATT]
