"""An installation on any Kubernetes: nothing but its API is needed, and nodes get fake limits to play with.

The market's day is made up by the operator itself (provider Mock), and each node's powercap folder is a fake one below
``FOLDER``, made and read by pods of a DaemonSet of ours. Real limits are never touched.
"""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.e2e.helm import CHART, Helm

NAMESPACE = "powercap-e2e"
RELEASE = "powercap-e2e"
FOLDER = "/run/powercap-e2e"
ORIGINAL_UW = 65_000_000
_FAKE = "powercap-e2e-nodes"
_ZONE = "powercap/intel-rapl/intel-rapl:0"
_MAKE = f"""
import os, shutil, signal, sys
def end(*_):
    for name in os.listdir("/e2e"):
        shutil.rmtree(os.path.join("/e2e", name))
    sys.exit()
signal.signal(signal.SIGTERM, end)
zone = "/e2e/{_ZONE}"
os.makedirs(zone, exist_ok=True)
files = {{"name": "package-0", "enabled": 1, "energy_uj": 1, "max_energy_range_uj": 262143328850,
         "constraint_0_name": "long_term", "constraint_0_power_limit_uw": {ORIGINAL_UW},
         "constraint_0_max_power_uw": {ORIGINAL_UW}, "constraint_0_time_window_us": 999424}}
for name, value in files.items():
    with open(os.path.join(zone, name), "w") as file:
        file.write(f"{{value}}\\n")
signal.pause()
"""


class ClusterError(Exception):
    """kubectl refused; the message has what it said."""


@dataclass(frozen=True)
class AnyCluster:
    """The cluster of a kubeconfig, and the images as its nodes know them."""

    kubeconfig: Path
    kubectl_command: tuple[str, ...]
    helm: Helm
    operator_image: str
    agent_image: str

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        """Output of kubectl."""
        command = [*self.kubectl_command, f"--kubeconfig={self.kubeconfig}", *arguments]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ClusterError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def make_fake_limits(self) -> None:
        """On every node; the folder is made anew."""
        for body in (_namespace(), _daemon_set(self.agent_image)):
            self.kubectl("apply", "-f", "-", given=json.dumps(body))
        self.kubectl("rollout", "status", f"daemonset/{_FAKE}", "-n", NAMESPACE, "--timeout=120s")

    def limits(self) -> dict[str, int]:
        """Node to its limit, in microwatts."""
        pods = json.loads(self.kubectl("get", "pods", "-n", NAMESPACE, "-l", f"app={_FAKE}", "-o", "json"))[
            "items"
        ]
        file = f"/e2e/{_ZONE}/constraint_0_power_limit_uw"
        return {
            pod["spec"]["nodeName"]: int(
                self.kubectl("exec", "-n", NAMESPACE, pod["metadata"]["name"], "--", "cat", file).strip() or 0
            )
            for pod in pods
        }

    def install(self) -> None:
        """``helm install``; returns when operator and agents are ready. Kinds that are there are left as they are."""
        there = "powercap.dev" in self.kubectl("get", "crd", "-o", "name")
        values: dict[str, Any] = {
            "crds": {"enabled": not there, "keep": False},
            "policy": {
                "name": RELEASE,
                "maxSource": "60",
                "minPower": "20",
                "market": {"area": "FR", "auction": "IDA1", "providers": ["Mock"]},
            },
            "operator": {"image": _image(self.operator_image)},
            "agent": {
                "image": _image(self.agent_image),
                "powercapHostPath": f"{FOLDER}/powercap",
                "stateHostPath": f"{FOLDER}/run",
            },
        }
        self.helm(
            *("install", RELEASE, str(CHART), "-n", NAMESPACE, "--wait", "--timeout", "3m"), values=values
        )

    def remove(self) -> None:
        """Everything that this made and ``helm uninstall`` has left."""
        if "powercap.dev" in self.kubectl("get", "crd", "-o", "name"):
            self.kubectl("delete", "powerpolicy", RELEASE, "--ignore-not-found")
        self.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s")

    def until(self, holds: Callable[[], bool], what: str, seconds: float = 90.0) -> None:
        """Wait. AssertionError at the deadline."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds:.0f} s: {what}; limits are {self.limits()}")
            time.sleep(0.5)


def _image(reference: str) -> dict[str, str]:
    repository, _, tag = reference.rpartition(":")
    return {"repository": repository, "tag": tag}


def _namespace() -> dict[str, Any]:
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def _daemon_set(image: str) -> dict[str, Any]:
    container = {
        "name": "nodes",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", _MAKE],
        "volumeMounts": [{"name": "e2e", "mountPath": "/e2e"}],
    }
    volume = {"name": "e2e", "hostPath": {"path": FOLDER, "type": "DirectoryOrCreate"}}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": _FAKE, "namespace": NAMESPACE},
        "spec": {
            "selector": {"matchLabels": {"app": _FAKE}},
            "template": {
                "metadata": {"labels": {"app": _FAKE}},
                "spec": {
                    "containers": [container],
                    "volumes": [volume],
                    "tolerations": [{"operator": "Exists"}],
                    "terminationGracePeriodSeconds": 5,
                },
            },
        },
    }
