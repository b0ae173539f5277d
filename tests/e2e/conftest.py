"""One real cluster for the whole run, and an installation for each module.

``make e2e`` starts this; ``make e2e-cluster`` runs what can be run on the cluster that KUBECONFIG names.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.cluster.progress import say
from dev.e2e.world import World

LOGS = Path(__file__).parents[2] / "build" / "e2e-logs"
ON_CLUSTER = os.environ.get("POWERCAP_E2E_ON_CLUSTER") == "1"
"""Run on the cluster of KUBECONFIG. On purpose not by KUBECONFIG alone, which many people always have set."""
_FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def bare_world() -> Iterator[World]:
    """A cluster with a node, and no powercap."""
    shutil.rmtree(LOGS, ignore_errors=True)
    with World(say) as world:
        yield world


@pytest.fixture(autouse=True)
def _logs_of_failures(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if request.node.stash.get(_FAILED, False) and not ON_CLUSTER:
        bare_world: World = request.getfixturevalue("bare_world")
        folder = LOGS / request.node.name
        bare_world.collect_logs(folder)
        say(f"logs are in {folder}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Iterator[None]:
    """Let the fixture above know how the test went."""
    report = yield
    if report.failed:  # type: ignore[attr-defined]  # pytest types a wrapper's result as None
        item.stash[_FAILED] = True
    return report


@pytest.fixture(scope="module")
def world(bare_world: World) -> Iterator[World]:
    """The cluster with the chart installed, removed after the module's last test."""
    bare_world.exchange.requests.clear()
    with bare_world.logs_of_failure(LOGS / "install"):
        bare_world.install()
        bare_world.until(bare_world.follows, "the node follows its budget after helm install")
    yield bare_world
    bare_world.uninstall()
    bare_world.plane.kubectl(
        "delete",
        "crd",
        *(
            f"{kind}.powercap.dev"
            for kind in (
                "powerpolicies",
                "powerbudgets",
                "marketdays",
                "poweroverrides",
                "powerreports",
                "waitpolicies",
            )
        ),
    )
