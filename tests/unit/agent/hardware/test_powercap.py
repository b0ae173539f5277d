"""Discovery in powercap folders of all kinds, and what their files answer."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from dev.lab.fake_sysfs import (
    DIES,
    ENERGY_ONLY,
    NO_POWERCAP,
    ONE_SOCKET,
    SWAPPED_SOCKETS,
    TWO_SOCKETS,
    FakeKernel,
    FakeZone,
    Layout,
    Limit,
    build_tree,
    limit_file,
)
from powercap_agent.hardware.files import DriverError, KernelFiles
from powercap_agent.hardware.powercap import PowercapTree
from powercap_agent.hardware.zone import LimitError, Zone
from powercap_api.reasons import ZoneReason


def discover(root: Path, layout: Layout) -> dict[str, Zone]:
    build_tree(root, layout)
    return {zone.key: zone for zone in PowercapTree(KernelFiles(), str(root)).discover()}


def test_zones_of_a_server(tmp_path: Path) -> None:
    zones = discover(tmp_path, TWO_SOCKETS)
    assert {key: (zone.path, zone.top) for key, zone in zones.items()} == {
        "intel-rapl/package-0": ("intel-rapl/intel-rapl:0", True),
        "intel-rapl/package-0/dram": ("intel-rapl/intel-rapl:0/intel-rapl:0:0", False),
        "intel-rapl/package-1": ("intel-rapl/intel-rapl:1", True),
        "intel-rapl/package-1/dram": ("intel-rapl/intel-rapl:1/intel-rapl:1:0", False),
        "intel-rapl/psys": ("intel-rapl/intel-rapl:2", True),
        "intel-rapl-mmio/package-0": ("intel-rapl-mmio/intel-rapl-mmio:0", True),
    }
    constraints = zones["intel-rapl/package-0"].constraints
    assert [constraint.name for constraint in constraints] == ["long_term", "short_term", "peak_power"]


def test_a_key_follows_the_name_not_the_index(tmp_path: Path) -> None:
    zones = discover(tmp_path, SWAPPED_SOCKETS)
    long_term = zones["intel-rapl/package-0"].constraint("long_term")
    assert long_term is not None
    assert zones["intel-rapl/package-0"].device.read(long_term) == 105_000_000


def test_every_die_is_a_zone_of_its_own(tmp_path: Path) -> None:
    zones = discover(tmp_path, DIES)
    assert set(zones) == {f"intel-rapl/package-{package}-die-{die}" for package in (0, 1) for die in (0, 1)}


@pytest.mark.parametrize("layout", [NO_POWERCAP, ENERGY_ONLY])
def test_nothing_to_cap(tmp_path: Path, layout: Layout) -> None:
    zones = discover(tmp_path, layout)
    assert all(zone.constraints == () for zone in zones.values())


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert PowercapTree(KernelFiles(), str(tmp_path / "none")).discover() == ()


def test_the_class_folder_with_its_links_shows_every_zone_once(tmp_path: Path) -> None:
    real, links = tmp_path / "devices", tmp_path / "class"
    build_tree(real, TWO_SOCKETS)
    links.mkdir()
    for zone in TWO_SOCKETS.zones:
        (links / Path(zone.path).name).symlink_to(real / zone.path)
    for control_type in TWO_SOCKETS.control_types:
        (links / control_type).symlink_to(real / control_type)
    by_links = {zone.key for zone in PowercapTree(KernelFiles(), str(links)).discover()}
    assert by_links == {zone.key for zone in PowercapTree(KernelFiles(), str(real)).discover()}


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    build_tree(tmp_path, ONE_SOCKET)
    (tmp_path / "intel-rapl/intel-rapl:0/device:0").symlink_to(tmp_path / "intel-rapl/intel-rapl:0")
    assert len(PowercapTree(KernelFiles(), str(tmp_path)).discover()) == 3


def test_constraints_are_found_by_name_whatever_their_number(tmp_path: Path) -> None:
    swapped = Layout(
        [FakeZone("intel-rapl/intel-rapl:0", "package-0", [Limit("peak_power", 9), Limit("long_term", 7)])]
    )
    zones = discover(tmp_path, swapped)
    zone = zones["intel-rapl/package-0"]
    long_term = zone.constraint("long_term")
    assert long_term is not None
    assert zone.device.read(long_term) == 7


def test_a_handle_is_never_another_zones_whatever_its_path_leads_to(tmp_path: Path) -> None:
    zones = discover(tmp_path, TWO_SOCKETS)
    folder = tmp_path / "intel-rapl"
    (folder / "intel-rapl:0").rename(folder / "away")
    (folder / "intel-rapl:1").rename(folder / "intel-rapl:0")
    (folder / "away").rename(folder / "intel-rapl:1")
    for name, power_uw in (("package-0", 105_000_000), ("package-1", 85_000_000)):
        zone = zones[f"intel-rapl/{name}"]
        assert not zone.device.is_there()
        assert zone.device.read(zone.constraints[0]) == power_uw
    again = {zone.key: zone for zone in PowercapTree(KernelFiles(), str(tmp_path)).discover()}
    assert again["intel-rapl/package-1"].path == "intel-rapl/intel-rapl:0"
    assert again["intel-rapl/package-1"].device.is_there()


def test_a_folder_that_was_removed_stays_dead_when_it_is_made_again(tmp_path: Path) -> None:
    zone = discover(tmp_path, ONE_SOCKET)["intel-rapl/package-0"]
    shutil.rmtree(tmp_path / "intel-rapl")
    build_tree(tmp_path, ONE_SOCKET)
    assert not zone.device.is_there()
    with pytest.raises(LimitError, match="ENOENT"):
        zone.device.write(zone.constraints[0], 9)


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_is_no_file_of_the_kernels_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    zone = discover(tmp_path, ONE_SOCKET)["intel-rapl/package-0"]
    file = limit_file(tmp_path, "intel-rapl/intel-rapl:0/long_term")
    file.unlink()
    (os.mkfifo if kind == "pipe" else os.mkdir)(file)
    with pytest.raises(LimitError):
        zone.device.read(zone.constraints[0])
    with pytest.raises(LimitError):
        zone.device.write(zone.constraints[0], 9)


def test_two_zones_of_one_name_have_two_keys(tmp_path: Path) -> None:
    zones = discover(
        tmp_path,
        Layout([FakeZone(f"dtpm/dtpm:{index}", "soc", [Limit("Instantaneous", 9)]) for index in (0, 1)], ()),
    )
    assert len(zones) == 2


@pytest.mark.parametrize(
    ("call", "number", "reason"),
    [
        ("open", errno.EACCES, ZoneReason.MASKED),
        ("open", errno.EPERM, ZoneReason.MASKED),
        ("open", errno.EROFS, ZoneReason.READ_ONLY),
        ("open", errno.ENOENT, ZoneReason.UNSUPPORTED),
        ("write", errno.EACCES, ZoneReason.FIRMWARE_LOCKED),
        ("write", errno.EPERM, ZoneReason.FIRMWARE_LOCKED),
        ("write", errno.ENODATA, ZoneReason.FIRMWARE_LOCKED),
        ("write", errno.EINVAL, ZoneReason.UNSUPPORTED),
        ("write", errno.ENODEV, ZoneReason.UNSUPPORTED),
        ("write", errno.EIO, ZoneReason.FAILED),
    ],
)
def test_a_refused_write_has_a_reason(tmp_path: Path, call: str, number: int, reason: ZoneReason) -> None:
    build_tree(tmp_path, ONE_SOCKET)
    kernel = FakeKernel(
        refuse_open=lambda _: number if call == "open" else None,
        refuse_write=lambda _: number if call == "write" else None,
    )
    tree = PowercapTree(kernel, str(tmp_path))
    package = tree.discover()[0]
    with pytest.raises(LimitError) as caught:
        package.device.write(package.constraints[0], 9)
    assert caught.value.reason is reason
    assert errno.errorcode[number] in caught.value.message


def test_the_kernels_files_tell_a_refusal_by_the_driver_from_one_at_the_door(tmp_path: Path) -> None:
    with pytest.raises(DriverError) as caught:
        KernelFiles().write("/dev/full", "5\n")
    assert caught.value.errno == errno.ENOSPC
    with pytest.raises(FileNotFoundError):
        KernelFiles().write(str(tmp_path / "none"), "5\n")


def test_a_constraint_has_the_bounds_that_its_files_tell(tmp_path: Path) -> None:
    limits = [Limit("long_term", 9, max_power_uw=8, min_power_uw=3), Limit("short_term", 9)]
    zones = discover(tmp_path, Layout([FakeZone("intel-rapl/intel-rapl:0", "package-0", limits)]))
    bounds = [(c.min_power_uw, c.max_power_uw) for c in zones["intel-rapl/package-0"].constraints]
    assert bounds == [(3, 8), (0, 0)]


@pytest.mark.parametrize("text", ["", "55", "-1\n", "long_term\n", "0x10\n", "5 5\n"])
def test_what_is_no_whole_number_in_a_whole_line_is_no_limit(tmp_path: Path, text: str) -> None:
    zones = discover(tmp_path, ONE_SOCKET)
    limit_file(tmp_path, "intel-rapl/intel-rapl:0/long_term").write_text(text, encoding="ascii")
    package = zones["intel-rapl/package-0"]
    with pytest.raises(LimitError):
        package.device.read(package.constraints[0])


def test_enabling_writes_1_only_where_0_is_read_and_mends_peak_power(tmp_path: Path) -> None:
    layout = Layout(
        [
            FakeZone(
                "intel-rapl/intel-rapl:0",
                "package-0",
                [Limit("long_term", 9_000_000), Limit("peak_power", 80_000_000)],
                enabled=False,
            )
        ]
    )
    build_tree(tmp_path, layout)
    kernel = FakeKernel(on_enable={"constraint_1_power_limit_uw": "125000\n"})
    tree = PowercapTree(kernel, str(tmp_path))
    package = tree.discover()[0]
    assert package.enabled is False
    package.device.switch(on=True)
    package.device.switch(on=True)
    names = [(Path(path).name, text) for path, text in kernel.written]
    assert names == [("enabled", "1\n"), ("constraint_1_power_limit_uw", "80000000\n")]


def test_a_zone_that_stays_disabled_is_locked(tmp_path: Path) -> None:
    layout = Layout(
        [FakeZone("intel-rapl/intel-rapl:0", "package-0", [Limit("long_term", 9)], enabled=False)]
    )
    build_tree(tmp_path, layout)
    tree = PowercapTree(FakeKernel(ignore_write=lambda _: True), str(tmp_path))
    with pytest.raises(LimitError) as caught:
        tree.discover()[0].device.switch(on=True)
    assert caught.value.reason is ZoneReason.FIRMWARE_LOCKED
