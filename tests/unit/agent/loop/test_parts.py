"""Packages and accelerators apart: what each drew, and whether its own cap held it back, turn by turn in the loop."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from dev.lab.fake_sysfs import FakeZone, Layout, Limit
from powercap_agent.hardware.hwmon import Hwmon
from powercap_agent.hardware.nvml import Nvml
from powercap_agent.mailbox import BudgetSeen
from tests.support.agent_parts import InTurn, Machine, Rehearsal, budget_body
from tests.support.fake_hwmon import HwmonDevice, HwmonKernel, build_hwmon
from tests.support.fake_nvml import Card, FakeNvml
from tests.support.turns import WATT, nothing


def package(number: int, long_w: float, most_w: float, short_w: float) -> FakeZone:
    limits = [
        Limit("long_term", round(long_w * WATT), round(most_w * WATT)),
        Limit("short_term", round(short_w * WATT), 0),
    ]
    return FakeZone(f"intel-rapl/intel-rapl:{number}", f"package-{number}", limits)


def burns(node: Machine, *watts: float, cards: tuple[tuple[Card, float], ...] = ()) -> Callable[[], None]:
    """Ten seconds pass, each package and each card drawing so much."""

    def step() -> None:
        node.time.pass_by(timedelta(seconds=10))
        for number, drawn in enumerate(watts):
            energy = node.root / f"intel-rapl/intel-rapl:{number}/energy_uj"
            counted = int(energy.read_text(encoding="ascii")) + round(drawn * 10 * WATT)
            energy.write_text(f"{counted % 262_143_328_850}\n", encoding="ascii")
        for card, drawn in cards:
            card.energy_mj += round(drawn * 10_000)

    return step


@pytest.mark.parametrize(
    ("tdp", "long_w", "short_w"),
    [
        (95, 4090, 4090), (0, 4095.875, 4095.875), (125, 253, 253), (28, 200, 64), (15, 25, 61), (65, 65, 224),
        *(
            pytest.param(*watts, marks=pytest.mark.long)
            for watts in (
                (84, 3409.25, 3409.25), (125, 4095.875, 4095.875), (65, 65, 81.25), (125, 200, 253), (15, 44, 51),
                (6, 20, 25), (35, 35, 123), (17, 30, 37), (45, 70, 115), (150, 150, 180),
            )
        ),
    ],
)  # fmt: skip
def test_an_hour_at_the_burst_limit_and_an_idle_one_are_counted(
    tmp_path: Path, tdp: float, long_w: float, short_w: float
) -> None:
    node = Machine(tmp_path, Layout([package(0, long_w, tdp, short_w)]))
    drawn_w = short_w if short_w < 900 else 253.0
    rehearsal = Rehearsal(node)
    busy, idle = burns(node, drawn_w), burns(node, 5)
    rehearsal.run([BudgetSeen(budget_body([1000] * 12, suspend=True)), nothing, *[busy] * 360, *[idle] * 360])
    told = rehearsal.sink.statuses[-1]["energy"]["packages"]
    assert told["seconds"] == pytest.approx(7200, rel=0.005)
    assert told["joules"] == pytest.approx(3600 * (drawn_w + 5), rel=0.005)


@pytest.mark.parametrize(("drawn_w", "binds"), [(450, False), (680, True)])
def test_whether_the_cap_of_cards_binds_is_told_beside_the_packages(
    tmp_path: Path, drawn_w: float, *, binds: bool
) -> None:
    cards = [Card(f"GPU-{number}", 700_000, 200_000, 700_000) for number in (0, 1)]
    node = Machine(tmp_path, Layout([package(0, 105, 105, 126)]))
    node.drivers = (Nvml(lambda: FakeNvml(cards), InTurn("nvml")).discover,)
    burn = burns(node, 80, cards=tuple((card, drawn_w) for card in cards))
    rule = {"driver": "nvidia", "capMicrowatts": 690 * WATT}
    rehearsal = Rehearsal(node)
    rehearsal.run([BudgetSeen(budget_body([100, 90], devices=[rule])), nothing, *[burn] * 95, nothing])
    status = rehearsal.sink.statuses[-1]
    draw = status["draw"]
    assert draw["averageMicrowatts"] == round((80 + 2 * drawn_w) * WATT)
    assert (draw["packages"]["capMicrowatts"], draw["packages"]["binds"]) == (100 * WATT, False)
    assert (draw["accelerators"]["capMicrowatts"], draw["accelerators"]["binds"]) == (1380 * WATT, binds)
    run = status["energy"]["history"][0]
    assert ("boundSeconds" in run["accelerators"]) is binds
    assert (
        status["energy"]["accelerators"]["joules"]
        == 2 * drawn_w * status["energy"]["accelerators"]["seconds"]
    )


def test_cards_that_nobody_caps_are_counted(tmp_path: Path) -> None:
    card = Card("GPU-0", 700_000, 200_000, 700_000)
    node = Machine(tmp_path, Layout([package(0, 105, 105, 126)]))
    node.drivers = (Nvml(lambda: FakeNvml([card]), InTurn("nvml")).discover,)
    rehearsal = Rehearsal(node)
    burn = burns(node, 80, cards=((card, 650),))
    rehearsal.run([BudgetSeen(budget_body([100, 90])), nothing, *[burn] * 95, nothing])
    accelerators = rehearsal.sink.statuses[-1]["draw"]["accelerators"]
    assert (accelerators["averageMicrowatts"], accelerators["capMicrowatts"]) == (650 * WATT, None)


def test_sockets_capped_by_hwmon_are_measured_by_rapl(tmp_path: Path) -> None:
    devices = [HwmonDevice("amd_hsmp_hwmon", f"AMDI0097:0{n}", 300 * WATT, 360 * WATT) for n in (0, 1)]
    build_hwmon(tmp_path / "hwmon", devices)
    node = Machine(
        tmp_path / "node", Layout([FakeZone(f"intel-rapl/intel-rapl:{n}", f"package-{n}") for n in (0, 1)])
    )
    node.drivers = (Hwmon(HwmonKernel(), str(tmp_path / "hwmon" / "class" / "hwmon")).discover,)
    node.pressure = 99.0
    rule = {"somePercent": 90, "forSeconds": 60, "liftSeconds": 60}
    rehearsal = Rehearsal(node)
    burn = burns(node, 200, 200)
    rehearsal.run([BudgetSeen(budget_body([400, 398], pressure=rule)), nothing, *[burn] * 8])
    lifted = rehearsal.sink.statuses[1]
    assert [c["reason"] for c in lifted["conditions"]] == ["Lifted", "Lifted"]
    packages = lifted["draw"]["packages"]
    assert (packages["averageMicrowatts"], packages["capMicrowatts"], packages["binds"]) == (
        400 * WATT,
        400 * WATT,
        True,
    )
