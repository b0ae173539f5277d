"""Objects, answers and reports that nobody should write, on a real API server: each hurts itself alone."""

import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.errors import KubectlError
from dev.cluster.process.ports import free_port
from dev.lab.results import DEFAULT_MARKET, periods_for
from dev.lab.stage import Stage, quoted_logs, wait_until
from powercap_api.names import API_VERSION, POWER_OVERRIDE
from powercap_operator.market.results import Query
from tests.api.conftest import CRDS, Kube
from tests.api.test_faulty_objects import SPEC, change_kind

ZONE = DEFAULT_MARKET.bidding_zone.zone


@pytest.fixture
def stage(kube: Kube, tmp_path: Path) -> Iterator[Stage]:
    """Two nodes, a policy and today's results, in the morning."""
    stage = Stage(tmp_path, kube.plane, {})
    stage.open()
    kube.add_node("node-a")
    kube.add_node("node-b")
    now = datetime.now(UTC).astimezone(ZONE)
    stage.advance(now.replace(hour=9, minute=7, second=0) - now)
    stage.exchange.publish(Query(DEFAULT_MARKET, now.date()), periods_for(now.date(), None))
    stage.apply_policy(maxSource="40")
    with quoted_logs(stage):
        yield stage
    stage.close()


def powers(kube: Kube) -> dict[str, int]:
    return {name: item["spec"]["maxSourceMicrowatts"] for name, item in kube.items("powerbudgets").items()}


def conditions(kube: Kube, kind: str, name: str) -> dict[str, dict[str, Any]]:
    found = kube.items(kind).get(name, {}).get("status", {}).get("conditions", [])
    return {one["type"]: one for one in found}


def follows(kube: Kube, stage: Stage, watts: int) -> None:
    """An edit reaches both nodes."""
    kube.patch("powerpolicy", "default", {"spec": {"maxSource": str(watts)}})
    wanted = {"node-a": watts * 10**6, "node-b": watts * 10**6}
    wait_until(lambda: powers(kube) == wanted, f"{watts} W at both nodes", 10, every=0.2)
    assert stage.operator.pid is not None


EDGES = {
    "end-zone": {"end": "9999-12-31T23:59:59-12:00"},
    "end": {"end": "9999-12-31T23:59:59Z"},
    "start": {"start": "9999-12-31T00:00:00Z", "duration": "744h"},
    "first": {"start": "0001-01-01T00:00:00+14:00", "end": "2026-12-31T00:00:00Z"},
    "epoch": {"start": "1970-01-01T00:00:00Z", "duration": "1h"},
    "late": {"end": "2200-01-01T00:00:01Z"},
    "sum": {"start": "2199-12-31T00:00:00Z", "duration": "744h"},
}


def override(name: str, **spec: Any) -> dict[str, Any]:
    usual = {"nodeSelector": {}, "limit": "20", "reason": "a test"}
    metadata = {"name": name}
    return {
        "apiVersion": API_VERSION,
        "kind": POWER_OVERRIDE,
        "metadata": metadata,
        "spec": {**usual, **spec},
    }


@pytest.mark.parametrize("name", [name for name in EDGES if name != "sum"])
def test_dates_at_the_edge_of_time_are_refused(kube: Kube, name: str) -> None:
    with pytest.raises(KubectlError, match="must be from 2000 to 2200"):
        kube.apply(override(name, **EDGES[name]))


def test_dates_of_before_there_was_a_rule_end_no_operator(kube: Kube, stage: Stage) -> None:
    rules = {"op": "remove", "path": f"{SPEC}/x-kubernetes-validations"}
    change_kind(kube, "poweroverrides", rules)

    def taken() -> bool:
        try:
            kube.apply(*(override(name, **times) for name, times in EDGES.items()))
        except KubectlError:
            return False
        return True

    wait_until(taken, "the schema without rules", 20, every=0.5)
    kube.plane.kubectl("replace", "-f", str(CRDS / "poweroverrides.yaml"))
    ready = {"type": "Ready", "status": "False", "reason": "x", "message": "x"}
    ready["lastTransitionTime"] = "9999-12-31T23:59:59Z"
    kube.patch("node", "node-a", {"status": {"conditions": [ready]}}, "status")
    stage.start_operator()
    wait_until(lambda: len(powers(kube)) == 2, "budgets", 60, every=0.2)

    def told() -> set[str]:
        reasons = {name: conditions(kube, "poweroverrides", name).get("Active", {}) for name in EDGES}
        return {name for name, active in reasons.items() if active.get("reason") == "Unreadable"}

    wait_until(lambda: told() == set(EDGES), "each of them is told so", 20, every=0.2)
    follows(kube, stage, 50)
    assert not any("overrides" in item["spec"] for item in kube.items("powerbudgets").values())


