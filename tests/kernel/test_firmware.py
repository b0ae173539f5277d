"""What firmware and people do to a node whose limits are capped."""

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dev.lab.agent_process import eventually
from tests.kernel import registers
from tests.kernel.configurations import Configuration, prepare
from tests.kernel.judge import enforced, judge_status, judge_writes
from tests.kernel.node import WAIT_SECONDS, Node

pytestmark = pytest.mark.machine("sockets")
SIXTY_W = 60 * 8
SECOND_CPU = Path("/sys/devices/system/cpu/cpu1/online")


def _capped(node: Node) -> dict[str, int]:
    """The registers before; the node is capped to 60 W in each package."""
    prepare(Configuration("two-packages"))
    before = registers.snapshot()
    node.put(120)
    node.start()
    node.status()
    assert _units(0) == _units(1) == SIXTY_W
    return before


def _units(package: int) -> int:
    return registers.read(f"package-{package}/limit") & registers.FIELD


def test_a_limit_that_firmware_raises_is_set_again(node: Node) -> None:
    before = _capped(node)
    registers.put("package-0/limit", registers.with_pl1(registers.read("package-0/limit"), 100 * 8))
    eventually(lambda: _units(0) == SIXTY_W, node.log.read_text, WAIT_SECONDS)
    judge_status(node.until_status(lambda status: status["reapplied"] == 1, "the change is counted"))
    assert node.kill(signal.SIGTERM) == 0
    assert registers.snapshot() == before
    judge_writes(registers.trace(), before, 105)


def test_a_limit_that_firmware_lowers_is_left_so_and_put_back(node: Node) -> None:
    before = _capped(node)
    registers.put("package-0/limit", registers.with_pl1(registers.read("package-0/limit"), 40 * 8))
    status = node.until_status(
        lambda status: any(c["reason"] == "LowerByOther" for c in status["conditions"]), "it is told"
    )
    judge_status(status)
    assert _units(0) == 40 * 8
    assert node.kill(signal.SIGTERM) == 0
    assert registers.snapshot() == before


def test_an_enable_bit_that_firmware_clears_is_set_again(node: Node) -> None:
    """The kernel sets the clamp bits with it, and cannot clear them while the zone is enabled: docs/operations.md."""
    before = _capped(node)
    registers.put("package-0/limit", registers.read("package-0/limit") & ~registers.PL1_ENABLE)
    eventually(lambda: enforced(0), node.log.read_text, WAIT_SECONDS)
    told = "Something disabled intel-rapl/intel-rapl:0 under the cap."
    node.until_status(lambda status: told in _ready(status)["message"], "status names the clamp bits")
    assert node.kill(signal.SIGTERM) == 0
    clamps = registers.PL1_CLAMP | registers.PL2_CLAMP
    after = registers.snapshot()
    assert after == before | {"package-0/limit": before["package-0/limit"] | clamps}
    judge_writes(registers.trace(), before, 105)


def test_a_limit_that_firmware_locks_under_a_cap_is_told(node: Node) -> None:
    _capped(node)
    registers.put("package-1/limit", registers.read("package-1/limit") | registers.LOCK)
    node.put(160)
    status = node.until_status(
        lambda status: any(
            limit["reason"] == "FirmwareLocked" for zone in status["zones"] for limit in zone["limits"]
        ),
        "the lock is told",
    )
    judge_status(status)
    assert _units(1) == SIXTY_W
    node.kill(signal.SIGTERM)
    assert _units(0) == 105 * 8
    assert _units(1) == SIXTY_W


def test_a_package_that_goes_offline_and_returns_is_capped_again(node: Node) -> None:
    """The kernel itself clears the enable bits on the way, and on 6.1 PL4: only the limits are compared."""
    before = _capped(node)
    SECOND_CPU.write_text("0", encoding="ascii")
    try:
        judge_status(node.until_status(lambda s: _zones(s) == {"package-0"}, "one package is left"))
    finally:
        SECOND_CPU.write_text("1", encoding="ascii")
    node.until_status(lambda s: _zones(s) == {"package-0", "package-1"}, "the package is back")
    eventually(lambda: enforced(1) and _units(1) == SIXTY_W, node.log.read_text, WAIT_SECONDS)
    assert node.kill(signal.SIGTERM) == 0
    clamps = registers.PL1_CLAMP | registers.PL2_CLAMP
    after = registers.snapshot()
    assert after["package-0/limit"] == before["package-0/limit"]
    assert after["package-1/limit"] == before["package-1/limit"] | clamps
    judge_writes([write for write in registers.trace() if write.package == 0], before, 105)


def _ready(status: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(one for one in status["conditions"] if one["type"] == "Ready")
    return found


def _zones(status: dict[str, object]) -> set[str]:
    zones = status["zones"]
    assert isinstance(zones, list)
    return {zone["name"] for zone in zones if zone["limits"]}
