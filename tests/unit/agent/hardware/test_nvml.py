"""NVIDIA cards."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from dev.lab.agent_process import eventually
from dev.lab.fake_sysfs import ONE_SOCKET, FakeKernel, build_tree
from powercap_agent.enforce.enforcer import Enforcer
from powercap_agent.hardware.inventory import Inventory
from powercap_agent.hardware.nvml import Nvml, load_library
from powercap_agent.hardware.powercap import PowercapTree
from powercap_agent.hardware.worker import Worker
from powercap_agent.hardware.zone import LimitError
from powercap_agent.logs import Log, LogFormat
from powercap_agent.planning.limits import Rule, Terms
from powercap_agent.state.originals_store import OriginalsStore
from powercap_api.reasons import ZoneReason
from tests.support.agent_parts import InTurn
from tests.support.fake_nvml import GPU_IS_LOST, NO_PERMISSION, Card, FakeNvml

WATT = 1_000_000
T = TypeVar("T")


def test_cards_are_told_apart_by_uuid_and_measured_in_microwatts() -> None:
    driver = Nvml(lambda: FakeNvml([Card("GPU-1", 300_000, energy_mj=5)]), InTurn("nvml"))
    (zone,) = driver.discover()
    assert (zone.key, zone.path, zone.name) == ("nvidia/GPU-1", "nvidia/0", "NVIDIA A100")
    assert zone.constraints[0].min_power_uw == 100 * WATT
    assert zone.device.read(zone.constraints[0]) == 300 * WATT
    assert zone.device.energy_uj() == 5_000


@pytest.mark.parametrize("library", [None, FakeNvml(init_result=9), FakeNvml([Card("GPU-1", 0)])])
def test_no_library_no_driver_or_no_limit_is_no_card(library: FakeNvml | None) -> None:
    assert Nvml(lambda: library, InTurn("nvml")).discover() == ()


def test_a_library_that_is_not_installed() -> None:
    assert load_library("libdoes-not-exist.so.1") is None


def test_a_card_is_capped_where_a_rule_says_so_and_gets_its_own_limit_back(tmp_path: Path) -> None:
    build_tree(tmp_path / "powercap", ONE_SOCKET)
    card = Card("GPU-1", 300_000)
    made = Enforcer(
        Inventory(
            [
                PowercapTree(FakeKernel(), str(tmp_path / "powercap")).discover,
                Nvml(lambda: FakeNvml([card]), Worker("nvml")).discover,
            ]
        ),
        OriginalsStore(str(tmp_path / "state"), "boot-1"),
        lambda: 0.0,
        Log(LogFormat.TEXT),
    )
    made.survey()
    made.enforce(40 * WATT, Terms(10 * WATT, 5 * WATT, 5))
    assert card.limit_mw == 300_000
    report = made.enforce(
        200 * WATT, Terms(10 * WATT, 5 * WATT, 5, devices=(Rule("nvidia", share_percent=75),))
    )
    assert card.limit_mw == 150_000
    assert report.applied_uw == 200 * WATT
    made.enforce(100 * WATT, Terms(10 * WATT, 5 * WATT, 5, devices=(Rule("nvidia", share_percent=75),)))
    assert card.limit_mw == 100_000
    made.release()
    assert card.limit_mw == 300_000


@pytest.mark.parametrize(
    ("code", "reason"),
    [(NO_PERMISSION, ZoneReason.MASKED), (GPU_IS_LOST, ZoneReason.FAILED), (99, ZoneReason.FAILED)],
)
def test_refusals_have_reasons(code: int, reason: ZoneReason) -> None:
    driver = Nvml(lambda: FakeNvml([Card("GPU-1", 300_000, refuses_with=code)]), InTurn("nvml"))
    (zone,) = driver.discover()
    with pytest.raises(LimitError) as caught:
        zone.device.write(zone.constraints[0], 200 * WATT)
    assert caught.value.reason is reason


def test_a_card_that_vanished() -> None:
    library = FakeNvml([Card("GPU-1", 300_000)])
    driver = Nvml(lambda: library, InTurn("nvml"))
    assert len(driver.discover()) == 1
    library.cards.clear()
    assert driver.discover() == ()


def test_a_driver_that_is_ready_later_is_used_then_and_told_meanwhile() -> None:
    library = FakeNvml([Card("GPU-1", 300_000)], init_result=9)
    driver = Nvml(lambda: library, InTurn("nvml"))
    assert driver.discover() == ()
    assert "not ready (NVML 9)" in driver.troubles()["nvidia"]
    library.init_result = 0
    assert len(driver.discover()) == 1
    assert driver.troubles() == {}


def test_a_call_that_hangs_is_given_up_and_those_after_it_at_once() -> None:
    library, going_on = FakeNvml([Card("GPU-1", 300_000)]), threading.Event()
    worker = Impatient("nvml")
    driver = Nvml(lambda: library, worker)
    (zone,) = driver.discover()
    library.before_call = lambda: going_on.wait(60)
    try:
        for _ in range(2):
            with pytest.raises(LimitError, match="NVIDIA's driver hangs"):
                zone.device.write(zone.constraints[0], 200 * WATT)
        assert driver.discover() == (zone,)
        assert "hangs" in driver.troubles()["nvidia"]
    finally:
        going_on.set()
    eventually(lambda: not worker.busy, "the call came back")
    library.before_call = lambda: None
    assert zone.device.read(zone.constraints[0]) == 200 * WATT, "only the first write was begun"
    assert driver.discover() == (zone,)
    assert driver.troubles() == {}


def test_cards_that_are_to_be_capped_and_not_there_yet_are_told(tmp_path: Path) -> None:
    build_tree(tmp_path / "powercap", ONE_SOCKET)
    library = FakeNvml([Card("GPU-1", 300_000)], init_result=9)
    driver = Nvml(lambda: library, InTurn("nvml"))
    tree = PowercapTree(FakeKernel(), str(tmp_path / "powercap"))
    made = Enforcer(
        Inventory([tree.discover, driver.discover], troubles=driver.troubles),
        OriginalsStore(str(tmp_path / "state"), "boot-1"),
        lambda: 0.0,
        Log(LogFormat.TEXT),
    )
    made.survey()
    terms = Terms(10 * WATT, 5 * WATT, 5, devices=(Rule("nvidia", cap_uw=200 * WATT),))
    (told,) = [result for result in made.enforce(40 * WATT, terms).results if result.failed]
    assert (told.zone.path, told.reason) == ("nvidia", ZoneReason.FAILED)
    assert "not ready (NVML 9)" in (told.message or "")
    assert not any(result.failed for result in made.enforce(40 * WATT, Terms(10 * WATT, 5 * WATT, 5)).results)
    library.init_result = 0
    made.survey()
    assert not any(result.failed for result in made.enforce(40 * WATT, terms).results)
    assert library.cards[0].limit_mw == 200_000


class Impatient(Worker):
    """Gives calls up soon."""

    def call(self, do: Callable[[], T], seconds: float = 0.1) -> T:
        return super().call(do, seconds)


def test_a_library_that_is_too_old_for_energy_and_for_limits_is_told() -> None:
    """ctypes raises AttributeError for a function that the library lacks."""

    class Old(FakeNvml):
        def __getattribute__(self, name: str) -> object:
            if name in {"nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceSetPowerManagementLimit"}:
                raise AttributeError(name)
            return super().__getattribute__(name)

    (found,) = Nvml(lambda: Old([Card("GPU-0", 700_000, 200_000, 700_000)]), Worker("nvml")).discover()
    assert found.energy is None
    with pytest.raises(LimitError, match="too old") as refused:
        found.device.write(found.constraints[0], 300_000_000)
    assert refused.value.reason is ZoneReason.UNSUPPORTED
