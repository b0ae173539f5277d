"""The control plane that all of the other tests here stand on."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.cluster.binaries import Binaries, locate
from dev.cluster.build import PARTS, versions
from dev.cluster.control_plane import ControlPlane
from dev.cluster.errors import BinariesError, ControlPlaneError, KubectlError
from dev.lab.agent_process import eventually

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def plane(binaries: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane(binaries, tmp_path_factory.mktemp("control-plane")) as control_plane:
        yield control_plane


def gone(pid: int) -> bool:
    """Whether the process has ended; one that is only waiting for its parent's attention has."""
    try:
        os.kill(pid, 0)
        return sys.platform == "linux" and not Path(f"/proc/{pid}/cmdline").read_bytes()
    except (ProcessLookupError, FileNotFoundError):
        return True


def names(plane: ControlPlane, kind: str) -> list[str]:
    return plane.kubectl("get", kind, "-o", "name").split()


@pytest.mark.long
def test_two_run_side_by_side_and_know_nothing_of_each_other(
    plane: ControlPlane, binaries: Binaries, tmp_path: Path
) -> None:
    with ControlPlane(binaries, tmp_path, controller_manager=False) as other:
        assert other.url != plane.url
        other.kubectl("create", "namespace", "only-in-the-other")
        assert "namespace/only-in-the-other" in names(other, "namespaces")
        assert "namespace/only-in-the-other" not in names(plane, "namespaces")


def test_a_stopped_api_server_refuses_connections_and_comes_back_with_its_data(plane: ControlPlane) -> None:
    plane.kubectl("create", "configmap", "before-the-api-outage")
    url = plane.url
    plane.stop_api_server()
    with pytest.raises(KubectlError, match="refused"):
        plane.kubectl("get", "configmaps")
    assert "kube-apiserver" not in plane.pids
    plane.start_api_server()
    assert plane.url == url
    assert "configmap/before-the-api-outage" in names(plane, "configmaps")


def test_a_stopped_etcd_comes_back_with_its_data(plane: ControlPlane) -> None:
    plane.kubectl("create", "configmap", "before-the-etcd-outage")
    plane.stop_etcd()
    plane.start_etcd()
    assert "configmap/before-the-etcd-outage" in names(plane, "configmaps")


