"""The beginning of ``helm uninstall``: every node gets its original limits back while its agent still runs.

    python3 -m powercap_operator.helm_hooks.uninstall

Ends the operator, so that it does not undo what follows; suspends every PowerBudget; waits until each node's agent has
read its original limits back; then deletes the PowerBudgets. Where that fails the exit code is 1: Helm then removes
nothing, and ``helm uninstall`` can be called again.
"""

import os
import sys
from collections.abc import Sequence
from typing import Any, Final

from powercap_api.conditions import find_condition
from powercap_api.names import API_VERSION, PLURALS, POWER_BUDGET
from powercap_api.reasons import BudgetReason, ConditionType

from .pod_api import PodApi, PodApiError, say, setting, until

Object = dict[str, Any]

_BUDGETS: Final = f"/apis/{API_VERSION}/{PLURALS[POWER_BUDGET]}"
_ORIGINALS: Final = {BudgetReason.SUSPENDED, BudgetReason.UNSUPPORTED}
"""Reasons of Ready with which an agent says that the original limits are in force, or that it never changed any."""


def complaint(budget: Object) -> str | None:
    """Why it is not certain that the budget's node has its original limits; None where it is.

    A budget without a status is one that no agent has ever followed.
    """
    name, status = budget["metadata"]["name"], budget.get("status") or {}
    ready = find_condition(status.get("conditions") or [], ConditionType.READY)
    if ready is None:
        return None
    seen = status.get("observedGeneration", 0) >= budget["metadata"]["generation"]
    if ready["reason"] == BudgetReason.STOPPED or (seen and ready["reason"] in _ORIGINALS):
        return None
    if not seen:
        return f"node {name}: its agent has not answered; the last that it said: {ready['message']}"
    return f"node {name}: {ready['reason']}: {ready['message']}"


def look(api: PodApi, operator_pods: str) -> list[str]:
    """Suspend the budgets that are not yet, once no pod is left in the list at ``operator_pods``; what is missing."""
    if api.items(operator_pods):
        return ["the operator is still ending"]
    budgets = api.items(_BUDGETS)
    capped = [budget["metadata"]["name"] for budget in budgets if not budget["spec"].get("suspend")]
    for name in capped:
        api.merge_patch(f"{_BUDGETS}/{name}", {"spec": {"suspend": True}})
    if capped:
        return [f"{len(capped)} nodes were told just now"]
    return [found for budget in budgets if (found := complaint(budget))]


def _advise(left: Sequence[str], namespace: str) -> None:
    for line in left:
        say(line)
    say(
        "powercap is not removed: it is not certain that these nodes have their original limits back. When they"
        " answer, call `helm uninstall` again. Nodes that are gone: delete their Node objects. To remove powercap all"
        f" the same: `helm uninstall --no-hooks -n {namespace}`; docs/rescue.yaml is for nodes that come back later."
    )


def main() -> int:
    """Release every node and clear the budgets away; the exit code."""
    try:
        namespace, operator = setting("POWERCAP_NAMESPACE"), setting("POWERCAP_OPERATOR")
        selector = setting("POWERCAP_OPERATOR_SELECTOR")
        seconds = float(setting("POWERCAP_TIMEOUT_SECONDS"))
        with PodApi.in_cluster(os.environ) as api:
            deployment = f"/apis/apps/v1/namespaces/{namespace}/deployments/{operator}/scale"
            api.merge_patch(deployment, {"spec": {"replicas": 0}})
            pods = f"/api/v1/namespaces/{namespace}/pods?labelSelector={selector}"
            left = until(lambda: look(api, pods), seconds)
            if left:
                _advise(left, namespace)
                return 1
            if api.delete(_BUDGETS):
                say("PowerBudgets deleted")
    except PodApiError as error:
        say(f"powercap uninstall: {error}")
        return 1
    say("every node has its original limits back")
    return 0


if __name__ == "__main__":
    sys.exit(main())
