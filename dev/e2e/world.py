"""Everything an installation stands on: a control plane, a node, the stand-in exchange, and the node's fake limits."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dev.cluster.binaries import locate
from dev.cluster.control_plane import COMPONENTS, ControlPlane
from dev.cluster.errors import ControlPlaneError, KubectlError
from dev.e2e.helm import CHART, Helm
from dev.e2e.network import ADDRESS
from dev.e2e.node import NAME, Node
from dev.e2e.tools import HELM, Tool, locate_tool
from dev.images.build import build_images
from dev.lab.caps import cap_at, caps_of
from dev.lab.exchange.site import ExchangeSite
from dev.lab.fake_sysfs import TWO_SOCKETS, build_tree, read_limits
from dev.lab.judge import not_in_force
from powercap_api.clock import OffsetClock, write_offset
from powercap_api.conditions import is_true
from powercap_api.markets import Auction, Market
from powercap_operator.market.results import Query
from powercap_operator.sources.mock import made_up_periods

NAMESPACE = "powercap-system"
RELEASE = "powercap"
MARKET = Market("FR", Auction.IDA1, 15)
_API_SERVER_FLAGS = (
    # Pods reach it at the machine's address, by way of the service that is made of this.
    "--bind-address=0.0.0.0",
    f"--advertise-address={ADDRESS}",
    "--endpoint-reconciler-type=lease",
    # For kubectl logs and exec.
    "--kubelet-preferred-address-types=InternalIP",
)


ROOT_VARIABLE = "POWERCAP_E2E_ROOT"
"""The folder to do everything in, where whoever starts the tests clears it away after them."""


def make_root() -> Path:
    """A folder for a World; short, because of the length that a socket's path may have."""
    return Path(tempfile.mkdtemp(prefix="powercap-e2e-", dir="/var/tmp"))


