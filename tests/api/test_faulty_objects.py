"""The operator on a real API server that has objects which it cannot read, or kinds of another version."""

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.process.ports import free_port
from dev.lab.results import DEFAULT_MARKET, periods_for
from dev.lab.stage import Stage, quoted_logs, wait_until
from powercap_api.names import API_VERSION, MARKET_DAY
from powercap_operator.market.results import Query
from tests.api.conftest import CRDS, Kube

ZONE = DEFAULT_MARKET.bidding_zone.zone
SPEC = "/spec/versions/0/schema/openAPIV3Schema/properties/spec"


@pytest.fixture
def stage(kube: Kube, tmp_path: Path) -> Iterator[Stage]:
    """Two nodes and today's results, in the morning; the kinds are put right again at the end."""
    stage = Stage(tmp_path, kube.plane, {})
    stage.open()
    kube.add_node("node-a")
    kube.add_node("node-b")
    now = datetime.now(UTC).astimezone(ZONE)
    stage.advance(now.replace(hour=9, minute=7, second=0) - now)
    query = Query(DEFAULT_MARKET, now.date())
    stage.exchange.publish(query, periods_for(now.date(), None))
    with quoted_logs(stage):
        yield stage
    stage.close()
    for kind in ("powerpolicies", "powerbudgets"):
        kube.plane.kubectl("delete", kind, "--all")
        kube.plane.kubectl("replace", "-f", str(CRDS / f"{kind}.yaml"))


def change_kind(kube: Kube, kind: str, *patch: dict[str, Any]) -> None:
    """Change a kind's schema, and wait until the API server goes by it."""
    name = f"{kind}.powercap.dev"
    kube.plane.kubectl("patch", "crd", name, "--type", "json", "-p", json.dumps(patch))
    kube.plane.kubectl("wait", "--for=condition=Established", "crd", name, "--timeout=30s")


def budgets(kube: Kube) -> dict[str, dict[str, Any]]:
    return {name: item["spec"] for name, item in kube.items("powerbudgets").items()}


def ready(kube: Kube, kind: str, name: str) -> dict[str, Any]:
    conditions = kube.items(kind).get(name, {}).get("status", {}).get("conditions", [])
    return next((one for one in conditions if one["type"] == "Ready"), {})


def test_budgets_of_a_policy_that_this_version_cannot_read_outlive_a_restart(
    kube: Kube, stage: Stage
) -> None:
    change_kind(
        kube,
        "powerpolicies",
        {"op": "add", "path": f"{SPEC}/properties/strategy/properties/type/enum/-", "value": "Tides"},
    )
    stage.apply_policy(maxSource="40")
    stage.start_operator()
    wait_until(lambda: len(budgets(kube)) == 2, "budgets", 60, every=0.2)
    before = budgets(kube)
    stage.operator.stop()

    def is_taken() -> bool:
        kube.patch("powerpolicy", "default", {"spec": {"strategy": {"type": "Tides"}}})
        strategy: str = kube.get("powerpolicy", "default")["spec"]["strategy"]["type"]
        return strategy == "Tides"

    wait_until(is_taken, "a policy of a newer version", 20, every=0.5)
    stage.start_operator()
    wait_until(
        lambda: ready(kube, "powerpolicies", "default").get("reason") == "Unreadable",
        "it is told on the policy",
        60,
        every=0.2,
    )
    assert "spec.strategy.type" in ready(kube, "powerpolicies", "default")["message"]
    assert budgets(kube) == before
    kube.patch("powerpolicy", "default", {"spec": {"suspend": True}})
    wait_until(
        lambda: all(spec["suspend"] for spec in budgets(kube).values()), "it can be stopped", 20, every=0.2
    )
    kube.patch("powerpolicy", "default", {"spec": {"suspend": False, "strategy": {"type": "Volume"}}})
    wait_until(lambda: budgets(kube) == before, "it is followed again", 60, every=0.2)
    wait_until(
        lambda: ready(kube, "powerpolicies", "default").get("reason") == "NodesNotReady", "so it says", 60
    )


def test_an_impossible_day_is_told_so_and_nothing_waits_for_it(kube: Kube, stage: Stage) -> None:
    spec = {"deliveryDate": "2025-02-31"}
    kube.apply({"apiVersion": API_VERSION, "kind": MARKET_DAY, "metadata": {"name": "odd"}, "spec": spec})
    stage.apply_policy(maxSource="40")
    stage.start_operator()
    wait_until(lambda: len(budgets(kube)) == 2, "budgets", 60, every=0.2)
    wait_until(lambda: ready(kube, "marketdays", "odd").get("reason") == "Unreadable", "told", 60, every=0.2)
    assert "deliveryDate" in ready(kube, "marketdays", "odd")["message"]
    events = {(event["type"], event["reason"]) for event in kube.get("events")["items"]}
    assert ("Warning", "Unreadable") in events


def test_a_kind_with_other_fields_does_not_make_every_pass_write(kube: Kube, stage: Stage) -> None:
    """As while the kinds and the operator are of two versions: one field more, with a default, and one less."""
    mode = {"type": "string", "default": "Auto"}
    change_kind(
        kube,
        "powerbudgets",
        {"op": "add", "path": f"{SPEC}/properties/mode", "value": mode},
        {"op": "remove", "path": f"{SPEC}/properties/rampMicrowattsPerSecond"},
    )
    wait_until(
        lambda: "mode" in kube.plane.kubectl("explain", "powerbudget.spec"), "the new schema", 60, every=0.5
    )
    port = free_port()
    stage.apply_policy(maxSource="40")
    stage.start_operator("--metrics", f"127.0.0.1:{port}")

    def counted(name: str) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    def looked_again(before: float) -> bool:
        return counted("powercap_reconcile_passes_total") > before

    wait_until(lambda: len(budgets(kube)) == 2, "budgets", 60, every=0.2)
    wait_until(
        lambda: ready(kube, "powerpolicies", "default").get("reason") == "NodesNotReady", "settled", 60
    )
    assert all(spec["mode"] == "Auto" for spec in budgets(kube).values())
    assert not any("rampMicrowattsPerSecond" in spec for spec in budgets(kube).values())
    passes, writes = counted("powercap_reconcile_passes_total"), counted("powercap_api_writes_total")
    for _ in range(3):
        kube.plane.kubectl("label", "node", "node-a", f"any={passes:.0f}", "--overwrite")
        stage.advance(timedelta(seconds=60))
        wait_until(partial(looked_again, passes), "a pass", 60, every=0.2)
        passes = counted("powercap_reconcile_passes_total")
    assert counted("powercap_api_writes_total") == writes
