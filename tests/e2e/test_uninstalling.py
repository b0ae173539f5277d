"""``helm uninstall``: the original limits are back on the node, whatever had become of its agent."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dev.cluster.progress import say
from dev.e2e.helm import HelmError
from dev.e2e.node import NAME
from dev.e2e.tools import HELM, HELM_OLDEST
from dev.e2e.world import NAMESPACE, RELEASE, World

RESCUE = Path(__file__).parents[2] / "docs" / "rescue.yaml"
_LEFT_ALONE = {"ConfigMap/kube-root-ca.crt", "ServiceAccount/default"}
"""What every namespace has."""


@pytest.fixture(params=[HELM, HELM_OLDEST], ids=lambda tool: tool.version)
def capped_world(bare_world: World, request: pytest.FixtureRequest) -> Iterator[World]:
    """The cluster, freshly installed and with a capped node, by the newest Helm and by the oldest that is stated."""
    bare_world.use_helm(request.param)
    bare_world.install()
    bare_world.until(bare_world.follows, "the node follows its budget after helm install")
    bare_world.until(lambda: bare_world.limits() != bare_world.originals, "the node is capped")
    yield bare_world
    bare_world.use_helm(HELM)


def test_hooks_that_are_applied_like_any_other_object_release_nobody(capped_world: World) -> None:
    """As ``kubectl apply`` does it with everything that was rendered."""
    world, job = capped_world, f"{RELEASE}-uninstall"
    hooks = yaml.safe_load_all(world.helm("get", "hooks", RELEASE, "--namespace", NAMESPACE))
    applied = [body for body in hooks if body and body["metadata"]["name"] == job]
    assert {body["kind"] for body in applied} == {"ConfigMap", "Job"}
    limits = world.limits()
    world.plane.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(applied))
    world.plane.kubectl("wait", "--for=condition=Failed", f"job/{job}", "-n", NAMESPACE, "--timeout=90s")
    assert "this is no uninstall, and nothing was done" in world.plane.kubectl(
        "logs", f"job/{job}", "-n", NAMESPACE
    )
    assert len(world.staying("operator")) == 2
    assert world.get("powerbudget", NAME)["spec"].get("suspend", False) is False
    assert world.limits() == limits != world.originals
    world.plane.kubectl("delete", f"job/{job}", f"configmap/{job}", "-n", NAMESPACE)
    world.uninstall()
    _everything_is_back(world)


def _everything_is_back(world: World) -> None:
    assert world.limits() == world.originals
    assert world.get("powerbudgets")["items"] == []
    kinds = "all,configmaps,secrets,serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets"

    # The agents end meanwhile.
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
    ours = ("powerpolicies", "powerbudgets", "marketdays", "poweroverrides", "powerreports", "waitpolicies")
    assert kept == {f"{kind}.powercap.dev" for kind in ours}
    assert [item["metadata"]["name"] for item in world.get("powerpolicies")["items"]] == ["default"]


def test_the_originals_are_back_after_an_uninstall(capped_world: World) -> None:
    seconds = capped_world.until(lambda: bool(capped_world.uninstall()), "helm uninstall", 300)
    say(f"helm uninstall took {seconds:.1f} s")
    _everything_is_back(capped_world)


def test_an_agent_that_was_killed_is_started_again_and_puts_them_back(capped_world: World) -> None:
    world = capped_world
    world.node.kill_container("agent")
    world.uninstall()
    _everything_is_back(world)


def test_a_node_without_an_agent_stops_the_uninstall_and_is_rescued(capped_world: World) -> None:
    """An agent that had no time to end, and that nobody starts again: nothing is removed before its node is well."""
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
    with pytest.raises(HelmError, match=r"(?i)job"):
        world.uninstall()
    assert RELEASE in world.helm("status", RELEASE, "--namespace", NAMESPACE)
    said = world.plane.kubectl("logs", f"job/{RELEASE}-uninstall", "-n", NAMESPACE)
    assert f"node {NAME}: its agent has not answered" in said
    assert "helm uninstall --no-hooks" in said
    world.uninstall("--no-hooks")
    assert world.limits() != world.originals
    _rescue(world)
    assert world.limits() == world.originals
    world.plane.kubectl("delete", "powerbudgets", "--all")
    world.plane.kubectl("delete", "job", f"{RELEASE}-uninstall", "-n", NAMESPACE)
    _everything_is_back(world)


def _rescue(world: World) -> None:
    """docs/rescue.yaml, with this test's image and folders in place of those that a person has."""
    manifest = RESCUE.read_text()
    for ours, theirs in (
        (f"{world.images.agent.name}:{world.images.agent.tag}", r"registry\.example\.org/powercap-agent:\S+"),
        (str(world.tree.parent), r"/sys/devices/virtual$"),
        (str(world.state), r"(?<=path: )/run/powercap$"),
    ):
        manifest, times = re.subn(theirs, ours, manifest, flags=re.MULTILINE)
        assert times, f"{theirs} is not in the manifest"
    world.plane.kubectl("apply", "-f", "-", input=manifest)
    world.plane.kubectl(
        "rollout", "status", "daemonset/powercap-rescue", "-n", "kube-system", "--timeout=90s"
    )
    world.plane.kubectl("delete", "-f", "-", input=manifest)
