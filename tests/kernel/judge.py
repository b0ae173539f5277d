"""Judges the agent by the raw registers: what was written on the way, and whether its status says what they say."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.kernel import registers
from tests.kernel.registers import ZONES, Write

FLOOR_PERCENT = 5


def judge_writes(writes: list[Write], before: Mapping[str, int], most_w: int) -> None:
    """Each write holds limits within [floor, original], and PL1 is never above PL2; nothing but limits is written."""
    floor_uw = most_w * 1_000_000 * FLOOR_PERCENT // 100
    for write in writes:
        assert write.register == "limit", f"{write}: only packages' limits may be written"
        original = before[f"package-{write.package}/limit"]
        first_1, first_2 = registers.pl1_uw(original), registers.pl2_uw(original)
        for asked_uw, first_uw in ((write.pl1_uw, first_1), (write.pl2_uw, first_2)):
            if asked_uw is not None:
                assert min(floor_uw, first_uw) - registers.UNIT_UW <= asked_uw <= first_uw, (
                    f"{write}: {asked_uw} µW"
                )
        if first_1 <= first_2:
            assert registers.pl1_uw(write.now) <= registers.pl2_uw(write.now), f"{write}: PL1 above PL2"


def judge_status(status: Mapping[str, Any]) -> None:
    """Every limit in the status reads back what its register says, and the sum is that of the packages."""
    total_uw = 0
    for zone in status["zones"]:
        register = _register(ZONES / zone["zone"])
        for limit in zone["limits"]:
            if register is None or "readBackMicrowatts" not in limit:
                continue
            field = registers.pl1_uw if limit["constraint"] == "long_term" else registers.pl2_uw
            assert limit["readBackMicrowatts"] == field(registers.read(register)), (zone, limit)
            if limit["constraint"] == "long_term":
                total_uw += limit["readBackMicrowatts"]
    applied_uw = status["current"]["appliedMicrowatts"]
    assert applied_uw is None or applied_uw == total_uw, status


def enforced(package: int) -> bool:
    """Whether the package's PL1 is enforced."""
    return bool(registers.read(f"package-{package}/limit") & registers.PL1_ENABLE)


def _register(zone: Path) -> str | None:
    """The register behind a package's zone."""
    name = (zone / "name").read_text(encoding="ascii").strip()
    if not name.startswith("package-"):
        return None
    package, _, die = name.removeprefix("package-").partition("-die-")
    return f"package-{_logical(int(package), int(die) if die else 0)}/limit"


def _logical(package: int, die: int) -> int:
    """The kernel's running number of a die, by which the registers are named."""
    found = set()
    for cpu in Path("/sys/devices/system/cpu").glob("cpu[0-9]*/topology"):
        where = tuple(
            int((cpu / name).read_text(encoding="ascii")) for name in ("physical_package_id", "die_id")
        )
        found.add(where)
    return sorted(found).index((package, die)) if (package, die) in found else package
