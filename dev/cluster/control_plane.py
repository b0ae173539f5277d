"""A control plane of its own: etcd, API server and, where asked for, controller manager and scheduler.

Guarantees:
- Several run side by side: each has a folder, ports, and a certificate authority, so that none takes
  another's server for its own.
- `stop`, and leaving the `with` block, leave no process. Nor does the end of this process, at kill -9 too, on
  Linux; unless it is detached.
- What is stopped and started again, in part or all of it, from this process or a later one, keeps its data,
  keys, tokens and, unless another program has taken it meanwhile, its address.
"""

import dataclasses
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from dev.cluster import access, pki
from dev.cluster.binaries import Binaries
from dev.cluster.errors import ControlPlaneError, KubectlError
from dev.cluster.process import command_lines
from dev.cluster.process.command_lines import Layout
from dev.cluster.process.component import Component
from dev.cluster.process.ports import free_port
from dev.cluster.process.probe import Server, wait_until_ready

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
"""In the order of their start."""

_PORT_TRIES = 5
_SERVING_NAMES = (
    "127.0.0.1",
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    command_lines.SERVICE_ADDRESS,
)


class ControlPlane:
    """A Kubernetes control plane in the folder `root`, which is made if need be.

    `controller_manager` and `scheduler` are run where `binaries` has them. `real_nodes` is for those who run
    a kubelet: without, Nodes are mere objects that nothing expects heartbeats from. `api_server_flags` and
    `etcd_flags` come after the own ones and win. `server_names` are further addresses that the API server's
    certificate is good for. `detached` lets the control plane outlive this process. `ready_seconds` is the most
    that each component may take to become ready: 2 s do on an idle machine, but not on a crowded one.
    """

    def __init__(
        self,
        binaries: Binaries,
        root: Path,
        *,
        controller_manager: bool = True,
        scheduler: bool = False,
        real_nodes: bool = False,
        api_server_flags: Sequence[str] = (),
        etcd_flags: Sequence[str] = (),
        server_names: Iterable[str] = (),
        detached: bool = False,
        ready_seconds: float = 120.0,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.root = root.absolute()
        self.kubeconfig = self.root / "kubeconfig"
        self._binaries = binaries
        self._controller_manager = controller_manager and binaries.has("kube-controller-manager")
        self._scheduler = scheduler and binaries.has("kube-scheduler")
        self._api_server_flags = tuple(api_server_flags)
        self._etcd_flags = tuple(etcd_flags)
        self._detached = detached
        self._ready_seconds = ready_seconds
        self._say = say
        self._components = {name: Component(name, self.root) for name in COMPONENTS}

        self.root.mkdir(parents=True, exist_ok=True)
        folder = self.root / "pki"
        self._authority = pki.Authority(folder)
        self._tokens = access.tokens(folder / "tokens.csv")
        self._ports_file = self.root / "ports.json"
        etcd_port, api_port = self._known_ports() or (free_port(), free_port())
        self._layout = Layout(
            root=self.root,
            authority=self._authority.files,
            serving=self._authority.issue("server", "server", addresses=[*_SERVING_NAMES, *server_names]),
            etcd_client=self._authority.issue("etcd-client", "kube-apiserver"),
            service_accounts=pki.service_account_keys(folder),
            tokens=folder / "tokens.csv",
            etcd_port=etcd_port,
            api_port=api_port,
            real_nodes=real_nodes,
            service_account_admission=self._controller_manager,
        )

    @property
    def url(self) -> str:
        """Of the API server. Settled once `start` has returned."""
        return f"https://127.0.0.1:{self._layout.api_port}"

    @property
    def ca_file(self) -> Path:
        """What the API server's certificate is to be verified with."""
        return self._authority.files.public

    @property
    def admin_token(self) -> str:
        """Bearer token of a user who may do everything."""
        return self._tokens[access.ADMIN]

    @property
    def pids(self) -> dict[str, int]:
        """Of the components that run, by name."""
        return {name: pid for name in COMPONENTS if (pid := self._components[name].pid) is not None}

    def log(self, component: str) -> Path:
        """The component's log; that of the run before is beside it, with .1."""
        return self._components[component].log

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when all of it is ready. Raises ControlPlaneError, and then nothing of it runs."""
        if self.pids:
            raise ControlPlaneError(f"a control plane in {self.root} already runs: {self.pids}")
        began = time.monotonic()
        try:
            self._start_on_a_free_port("etcd", self.start_etcd)
            self._start_on_a_free_port("kube-apiserver", self.start_api_server)
            self._write_ports()
            self.kubeconfig_for(self.admin_token, self.kubeconfig)
            if self._controller_manager:
                self._start_controller_manager()
            if self._scheduler:
                self._start_scheduler()
        except BaseException:
            self.stop()
            raise
        self._say(f"Kubernetes control plane ready at {self.url} after {time.monotonic() - began:.1f} s")

    def stop(self) -> None:
        """Returns when no process is left. The data stays in the folder. Nothing where it does not run."""
        stop_components(self.root, self._components.values())

    def start_etcd(self) -> None:
        """Same port and data as before. With an API server running, waits until that is ready again."""
        command = [*command_lines.etcd(self._layout), *self._etcd_flags]
        server = Server(self._layout.etcd_port, self.ca_file, client=self._layout.etcd_client)
        self._run(self._components["etcd"], command, lambda: server.complaint("/health"))
        api_server = self._components["kube-apiserver"]
        if api_server.pid is not None:
            wait_until_ready(api_server, lambda: self._complaint("/readyz"), self._ready_seconds)

    def stop_etcd(self) -> None:
        """For tests of an outage: the API server stays up, and fails all requests that need its data."""
        self._components["etcd"].stop()

    def start_api_server(self) -> None:
        """Same port, keys and data as before; returns when it is ready."""
        command = [*command_lines.api_server(self._layout), *self._api_server_flags]
        self._run(self._components["kube-apiserver"], command, lambda: self._complaint("/readyz"))

    def stop_api_server(self) -> None:
        """For tests of an outage: on return its connections are cut, and new ones are refused."""
        self._components["kube-apiserver"].stop()

    def kubectl(self, *args: str, input: str | None = None) -> str:  # noqa: A002 (as in subprocess.run)
        """Output of kubectl as admin, which reads `input` at `-f -`. KubectlError with what it says."""
        command = [
            *self._binaries.command("kubectl"),
            f"--kubeconfig={self.kubeconfig}",
            # Its own: the usual one still has what another control plane once served at this port.
            f"--cache-dir={self.root / 'kubectl-cache'}",
            *args,
        ]
        done = subprocess.run(
            command, input=input, env=self._environ(), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise KubectlError(f"kubectl {' '.join(args)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def kubeconfig_for(self, token: str, path: Path) -> Path:
        """Writes a kubeconfig for the bearer of `token`, for example a service account; returns its path."""
        access.write_kubeconfig(path, self.url, self.ca_file, token)
        return path

    def kubeconfig_as(self, user: str, groups: Iterable[str], path: Path) -> Path:
        """The same for any user, by a certificate: a kubelet is `system:node:NAME` in `system:nodes`."""
        pair = self._authority.issue(f"client-{os.urandom(4).hex()}", user, groups)
        access.write_kubeconfig(path, self.url, self.ca_file, pair)
        return path

    def _start_controller_manager(self) -> None:
        token = self._tokens["system:kube-controller-manager"]
        kubeconfig = self.kubeconfig_for(token, self.root / "pki" / "controller-manager.kubeconfig")

        def complaint() -> str | None:
            # Without these two, which it makes, no pod can be created.
            namespace = "/api/v1/namespaces/default"
            return self._complaint(f"{namespace}/serviceaccounts/default") or self._complaint(
                f"{namespace}/configmaps/kube-root-ca.crt"
            )

        component = self._components["kube-controller-manager"]
        self._run(component, command_lines.controller_manager(self._layout, kubeconfig), complaint)

    def _start_scheduler(self) -> None:
        token = self._tokens["system:kube-scheduler"]
        kubeconfig = self.kubeconfig_for(token, self.root / "pki" / "scheduler.kubeconfig")
        # It has nothing to be asked for; a pod that waits for it waits a moment longer.
        self._run(self._components["kube-scheduler"], command_lines.scheduler(kubeconfig), lambda: None)

    def _complaint(self, path: str) -> str | None:
        return Server(self._layout.api_port, self.ca_file, token=self.admin_token).complaint(path)

    def _run(self, component: Component, flags: list[str], complaint: Callable[[], str | None]) -> None:
        if component.pid is not None:
            raise ControlPlaneError(f"{component.name} already runs, as pid {component.pid}")
        self._say(f"starting {component.name}")
        command = [*self._binaries.command(component.name), *flags]
        component.start(command, self._environ(), self._detached)
        wait_until_ready(component, complaint, self._ready_seconds)

    def _environ(self) -> dict[str, str]:
        """Next to nothing of the caller's: etcd reads flags from it, and proxies in it would come between."""
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.root)}

    def _start_on_a_free_port(self, name: str, start: Callable[[], None]) -> None:
        """Starts again on another port where someone else was faster."""
        component = self._components[name]
        for _ in range(_PORT_TRIES - 1):
            try:
                return start()
            except ControlPlaneError:
                if component.pid is not None or not component.port_was_taken():
                    raise
                if name == "etcd":
                    self._layout = dataclasses.replace(self._layout, etcd_port=free_port())
                else:
                    self._layout = dataclasses.replace(self._layout, api_port=free_port())
        return start()

    def _known_ports(self) -> tuple[int, int] | None:
        """Those of an earlier run in this folder, so that kubeconfigs made then still work."""
        if not self._ports_file.exists():
            return None
        known = json.loads(self._ports_file.read_text())
        return int(known["etcd"]), int(known["api"])

    def _write_ports(self) -> None:
        ports = {"etcd": self._layout.etcd_port, "api": self._layout.api_port}
        self._ports_file.write_text(json.dumps(ports))


def stop_components(root: Path, components: Iterable[Component] | None = None) -> list[str]:
    """Ends all that runs in `root`, whoever started it; the names of what did. Needs no binaries."""
    if components is None:
        components = [Component(name, root.absolute()) for name in COMPONENTS]
    ended = []
    for component in reversed(list(components)):
        if component.pid is not None:
            ended.append(component.name)
        component.stop()
    return ended
