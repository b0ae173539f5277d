"""A real API server for the tests of this folder: one for the whole run, emptied after each test that uses it."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.binaries import Binaries, locate
from dev.cluster.control_plane import ControlPlane
from dev.lab.api_client import apply, delete_all, patch, read

CRDS = Path(__file__).parents[2] / "crds"
LONGEST = (
    "test_two_operators",
    "test_overrides",
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


def _say(line: str) -> None:
    """Past pytest's capture: the first run builds the control plane for minutes, and a person wants to know."""
    if sys.__stderr__ is not None:
        sys.__stderr__.write(f"{line}\n")


@pytest.fixture(scope="session")
def binaries() -> Binaries:
    """etcd, kube-apiserver and kubectl: from KUBEBUILDER_ASSETS, else built once."""
    return locate(os.environ, _say)


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


@pytest.fixture
def control_plane(shared_control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """The control plane, empty of nodes and of our objects."""
    yield shared_control_plane
    delete_all(shared_control_plane, (*OURS, "nodes", "events"))


class Kube:
    """Objects in and out, as kubectl has them."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane

    def get(self, kind: str, name: str | None = None) -> dict[str, Any]:
        """The object, or all of the kind as ``items``."""
        return read(self.plane, kind, name)

    def items(self, kind: str) -> dict[str, dict[str, Any]]:
        """All objects of a kind by name."""
        return {item["metadata"]["name"]: item for item in self.get(kind)["items"]}

    def apply(self, *objects: dict[str, Any]) -> None:
        """Create them with strict validation, or merge into them; a refusal's words are in the exception."""
        for body in objects:
            apply(self.plane, body)

    def patch(self, kind: str, name: str, body: dict[str, Any], subresource: str = "") -> None:
        """A JSON merge patch."""
        patch(self.plane, kind, name, body, subresource)

    def add_node(self, name: str, **labels: str) -> None:
        """A Node object without a kubelet."""
        self.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}})


@pytest.fixture
def kube(control_plane: ControlPlane) -> Kube:
    """kubectl on an empty control plane."""
    return Kube(control_plane)
