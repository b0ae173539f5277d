"""The command line of each component: what this control plane is, in flags. Pure.

Two sizes of cluster use it. Most tests have Node objects without a kubelet; there nothing may act on missing
heartbeats (`real_nodes` false). The end-to-end tests run a kubelet, and want what a cluster does.
"""

from dataclasses import dataclass
from pathlib import Path

from dev.cluster.pki import Pair

SERVICE_RANGE = "10.0.0.0/24"
SERVICE_ADDRESS = "10.0.0.1"
"""Where pods find the API: the first of the range, by Kubernetes' definition."""

ISSUER = "https://kubernetes.default.svc"
"""Of service accounts' tokens."""

_WITHOUT_HEARTBEATS = ("node-lifecycle-controller", "taint-eviction-controller")
"""Would mark Nodes without a kubelet as lost after 50 s and delete their pods five minutes later."""


@dataclass(frozen=True)
class Layout:
    """All that the command lines are made of."""

    root: Path
    authority: Pair
    serving: Pair
    etcd_client: Pair
    service_accounts: Pair
    tokens: Path
    etcd_port: int
    api_port: int
    real_nodes: bool
    service_account_admission: bool
    """Refuses pods whose service account does not exist: only with a controller manager, which makes them."""


def etcd(layout: Layout) -> list[str]:
    """TLS both ways: etcd has no other protection from whoever else is on this machine."""
    url = f"https://127.0.0.1:{layout.etcd_port}"
    return [
        f"--data-dir={layout.root / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        # Never used by a single member, but always opened.
        "--listen-peer-urls=http://127.0.0.1:0",
        f"--cert-file={layout.serving.public}",
        f"--key-file={layout.serving.private}",
        "--client-cert-auth",
        f"--trusted-ca-file={layout.authority.public}",
        # A power failure may lose a test's data; waiting for the disk makes all of it several times slower.
        "--unsafe-no-fsync",
        # A single member, too, waits for this long before it elects itself, a second by default.
        "--heartbeat-interval=10",
        "--election-timeout=100",
        "--log-level=warn",
    ]


def api_server(layout: Layout) -> list[str]:
    disabled = []
    if not layout.service_account_admission:
        disabled.append("ServiceAccount")
    if not layout.real_nodes:
        # Taints each new Node as not ready until the node lifecycle controller, absent here, finds it ready.
        disabled.append("TaintNodesByCondition")
    return [
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        # Endpoints may not be loopback addresses: it would try, and complain, for ever.
        "--endpoint-reconciler-type=none",
        f"--secure-port={layout.api_port}",
        f"--cert-dir={layout.root / 'pki'}",
        f"--tls-cert-file={layout.serving.public}",
        f"--tls-private-key-file={layout.serving.private}",
        f"--client-ca-file={layout.authority.public}",
        f"--token-auth-file={layout.tokens}",
        f"--etcd-servers=https://127.0.0.1:{layout.etcd_port}",
        f"--etcd-cafile={layout.authority.public}",
        f"--etcd-certfile={layout.etcd_client.public}",
        f"--etcd-keyfile={layout.etcd_client.private}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={layout.service_accounts.public}",
        f"--service-account-signing-key-file={layout.service_accounts.private}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        *([f"--disable-admission-plugins={','.join(disabled)}"] if disabled else []),
        "--allow-privileged=true",
        "--profiling=false",
    ]


def controller_manager(layout: Layout, kubeconfig: Path) -> list[str]:
    """All controllers but those that need heartbeats: DaemonSets, garbage collection and so on."""
    without = () if layout.real_nodes else _WITHOUT_HEARTBEATS
    return [
        f"--kubeconfig={kubeconfig}",
        f"--controllers={','.join(['*', *(f'-{name}' for name in without)])}",
        f"--root-ca-file={layout.authority.public}",
        f"--service-account-private-key-file={layout.service_accounts.private}",
        f"--cluster-signing-cert-file={layout.authority.public}",
        f"--cluster-signing-key-file={layout.authority.private}",
        "--use-service-account-credentials",
        # It asks for an account for each controller: at the default of 20 a second that takes 4 s.
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        # Made at start, by default below /usr.
        f"--flex-volume-plugin-dir={layout.root / 'flexvolume'}",
        # Alone here: an election would only delay its start and, after an outage of the API, end it.
        "--leader-elect=false",
        # Serves nothing, so needs no port.
        "--secure-port=0",
    ]


def scheduler(kubeconfig: Path) -> list[str]:
    return [f"--kubeconfig={kubeconfig}", "--leader-elect=false", "--secure-port=0"]