class World:
    """All of it, in one folder. Call it in a network namespace of its own, see ``python -m dev.e2e``."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """Nothing is started yet."""
        self.root = Path(os.environ.get(ROOT_VARIABLE) or make_root())
        self._say = say
        binaries = locate(os.environ, say)
        self.images = build_images(os.environ, say)
        self.plane = ControlPlane(
            binaries,
            self.root / "control-plane",
            scheduler=True,
            real_nodes=True,
            api_server_flags=_API_SERVER_FLAGS,
            server_names=[ADDRESS],
            say=say,
        )
        self.node = Node(self.root / "node", self.plane, binaries, say)
        self.exchange = ExchangeSite(host=ADDRESS)
        self.use_helm(HELM)
        self.tree = self.root / "devices" / "powercap"
        self.state = self.root / "run-powercap"
        self.clock_file = self.state / "clock-offset"
        self.clock = OffsetClock(self.clock_file)
        self.originals: dict[str, int] = {}

    def use_helm(self, tool: Tool) -> None:
        """Install, upgrade and uninstall with this version from now on."""
        program = locate_tool(tool, os.environ, self._say)
        self.helm = Helm(program, self.plane.kubeconfig, self.root / "helm")

    def __enter__(self) -> Self:
        try:
            self.plane.start()
            self.node.start(self.images)
            self.exchange.start()
            today = self.clock.now().astimezone(MARKET.bidding_zone.zone).date()
            for day in (today - timedelta(days=1), today, today + timedelta(days=1)):
                query = Query(MARKET, day)
                self.exchange.publish(query, made_up_periods(query))
            build_tree(self.tree, TWO_SOCKETS)
            self.originals = self.limits()
            self.state.mkdir()
            self.plane.kubectl("create", "namespace", NAMESPACE)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End everything, and leave nothing."""
        self.exchange.stop()
        self.node.stop()
        self.plane.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def values(self, **overrides: Any) -> dict[str, Any]:
        """What a person must say, and where the fake limits, the exchange and the agents' clock are."""
        operator, agent = self.images.operator, self.images.agent
        return {
            "operator": {
                "image": {"repository": operator.name, "tag": operator.tag, "pullPolicy": "Never"},
                "epexUrl": self.exchange.epex_url,
                "contact": "e2e@example.org",
            },
            "agent": {
                "image": {"repository": agent.name, "tag": agent.tag, "pullPolicy": "Never"},
                "powercapHostPath": str(self.tree),
                "stateHostPath": str(self.state),
                "extraEnv": [{"name": "POWERCAP_CLOCK_FILE", "value": "/run/powercap/clock-offset"}],
            },
            "policy": {"maxSource": "140", "minPower": "40"},
            "uninstall": {"timeoutSeconds": 40},
            **overrides,
        }

    def install(self, *arguments: str, chart: Path = CHART, **overrides: Any) -> str:
        """``helm install`` and wait until pods are ready."""
        return self._helm("install", *arguments, chart=chart, **overrides)

    def upgrade(self, *arguments: str, chart: Path = CHART, **overrides: Any) -> str:
        """``helm upgrade`` and wait until pods are ready."""
        return self._helm("upgrade", *arguments, chart=chart, **overrides)

    def _helm(self, verb: str, *arguments: str, chart: Path, **overrides: Any) -> str:
        command = (verb, RELEASE, str(chart), "--namespace", NAMESPACE, "--wait", "--timeout", "90s")
        return self.helm(*command, *arguments, values=self.values(**overrides))

    def uninstall(self, *arguments: str) -> str:
        """``helm uninstall`` with its hooks."""
        command = ("uninstall", RELEASE, "--namespace", NAMESPACE, "--wait", "--timeout", "4m")
        return self.helm(*command, *arguments)

    def limits(self) -> dict[str, int]:
        """The node's limits in microwatts, by zone and constraint."""
        return read_limits(self.tree)

    def cap(self) -> int:
        """What the node's two packages may draw together, in microwatts."""
        return sum(_packages(self.limits()))

    def get(self, *what: str) -> dict[str, Any]:
        """``kubectl get … -o json``."""
        found: dict[str, Any] = json.loads(self.plane.kubectl("get", *what, "-o", "json"))
        return found

    def pods(self, component: str) -> list[dict[str, Any]]:
        """The pods of operator or agent, also those that are about to go."""
        selector = f"app.kubernetes.io/component={component}"
        items: list[dict[str, Any]] = self.get("pods", "-n", NAMESPACE, "-l", selector)["items"]
        return items

    def staying(self, component: str) -> list[dict[str, Any]]:
        """Those of them that are not about to go."""
        return [pod for pod in self.pods(component) if "deletionTimestamp" not in pod["metadata"]]

    def leader(self) -> str:
        """The name of the operator's pod that leads; empty where none does."""
        leases = self.get("leases", "-n", NAMESPACE)["items"]
        holders = [lease["spec"].get("holderIdentity") or "" for lease in leases]
        return holders[0].split("_")[0] if holders else ""

    def scheduled_uw(self) -> int:
        """The cap that the node's budget asks for now by the agent's clock."""
        cap = cap_at(caps_of(self.get("powerbudget", NAME)["spec"]), self.clock.now())
        if cap is None:
            raise LookupError("the budget's schedule has not begun")
        return cap.power_uw

    def follows(self) -> bool:
        """Whether the files hold the current slot's cap, and the agent has said so."""
        try:
            wanted, budget = self.scheduled_uw(), self.get("powerbudget", NAME)
        except (KubectlError, LookupError):
            return False
        conditions = budget.get("status", {}).get("conditions", [])
        ready = is_true(conditions, "Ready")
        return ready and not not_in_force(wanted, _packages(self.limits()), _packages(self.originals))

    def advance(self, by: timedelta) -> None:
        """Set the agent's clock further ahead."""
        write_offset(self.clock_file, self.clock.offset() + by)

    def until(self, holds: Callable[[], bool], what: str, seconds: float = 60.0) -> float:
        """Wait; the seconds that took. AssertionError at the deadline."""
        began = time.monotonic()
        while not holds():
            if time.monotonic() - began > seconds:
                raise AssertionError(f"not within {seconds:.0f} s: {what}")
            time.sleep(0.05)
        return time.monotonic() - began

    @contextlib.contextmanager
    def logs_of_failure(self, folder: Path) -> Iterator[None]:
        """Collect the logs where what is done in the context fails."""
        try:
            yield
        except BaseException as error:
            self.collect_logs(folder)
            error.add_note(f"logs are in {folder}")
            raise

    def collect_logs(self, folder: Path) -> None:
        """Everything that says why, as far as it can still be had."""
        folder.mkdir(parents=True, exist_ok=True)
        for component in COMPONENTS:
            with contextlib.suppress(OSError):
                shutil.copy(self.plane.log(component), folder)
        for log in (self.root / "node" / "logs").glob("*.log"):
            shutil.copy(log, folder)
        if (self.root / "node" / "pod-logs").exists():
            shutil.copytree(self.root / "node" / "pod-logs", folder / "pods", dirs_exist_ok=True)
        for name, command in {
            "objects.yaml": ("get", "all,events,powercap", "--all-namespaces", "-o", "yaml"),
            "overview.txt": ("get", "pods,events,powercap", "--all-namespaces", "-o", "wide"),
            "describe.txt": ("describe", "pods", "--namespace", NAMESPACE),
        }.items():
            with contextlib.suppress(KubectlError, ControlPlaneError, subprocess.SubprocessError):
                (folder / name).write_text(self.plane.kubectl(*command, "--request-timeout=10s"))
        (folder / "limits.json").write_text(json.dumps(self.limits(), indent=2))


def _packages(limits: Mapping[str, int]) -> list[int]:
    """The long_term limits of the two packages."""
    return [limits[f"intel-rapl/intel-rapl:{package}/long_term"] for package in (0, 1)]
