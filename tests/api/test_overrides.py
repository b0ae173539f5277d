"""PowerOverrides on a real API server: what is refused and with which words, and what comes of them on nodes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.control_plane import ControlPlane
from dev.lab.agent_process import eventually
from dev.lab.fake_sysfs import ONE_SOCKET
from dev.lab.stage import Stage, quoted_logs, wait_until
from tests.api.conftest import OURS, Kube
from tests.support.contract_cases import override

WATT = 1_000_000
NODE = "node-a"


def test_its_short_name_leaves_pods_alone(kube: Kube) -> None:
    """``po`` is pods: kubectl would warn everybody of another kind at every ``kubectl get po``."""
    kube.apply(override())
    assert "evening" in kube.plane.kubectl("get", "pwo")
    assert "evening" in kube.plane.kubectl("get", "powercap")
    short = ("-o", "jsonpath={.spec.names.shortNames}")
    assert kube.plane.kubectl("get", "crd", "poweroverrides.powercap.dev", *short) == '["pwo"]'


FIXED: dict[str, Any] = {
    "maxSource": "40",
    "minPower": "10",
    "strategy": {"type": "Fixed", "power": "40"},
    "hardware": {"rampWattsPerSecond": 0},
}


@contextmanager
def opened(plane: ControlPlane, folder: Path, option: str) -> Iterator[Stage]:
    """A node of 65 W with its agent, which gets 40 W by a fixed policy, and the operator with an option."""
    stage = Stage(folder, plane, {NODE: ONE_SOCKET})
    stage.open()
    stage.apply_policy(**FIXED)
    try:
        with quoted_logs(stage):
            stage.start_operator(option)
            stage.start_agent(NODE)
            until_cap(stage, 40)
            yield stage
    finally:
        stage.stop_powercap()
        stage.client.delete_all((*OURS, "nodes", "events"))
        stage.close()


@pytest.fixture(scope="module")
def shared_stage(
    shared_control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Nothing of it is ended between tests."""
    with opened(shared_control_plane, tmp_path_factory.mktemp("stage"), "--pod-floors") as stage:
        yield stage


@pytest.fixture
def stage(shared_stage: Stage) -> Iterator[Stage]:
    """At the end it has its policy and no override again."""
    yield shared_stage
    shared_stage.client.delete_all(("poweroverrides", "events"))
    shared_stage.apply_policy(**FIXED)
    shared_stage.client.patch("powerpolicy", "default", {"spec": {"workloads": None}})
    until_cap(shared_stage, 40)


def until_cap(stage: Stage, watts: float, seconds: float = 40) -> float:
    """Seconds until the node's package has this limit."""
    return wait_until(
        lambda: stage.node_cap(NODE) == watts * WATT, f"{watts} W, not {stage.node_cap(NODE)}", seconds
    )


def state(stage: Stage, name: str = "evening") -> dict[str, Any]:
    found: dict[str, Any] = stage.get("poweroverride", name).get("status", {})
    return found


def reason(stage: Stage, type_: str, name: str = "evening") -> str:
    conditions = state(stage, name).get("conditions", [])
    return next((str(one["reason"]) for one in conditions if one["type"] == type_), "")


def test_a_limit_from_now_on_and_its_end_by_deletion(stage: Stage) -> None:
    stage.apply(override(limit="25", nodeSelector=None, nodes=[NODE]))
    until_cap(stage, 25)
    wait_until(lambda: reason(stage, "Achieved") == "Achieved", "achieved", 30)
    found = state(stage)
    assert (found["nodes"], found["asked"], found["achieved"]) == (1, "25 W", "25 W")
    assert reason(stage, "Active") == "Active"
    row = stage.control_plane.kubectl("get", "pwo", "evening").splitlines()[1]
    for cell in ("Active", "25 W", "person"):
        assert cell in row
    current = stage.get("powerbudget", NODE)["status"]["current"]
    assert current["why"] == "25 W at most, PowerOverride evening: the grid asks"
    stage.control_plane.kubectl("delete", "pwo", "evening")
    until_cap(stage, 40)


