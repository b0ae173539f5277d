"""``helm uninstall``: the original limits are back on the node, whatever had become of its agent."""

import pytest

from dev.e2e.world import NAMESPACE, RELEASE, World
from tests.e2e.conftest import say

_LEFT_ALONE = {"ConfigMap/kube-root-ca.crt", "ServiceAccount/default"}
"""What every namespace has."""


@pytest.fixture
def capped_world(bare_world: World) -> World:
    """The cluster, freshly installed and with a capped node."""
    bare_world.install()
    bare_world.until(bare_world.follows, "the node follows its budget after helm install")
    bare_world.until(lambda: bare_world.limits() != bare_world.originals, "the node is capped")
    return bare_world


def _everything_is_back(world: World) -> None:
    assert world.limits() == world.originals
    assert world.get("powerbudgets")["items"] == []
    kinds = "all,configmaps,secrets,serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets"

    def left() -> set[str]:
        items = world.get(kinds, "--namespace", NAMESPACE)["items"]
        return {f"{item['kind']}/{item['metadata']['name']}" for item in items} - _LEFT_ALONE

    world.until(lambda: not left(), f"nothing is left in the namespace but {left()}")
    selector = f"app.kubernetes.io/instance={RELEASE}"
    cluster_wide = (
        "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings"
    )
    assert world.get(cluster_wide, "--selector", selector)["items"] == []
    assert world.get("roles,rolebindings", "--namespace", "default", "--selector", selector)["items"] == []
    kept = {item["metadata"]["name"] for item in world.get("crd")["items"]}
    assert kept == {f"{kind}.powercap.dev" for kind in ("powerpolicies", "powerbudgets", "marketdays")}
    assert [item["metadata"]["name"] for item in world.get("powerpolicies")["items"]] == ["default"]


def test_the_originals_are_back_after_an_uninstall(capped_world: World) -> None:
    seconds = capped_world.until(lambda: bool(capped_world.uninstall()), "helm uninstall", 300)
    say(f"helm uninstall took {seconds:.1f} s")
    _everything_is_back(capped_world)


def test_also_where_the_agent_was_killed_for_good(capped_world: World) -> None:
    """An agent that had no time to end, and that nobody starts again."""
    world = capped_world
    world.node.stop_kubelet()
    world.node.kill_container("agent")
    world.plane.kubectl("delete", "daemonset", f"{RELEASE}-agent", "-n", NAMESPACE, "--wait=false")
    world.until(
        lambda: all("deletionTimestamp" in pod["metadata"] for pod in world.pods("agent")), "the pod is to go"
    )
    world.node.start_kubelet()
    world.until(lambda: not world.pods("agent"), "the kubelet takes the pod away")
    assert world.limits() != world.originals, "there is nothing to put back"
    world.uninstall()
    _everything_is_back(world)
