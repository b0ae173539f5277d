"""Two operators on one cluster: one leads, and the other takes over, whatever becomes of the leader.

Who wrote what, and when, is read from the API server's audit log. Each operator is a user of its own, so that the
log tells them apart.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from dev.cluster.binaries import Binaries
from dev.cluster.control_plane import ControlPlane
from dev.cluster.process.component import Component
from dev.cluster.process.ports import free_port
from dev.lab.audit_log import Asked, AuditLog
from dev.lab.exchange.site import Behaviour
from dev.lab.results import DEFAULT_MARKET, periods_for
from dev.lab.stage import CRDS, KINDS, Stage, tomorrow_and_today, wait_until
from dev.scale import bare_client
from dev.scale.names import node_names
from powercap_operator.kube.leadership import LEASE_SECONDS
from powercap_operator.market.results import Query
from tests.support.tcp_proxy import TcpProxy

pytestmark = pytest.mark.long

NODES = node_names(60)
LEASE = "powercap-operator"
NAMESPACE = "powercap-system"
TAKEOVER_SECONDS = 20.0
OURS = set(KINDS)


class Operator:
    """One of the two, as a process; ``proxy`` is its way to the API server."""

    def __init__(self, name: str, stage: Stage) -> None:
        self.name = name
        self.process = Component(name, stage.root)
        self._stage = stage
        self.proxy = TcpProxy(int(stage.control_plane.url.rsplit(":", 1)[1]))
        self._health, self._metrics = free_port(), free_port()

    def start(self) -> None:
        """As its own user, through its own proxy."""
        kubeconfig = self._stage.kubeconfig_by(f"https://127.0.0.1:{self.proxy.port}", self.name)
        command = self._stage.operator_command(
            *("--lease", f"{NAMESPACE}/{LEASE}", "--health", f"127.0.0.1:{self._health}"),
            *("--metrics", f"127.0.0.1:{self._metrics}"),
        )
        environ = {**os.environ, "KUBECONFIG": str(kubeconfig), "POD_NAME": self.name}
        self.process.start(command, environ, detached=False)

    def signal(self, number: signal.Signals) -> None:
        """Send it."""
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def probe(self, path: str) -> int:
        """The status of the answer to a kubelet's probe."""
        return httpx.get(f"http://127.0.0.1:{self._health}{path}", timeout=10, trust_env=False).status_code

    def metrics(self) -> set[str]:
        """Lines that Prometheus gets."""
        return set(
            httpx.get(
                f"http://127.0.0.1:{self._metrics}/metrics", timeout=10, trust_env=False
            ).text.splitlines()
        )

    def says(self, text: str) -> bool:
        """Whether its log has it."""
        return text in self.process.log.read_text(encoding="utf-8")