def test_reports_that_no_node_can_make_change_nothing_for_others(kube: Kube, stage: Stage) -> None:
    """Written as an agent with a stolen token could, one after the other."""
    port = free_port()
    stage.start_operator("--metrics", f"127.0.0.1:{port}", "--page", f"127.0.0.1:{(page := free_port())}")
    wait_until(lambda: len(powers(kube)) == 2, "budgets", 60, every=0.2)

    def get(address: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{address}", timeout=10) as answer:
            return str(answer.read().decode())

    def writes() -> float:
        lines = get(f"{port}/metrics").splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("powercap_api_writes_total "))

    run = {"policy": "default", "start": "2025-10-09T11:00:00Z", "packages": {"joules": "7 7"}}
    energy = {"since": "2025-10-09T00:00:00Z", "until": "2025-10-09T12:00:00Z"}
    said: list[dict[str, Any]] = [
        {"current": {"end": "9999-12-31T23:59:59Z"}},
        {"current": {"end": "0001-01-01T00:00:00Z"}},
        {"current": {"appliedMicrowatts": 2**63 - 1, "capMicrowatts": 2**63 - 1}},
        {"energy": {**energy, "packages": {"joules": 9 * 10**18, "seconds": 1}}},
        {"energy": {**energy, "history": [{**run, "start": "9999-12-31T23:45:00Z"}]}},
        {"energy": {**energy, "history": [{**run, "packages": {"joules": "999999999999"}}]}},
        {"observedGeneration": 2**63 - 1},
    ]
    for status in said:
        patch = {"status": {"current": None, "energy": None, **status}}
        kube.patch("powerbudget", "node-a", patch, "status")
        follows(kube, stage, 40 + said.index(status))
        assert 'powercap_node_ready{node="node-b"' in get(f"{port}/metrics")
        assert "node-b" in get(str(page))
    before = 0.0

    def rests() -> bool:
        nonlocal before
        last, before = before, writes()
        return last == before

    wait_until(rests, "nothing is written at rest", 30, every=3.0)


@contextmanager
def site(answer: bytes) -> Iterator[str]:
    """The address of a server that gives everybody this answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield f"http://localhost:{port}/"
        finally:
            listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 Found\r\nLocation: http://localhost:99999/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 500 " + b"R" * 60_000 + b"\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 500 \x1b[2J\x9b31m\xe2\x80\xae\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["a port that there is not", "a long phrase", "a phrase that acts"],
)
def test_whatever_a_source_answers_is_a_fetch_that_failed(kube: Kube, stage: Stage, answer: bytes) -> None:
    with site(answer) as url:
        stage.start_operator("--epex-url", url)
        name = wait_for_day(kube)
        told = conditions(kube, "marketdays", name)["Ready"]
        assert told["reason"] == "Unreachable"
        assert len(told["message"]) < 400
        assert told["message"].isprintable()
        wait_until(lambda: len(powers(kube)) == 2, "budgets without today's results", 30, every=0.2)
        follows(kube, stage, 50)


def wait_for_day(kube: Kube) -> str:
    """The name of the first day that was asked for in vain."""

    def in_vain() -> list[str]:
        days = kube.items("marketdays").items()
        return sorted(name for name, day in days if day.get("status", {}).get("fetch", {}).get("failures"))

    wait_until(lambda: bool(in_vain()), "a failed fetch", 60, every=0.2)
    return in_vain()[0]
