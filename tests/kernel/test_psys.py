"""The limit of the whole platform, where a policy names it."""

import errno
import os
import signal
from pathlib import Path

import pytest

from tests.kernel import registers
from tests.kernel.configurations import Configuration, prepare
from tests.kernel.judge import judge_status
from tests.kernel.node import Node
from tests.kernel.registers import ZONES

CAP_UW = 200_000_000
FLOOR_UW = 300_000_000 * 5 // 100


@pytest.mark.machine("sockets")
def test_psys_is_capped_by_any_name_without_a_maximum_power_and_put_back(node: Node) -> None:
    """The driver has one for each package, here over one register, and no register that tells its maximum power."""
    prepare(Configuration("psys", {"psys": 1}))
    folders = {
        name: folder for folder in ZONES.glob("intel-rapl/*") if (name := _name(folder)).startswith("psys")
    }
    assert set(folders) == {"psys", "psys-1"}
    for folder in folders.values():
        with pytest.raises(OSError, match=os.strerror(errno.ENODATA)):
            (folder / "constraint_0_max_power_uw").read_text(encoding="ascii")
    before = registers.snapshot()
    node.put(120, zones=[{"zone": "psys", "capMicrowatts": CAP_UW}])
    node.start()
    status = node.status()
    judge_status(status)
    assert registers.pl1_uw(registers.read("psys_limit")) == CAP_UW
    told = {zone["name"]: zone["limits"] for zone in status["zones"] if zone["name"].startswith("psys")}
    assert set(told) == {"psys", "psys-1"}
    for limits in told.values():
        assert {limit["constraint"]: limit["reason"] for limit in limits} == {
            "long_term": "Applied",
            "short_term": "Applied",
        }
    assert node.kill(signal.SIGTERM) == 0
    assert registers.snapshot() == before
    asked = [write.pl1_uw for write in registers.trace() if write.register == "psys_limit"]
    assert {CAP_UW} <= {uw for uw in asked if uw is not None}
    assert all(FLOOR_UW <= uw <= 300_000_000 for uw in asked if uw is not None)


def _name(folder: Path) -> str:
    name = folder / "name"
    return name.read_text(encoding="ascii").strip() if name.exists() else ""
