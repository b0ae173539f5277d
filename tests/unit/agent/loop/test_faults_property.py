"""Faults between the turns of the loop in any order, then an end: registers are as they were, every status was true.

``POWERCAP_FAULT_RUNS=10000`` for as many runs; each is made by its number alone.
"""

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dev.lab.fake_sysfs import POWER_UNIT_UW, FakeZone, Layout, Limit, read_limits, set_limit
from powercap_agent.mailbox import BudgetSeen, Event
from powercap_agent.status.budget_status import Status
from powercap_agent.status.publisher import Urgency
from tests.support.agent_parts import Killed, Machine, Rehearsal, Sink, budget_body
from tests.support.effort import LONG

WATT = 1_000_000
RUNS = int(os.environ.get("POWERCAP_FAULT_RUNS", "300" if LONG else "120"))
BATCHES = 10
ORIGINALS_W = {"package-0": 205, "package-1": 85, "package-2": 130}
ENDS = ("SIGTERM", "SIGKILL", "suspend", "deletion")


def package(number: int, watts: float) -> FakeZone:
    limits = [
        Limit("long_term", int(watts * WATT), int(watts * WATT)),
        Limit("short_term", int(watts * 1.2 * WATT), 0),
    ]
    return FakeZone(f"intel-rapl/intel-rapl:{number}", f"package-{number}", limits)


LAYOUT = Layout([package(number, watts) for number, watts in enumerate(ORIGINALS_W.values())])


class World:
    """A machine whose zones go, come back under other numbers, and answer with errors."""

    def __init__(self, folder: Path, chance: Random) -> None:
        self.node = Machine(folder, LAYOUT)
        self.node.kernel.unit_uw = POWER_UNIT_UW
        self.node.kernel.refuse_read = self._refused
        self.node.kernel.refuse_write = self._refused
        self.node.kernel.distort_read = self._slow
        self.chance = chance
        self._folder = self.node.root / "intel-rapl"
        self._away = folder / "away"
        self._away.mkdir()
        self._once: set[str] = set()
        self._for_good: set[str] = set()
        self._slow_reads = 0
        self.cleared = False

    def zones(self) -> dict[str, Path]:
        """The folders that are there, by the packages' names."""
        return {(zone / "name").read_text().strip(): zone for zone in self._folder.glob("intel-rapl:*")}

    def held(self) -> dict[str, dict[str, int]]:
        """The registers of the packages that are there."""
        limits = read_limits(self._folder)
        return {
            name: {
                constraint: limits[f"{zone.name}/{constraint}"] for constraint in ("long_term", "short_term")
            }
            for name, zone in self.zones().items()
        }

    def fault(self) -> None:
        """One of them."""
        self.chance.choice(
            (
                self.remove,
                self.come_back,
                self.renumber,
                self.fail_once,
                self.fail,
                self.heal,
                self.slow,
                self.clear,
            )
        )()

    def remove(self) -> None:
        """A package goes."""
        if zones := self.zones():
            name = self.chance.choice(sorted(zones))
            zones[name].rename(self._away / name)

    def come_back(self) -> None:
        """Packages that were away come back, each under any number that is free."""
        free = [f"intel-rapl:{n}" for n in range(6) if not (self._folder / f"intel-rapl:{n}").exists()]
        self.chance.shuffle(free)
        for zone in sorted(self._away.iterdir()):
            zone.rename(self._folder / free.pop())

    def renumber(self) -> None:
        """All go and come back otherwise."""
        for name, zone in self.zones().items():
            zone.rename(self._away / name)
        self.come_back()

    def fail_once(self) -> None:
        """The next access to a package's limits fails."""
        self._once.add(self.chance.choice(sorted(ORIGINALS_W)))

    def fail(self) -> None:
        """A package's limits fail from now on."""
        self._for_good.add(self.chance.choice(sorted(ORIGINALS_W)))

    def heal(self) -> None:
        """No more failures."""
        self._for_good.clear()
        self._once.clear()

    def slow(self) -> None:
        """The next reads take half a second each."""
        self._slow_reads = 5

    def clear(self) -> None:
        """A package loses its registers."""
        zones = self.zones()
        if not zones:
            return
        zone = zones[self.chance.choice(sorted(zones))]
        for constraint in ("long_term", "short_term"):
            set_limit(self._folder, f"{zone.name}/{constraint}", 0)
        (zone / "enabled").write_text("0\n")

    def _refused(self, path: str) -> int | None:
        if "power_limit" not in path:
            return None
        for name, zone in self.zones().items():
            if str(zone) == os.path.dirname(path):
                if name in self._for_good:
                    return errno.EIO
                if name in self._once:
                    self._once.discard(name)
                    return errno.EIO
        return None

    def _slow(self, path: str, text: str) -> str:
        if self._slow_reads and "power_limit" in path:
            self._slow_reads -= 1
            self.node.time.sleep(0.5)
        return text

    @property
    def failing(self) -> set[str]:
        """Packages whose limits fail."""
        return self._for_good


