"""The driver is taken away and loaded anew while a cap is in force, and numbers its zones otherwise."""

import signal
from functools import partial
from pathlib import Path

import pytest

from dev.lab.agent_process import eventually
from tests.kernel import registers
from tests.kernel.configurations import WATTS_105, Configuration, prepare
from tests.kernel.judge import judge_status
from tests.kernel.node import WAIT_SECONDS, Node
from tests.kernel.registers import ZONES

CPUS = Path("/sys/devices/system/cpu")


def held(packages: int = 2) -> dict[str, int]:
    """The packages' limit registers."""
    return {f"package-{n}/limit": registers.read(f"package-{n}/limit") for n in range(packages)}


def load_anew(psys: int) -> None:
    """Load the driver anew over registers that keep their values, as those of a processor do."""
    values = held()
    registers.load(WATTS_105 | {"psys": psys})
    for name, value in values.items():
        registers.put(name, value)


def numbers() -> dict[str, str]:
    """The folder of each package, by its name."""
    return {
        name.read_text(encoding="ascii").strip(): name.parent.name
        for name in ZONES.glob("intel-rapl/*/name")
        if name.read_text(encoding="ascii").startswith("package-")
    }


def follow(shares_uw: tuple[int, ...]) -> bool:
    """Whether the packages hold so much."""
    pairs = zip(shares_uw, held().values(), strict=True)
    return all(0 <= uw - registers.pl1_uw(value) < registers.UNIT_UW for uw, value in pairs)


@pytest.mark.machine("sockets")
@pytest.mark.parametrize("loads", [(1,), (0, 1), (1, 0, 1, 0)])
def test_each_package_has_its_own_limit_and_gets_its_own_back(node: Node, loads: tuple[int, ...]) -> None:
    prepare(Configuration("unequal", {"psys": 0}))
    registers.put("package-1/limit", registers.with_pl1(registers.read("package-1/limit"), 85 * 8))
    before, first = held(), numbers()
    node.put(95, split="Proportional")
    node.start()
    judge_status(node.status())
    for step, psys in enumerate(loads):
        load_anew(psys)
        assert (numbers() == first) == (psys == 0), "with psys package-1 has another number"
        watts = 76 - 19 * (step % 2)
        node.put(watts)
        shares_uw = (watts * 1_000_000 * 105 // 190, watts * 1_000_000 * 85 // 190)
        eventually(partial(follow, shares_uw), lambda: f"{held()}\n{node.log.read_text()}", WAIT_SECONDS)
        judge_status(node.status())
    assert node.kill(signal.SIGTERM) == 0
    assert held() == before
    assert not (node.state / "originals.json").exists()


@pytest.mark.machine("sockets")
def test_the_end_right_after_a_reload_puts_back_each_packages_own(node: Node) -> None:
    prepare(Configuration("unequal", {"psys": 0}))
    registers.put("package-1/limit", registers.with_pl1(registers.read("package-1/limit"), 85 * 8))
    before = held()
    node.put(95, stabilisationSeconds=300)
    node.start()
    judge_status(node.status())
    load_anew(1)
    assert node.kill(signal.SIGTERM) == 0
    assert held() == before


@pytest.mark.machine("three")
def test_two_of_three_sockets_come_back_in_the_other_order(node: Node) -> None:
    """Each socket's zone goes with its last CPU, and comes with its first one under the lowest number that is free.

    The kernel disables the limits of a socket that goes. The agent enables them again, with which the kernel sets their
    clamp bits, and has no file to clear them.
    """
    prepare(Configuration("unequal"))
    originals_w = (105, 85, 65)
    for package, watts in enumerate(originals_w):
        name = f"package-{package}/limit"
        registers.put(name, registers.with_pl1(registers.read(name), watts * 8))
    before, first = held(3), numbers()
    node.put(102, split="Proportional")
    node.start()
    judge_status(node.status())
    try:
        for cpu in (1, 2):
            (CPUS / f"cpu{cpu}" / "online").write_text("0", encoding="ascii")
        assert set(numbers()) == {"package-0"}
    finally:
        for cpu in (2, 1):
            (CPUS / f"cpu{cpu}" / "online").write_text("1", encoding="ascii")
    now = numbers()
    assert (now["package-1"], now["package-2"]) == (first["package-2"], first["package-1"])
    node.put(51)
    shares_uw = [51_000_000 * watts // sum(originals_w) for watts in originals_w]

    def followed() -> bool:
        pairs = zip(shares_uw, held(3).values(), strict=True)
        return all(abs(uw - registers.pl1_uw(value)) <= registers.UNIT_UW for uw, value in pairs)

    eventually(followed, lambda: f"{held(3)}\n{node.log.read_text()}", WAIT_SECONDS)
    judge_status(node.status())
    assert node.kill(signal.SIGTERM) == 0
    clamps = registers.PL1_CLAMP | registers.PL2_CLAMP
    assert held(3) == before | {
        name: before[name] | clamps for name in ("package-1/limit", "package-2/limit")
    }
