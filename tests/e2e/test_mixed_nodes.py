"""Nodes on which nothing can be capped are normal: they do not hold up an installation."""

from collections.abc import Iterator

import pytest

from dev.cluster.errors import KubectlError
from dev.e2e.node import NAME
from dev.e2e.world import World


@pytest.fixture
def world_without_powercap(bare_world: World) -> Iterator[World]:
    """The chart, installed where the node has no powercap folder."""
    values = bare_world.values()
    agent = {**values["agent"], "powercapHostPath": str(bare_world.tree.parent / "nothing")}
    bare_world.install(agent=agent)
    yield bare_world
    bare_world.uninstall()


def test_a_node_without_a_powercap_folder_runs_an_agent_that_says_so(world_without_powercap: World) -> None:
    """``helm install --wait`` has come back by now."""
    world = world_without_powercap

    def reason() -> str:
        try:
            conditions = world.get("powerbudget", NAME).get("status", {}).get("conditions", [])
        except KubectlError:  # there is no budget yet
            return ""
        return next((one["reason"] for one in conditions if one["type"] == "Ready"), "")

    world.until(lambda: reason() == "Unsupported", "the agent says that nothing can be capped")
    assert world.limits() == world.originals
