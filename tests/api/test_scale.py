"""``make scale`` with few nodes: what it counts is there."""

from pathlib import Path

import pytest

from dev.cluster.binaries import Binaries
from dev.scale.phase import Stopwatch
from dev.scale.run import EDIT, FIRST, PERIOD, TOMORROW, Run
from dev.scale.world import ScaleWorld

pytestmark = pytest.mark.long

NODES = 20


def test_a_small_run(binaries: Binaries, tmp_path: Path) -> None:
    world = ScaleWorld(tmp_path, binaries, NODES, at_once=4)
    said: list[str] = []
    watch = Stopwatch(world.log, world.meters, seconds=120)
    run = Run(world, watch, said.append, quick=True, edits=0, rest_seconds=1)
    try:
        world.start()
        world.start_agents()
        run.all()
    finally:
        world.close()
    assert run.failures == []
    for what in (FIRST, TOMORROW, EDIT):
        assert run.operator[what].budget_writes == NODES, said
        assert run.bare[what].budget_writes == NODES, said
        assert run.operator[what].status_writes >= NODES
        assert run.operator[what].used.api_server > 0
    assert run.operator[PERIOD].budget_writes == 0
    assert run.operator[PERIOD].status_writes >= NODES
    assert run.bare[PERIOD].status_writes == NODES
    assert {what: measured.refused for what, measured in run.bare.items()} == dict.fromkeys(run.bare, 0)
