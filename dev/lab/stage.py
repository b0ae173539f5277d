"""All of powercap on this machine: control plane, stand-in exchange, operator, and nodes that each have an agent.

What demo, bench and the tests of the whole way stand on. Nodes are Node objects without a kubelet; each has a
powercap tree of its own in a folder, and a real agent process on it. Nothing outlives this process (Linux).
"""

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

from dev.cluster.control_plane import ControlPlane
from dev.cluster.process.component import Component
from dev.lab.api_client import Client
from dev.lab.exchange.site import ExchangeSite
from dev.lab.fake_sysfs import Layout, build_tree, read_limits
from dev.lab.judge import cap_asked_for, not_in_force
from powercap_api.clock import OffsetClock, write_offset
from powercap_api.conditions import is_true
from powercap_api.names import API_VERSION

CRDS = Path(__file__).parents[2] / "crds"
KINDS = ("powerpolicies", "marketdays", "powerbudgets", "poweroverrides", "powerreports", "waitpolicies")
_AGENT_GRACE_SECONDS = 5.0


class StageError(Exception):
    """Something on the stage did not come about in time; the message says what, and where to look."""


class Stage:
    """Everything in one folder. ``with`` it, or call ``stop``."""

    def __init__(self, root: Path, control_plane: ControlPlane, nodes: Mapping[str, Layout]) -> None:
        """Nothing is started yet."""
        self.root = root
        self.nodes = dict(nodes)
        self.control_plane = control_plane
        self.client = Client(control_plane)
        self.exchange = ExchangeSite()
        self.operator = Component("powercap-operator", root)
        self.agents = {node: Component(f"agent-{node}", root) for node in nodes}
        self.clock_file = root / "clock-offset"
        self.clock = OffsetClock(self.clock_file)
        self.originals: dict[str, dict[str, int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start_cluster(self) -> None:
        """Control plane with our kinds, and what ``open`` opens; no powercap yet."""
        self.control_plane.start()
        for kind in KINDS:
            self.control_plane.kubectl("apply", "--server-side", "-f", str(CRDS / f"{kind}.yaml"))
        self.control_plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        self.open()

    def open(self) -> None:
        """The exchange's site, and our nodes on a control plane that runs and has our kinds."""
        (self.root / "token").write_text(self.control_plane.admin_token, encoding="ascii")
        self.exchange.start()
        if self.nodes:
            self.add_nodes(self.nodes)

    def add_nodes(self, nodes: Mapping[str, Layout]) -> None:
        """Node objects, and a powercap tree for each."""
        items = [{"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}} for node in nodes]
        self.apply({"apiVersion": "v1", "kind": "List", "items": items})
        for node, layout in nodes.items():
            build_tree(self.tree(node), layout)
            self.originals[node] = read_limits(self.tree(node))

    def operator_command(self, *options: str) -> list[str]:
        """The operator's, on the stand-in exchange and the clock that can be set, with further options."""
        return [
            *(sys.executable, "-m", "powercap_operator", "--log-format", "text"),
            *("--epex-url", self.exchange.epex_url, "--clock-file", str(self.clock_file)),
            *options,
        ]

    def agent_command(self, node: str, *options: str) -> list[str]:
        """The node's agent's, with further options; of two that say the same the last one holds."""
        return [
            *(sys.executable, "-m", "powercap_agent", "--node-name", node),
            *("--server", self.control_plane.url, "--ca-file", str(self.control_plane.ca_file)),
            *("--token-file", str(self.root / "token"), "--clock-file", str(self.clock_file)),
            *("--powercap-root", str(self.tree(node)), "--state-dir", str(self.root / f"run-{node}")),
            *options,
        ]

    def kubeconfig_by(self, url: str, user: str, *, by_token: bool = False) -> Path:
        """A kubeconfig of an administrator with that name, whose way to the API server is by ``url``. Where TLS ends on
        the way, ``by_token``: a certificate would be lost.
        """
        plane, file = self.control_plane, self.root / f"{user}.kubeconfig"
        if by_token:
            plane.kubeconfig_for(plane.admin_token, file)
        else:
            plane.kubeconfig_as(user, ["system:masters"], file)
        content = json.loads(file.read_text(encoding="utf-8"))
        content["clusters"][0]["cluster"]["server"] = url
        file.write_text(json.dumps(content), encoding="utf-8")
        return file

    def start_operator(self, *options: str, kubeconfig: Path | None = None) -> None:
        """The operator, with further options."""
        environ = {**os.environ, "KUBECONFIG": str(kubeconfig or self.control_plane.kubeconfig)}
        self.operator.start(self.operator_command(*options), environ, detached=False)

    def start_agent(self, node: str, *options: str) -> None:
        """The node's agent, with further options."""
        agent = self.agents.setdefault(node, Component(f"agent-{node}", self.root))
        agent.start(self.agent_command(node, *options), dict(os.environ), detached=False)

    def stop(self) -> None:
        """End everything; what does not run is no error."""
        self.close()
        self.control_plane.stop()

    def close(self) -> None:
        """End operator, agents and exchange; the control plane goes on."""
        self.stop_powercap()
        self.exchange.stop()
        self.client.close()

    def stop_powercap(self) -> None:
        """SIGTERM to operator and agents, and wait for them."""
        self.operator.stop(_AGENT_GRACE_SECONDS)
        for agent in self.agents.values():
            agent.stop(_AGENT_GRACE_SECONDS)

    def tree(self, node: str) -> Path:
        """The node's powercap folder."""
        return self.root / "nodes" / node / "powercap"

    def limits(self, node: str) -> dict[str, int]:
        """The node's limits in microwatts, as ``read_limits`` names them."""
        return read_limits(self.tree(node))

    def node_cap(self, node: str) -> int:
        """What the node's packages may draw together: the sum of their long_term limits, in microwatts."""
        return sum(self._packages(node, self.limits(node)))

    def not_in_force(self, node: str, cap_uw: int) -> str:
        """How the node's limits differ from a cap; empty where they do not."""
        limits = (self.limits(node), self.originals[node])
        found = not_in_force(cap_uw, *(self._packages(node, one) for one in limits))
        return found and f"{node}: {found}"

    def not_followed(self, node: str, spec: Mapping[str, Any] | None, now: datetime) -> str:
        """How the node's limits differ from what its budget, if it has one, asks for; empty where they do not."""
        cap_uw = None if spec is None else cap_asked_for(spec, now)
        if cap_uw is not None:
            return self.not_in_force(node, cap_uw)
        limits = self.limits(node)
        released = limits == self.originals[node]
        return "" if released else f"{node} is to have its original limits, and has {limits}"

    def complaint(self, node: str, budget: Mapping[str, Any] | None, now: datetime) -> str:
        """How the node does not follow its budget, in its files or by what its agent says; empty where it does.

        Of a schedule that is over only the limits' bounds are promised, which are judged elsewhere.
        """
        spec, status = (budget or {}).get("spec"), (budget or {}).get("status", {})
        if budget is None or spec is None:
            return self.not_followed(node, None, now)
        if status.get("observedGeneration") != budget["metadata"]["generation"]:
            return f"the agent of {node} has not reported its budget"
        released = spec.get("suspend") or spec.get("dryRun")
        if not released and (not spec.get("schedule") or now >= datetime.fromisoformat(spec["validUntil"])):
            return ""
        found = self.not_followed(node, spec, now)
        if not found and not released and not is_true(status.get("conditions", []), "Ready"):
            found = f"{node} is not ready"
        return found and f"{found}: {status.get('conditions')}"

    def _packages(self, node: str, limits: Mapping[str, int]) -> list[int]:
        """The long_term limits of the node's packages, of all these."""
        return [
            limit
            for name, limit in limits.items()
            if name.startswith("intel-rapl/") and name.count("/") == 2 and name.endswith("/long_term")
            and self.zone_name(node, name.rsplit("/", 1)[0]).startswith("package-")
        ]  # fmt: skip

    def zone_name(self, node: str, zone: str) -> str:
        """What the zone's folder, named below the powercap root, calls itself, such as package-0."""
        return (self.tree(node) / zone / "name").read_text(encoding="ascii").strip()

    def apply(self, body: Mapping[str, Any]) -> None:
        """Create one object or a List; what is there already is merged into."""
        self.client.apply(body)

    def apply_policy(self, name: str = "default", **spec: Any) -> None:
        """Create a PowerPolicy, or merge into it."""
        self.apply(
            {"apiVersion": API_VERSION, "kind": "PowerPolicy", "metadata": {"name": name}, "spec": spec}
        )

    def get(self, kind: str, name: str | None = None, namespace: str = "default") -> dict[str, Any]:
        """The object, or all of the kind as ``items``."""
        return self.client.get(kind, name, namespace)

    def is_ready(self, node: str) -> bool:
        """Whether the node's agent has said that it follows its budget."""
        conditions = self.client.items("powerbudgets").get(node, {}).get("status", {}).get("conditions", [])
        return is_true(conditions, "Ready")

    def advance(self, by: timedelta) -> None:
        """Set the clock of operator and agents further ahead."""
        write_offset(self.clock_file, self.clock.offset() + by)


def next_quarter(now: datetime) -> datetime:
    """The next quarter hour after ``now``, in UTC."""
    quarter = timedelta(minutes=15)
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    return begin + quarter * ((now - begin) // quarter + 1)


def tomorrow_and_today(now: datetime, zone: ZoneInfo) -> tuple[date, date]:
    """The two delivery days that matter now."""
    today = now.astimezone(zone).date()
    return today + timedelta(days=1), today


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 30.0, every: float = 0.02) -> float:
    """Seconds until it held.

    Raises:
        StageError: it did not, in that time.
    """
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > seconds:
            raise StageError(f"not within {seconds:.0f} s: {what}")
        time.sleep(every)
    return time.monotonic() - began


@contextlib.contextmanager
def quoted_logs(stage: Stage) -> Iterator[None]:
    """Let an error say how the logs of operator and agents end."""
    try:
        yield
    except Exception as error:
        for component in (stage.operator, *stage.agents.values()):
            error.add_note(component.last_lines())
        raise
