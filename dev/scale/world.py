"""The cluster of a run: bare nodes, twenty policies, the exchange, the real operator, and the simulated agents."""

import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from dev.cluster.binaries import Binaries
from dev.cluster.control_plane import ControlPlane
from dev.cluster.process.component import Component
from dev.cluster.process.ports import free_port
from dev.lab.audit_log import AuditLog
from dev.lab.results import DEFAULT_MARKET, periods_for
from dev.lab.stage import Stage, tomorrow_and_today, wait_until
from dev.scale import bare_client
from dev.scale.bare_client import Request
from dev.scale.meters import Meters
from dev.scale.names import node_names
from powercap_api.clock import write_offset
from powercap_api.names import API_VERSION, NODE, POLICY_LABEL
from powercap_operator.market.results import Query

POLICY: Final = "default"
POLICIES: Final = 20
_QUOTA_BYTES: Final = 8 << 30
"""The largest that etcd's makers suggest; the default of 2 GiB is for small clusters."""
_REPOSITORY: Final = Path(__file__).parents[2]


class ScaleWorld:
    """Everything in one folder; ``close`` ends it."""

    def __init__(self, root: Path, binaries: Binaries, nodes: int, at_once: int) -> None:
        """Nothing is started yet."""
        self.nodes = node_names(nodes)
        self.at_once = at_once
        self.log = AuditLog(root / "audit")
        self.plane = ControlPlane(
            binaries,
            root / "control-plane",
            controller_manager=False,
            api_server_flags=self.log.flags,
            etcd_flags=[f"--quota-backend-bytes={_QUOTA_BYTES}"],
        )
        self.stage = Stage(root, self.plane, {})
        self.agents = Component("agents", root)
        self._agents_state = root / "agents.json"
        self._metrics_port = free_port()
        self.meters = Meters(self.plane, self.stage.operator, self.agents, self._metrics_port)

    def start(self) -> None:
        """Control plane, exchange, nodes and policies; the time is 09:01 of a delivery day."""
        self.stage.start_cluster()
        self.jump(hour=9, minute=1)
        tomorrow, today = tomorrow_and_today(self.stage.clock.now(), DEFAULT_MARKET.bidding_zone.zone)
        for day in (today, tomorrow):
            self.stage.exchange.publish(Query(DEFAULT_MARKET, day), periods_for(day, None))
        self.send([bare_client.create_node(name, self._labels(name)) for name in self.nodes])
        items = [_policy(POLICY, maxSource="67%", minPower="19%", priority=1)] + [
            _policy(f"pool-{index:02}", maxSource="120", nodeSelector={"pool": f"pool-{index:02}"})
            for index in range(1, POLICIES)
        ]
        self.stage.apply({"apiVersion": "v1", "kind": "List", "items": items})

    def start_agents(self) -> float:
        """One simulated agent a node; seconds until all of them watch."""
        self.agents.start(
            [
                *(sys.executable, "-m", "dev.scale.agents", "--server", self.plane.url),
                *("--ca-file", str(self.plane.ca_file), "--token-file", str(self.stage.root / "token")),
                *("--clock-file", str(self.stage.clock_file), "--state", str(self._agents_state)),
                *("--nodes", str(len(self.nodes))),
            ],
            {**os.environ, "PYTHONPATH": str(_REPOSITORY)},
            detached=False,
        )
        return wait_until(
            lambda: self.agents_state().get("watching") == len(self.nodes), "every agent watches", 300, 0.5
        )

    def agents_state(self) -> dict[str, int]:
        """What the agents say of themselves."""
        if not self._agents_state.exists():
            return {}
        found: dict[str, int] = json.loads(self._agents_state.read_text(encoding="utf-8"))
        return found

    def start_operator(self) -> None:
        """The operator, with metrics."""
        self.stage.start_operator("--metrics", f"127.0.0.1:{self._metrics_port}")

    def close(self) -> None:
        """End everything."""
        self.agents.stop()
        self.stage.stop()

    def send(self, requests: list[Request]) -> None:
        """Writes by the bare client."""
        bare_client.send(self.plane, requests, self.at_once)

    def edit(self, percent: int) -> None:
        """Change what every node may draw, as a part of what its original limits add up to."""
        self.stage.client.patch("powerpolicy", POLICY, {"spec": {"maxSource": f"{percent}%"}})

    def jump(self, *, hour: int, minute: int, second: int = 0) -> None:
        """Set the clock of operator and agents to this local time of the delivery day it shows."""
        zone = DEFAULT_MARKET.bidding_zone.zone
        now = self.stage.clock.now().astimezone(zone)
        self._set(now.replace(hour=hour, minute=minute, second=second, microsecond=0).astimezone(UTC))

    def jump_to_next_period(self, lead_seconds: float = 2) -> None:
        """Set the clock to just before the next quarter hour."""
        now, quarter = self.stage.clock.now(), timedelta(minutes=15)
        epoch = datetime(2020, 1, 1, tzinfo=UTC)
        begins = epoch + quarter * ((now - epoch) // quarter + 1)
        self._set(begins - timedelta(seconds=lead_seconds))

    def _set(self, moment: datetime) -> None:
        write_offset(self.stage.clock_file, moment - datetime.now(UTC))

    def budget(self) -> dict[str, Any]:
        """The first node's budget, as the API server gives it."""
        return self.stage.get("powerbudget", self.nodes[0])

    def owners(self) -> dict[str, Mapping[str, Any]]:
        """Label and owner of each budget, as the operator writes them."""
        return {
            name: {
                "labels": {POLICY_LABEL: POLICY},
                "ownerReferences": [
                    {"apiVersion": "v1", "kind": NODE, "name": name, "uid": item["metadata"]["uid"]}
                ],
            }
            for name, item in self.stage.client.items("nodes").items()
        }

    @staticmethod
    def _labels(name: str) -> dict[str, str]:
        """About what a kubelet and a cloud give a node."""
        index = int(name.rsplit("-", 1)[1])
        return {
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            "topology.kubernetes.io/zone": f"zone-{index % 3}",
            "node.kubernetes.io/instance-type": f"type-{index % 5}",
            "pool": f"pool-{index % POLICIES:02}",
        }


def _policy(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": "PowerPolicy", "metadata": {"name": name}, "spec": spec}
