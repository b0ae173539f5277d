"""Machines as they were published: what the agent, as a process over their files, makes of a cap or a percentage."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dev.lab.agent_process import AgentProcess, eventually
from dev.lab.fake_api import FakeApi
from dev.lab.fake_sysfs import FakeZone, Layout, Limit
from tests.support.agent_parts import budget_body
from tests.support.published_machines import WATT, Published, microwatts, published

_CONSTRAINTS = ("long_term", "short_term", "peak_power")
_FOLDERS = {"rapl": "intel-rapl", "mmio": "intel-rapl-mmio"}


def layout(text: str) -> tuple[Layout, dict[str, str]]:
    """The tree of the zones, and the folder of each zone by its name in the table."""
    zones: list[FakeZone] = []
    folders: dict[str, str] = {}
    for cell in text.split(";"):
        name, *limits = cell.split()
        interface, own, *below = name.split("/")
        kind = _FOLDERS[interface]
        number = sum(folder.count("/") == 1 and folder.startswith(f"{kind}/") for folder in folders.values())
        folder = f"{kind}/{kind}:{number}"
        if below:
            parent = folders[f"{interface}/{own}"]
            inner = sum(one.startswith(f"{parent}/") for one in folders.values())
            folder = f"{parent}/{parent.partition('/')[2]}:{inner}"
        found = []
        for constraint, limit in zip(_CONSTRAINTS, limits, strict=False):
            if limit == "off":
                break
            power, _, most = limit.partition("/")
            found.append(
                Limit(constraint, microwatts(power), None if most == "-" else microwatts(most or "0"))
            )
        folders[name] = folder
        zones.append(FakeZone(folder, name.rsplit("/", 1)[1], found, enabled="off" not in limits))
    kinds = dict.fromkeys(_FOLDERS[name.split("/")[0]] for name in folders)
    return Layout(zones, tuple(kinds)), folders


def body(asked: str) -> dict[str, Any]:
    """A budget of one cap, all of maxSource, from an hour ago on."""
    power, *rules = asked.split()
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    made = budget_body([1000] * 16, start=start)
    spec = made["spec"]
    del spec["maxSourceMicrowatts"]
    if power.endswith("%"):
        spec["maxSourcePercent"] = int(power[:-1])
    else:
        spec["maxSourceMicrowatts"] = microwatts(power)
    spec["minPowerMicrowatts"] = 10 * WATT
    zones = [rule.rstrip("%").split("=") for rule in rules]
    if zones:
        spec["zones"] = [{"zone": zone, "sharePercent": int(share)} for zone, share in zones]
    return made


def expected_limits(text: str, folders: dict[str, str]) -> dict[str, int]:
    wanted = {}
    for cell in text.split(";"):
        name, *limits = cell.split()
        for constraint, watts in zip(_CONSTRAINTS, limits, strict=False):
            if watts == "off":
                break
            wanted[f"{folders[name]}/{constraint}"] = microwatts(watts)
    return wanted


@pytest.mark.parametrize("machine", published(), ids=lambda one: f"{one.name}, {one.asked}")
def test_a_machine_gets_what_its_own_limits_allow(machine: Published, tmp_path: Path) -> None:
    tree, folders = layout(machine.zones)
    wanted = expected_limits(machine.expected, folders)
    with (
        FakeApi(budget=body(machine.asked)) as api,
        AgentProcess(tmp_path, "node-1", tree, server=api.url, token="token") as agent,
    ):
        eventually(lambda: api.patches, agent.log, 60)
        assert {name: agent.limits()[name] for name in wanted} == pytest.approx(wanted, abs=1)
        status = api.patches[0]["status"]
        off = {
            folders[name] for name in folders if (agent.root / folders[name] / "enabled").read_text() == "0\n"
        }
    assert off == {folders[cell.split()[0]] for cell in machine.zones.split(";") if cell.endswith(" off")}
    told = {limit["reason"] for zone in status["zones"] for limit in zone["limits"]}
    told |= {condition["reason"] for condition in status["conditions"]}
    assert not machine.told or machine.told in told
    if not machine.told:
        assert told <= {"Applied", "Clamped", "Released", "LowOriginal"}


def test_the_document_tells_how_many_machines_there_are_and_each_has_a_link() -> None:
    machines = published()
    count = len({machine.name for machine in machines})
    document = (Path(__file__).parents[4] / "docs" / "hardware.md").read_text(encoding="utf-8")
    assert f"{count} machines" in document
    assert count >= 40
    assert all(machine.source.startswith("https://") for machine in machines)
