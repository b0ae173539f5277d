"""A real node: containerd, kubelet and kube-proxy beside a control plane, in this process's network namespace.

Guarantees: everything lies below one folder; ``stop`` leaves no process, no mount and no cgroup of it, whatever state
its pods are in; and the programs end when this process does.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from dev.cluster.binaries import Binaries
from dev.cluster.control_plane import ControlPlane
from dev.cluster.process.component import Component
from dev.e2e import node_files
from dev.e2e.network import ADDRESS, POD_RANGE
from dev.images.build import Image, Images
from dev.images.roots import run
from dev.lab.debian import PreparationError, cni_folder, program

NAME = "e2e-node"
_READY_SECONDS = 90.0
_POLL_SECONDS = 0.2
_GRACE_SECONDS = 5.0
_CGROUPS = Path("/sys/fs/cgroup")
_CNI_RESULTS = Path("/var/lib/cni/results")


class Node:
    """The node ``NAME``, with its images already there."""

    def __init__(
        self, root: Path, plane: ControlPlane, binaries: Binaries, say: Callable[[str], None]
    ) -> None:
        """Nothing is started yet."""
        self._root = root.absolute()
        self._plane = plane
        self._binaries = binaries
        self._say = say
        self._socket = self._root / "containerd.sock"
        self.containerd = Component("containerd", self._root)
        self.kubelet = Component("kubelet", self._root)
        self.kube_proxy = Component("kube-proxy", self._root)
        self._root.mkdir(parents=True, exist_ok=True)

    def start(self, images: Images) -> None:
        """Returns when the node is Ready and has the images.

        Raises:
            PreparationError: it does not come up; the message has the end of the log.
        """
        began = time.monotonic()
        (self._root / "cni").mkdir(exist_ok=True)
        (self._root / "cni" / "10-pods.conflist").write_text(node_files.pod_network(self._root))
        configuration = self._root / "containerd.toml"
        configuration.write_text(
            node_files.containerd(
                self._root, self._socket, images.pause.reference, cni_folder(), program("runc")
            )
        )
        command = [program("containerd"), "--config", str(configuration)]
        self.containerd.start(command, self._environ(), detached=False)
        self._wait(self.containerd, self._socket.exists, "containerd's socket")
        for image in (images.pause, images.agent, images.operator):
            self._load(image)
        self.start_kubelet()
        self._start_kube_proxy()
        self._wait(self.kubelet, self._is_ready, f"node {NAME} to be Ready")
        self._say(f"node {NAME} ready after {time.monotonic() - began:.1f} s")

    def stop(self) -> None:
        """End everything, pods too."""
        self.stop_kubelet()
        self.kube_proxy.stop(_GRACE_SECONDS)
        self._end_containers()
        self.containerd.stop(_GRACE_SECONDS)
        clear_away(self._root)

    def stop_kubelet(self) -> None:
        """Containers go on; nobody looks after them."""
        self.kubelet.stop(_GRACE_SECONDS)

    def ctr(self, *arguments: str) -> str:
        """``ctr`` on this containerd, in the kubelet's namespace."""
        command = [program("ctr"), "--address", str(self._socket), "--namespace", "k8s.io", *arguments]
        return run(command, os.environ)

    def kill_container(self, name: str) -> None:
        """SIGKILL to the container of that name (as the pod's spec has it): nothing of it gets to clean up."""
        found = self.ctr("containers", "list", f'labels."io.kubernetes.container.name"=={name}').splitlines()[
            1:
        ]
        running = {
            line.split()[0] for line in self.ctr("tasks", "list").splitlines()[1:] if "RUNNING" in line
        }
        for line in found:
            if line.split()[0] in running:
                self.ctr("tasks", "kill", "--signal", "SIGKILL", line.split()[0])

    def _load(self, image: Image) -> None:
        self.ctr("images", "import", str(image.archive))

    def start_kubelet(self) -> None:
        """Start it, or start it again: pods are as they were."""
        kubeconfig = self._plane.kubeconfig_as(
            f"system:node:{NAME}", ["system:nodes"], self._root / "kubelet.kubeconfig"
        )
        configuration = self._root / "kubelet.json"
        configuration.write_text(
            node_files.kubelet(self._root, self._socket, self._plane.ca_file, self._minor())
        )
        flags = [
            f"--kubeconfig={kubeconfig}",
            f"--config={configuration}",
            f"--root-dir={self._root / 'kubelet'}",
            f"--hostname-override={NAME}",
            f"--node-ip={ADDRESS}",
        ]
        self.kubelet.start([*self._binaries.command("kubelet"), *flags], self._environ(), detached=False)

    def _minor(self) -> int:
        """Of ``Kubernetes v1.37.2``, as the kubelet says it."""
        command = [*self._binaries.command("kubelet"), "--version"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return int(said.split(".")[1])

    def _start_kube_proxy(self) -> None:
        kubeconfig = self._plane.kubeconfig_as("system:kube-proxy", [], self._root / "kube-proxy.kubeconfig")
        flags = [
            f"--kubeconfig={kubeconfig}",
            "--proxy-mode=nftables",
            f"--hostname-override={NAME}",
            f"--cluster-cidr={POD_RANGE}",
            "--conntrack-max-per-core=0",
        ]
        self.kube_proxy.start(
            [*self._binaries.command("kube-proxy"), *flags], self._environ(), detached=False
        )

    def _environ(self) -> dict[str, str]:
        path = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
        return {"PATH": path, "HOME": str(self._root)}

    def _is_ready(self) -> bool:
        condition = '{.items[*].status.conditions[?(@.type=="Ready")].status}'
        return self._plane.kubectl("get", "nodes", "-o", f"jsonpath={condition}") == "True"

    def _wait(self, component: Component, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not holds():
            if component.pid is None:
                raise PreparationError(f"{component.name} has ended; {component.last_lines()}")
            if time.monotonic() > deadline:
                raise PreparationError(f"waited {_READY_SECONDS:.0f} s for {what}; {component.last_lines()}")
            time.sleep(_POLL_SECONDS)

    def _end_containers(self) -> None:
        if self.containerd.pid is None:
            return
        with contextlib.suppress(PreparationError):
            for line in self.ctr("tasks", "list").splitlines()[1:]:
                with contextlib.suppress(PreparationError):
                    self.ctr("tasks", "delete", "--force", line.split()[0])


def clear_away(root: Path) -> None:
    """End what still runs from the folder, and unmount what is mounted there: after a run that was killed, too.

    A container's shim outlives containerd by design, and is known by the folder in its command line.
    """
    below = f"{root}{os.sep}"
    for pid in _processes(below.encode()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for point in sorted((point for point in mounts if point.startswith(below)), reverse=True):
        run([program("umount"), "--lazy", point], os.environ)
    for folder in ("images", "state", "kubelet"):
        shutil.rmtree(root / folder, ignore_errors=True)
    _forget_pod_addresses()
    # What the kubelet made for its pods. Folders in use, of another kubelet, cannot be removed and stay.
    for pods in [*_CGROUPS.glob("kubepods"), *_CGROUPS.glob("*/kubepods")]:
        for folder, _, _ in os.walk(pods, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)


def _forget_pod_addresses() -> None:
    """What containerd's network library keeps of each sandbox, and forgets itself where a pod ends in good order."""
    for result in _CNI_RESULTS.glob(f"{node_files.NETWORK}-*-eth0"):
        sandbox = result.name.removeprefix(f"{node_files.NETWORK}-").removesuffix("-eth0")
        result.unlink(missing_ok=True)
        (_CNI_RESULTS / f"cni-loopback-{sandbox}-lo").unlink(missing_ok=True)


def _processes(marker: bytes) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            with contextlib.suppress(OSError):
                if marker in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
    return found
