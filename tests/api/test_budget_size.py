"""What a budget weighs: with thousands of nodes, its size is what API server, etcd and watchers pay for."""

import json
import ssl
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dev.lab.agent_process import AgentProcess, eventually
from dev.lab.fake_sysfs import SWAPPED_SOCKETS
from powercap_api.budget.energy import HISTORY_STEPS, Quarter, Run
from powercap_api.clock import format_time
from powercap_api.names import AGENT_FIELD_MANAGER, API_VERSION, OPERATOR_FIELD_MANAGER, POLICY_LABEL
from powercap_api.schedule import unpack_shares
from powercap_operator.market.delivery_day import day_of, period_starts
from powercap_operator.market.known_days import KnownDays, market_of
from powercap_operator.planning.budget_spec import budget_spec, plan
from powercap_operator.planning.resolved_policy import resolve
from tests.api.conftest import Kube
from tests.support.objects import make_day, make_policy

NODE = "ip-10-20-130-241.eu-west-3.compute.internal"
LARGEST_BYTES = 5632
"""With four hours of energy history of packages and accelerators, whose caps bound for a part of each quarter."""


def stored_bytes(budget: dict[str, Any]) -> int:
    """Size of the JSON that the API server keeps in etcd for the object: all of it but the resource version."""
    metadata = {name: value for name, value in budget["metadata"].items() if name != "resourceVersion"}
    return len(
        json.dumps({**budget, "metadata": metadata}, separators=(",", ":"), ensure_ascii=False).encode()
    )


def apply_as_operator(kube: Kube, body: dict[str, Any]) -> None:
    """Server-side apply as the operator does it."""
    path = f"/apis/{API_VERSION}/powerbudgets/{body['metadata']['name']}"
    request = urllib.request.Request(  # noqa: S310 - our own control plane
        f"{kube.plane.url}{path}?fieldManager={OPERATOR_FIELD_MANAGER}&force=true",
        json.dumps(body).encode(),
        {
            "Authorization": f"Bearer {kube.plane.admin_token}",
            "Content-Type": "application/apply-patch+yaml",
        },
        method="PATCH",
    )
    context = ssl.create_default_context(cafile=str(kube.plane.ca_file))
    with urllib.request.urlopen(request, context=context) as answer:  # noqa: S310
        answer.read()


def _with_draw(status: dict[str, Any]) -> dict[str, Any]:
    """The status with all that an agent adds over some hours of work: draw and a whole energy history, of packages and
    of accelerators."""
    start = datetime(2026, 11, 25, 12, tzinfo=UTC)
    measured = {"averageMicrowatts": 181_234_567, "peakMicrowatts": 189_876_543}
    bound, held = Quarter(163_111, 900, 450, 81_559), Quarter(1_263_111, 900, 900, 1_263_111)
    packages = [bound._replace(seconds=871)] + [bound] * (HISTORY_STEPS - 1)
    lifts = [1] + [0] * (HISTORY_STEPS - 1)
    run = Run("default", start, packages, [held] * HISTORY_STEPS, lifts)
    under_cap = {**measured, "capMicrowatts": 182_000_000, "binds": True}
    total = {"joules": 12_345_678_901, "seconds": 31_536_000}
    since, until = format_time(start), format_time(start + timedelta(hours=4))
    return {
        **status,
        "current": {**status["current"], "draw": "181.2 W"},
        "draw": {"seconds": 900, **measured, "packages": under_cap, "accelerators": under_cap},
        "energy": {
            "since": since,
            "until": until,
            "packages": total,
            "accelerators": total,
            "history": [run.to_wire()],
        },
        "zones": [{**zone, **measured} for zone in status["zones"]],
    }


def test_two_days_of_quarters_and_the_status_of_two_packages_are_at_most_5632_bytes(
    kube: Kube, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    wanted = make_policy("default", maxSource="140", minPower="40")
    market = market_of(wanted.spec.market)
    today = day_of(now, market.bidding_zone.zone)
    both = [today, today + timedelta(days=1)]
    days = KnownDays(make_day(day, market=market, seed=day.day) for day in both)
    periods = sum(len(period_starts(day, market.bidding_zone.zone, 15)) for day in both)
    spec = budget_spec(resolve(wanted), plan(resolve(wanted), days, now), None, now)
    assert sum(len(unpack_shares(segment["shares"])) for segment in spec["schedule"]) == periods

    kube.add_node(NODE)
    owner = {
        "apiVersion": "v1",
        "kind": "Node",
        "name": NODE,
        "uid": kube.get("node", NODE)["metadata"]["uid"],
    }
    metadata = {
        "name": NODE,
        "labels": {POLICY_LABEL: wanted.metadata.name},
        "ownerReferences": [owner],
    }
    apply_as_operator(
        kube, {"apiVersion": API_VERSION, "kind": "PowerBudget", "metadata": metadata, "spec": spec}
    )
    with AgentProcess(
        tmp_path / "node",
        NODE,
        SWAPPED_SOCKETS,
        server=kube.plane.url,
        token=kube.plane.admin_token,
        ca_file=kube.plane.ca_file,
    ) as agent:
        eventually(lambda: kube.get("powerbudget", NODE)["status"]["zones"], agent.log, 60)
        status = _with_draw(kube.get("powerbudget", NODE)["status"])
    kube.patch("powerbudget", NODE, {"status": status}, f"status?fieldManager={AGENT_FIELD_MANAGER}")
    shown = kube.plane.kubectl("get", "powerbudget", NODE, "-o", "json", "--show-managed-fields")
    budget = json.loads(shown)
    assert len(budget["metadata"]["managedFields"]) == 2, "the operator's and the agent's"
    assert [len(zone["limits"]) for zone in budget["status"]["zones"]] == [2, 2]
    assert all(zone["averageMicrowatts"] > 1_000_000 for zone in budget["status"]["zones"])
    assert stored_bytes(budget) <= LARGEST_BYTES
