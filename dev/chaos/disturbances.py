"""What befalls the programs: servers killed, full, or back at an older state; clocks set; operators killed."""

import shutil
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any, Final

from dev.chaos.edits import Edits
from dev.chaos.etcd import Etcd
from dev.chaos.world import AGENTS, OPERATORS, ChaosWorld
from dev.cluster.errors import ControlPlaneError
from dev.lab.exchange.site import Behaviour

_EXCHANGE_FAULTS: Final = (
    Behaviour(status=403, times=3),
    Behaviour(status=429, retry_after="60", times=3),
    Behaviour(status=503, times=5),
    Behaviour(reset=True, times=3),
    Behaviour(cut_body=True, times=3),
    Behaviour(megabytes=1, times=2),
)


class Disturbances:
    """Does them, and undoes those that do not pass by themselves."""

    def __init__(self, world: ChaosWorld, edits: Edits, chance: Random) -> None:
        self._world = world
        self._edits = edits
        self._chance = chance
        self._snapshot: tuple[Any, ...] | None = None
        self._full = False
        self._deck: list[Callable[[], None]] = []
        self.done: Counter[str] = Counter()

    def one(self) -> None:
        """The next of a shuffled deck, in which each kind is there at least once."""
        if not self._deck:
            self._deck = [
                *[self._kill_operator, self._kill_agent, self._step_clock, self._take_or_restore_snapshot]
                * 2,
                *(self._kill_api_server, self._kill_etcd, self._fill_etcd, self._trouble_exchange),
            ]
            self._chance.shuffle(self._deck)
        self._deck.pop()()

    def heal(self) -> None:
        """Everything works again."""
        if self._full:
            Etcd(self._world.plane.root).set_full(full=False)
            self._full = False
        self._world.stage.exchange.behave(None)
        for name in ("etcd", "kube-apiserver"):
            if name not in self._world.plane.pids:
                self._start(name)

    def _count(self, what: str) -> None:
        self.done[what] += 1

    def _kill_operator(self) -> None:
        self._world.kill(self._chance.choice(OPERATORS))
        self._count("operator killed")

    def _kill_agent(self) -> None:
        self._world.kill(f"agent-{self._chance.choice(sorted(AGENTS))}")
        self._count("agent killed")

    def _step_clock(self) -> None:
        hours = self._chance.choice((-1, 1))
        self._world.stage.advance(timedelta(hours=hours))
        self._count(f"clock set by {hours:+} h")

    def _kill_api_server(self) -> None:
        self._world.plane.stop_api_server()
        time.sleep(self._chance.uniform(0, 4))
        self._start("kube-apiserver")
        self._count("API server killed")

    def _kill_etcd(self) -> None:
        self._world.plane.stop_etcd()
        time.sleep(self._chance.uniform(0, 4))
        self._start("etcd")
        self._count("etcd killed")

    def _fill_etcd(self) -> None:
        Etcd(self._world.plane.root).set_full(full=not self._full)
        self._full = not self._full
        if self._full:
            self._count("etcd full")

    def _take_or_restore_snapshot(self) -> None:
        """The first time a copy of etcd's data is made, the next time it is put back, older by then."""
        plane, copy = self._world.plane, self._world.root / "etcd-snapshot"
        if self._full:
            return
        plane.stop_api_server()
        plane.stop_etcd()
        data = plane.root / "etcd"
        if self._snapshot is None:
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(data, copy)
            self._snapshot = self._edits.snapshot()
            self._count("snapshot of etcd taken")
        else:
            shutil.rmtree(data)
            shutil.copytree(copy, data)
            self._edits.go_back(self._snapshot)
            self._snapshot = None
            self._count("etcd restored from a snapshot")
        self._start("etcd")
        self._start("kube-apiserver")

    def _start(self, name: str) -> None:
        plane = self._world.plane
        start = {"etcd": plane.start_etcd, "kube-apiserver": plane.start_api_server}[name]
        try:
            start()
        except ControlPlaneError:
            # A component may end where what it needs is not there yet; it is the kubelet who starts it again.
            if name not in plane.pids:
                start()

    def _trouble_exchange(self) -> None:
        self._world.stage.exchange.behave(self._chance.choice(_EXCHANGE_FAULTS))
        self._count("exchange in trouble")
