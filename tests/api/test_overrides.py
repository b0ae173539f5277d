"""PowerOverrides on a real API server: what is refused and with which words, and what comes of them on nodes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dev.lab.agent_process import eventually
from dev.lab.fake_sysfs import ONE_SOCKET
from dev.lab.stage import Stage, quoted_logs, wait_until
from powercap_api.clock import format_time
from powercap_api.names import POWER_LABEL
from tests.api.conftest import Kube
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


@pytest.fixture
def stage(kube: Kube, tmp_path: Path) -> Iterator[Stage]:
    """A node of 65 W with its agent, which gets 40 W by a fixed policy, and the operator."""
    stage = Stage(tmp_path, kube.plane, {NODE: ONE_SOCKET})
    stage.open()
    stage.apply_policy(
        maxSource="40",
        minPower="10",
        strategy={"type": "Fixed", "power": "40"},
        hardware={"rampWattsPerSecond": 0},
    )
    with quoted_logs(stage):
        stage.start_operator()
        stage.start_agent(NODE)
        until_cap(stage, 40)
        yield stage
    stage.close()


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


def window_is_there(stage: Stage) -> bool:
    return bool(stage.get("powerbudget", NODE)["spec"].get("overrides"))


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


def test_begin_and_end_come_on_the_second_without_operator_and_api_server(stage: Stage) -> None:
    """The clock of the agent alone brings both about: the API server is asked nothing in between."""
    start = stage.clock.now().replace(microsecond=0) + timedelta(hours=1, seconds=7)
    times = {"start": format_time(start), "end": format_time(start + timedelta(minutes=3, seconds=1))}
    stage.apply(override(limit="50%", duration=None, **times))
    wait_until(lambda: window_is_there(stage), "the window is in the budget")
    wait_until(lambda: reason(stage, "Active") == "Pending", "pending")
    stage.operator.stop(10)
    stage.control_plane.stop_api_server()
    try:
        stage.advance(start - timedelta(seconds=3) - stage.clock.now())
        wait_until(lambda: stage.node_cap(NODE) == 20 * WATT, "50 % of 40 W", 20)
        assert stage.clock.now() >= start, "not before its begin"
        stage.advance(start + timedelta(minutes=3) - timedelta(seconds=2) - stage.clock.now())
        assert stage.node_cap(NODE) == 20 * WATT
        until_cap(stage, 40, 20)
        assert stage.clock.now() >= start + timedelta(minutes=3, seconds=1), "not before its end"
    finally:
        stage.control_plane.start_api_server()
    stage.start_operator()
    wait_until(lambda: reason(stage, "Active") == "Over", "over", 60)


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


def test_it_is_deleted_a_day_after_its_end_and_told_in_events(stage: Stage, kube: Kube) -> None:
    start = datetime.now(UTC).replace(microsecond=0)
    stage.apply(override(limit="25", duration="5m", start=format_time(start)))
    until_cap(stage, 25)
    wait_until(lambda: reason(stage, "Achieved") == "Achieved", "achieved", 30)
    stage.advance(timedelta(minutes=6))
    until_cap(stage, 40)
    wait_until(lambda: reason(stage, "Active") == "Over", "over", 30)
    assert state(stage)["achieved"] == "25 W", "the record of what came of it"

    def told() -> set[str]:
        events = kube.get("events")["items"]
        return {event["reason"] for event in events if event["involvedObject"]["kind"] == "PowerOverride"}

    wait_until(lambda: {"Active", "Achieved", "Over"} <= told(), f"events, not {told()}", 30)
    stage.advance(timedelta(days=1))
    # Nothing is deleted for minutes after the clock has jumped.
    wait_until(lambda: not stage.get("poweroverrides")["items"], "deleted", 300)


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


def run(kube: Kube, name: str, **labels: str) -> None:
    """Make a pod and say for a kubelet that it runs."""
    kube.apply(pod(name, **labels))
    running = '{"status": {"phase": "Running"}}'
    kube.plane.kubectl("patch", "pod", name, "--subresource=status", "--type=merge", "-p", running)


def test_a_pod_raises_its_node_s_floor_for_as_long_as_it_is_there(stage: Stage, kube: Kube) -> None:
    kube.plane.kubectl("create", "serviceaccount", "default", "-n", "default")
    floors = {"floors": {"namespaces": ["default"], "most": "60", "exempt": True}}
    stage.operator.stop(10)
    stage.start_operator("--pod-floors")
    run(kube, "job", floor="50")
    run(kube, "other")
    with pytest.raises(AssertionError, match="not within"):
        eventually(lambda: "floor" in stage.get("powerbudget", NODE)["spec"], "not allowed", 4)
    kube.patch("powerpolicy", "default", {"spec": {"workloads": floors}})
    until_cap(stage, 50)
    wait_until(
        lambda: (
            "raised to 50 W for pod default/job" in stage.get("powerbudget", NODE)["status"]["current"]["why"]
        ),
        "the reason",
    )
    run(kube, "greedy", floor="500")
    assert until_cap(stage, 60) < 20
    kube.plane.kubectl("delete", "pod", "greedy", "--force", "--grace-period=0")
    assert until_cap(stage, 50) < 5, "gone within 5 s of the pod"
    run(kube, "special", exempt="true")
    until_cap(stage, 65)
    kube.plane.kubectl("delete", "pod", "special", "job", "other", "--force", "--grace-period=0")
    assert until_cap(stage, 40) < 5, "gone within 5 s of the pod"


def test_nodes_are_labelled_by_their_cap_for_schedulers(stage: Stage) -> None:
    def label() -> str:
        return str(stage.get("node", NODE)["metadata"].get("labels", {}).get(POWER_LABEL, ""))

    assert label() == ""
    stage.operator.stop(10)
    stage.start_operator("--node-labels")
    wait_until(lambda: label() == "high", "40 W of 40 W")
    stage.apply(override(limit="50%"))
    wait_until(lambda: label() == "normal", "20 W of 40 W")
    stage.apply(override("more", limit="12"))
    wait_until(lambda: label() == "low", "12 W of 40 W")
    stage.control_plane.kubectl("delete", "pwo", "--all")
    wait_until(lambda: label() == "high", "40 W again")
    stage.control_plane.kubectl("delete", "powerpolicy", "--all")
    wait_until(lambda: label() == "", "no budget, no label")
