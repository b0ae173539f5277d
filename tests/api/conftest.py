"""A real API server for the tests of this folder: one for the whole run, emptied after each test that uses it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.cluster.binaries import Binaries, locate
from dev.cluster.control_plane import ControlPlane
from dev.cluster.progress import say
from dev.lab.api_client import Client

CRDS = Path(__file__).parents[2] / "crds"
LONGEST = (
    "test_two_operators",
    "test_overrides",
    "test_override_times",
    "test_demo",
    "test_half_open",
    "test_scale",
    "test_operator",
    "test_silent_agents",
    "test_reports",
    "test_kubectl",
    "test_control_plane",
)
"""Begun first, so that no worker is left alone with one of them at the end."""
OURS = ("powerpolicies", "marketdays", "powerbudgets", "poweroverrides", "powerreports", "waitpolicies")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, the others as they were."""
    order = {name: index for index, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(LONGEST)))


@pytest.fixture(scope="session")
def binaries() -> Binaries:
    """etcd, kube-apiserver and kubectl: from KUBEBUILDER_ASSETS, else built once."""
    return locate(os.environ, say)


@pytest.fixture(scope="session")
def shared_control_plane(
    binaries: Binaries, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControlPlane]:
    """A control plane with our CRDs, without controller-manager: nobody but the tests changes anything."""
    root = tmp_path_factory.mktemp("control-plane")
    with ControlPlane(binaries, root, controller_manager=False) as plane:
        for kind in OURS:
            plane.kubectl("apply", "--server-side", "-f", str(CRDS / f"{kind}.yaml"))
        plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        yield plane


class Kube(Client):
    """Objects in and out, as kubectl has them."""

    def add_node(self, name: str, **labels: str) -> None:
        """A Node object without a kubelet."""
        self.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}})


@pytest.fixture(scope="session")
def shared_kube(shared_control_plane: ControlPlane) -> Iterator[Kube]:
    """One client for the whole run."""
    kube = Kube(shared_control_plane)
    yield kube
    kube.close()


@pytest.fixture
def kube(shared_kube: Kube) -> Iterator[Kube]:
    """kubectl on a control plane without nodes and objects of ours."""
    yield shared_kube
    shared_kube.delete_all((*OURS, "nodes", "events"))


@pytest.fixture
def control_plane(kube: Kube) -> ControlPlane:
    """The control plane, empty of nodes and of our objects."""
    return kube.plane
