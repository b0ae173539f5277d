"""What can be tried on any cluster, by its API alone: `make e2e-cluster` runs this on the one that KUBECONFIG names."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.cluster.binaries import locate
from dev.cluster.progress import say
from dev.e2e.any_cluster import NAMESPACE, ORIGINAL_UW, RELEASE, AnyCluster
from dev.e2e.helm import Helm
from dev.e2e.tools import HELM, locate_tool
from dev.e2e.world import World
from tests.e2e.conftest import ON_CLUSTER


@pytest.fixture
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyCluster]:
    """The cluster of KUBECONFIG with the images that are named, or else the one that the other tests run on."""
    program = locate_tool(HELM, os.environ, say)
    if ON_CLUSTER:
        kubeconfig = Path(os.environ["KUBECONFIG"]).expanduser()
        images = (os.environ["OPERATOR_IMAGE"], os.environ["AGENT_IMAGE"])
        kubectl = [shutil.which("kubectl") or "kubectl"]
    else:
        world: World = request.getfixturevalue("bare_world")
        kubeconfig = world.plane.kubeconfig
        images = (world.images.operator.reference, world.images.agent.reference)
        kubectl = locate(os.environ, say).command("kubectl")
    found = AnyCluster(kubeconfig, tuple(kubectl), Helm(program, kubeconfig, tmp_path), *images)
    yield found
    found.remove()


def test_the_whole_way_on_any_cluster(cluster: AnyCluster) -> None:
    cluster.make_fake_limits()
    assert set(cluster.limits().values()) == {ORIGINAL_UW}
    cluster.install()
    cluster.until(
        lambda: all(20_000_000 <= limit <= 60_000_000 for limit in cluster.limits().values()),
        "nodes are capped",
    )
    assert "Succeeded" in cluster.helm("test", RELEASE, "-n", NAMESPACE, "--timeout", "5m")
    cluster.kubectl("patch", "powerpolicy", RELEASE, "--type", "merge", "-p", '{"spec":{"suspend":true}}')
    cluster.until(
        lambda: set(cluster.limits().values()) == {ORIGINAL_UW}, "originals are back when suspended"
    )
    cluster.kubectl("patch", "powerpolicy", RELEASE, "--type", "merge", "-p", '{"spec":{"suspend":false}}')
    cluster.until(lambda: ORIGINAL_UW not in cluster.limits().values(), "nodes are capped again")
    cluster.helm("uninstall", RELEASE, "-n", NAMESPACE, "--wait", "--timeout", "5m")
    assert set(cluster.limits().values()) == {ORIGINAL_UW}
