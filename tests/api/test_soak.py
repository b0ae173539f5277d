"""Some delivery days of ``make soak`` with its faults: operator and agent on a real API server, by a set clock."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from dev.cluster.binaries import Binaries
from dev.cluster.control_plane import ControlPlane
from dev.lab.stage import Stage, quoted_logs
from dev.soak.run import Soak

pytestmark = pytest.mark.long

DAYS = 5
SEED = 11
"""Its days have an API server that is away, an operator that is killed, edits, and results late or in part."""


@pytest.fixture
def stage(binaries: Binaries, tmp_path: Path) -> Iterator[Stage]:
    """A control plane of its own, as it is stopped in between."""
    plane = ControlPlane(binaries, tmp_path / "control-plane", controller_manager=False)
    with Stage(tmp_path, plane, {}) as stage:
        stage.start_cluster()
        yield stage


def test_days_pass_without_a_gap_and_nothing_is_left(stage: Stage) -> None:
    soak = Soak(stage, Random(SEED), print, DAYS)
    with quoted_logs(stage):
        soak.run()
    assert soak.complaints == []
    assert len(soak.seconds) == DAYS
    assert soak.judge.judged >= 3 * DAYS
    assert soak.done.keys() >= {"operator killed", "API server away for hours"}
    assert soak.people.done
    assert soak.publications.done.keys() >= {"late", "half a day", "refused"}