@pytest.mark.long
def test_stop_leaves_no_process_and_a_new_start_has_data_and_address(
    binaries: Binaries, tmp_path: Path
) -> None:
    first = ControlPlane(binaries, tmp_path, controller_manager=False)
    with first:
        pids = first.pids
        first.kubectl("create", "namespace", "kept")
        with pytest.raises(ControlPlaneError, match="already runs"):
            ControlPlane(binaries, tmp_path).start()
    assert pids.keys() == {"etcd", "kube-apiserver"}
    assert all(gone(pid) for pid in pids.values())
    assert first.pids == {}
    with ControlPlane(binaries, tmp_path, controller_manager=False) as second:
        assert (second.url, second.admin_token) == (first.url, first.admin_token)
        assert "namespace/kept" in names(second, "namespaces")


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a process to its parent")
def test_nothing_is_left_when_the_parent_is_killed(tmp_path: Path) -> None:
    program = """
import json, os, sys, threading
from pathlib import Path
from dev.cluster.binaries import locate
from dev.cluster.control_plane import ControlPlane
plane = ControlPlane(locate(os.environ, print), Path(sys.argv[1]), controller_manager=False)
# On a thread that ends at once, which must not end the control plane.
thread = threading.Thread(target=plane.start)
thread.start()
thread.join()
plane.kubectl("get", "namespaces")
print(json.dumps(plane.pids), flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pids = json.loads(parent.stdout.readlines(1)[0])
        assert len(pids) == 2
        parent.send_signal(signal.SIGKILL)
    for name, pid in pids.items():
        eventually(lambda pid=pid: gone(pid), f"{name} ends with its parent")  # type: ignore[misc]


def test_a_pod_bound_token_carries_the_name_of_the_node(plane: ControlPlane) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "agent", "namespace": "default"},
        "spec": {
            "nodeName": "node-a",
            "serviceAccountName": "bound",
            "containers": [{"name": "agent", "image": "none.invalid/none"}],
        },
    }
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-a"}}
    plane.kubectl("create", "serviceaccount", "bound")
    for item in (node, pod):
        plane.kubectl("create", "-f", "-", input=json.dumps(item))
    bound = ("--bound-object-kind", "Pod", "--bound-object-name", "agent")
    token = plane.kubectl("create", "token", "bound", *bound).strip()
    review = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": token},
    }
    answer = json.loads(plane.kubectl("create", "-o", "json", "-f", "-", input=json.dumps(review)))
    assert answer["status"]["authenticated"]
    assert answer["status"]["user"]["username"] == "system:serviceaccount:default:bound"
    assert answer["status"]["user"]["extra"]["authentication.kubernetes.io/node-name"] == ["node-a"]


def test_others_get_in_as_who_they_are(plane: ControlPlane, tmp_path: Path) -> None:
    def who(kubeconfig: Path) -> str:
        return plane.kubectl(
            "auth", "whoami", f"--kubeconfig={kubeconfig}", "-o", "jsonpath={.status.userInfo}"
        )

    plane.kubectl("create", "serviceaccount", "someone")
    token = plane.kubectl("create", "token", "someone").strip()
    by_token = json.loads(who(plane.kubeconfig_for(token, tmp_path / "token")))
    assert by_token["username"] == "system:serviceaccount:default:someone"
    kubelet = plane.kubeconfig_as("system:node:node-a", ["system:nodes"], tmp_path / "certificate")
    by_certificate = json.loads(who(kubelet))
    assert by_certificate["username"] == "system:node:node-a"
    assert "system:nodes" in by_certificate["groups"]


def test_the_controller_manager_makes_pods_for_a_daemonset_and_collects_them(
    plane: ControlPlane, binaries: Binaries
) -> None:
    if not binaries.has("kube-controller-manager"):
        pytest.skip("no kube-controller-manager in KUBEBUILDER_ASSETS")
    labels = {"app": "everywhere"}
    containers = [{"name": "main", "image": "none.invalid/none"}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    daemon_set = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "everywhere", "namespace": "default"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-b"}}
    for item in (node, daemon_set):
        plane.kubectl("create", "-f", "-", input=json.dumps(item))

    def pods() -> list[str]:
        return plane.kubectl("get", "pods", "-l", "app=everywhere", "-o", "name").split()

    eventually(lambda: len(pods()) >= 1, "a pod for the node")
    plane.kubectl("delete", "daemonset", "everywhere")
    eventually(lambda: not pods(), "the pod is collected with its owner")


def test_a_component_that_does_not_come_up_is_quoted(binaries: Binaries, tmp_path: Path) -> None:
    plane = ControlPlane(binaries, tmp_path, api_server_flags=["--no-such-flag"])
    with pytest.raises(
        ControlPlaneError, match=r"(?s)kube-apiserver has ended.*unknown flag: --no-such-flag"
    ):
        plane.start()
    assert plane.pids == {}


@pytest.mark.long
def test_a_port_that_was_taken_meanwhile_is_given_up(binaries: Binaries, tmp_path: Path) -> None:
    plane = ControlPlane(binaries, tmp_path, controller_manager=False)
    taken = int(plane.url.rsplit(":", 1)[1])
    with socket.socket() as other:
        other.bind(("127.0.0.1", taken))
        with plane:
            assert plane.url != f"https://127.0.0.1:{taken}"
            assert "namespace/default" in names(plane, "namespaces")


@pytest.mark.long
def test_up_twice_runs_once_and_down_ends_it(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dev.cluster", "--root", str(tmp_path / "root"), *arguments]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert run("status").returncode == 1
    try:
        up = run("up")
        assert up.stdout == f"export KUBECONFIG={tmp_path / 'root' / 'kubeconfig'}\n", up.stderr
        before = run("status").stdout
        again = run("up")
        assert (again.returncode, again.stdout) == (0, up.stdout), again.stderr
        assert "already runs" in again.stderr
        assert run("status").stdout == before
    finally:
        down = run("down")
    assert "ended" in down.stderr
    assert run("status").returncode == 1


def test_assets_that_lack_something_are_refused_by_name(tmp_path: Path) -> None:
    for name in ("etcd", "kubectl"):
        (tmp_path / name).touch()
    with pytest.raises(BinariesError, match=r"kube-apiserver is missing.*setup-envtest"):
        locate({"KUBEBUILDER_ASSETS": str(tmp_path)}, print)
    (tmp_path / "kube-apiserver").touch()
    found = locate({"KUBEBUILDER_ASSETS": str(tmp_path)}, print)
    assert found.command("etcd") == [str(tmp_path / "etcd")]
    assert not found.has("kube-controller-manager")
    with pytest.raises(BinariesError, match="no kube-controller-manager"):
        found.command("kube-controller-manager")


def test_without_go_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BinariesError, match=r"install Go .* or set KUBEBUILDER_ASSETS"):
        locate({"PATH": str(tmp_path), "HOME": str(tmp_path)}, print)


def test_a_version_that_is_not_pinned_is_refused_with_those_that_are(tmp_path: Path) -> None:
    environ = stand_in_go(tmp_path / "go", "touch $8")
    with pytest.raises(
        BinariesError, match=r"Kubernetes '1\.20' cannot be built here, only 1\.30, .*, 1\.37"
    ):
        locate({**environ, "KUBERNETES": "1.20"}, lambda _: None)


def test_a_version_and_a_folder_of_programs_are_not_both_taken(tmp_path: Path) -> None:
    with pytest.raises(BinariesError, match=r"both KUBEBUILDER_ASSETS .* and KUBERNETES .* unset one"):
        locate({"KUBEBUILDER_ASSETS": str(tmp_path), "KUBERNETES": "1.31"}, print)


def test_an_older_version_has_etcd_and_kubectl_of_the_newest(tmp_path: Path) -> None:
    environ = stand_in_go(tmp_path / "go", "ls > $8")
    older = locate({**environ, "KUBERNETES": versions()[0]}, lambda _: None)
    newest = locate(environ, lambda _: None)
    for name in ("etcd", "kubectl"):
        assert older.command(name) == newest.command(name)
    for name in ("kube-apiserver", "kube-controller-manager", "kubelet"):
        assert older.command(name) != newest.command(name)
    assert sources(older, "kube-apiserver") == {"main.go", "api_server.go"}
    assert sources(newest, "kube-apiserver") == {"main.go", "api_server.go", "etcd_kubectl.go"}
    for both in (older, newest):
        assert sources(both, "kubelet") == {"main.go", "controllers.go", "node_linux.go"}


def test_who_needs_the_least_does_not_wait_for_the_rest(tmp_path: Path) -> None:
    environ = stand_in_go(tmp_path / "go", f"echo built >> {tmp_path}/builds; ls > $8")
    least = locate(environ, lambda _: None, least=True)
    assert set(least.commands) == {"etcd", "kube-apiserver", "kubectl"}
    assert (tmp_path / "builds").read_text() == "built\n"
    whole = locate(environ, lambda _: None)
    assert whole.command("kube-apiserver") == least.command("kube-apiserver")
    assert whole.has("kube-controller-manager")
    assert (tmp_path / "builds").read_text() == "built\n" * 2


def sources(binaries: Binaries, name: str) -> set[str]:
    """The Go files that were there when the program was built by a Go that lists them."""
    listed = Path(binaries.command(name)[0]).read_text().split()
    return {file for file in listed if file.endswith(".go")}


def stand_in_go(folder: Path, build: str) -> dict[str, str]:
    """An environment whose Go does what `build` says, in shell; $8 is the program to be built."""
    folder.mkdir()
    go = folder / "go"
    go.write_text(
        "#!/bin/sh\n"
        'case "$1" in\n'
        "env) echo go1.99 linux amd64 ;;\n"
        "list) echo a; echo b ;;\n"
        f"build) {build} ;;\n"
        "esac\n"
    )
    go.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "XDG_CACHE_HOME": str(folder / "cache")}


def test_several_runs_at_once_build_each_program_once(tmp_path: Path) -> None:
    environ = stand_in_go(tmp_path / "go", f"echo built >> {tmp_path}/builds; sleep 0.3; touch $8")
    found: list[Binaries] = []
    threads = [
        threading.Thread(target=lambda: found.append(locate(environ, lambda _: None))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "builds").read_text() == "built\n" * 2
    assert len(found) == 4
    assert all(Path(one.command("etcd")[0]).exists() for one in found)


def test_a_build_that_fails_is_quoted_and_leaves_nothing_behind(tmp_path: Path) -> None:
    environ = stand_in_go(tmp_path / "go", "echo some/package >&2; echo 'main.go:1:1: no good' >&2; exit 1")
    with pytest.raises(BinariesError, match=r"(?s)`go build`.*\.log.*main\.go:1:1: no good"):
        locate(environ, lambda _: None)
    assert not [
        path
        for path in (tmp_path / "go" / "cache").rglob("*")
        if path.name in {part.name for part in PARTS} and path.is_file()
    ]