class Pair:
    """Both operators, and what the audit log says of them."""

    def __init__(self, stage: Stage, log: AuditLog) -> None:
        self.stage = stage
        self._log = log
        self._writes: list[Asked] = []
        self.operators = {name: Operator(name, stage) for name in ("operator-a", "operator-b")}

    def start(self) -> None:
        """Both, and wait until one leads and has written every budget."""
        self._log.new()
        for operator in self.operators.values():
            operator.start()
        self.until(lambda: self.leader() is not None, "one leads")
        self.until(lambda: self.caps() == {40_000_000}, "every budget is there")
        self.until(self.other_is_warm, "the other one knows the cluster")

    def other_is_warm(self) -> bool:
        """Whether the one that does not lead has seen who does."""
        leader = self.leader()
        return all(
            operator.says(f"the leader is {leader}")
            for name, operator in self.operators.items()
            if leader is None or not leader.startswith(name)
        )

    def lease(self) -> dict[str, Any]:
        """The Lease's spec; empty where there is none."""
        found = self.stage.get("leases", namespace=NAMESPACE)["items"]
        return dict(found[0]["spec"]) if found else {}

    def leader(self) -> str | None:
        """Identity of who leads."""
        return self.lease().get("holderIdentity") or None

    def sort(self) -> tuple[Operator, Operator]:
        """The leader and the other one."""
        name = str(self.leader()).split("_")[0]
        (other,) = set(self.operators) - {name}
        return self.operators[name], self.operators[other]

    def edit(self, watts: int) -> None:
        """Change what every node may draw at most."""
        self.stage.client.patch("powerpolicy", "default", {"spec": {"maxSource": str(watts)}})

    def caps(self) -> set[int]:
        """maxSource of each node's budget in microwatts; 0 for a node that has none."""
        budgets = self.stage.client.items("powerbudgets")
        return {budgets[node]["spec"]["maxSourceMicrowatts"] if node in budgets else 0 for node in NODES}

    def until(self, holds: Callable[[], bool], what: str, seconds: float = 60.0) -> float:
        """Wait for it."""
        return wait_until(holds, what, seconds, every=0.1)

    def writes(self) -> list[Asked]:
        """Everything that was written since ``start``."""
        self._writes += self._log.new()
        return self._writes

    def writes_of(self, operator: Operator) -> list[Asked]:
        """Writes of our objects that the API server took from this operator."""
        return [
            write
            for write in self.writes()
            if write.user == operator.name and write.is_applied and write.resource.split("/")[0] in OURS
        ]

    def took_over_at(self, operator: Operator) -> float:
        """When it became the leader: its first write of the Lease."""
        return min(
            write.done_at
            for write in self.writes()
            if write.user == operator.name and write.resource == "leases" and write.is_applied
        )

    def held_until(self, operator: Operator) -> float:
        """When it last wrote the Lease."""
        return max(
            write.done_at
            for write in self.writes()
            if write.user == operator.name and write.resource == "leases" and write.is_applied
        )

    def assert_no_conflict(self, before: Operator, after: Operator) -> None:
        """Nothing of ``before`` was taken once ``after`` led, and nothing of ``after`` until then."""
        handed_over = self.took_over_at(after)
        late = [write for write in self.writes_of(before) if write.done_at >= handed_over]
        early = [write for write in self.writes_of(after) if write.done_at < handed_over]
        assert (late, early) == ([], [])
        assert self.writes_of(before)
        assert self.writes_of(after)

    def assert_asked_once(self) -> None:
        """The exchange was asked once for each day."""
        asked = [str(sorted(request.parameters.items())) for request in self.stage.exchange.requests]
        assert len(asked) == len(set(asked)) == len(self.stage.get("marketdays")["items"])


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> AuditLog:
    return AuditLog(tmp_path_factory.mktemp("audit"))


@pytest.fixture(scope="module")
def plane(
    binaries: Binaries, log: AuditLog, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControlPlane]:
    """A control plane of its own, with an audit log."""
    root = tmp_path_factory.mktemp("audited-control-plane")
    control_plane = ControlPlane(binaries, root, controller_manager=False, api_server_flags=log.flags)
    with control_plane as running:
        for kind in KINDS:
            running.kubectl("apply", "--server-side", "-f", str(CRDS / f"{kind}.yaml"))
        running.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        running.kubectl("create", "namespace", NAMESPACE)
        yield running


@pytest.fixture
def pair(plane: ControlPlane, log: AuditLog, tmp_path: Path) -> Iterator[Pair]:
    """Sixty nodes under one policy, the exchange with today's results, both operators running."""
    stage = Stage(tmp_path, plane, {})
    stage.open()
    now = datetime.now(UTC).astimezone(DEFAULT_MARKET.bidding_zone.zone)
    stage.advance(now.replace(hour=9, minute=1, second=0) - now)
    for day in tomorrow_and_today(stage.clock.now(), DEFAULT_MARKET.bidding_zone.zone):
        stage.exchange.publish(Query(DEFAULT_MARKET, day), periods_for(day, None))
    bare_client.send(plane, [bare_client.create_node(name, {}) for name in NODES], 16)
    stage.apply_policy(maxSource="40")
    made = Pair(stage, log)
    with made.operators["operator-a"].proxy, made.operators["operator-b"].proxy:
        try:
            made.start()
            yield made
        except Exception as error:
            for operator in made.operators.values():
                error.add_note(operator.process.last_lines())
            raise
        finally:
            for operator in made.operators.values():
                if operator.process.pid is not None:
                    operator.signal(signal.SIGCONT)
                operator.process.stop()
            stage.client.delete_all((*KINDS, "nodes"))
            stage.client.delete_all(("leases", "events"), NAMESPACE)
            stage.close()


def test_one_leads_and_the_other_writes_nothing(pair: Pair) -> None:
    leader, other = pair.sort()
    assert pair.writes_of(other) == []
    assert {write.name for write in pair.writes_of(leader) if write.resource == "powerbudgets"} == set(NODES)
    spec = pair.lease()
    assert (spec["leaseDurationSeconds"], spec["leaseTransitions"]) == (12, 0)
    events = pair.stage.get("events", namespace=NAMESPACE)["items"]
    assert [(event["reason"], event["involvedObject"]["name"]) for event in events] == [
        ("LeaderElection", LEASE)
    ]
    assert events[0]["message"] == f"{pair.leader()} became leader"
    pair.assert_asked_once()
    for operator in (leader, other):
        assert [operator.probe(path) for path in ("/healthz", "/readyz")] == [200, 200]
    assert {"powercap_leader 1.0", 'powercap_policy_nodes{policy="default"} 60.0'} <= leader.metrics()
    assert "powercap_leader 0.0" in other.metrics()
    assert not [line for line in other.metrics() if line.startswith("powercap_policy_nodes{")]


