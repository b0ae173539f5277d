"""Machines as they were published, on the real driver: their limits and thermal design power in the registers of both
packages, judged by the registers."""

import signal

import pytest

from tests.kernel import registers
from tests.kernel.configurations import Configuration, prepare
from tests.kernel.judge import judge_status
from tests.kernel.node import Node
from tests.support.published_machines import Published, microwatts, published

pytestmark = pytest.mark.machine("sockets")
NAMES = {
    "recorded sysfs of procfs",
    "i7-4770",
    "i9-13900K, maker's default",
    "i9-13900K without limits",
    "no maximum named",
    "Surface Pro 7, i5-1035G4",
    "XPS 9310",
    "Xeon E3-1270",
}
"""One of each kind: "no limit" of several sizes, with and without a named maximum, above and below it."""


def units(watts: str) -> int:
    """What the register's field holds for so many watts."""
    return microwatts(watts) // registers.UNIT_UW


def limits(zones: str) -> list[str]:
    """The watts of the first zone, the package."""
    name, *watts = zones.partition(";")[0].split()
    assert name == "rapl/package-0"
    return watts


@pytest.mark.parametrize(
    "listed", [one for one in published() if one.name in NAMES], ids=lambda one: f"{one.name}, {one.asked}"
)
def test_two_packages_of_a_published_machine(listed: Published, node: Node) -> None:
    prepare(Configuration("published", {"dram": 0}))
    (long, named), short = limits(listed.zones)[0].split("/"), limits(listed.zones)[1]
    for package in (0, 1):
        register = registers.read(f"package-{package}/limit")
        register = registers.with_pl2(registers.with_pl1(register, units(long)), units(short))
        registers.put(f"package-{package}/limit", register)
        registers.put(f"package-{package}/info", units(named))
    before = registers.snapshot()
    spec: dict[str, object] = {"maxSourceMicrowatts": None}
    if listed.asked.endswith("%"):
        spec["maxSourcePercent"] = int(listed.asked[:-1])
    else:
        spec["maxSourceMicrowatts"] = 2 * microwatts(listed.asked)
    node.put(1000, **spec)
    node.start()
    status = node.status()
    if listed.told != "NoReference":  # then nothing is applied
        judge_status(status)
    wanted = [units(watts) * registers.UNIT_UW for watts in limits(listed.expected)]
    for package in (0, 1):
        register = registers.read(f"package-{package}/limit")
        assert [registers.pl1_uw(register), registers.pl2_uw(register)] == wanted, status
    told = {limit["reason"] for zone in status["zones"] for limit in zone["limits"]}
    told |= {condition["reason"] for condition in status["conditions"]}
    assert not listed.told or listed.told in told
    assert node.kill(signal.SIGTERM) == 0, node.log.read_text()
    assert registers.snapshot() == before