def test_a_release_loses_against_the_grid(stage: Stage) -> None:
    stage.apply(override("job", limit=None, release=True, reason="a run that must end today"))
    until_cap(stage, 65)
    wait_until(lambda: reason(stage, "Achieved", "job") == "Achieved", "released", 30)
    stage.apply(override("mine", limit="20"))
    wait_until(lambda: reason(stage, "Achieved", "mine") == "Overruled", "a person's limit is lifted", 30)
    assert stage.node_cap(NODE) == 65 * WATT
    stage.apply(override("grid", limit="30", source="grid"))
    until_cap(stage, 20)
    wait_until(lambda: reason(stage, "Achieved", "job") == "Overruled", "the release has no effect", 30)


def test_a_limit_never_goes_under_min_power(stage: Stage) -> None:
    stage.apply(override(limit="3"))
    until_cap(stage, 10)
    wait_until(lambda: state(stage).get("asked") == "10 W", "asked")


_COMMAND = "import sys; from powercap_cli.main import main; sys.exit(main())"


def command(stage: Stage, *arguments: str) -> tuple[int, str]:
    """Exit code and output of ``powercap override`` with the kubeconfig of the control plane."""
    done = subprocess.run(
        [sys.executable, "-c", _COMMAND, "override", *arguments],
        env={**os.environ, "KUBECONFIG": str(stage.control_plane.kubeconfig)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def names(stage: Stage) -> list[str]:
    return [item["metadata"]["name"] for item in stage.get("poweroverrides")["items"]]


def test_the_command_limits_and_releases(stage: Stage) -> None:
    limit = (NODE, "--limit", "25", "--for", "2h", "--reason", "a repair", "--name", "rack-7")
    code, said = command(stage, *limit)
    assert code == 0, said
    assert "poweroverride.powercap.dev/rack-7 created" in said
    assert "25 W at most on 1 node until" in said
    until_cap(stage, 25)
    code, said = command(stage, "--all", "--release", "--for", "1h", "--reason", "a run", "--priority", "5")
    assert code == 0, said
    (made,) = [name for name in names(stage) if name.startswith("override-")]
    assert f"kubectl delete poweroverride {made}" in said
    until_cap(stage, 65)
    code, said = command(stage, *limit)
    assert code == 1
    assert "already exists" in said


def pod(name: str, **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {f"powercap.dev/{key}": value for key, value in labels.items()}},
        "spec": {
            "nodeName": NODE,
            "automountServiceAccountToken": False,
            "containers": [{"name": "c", "image": "c"}],
        },
    }


def run(stage: Stage, name: str, **labels: str) -> None:
    """Make a pod and say for a kubelet that it runs."""
    stage.apply(pod(name, **labels))
    stage.client.patch("pod", name, {"status": {"phase": "Running"}}, "status")


def test_a_pod_raises_its_node_s_floor_for_as_long_as_it_is_there(stage: Stage) -> None:
    kubectl = stage.control_plane.kubectl
    kubectl("create", "serviceaccount", "default", "-n", "default")
    floors = {"floors": {"namespaces": ["default"], "most": "60", "exempt": True}}
    run(stage, "job", floor="50")
    run(stage, "other")
    with pytest.raises(AssertionError, match="not within"):
        eventually(lambda: "floor" in stage.get("powerbudget", NODE)["spec"], "not allowed", 4)
    stage.client.patch("powerpolicy", "default", {"spec": {"workloads": floors}})
    until_cap(stage, 50)
    wait_until(
        lambda: (
            "raised to 50 W for pod default/job" in stage.get("powerbudget", NODE)["status"]["current"]["why"]
        ),
        "the reason",
    )
    run(stage, "greedy", floor="500")
    assert until_cap(stage, 60) < 20
    kubectl("delete", "pod", "greedy", "--force", "--grace-period=0")
    assert until_cap(stage, 50) < 5, "gone within 5 s of the pod"
    run(stage, "special", exempt="true")
    until_cap(stage, 65)
    kubectl("delete", "pod", "special", "job", "other", "--force", "--grace-period=0")
    assert until_cap(stage, 40) < 5, "gone within 5 s of the pod"
