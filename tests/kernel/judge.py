"""Judges the agent by the raw registers: what was written on the way, and whether its status says what they say."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.kernel import registers
from tests.kernel.configurations import Configuration
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
    told = package_limits(status)
    for package, limits in told.items():
        register = registers.read(f"package-{package}/limit")
        for constraint, limit in limits.items():
            field = registers.pl1_uw if constraint == "long_term" else registers.pl2_uw
            assert limit["readBackMicrowatts"] == field(register), f"package {package}: {limit}"
    leads = [limits["long_term"]["readBackMicrowatts"] for limits in told.values() if limits]
    assert status["current"]["appliedMicrowatts"] == (sum(leads) if leads else None), status


def judge_limits(
    configuration: Configuration,
    cap_w: float,
    before: Mapping[str, int],
    status: Mapping[str, Any],
) -> None:
    """The packages that follow the cap are those of the configuration, by their registers, and the reason of each limit
    says so."""
    packages = set(range(len(os.sched_getaffinity(0))))
    firsts = {package: registers.pl1_uw(before[f"package-{package}/limit"]) for package in packages}
    left_uw = cap_w * 1_000_000 - sum(firsts[package] for package in packages - configuration.capped)
    floor_uw = configuration.most_w * 1_000_000 * FLOOR_PERCENT // 100
    wanted_uw = left_uw // max(1, len(configuration.capped))
    told = package_limits(status)
    for package in packages:
        register = registers.read(f"package-{package}/limit")
        share_uw = min(firsts[package], max(floor_uw, wanted_uw))
        follows = enforced(package) and 0 <= share_uw - registers.pl1_uw(register) < registers.UNIT_UW
        assert follows == (package in configuration.capped), f"package {package}: {register:#x}, {status}"
        reasons = {limit["reason"] for limit in told.get(package, {}).values()}
        if package not in configuration.capped:
            refusal = configuration.limit_reason
            assert reasons == ({refusal} if refusal else set()), f"package {package}: {status}"
        else:
            assert set(told[package]) == {"long_term", "short_term"}, f"package {package}: {status}"
            assert reasons == {"Applied" if share_uw == wanted_uw else "Clamped"}, (
                f"package {package}: {status}"
            )


def package_limits(status: Mapping[str, Any]) -> dict[int, dict[str, Mapping[str, Any]]]:
    """The limits of packages in the status by constraint, by the number that the registers have."""
    found = {}
    for zone in status["zones"]:
        package = _package(ZONES / zone["zone"])
        if package is not None:
            found[package] = {limit["constraint"]: limit for limit in zone["limits"]}
    return found


def enforced(package: int) -> bool:
    """Whether the package's PL1 is enforced."""
    return bool(registers.read(f"package-{package}/limit") & registers.PL1_ENABLE)


def _package(zone: Path) -> int | None:
    """The number of a package's registers; None where the zone is no package."""
    name = (zone / "name").read_text(encoding="ascii").strip()
    if not name.startswith("package-"):
        return None
    package, _, die = name.removeprefix("package-").partition("-die-")
    return _logical(int(package), int(die) if die else 0)


def _logical(package: int, die: int) -> int:
    """The kernel's running number of a die, by which the registers are named."""
    found = set()
    for cpu in Path("/sys/devices/system/cpu").glob("cpu[0-9]*/topology"):
        where = tuple(
            int((cpu / name).read_text(encoding="ascii")) for name in ("physical_package_id", "die_id")
        )
        found.add(where)
    return sorted(found).index((package, die)) if (package, die) in found else package