@dataclass
class Told:
    """A status, and what the registers held at the moment at which it was sent."""

    status: Status
    held: dict[str, dict[str, int]]
    enabled: bool

    def judge(self) -> None:
        """It was true."""
        status, held = self.status, self.held
        words = " ".join(f"{one['reason']}: {one['message']}" for one in status["conditions"])
        unread = False
        for zone in status["zones"]:
            for limit in zone["limits"]:
                power_uw = limit.get("readBackMicrowatts")
                unread = unread or power_uw is None
                if power_uw is not None:
                    assert held[zone["name"]][limit["constraint"]] == power_uw, self
        applied_uw = (status.get("current") or {}).get("appliedMicrowatts")
        if applied_uw is not None and not unread:
            assert sum(one["long_term"] for one in held.values()) == applied_uw, self
        if "original limits are in force" in words:
            for name, limits in held.items():
                assert limits["long_term"] == ORIGINALS_W[name] * WATT, self
        if "True" in {one["status"] for one in status["conditions"]} and applied_uw is not None:
            assert self.enabled, self
            assert all(limits["long_term"] > 0 for limits in held.values()), self
        assert "StatusFailed" not in words, self


class Witness(Sink):
    """Sees the registers whenever a status is sent."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.told: list[Told] = []

    def submit(self, status: Status, urgency: Urgency) -> None:
        super().submit(status, urgency)
        zones = self._world.zones().values()
        enabled = all((zone / "enabled").read_text() == "1\n" for zone in zones)
        self.told.append(Told(status, self._world.held(), enabled))


def life(world: World, end: str) -> Iterator[Callable[[], None] | Event]:
    """Caps and faults, then the end, with a world that is whole again but for what fails for good."""
    chance = world.chance

    def passes() -> None:
        world.node.time.pass_by(timedelta(seconds=chance.choice((1, 11, 61, 301))))

    def nothing() -> None:
        """Nothing happens."""

    def caps(**spec: Any) -> BudgetSeen:
        watts = [chance.choice((60, 120, 200, 300, 420)) for _ in range(8)]
        return BudgetSeen(budget_body(watts, minPowerMicrowatts=30 * WATT, stabilisationSeconds=60, **spec))

    yield caps(**chance.choice(({}, {"rampMicrowattsPerSecond": 10 * WATT}, {"dwellSeconds": 600})))
    yield nothing
    for _ in range(chance.randrange(2, 12)):
        yield chance.choice((world.fault, passes, caps()))
        yield world.fault
    world.come_back()
    if chance.random() < 0.7:
        world.heal()
    if end == "SIGKILL":
        raise Killed
    if end == "suspend":
        yield caps(suspend=True)
    if end == "deletion":
        yield BudgetSeen(None)
    if end in ("suspend", "deletion"):
        for _ in range(3):
            yield nothing
            yield lambda: world.node.time.pass_by(timedelta(seconds=11))
        yield nothing


@pytest.mark.longer
@pytest.mark.parametrize("batch", range(BATCHES))
def test_whatever_goes_wrong_registers_come_back_and_statuses_are_true(tmp_path: Path, batch: int) -> None:
    for run in range(batch, RUNS, BATCHES):
        chance = Random(run)
        end = ENDS[run // BATCHES % len(ENDS)]
        world = World(tmp_path / str(run), chance)
        witness = Witness(world)
        code = Rehearsal(world.node, witness).run(life(world, end))
        if end == "SIGKILL":
            for told in witness.told:
                told.judge()
            witness = Witness(world)
            steps = list(life(world, "SIGTERM"))[:2] if chance.random() < 0.5 else []
            code = Rehearsal(world.node, witness).run(steps)
        for told in witness.told:
            told.judge()
        failing, held = world.failing, world.held()
        assert set(held) == set(ORIGINALS_W), run
        for name, watts in ORIGINALS_W.items():
            if code == 0 or name not in failing:
                expected = {"long_term": watts * WATT, "short_term": watts * WATT * 12 // 10}
                assert held[name] == expected, (run, end, name, world.node.logged.getvalue())
        assert code == 0 or failing, (run, end)
        if end != "deletion" and witness.statuses:
            last = witness.statuses[-1]["conditions"][1]
            assert (last["reason"] == "Stopped") == (code == 0), (run, end, last)