def test_a_leader_that_is_told_to_end_hands_over_at_once(pair: Pair) -> None:
    leader, other = pair.sort()
    leader.signal(signal.SIGTERM)
    pair.until(lambda: str(pair.leader()).startswith(other.name), "the other one leads")
    pair.until(lambda: leader.says("the lease is given up"), "it gave the lease up itself")
    assert pair.took_over_at(other) - pair.held_until(leader) < LEASE_SECONDS, "without waiting for its end"
    pair.edit(60)
    pair.until(lambda: pair.caps() == {60_000_000}, "the edit is followed")
    pair.until(lambda: leader.process.pid is None, "it has ended")
    messages = [event["message"] for event in pair.stage.get("events", namespace=NAMESPACE)["items"]]
    assert sum(message.endswith("stopped leading") for message in messages) == 1
    pair.assert_no_conflict(leader, other)
    pair.assert_asked_once()


def test_a_leader_that_is_killed_is_replaced(pair: Pair) -> None:
    leader, other = pair.sort()
    leader.signal(signal.SIGKILL)
    began = time.monotonic()
    pair.edit(60)
    pair.until(lambda: pair.caps() == {60_000_000}, "the edit is followed")
    assert time.monotonic() - began <= TAKEOVER_SECONDS
    assert pair.lease()["leaseTransitions"] == 1
    pair.assert_no_conflict(leader, other)
    pair.assert_asked_once()


def test_a_leader_that_is_killed_while_the_exchange_answers_leaves_a_request_that_is_not_made_again(
    pair: Pair,
) -> None:
    leader, other = pair.sort()
    asked = len(pair.stage.exchange.requests)
    pair.stage.exchange.behave(Behaviour(silent=True))
    pair.stage.advance(timedelta(hours=6, minutes=45))
    pair.until(lambda: len(pair.stage.exchange.requests) == asked + 1, "tomorrow's results are asked for")
    leader.signal(signal.SIGKILL)
    pair.stage.exchange.behave(Behaviour())
    pair.edit(60)
    pair.until(lambda: pair.caps() == {60_000_000}, "the other one leads and follows the edit")
    pair.assert_asked_once()
    pair.assert_no_conflict(leader, other)


def test_a_leader_that_is_stopped_while_it_writes_changes_nothing_when_it_goes_on(pair: Pair) -> None:
    leader, other = pair.sort()
    before = len(pair.writes_of(leader))
    pair.edit(60)
    pair.until(lambda: len(pair.writes_of(leader)) >= before + 5, "it writes")
    leader.signal(signal.SIGSTOP)
    began = time.monotonic()
    assert pair.caps() != {60_000_000}, "it was stopped in the middle"
    pair.edit(80)
    pair.until(lambda: pair.caps() == {80_000_000}, "the other one follows both edits")
    assert time.monotonic() - began <= TAKEOVER_SECONDS
    leader.signal(signal.SIGCONT)
    pair.until(lambda: leader.says("not leading any more"), "it has noticed")
    pair.edit(70)
    pair.until(lambda: pair.caps() == {70_000_000}, "the new leader goes on")
    pair.assert_no_conflict(leader, other)
    pair.assert_asked_once()


def test_a_leader_that_is_cut_off_while_it_writes_changes_nothing_when_it_is_back(pair: Pair) -> None:
    leader, other = pair.sort()
    before = len(pair.writes_of(leader))
    pair.edit(60)
    pair.until(lambda: len(pair.writes_of(leader)) >= before + 5, "it writes")
    leader.proxy.cut()
    began = time.monotonic()
    assert pair.caps() != {60_000_000}, "it was cut off in the middle"
    pair.edit(80)
    pair.until(lambda: pair.caps() == {80_000_000}, "the other one follows both edits")
    assert time.monotonic() - began <= TAKEOVER_SECONDS
    assert leader.says("the lease could not be renewed for 8 s"), "it stopped before the other one began"
    leader.proxy.mend()
    pair.until(lambda: leader.says(f"the leader is {other.name}"), "it is back")
    pair.edit(70)
    pair.until(lambda: pair.caps() == {70_000_000}, "the new leader goes on")
    pair.assert_no_conflict(leader, other)
    pair.assert_asked_once()
