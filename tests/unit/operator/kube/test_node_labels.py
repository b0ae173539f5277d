"""The node label is written as often as a day's schedule can change it, and by nobody who does not lead."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dev.lab.fake_api import FakeApi
from powercap_api.names import NODE, POWER_LABEL
from powercap_operator.kube.cache import WorldCache
from powercap_operator.kube.client import Cluster
from powercap_operator.kube.node_labels import NodeLabels
from powercap_operator.planning.node_label.power_label import MOST_CHANGES
from tests.support.cluster_client import cluster_at
from tests.support.objects import moment

NOON = moment("2026-06-10T12:00Z")


@dataclass
class Settings:
    """A clock and an election, as a test has them."""

    moment: datetime = NOON
    leading: bool = True
    terms: int = 1

    def now(self) -> datetime:
        return self.moment

    def write_seconds(self) -> float:
        return 5.0


@dataclass
class Labels:
    """Two nodes with labels that nothing asks for; the stand-in never lets the operator see that they are gone."""

    cluster: Cluster
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        self.cache = WorldCache()
        for number, name in enumerate(("a", "b"), 1):
            metadata = {
                "name": name,
                "uid": name,
                "resourceVersion": str(number),
                "labels": {POWER_LABEL: "low"},
            }
            self.cache.put(NODE, {"kind": NODE, "metadata": metadata})
        self.labels = NodeLabels(self.cluster, self.cache, self.settings, self.settings, pause_seconds=0.0)

    async def passes(self, beats: int) -> None:
        """Run until it has shown so many signs of life."""
        enough, synced = asyncio.Event(), asyncio.Event()
        synced.set()
        left = beats

        def beat() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                enough.set()

        task = asyncio.create_task(self.labels.run(beat, synced))
        await enough.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_a_node_is_labelled_no_more_often_in_a_day(tmp_path: Path) -> None:
    async def run(api: FakeApi) -> list[int]:
        async with cluster_at(api.url, tmp_path) as cluster:
            node, written = Labels(cluster), []
            for after in (timedelta(), timedelta(days=1, seconds=-1), timedelta(days=1)):
                node.settings.moment = NOON + after
                await node.passes(3 * MOST_CHANGES + 30)
                written.append(len(api.patches))
            return written

    with FakeApi(node=None) as api:
        assert asyncio.run(run(api)) == [2 * MOST_CHANGES, 2 * MOST_CHANGES, 4 * MOST_CHANGES]
        assert api.patches[0] == {"metadata": {"labels": {POWER_LABEL: None}}}
        assert {path for _, path in api.requests if "/nodes/" in path}


@pytest.mark.parametrize("code", [403, 404])
def test_a_node_that_cannot_be_labelled_holds_up_no_other(
    tmp_path: Path, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def run(api: FakeApi) -> None:
        async with cluster_at(api.url, tmp_path) as cluster:
            await Labels(cluster).passes(30)

    with FakeApi(node=None) as api:
        api.status_codes.append(code)
        asyncio.run(run(api))
        assert api.patches, "the other one, and it again"
    assert "node a is not labelled" in caplog.text


def test_who_does_not_lead_labels_nothing(tmp_path: Path) -> None:
    async def run(api: FakeApi) -> None:
        async with cluster_at(api.url, tmp_path) as cluster:
            node = Labels(cluster)
            node.settings.leading = False
            await node.passes(20)

    with FakeApi(node=None) as api:
        asyncio.run(run(api))
        assert not api.requests
