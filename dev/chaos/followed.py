"""Whether the nodes that have agents follow their budgets: in their files, and in what they report."""

from datetime import datetime
from typing import Any

from dev.chaos.client import Direct
from dev.chaos.world import AGENTS, ChaosWorld
from dev.lab.caps import cap_at, caps_of
from powercap_api.conditions import is_true
from powercap_api.names import POWER_BUDGET


def not_followed(world: ChaosWorld, direct: Direct) -> str:
    """The first node that does not follow, and how; empty where there is none."""
    budgets = {item["metadata"]["name"]: item for item in direct.items(POWER_BUDGET)[0]}
    complaints = (_complaint(world, node, budgets.get(node)) for node in AGENTS)
    return next((complaint for complaint in complaints if complaint), "")


def _complaint(world: ChaosWorld, node: str, budget: dict[str, Any] | None) -> str:
    limits, original = world.stage.limits(node), world.stage.originals[node]
    released = "" if limits == original else f"{node} is to have its original limits, and has {limits}"
    if budget is None:
        return released
    spec, status = budget["spec"], budget.get("status", {})
    if status.get("observedGeneration") != budget["metadata"]["generation"]:
        return f"the agent of {node} has not reported its budget"
    now = world.clock.now()
    cap = cap_at(caps_of(spec), now)
    if spec.get("suspend") or spec.get("dryRun"):
        return released
    if cap is None or now >= datetime.fromisoformat(spec["validUntil"]):
        return ""  # what onExpiry says; the limits watch holds it to its bounds
    if complaint := world.stage.not_in_force(node, cap.power_uw):
        return f"{complaint}: {status.get('conditions')}"
    if not is_true(status.get("conditions", []), "Ready"):
        return f"{node} is not ready: {status.get('conditions')}"
    return ""
