"""The configuration files of containerd and kubelet: what this node is, as text. Pure."""

import json
from pathlib import Path
from typing import Any

from dev.e2e.network import POD_RANGE

NETWORK = "powercap-e2e"
"""Name of the pods' network; containerd keeps files of that name below /var/lib/cni."""
_CRASH_LOOP_SETTING = 32
"""Minor version of the first Kubernetes with ``crashLoopBackOff``."""


def containerd(root: Path, socket: Path, sandbox_image: str, cni_programs: Path, runc: str) -> str:
    """Everything below ``root``, so that a containerd of the machine's own is not touched."""
    return f"""\
version = 2
root = "{root / "images"}"
state = "{root / "state"}"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"]

[grpc]
  address = "{socket}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{sandbox_image}"
  # Machines without CAP_SYS_RESOURCE may not lower a process's score; runc dies of it otherwise.
  restrict_oom_score_adj = true
  disable_tcp_service = true
  # Pods' network namespaces too are below the folder, where they are found and cleared away.
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{cni_programs}"
    conf_dir = "{root / "cni"}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "{runc}"
        SystemdCgroup = false
"""


def pod_network(root: Path) -> str:
    """A bridge for the pods of the one node."""
    bridge: dict[str, Any] = {
        "type": "bridge",
        "bridge": "pods0",
        "isGateway": True,
        "ipMasq": True,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(root / "addresses"),
            "ranges": [[{"subnet": POD_RANGE}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    # 0.4.0 is what containerd 1.6 reads, and newer ones too.
    return json.dumps(
        {"cniVersion": "0.4.0", "name": NETWORK, "plugins": [bridge, {"type": "loopback"}]}, indent=2
    )


def kubelet(root: Path, socket: Path, authority: Path, minor: int) -> str:
    """JSON, which is YAML too, for Kubernetes 1.``minor``. Containers that fail are started again after 10 s at most.

    Kubernetes has had that setting since 1.32, behind a feature gate that is open since 1.35. Before, it is 5 minutes.
    """
    configuration: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": True},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": str(authority)},
        },
        # Only the network namespace of this cluster reaches it.
        "authorization": {"mode": "AlwaysAllow"},
        "containerRuntimeEndpoint": f"unix://{socket}",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "podLogsDir": str(root / "pod-logs"),
        "volumePluginDir": str(root / "volume-plugins"),
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "syncFrequency": "5s",
        "nodeStatusUpdateFrequency": "2s",
    }
    if minor >= _CRASH_LOOP_SETTING:
        configuration["crashLoopBackOff"] = {"maxContainerRestartPeriod": "10s"}
        configuration["featureGates"] = {"KubeletCrashLoopBackOffMax": True}
    return json.dumps(configuration, indent=2)
