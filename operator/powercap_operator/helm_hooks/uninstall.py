"""The beginning of ``helm uninstall``: every node gets its original limits back while its agent still runs.

    python3 -m powercap_operator.helm_hooks.uninstall

Makes sure that this is an uninstall; ends the operator, so that it does not undo what follows; releases jobs that wait
for cheap hours; suspends every PowerBudget; waits until each node's agent has read its original limits back; then
deletes the PowerBudgets. Where that fails the exit code is 1: Helm then removes nothing, and ``helm uninstall`` can be
called again.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from powercap_api.conditions import find_condition
from powercap_api.names import API_VERSION, PLURALS, POWER_BUDGET
from powercap_api.reasons import BudgetReason, ConditionType

from .jobs import JobRelease
from .pod_api import PodApi, run_in_pod, say, setting, until

Object = dict[str, Any]

_BUDGETS: Final = f"/apis/{API_VERSION}/{PLURALS[POWER_BUDGET]}"
_ORIGINALS: Final = {BudgetReason.SUSPENDED, BudgetReason.UNSUPPORTED}
"""Reasons of Ready with which an agent says that the original limits are in force, or that it never changed any."""
_OWNER: Final = "meta.helm.sh/release-name"
"""Annotation with which Helm notes its release's name on what it installs; no manifest has it."""


def no_uninstall(account: Object | None, release: str | None, mark: Object | None) -> str | None:
    """Why this cannot be an uninstall; None where it can.

    ``account`` is the ServiceAccount of this pod, which belongs to ``release``; None for a release of another tool than
    Helm. ``mark`` is a hook of rollbacks: it is there at other times only where hooks were applied as objects like any
    other, this pod's Job among them.
    """
    if mark is not None:
        return (
            "Helm's hooks were applied here as objects like any other, as kubectl apply does it."
            f" If this is an uninstall all the same, delete the ConfigMap {mark['metadata']['name']} first"
        )
    owner = ((account or {}).get("metadata", {}).get("annotations") or {}).get(_OWNER)
    if release is not None and owner != release:
        return f"nothing here was installed by Helm as release {release}"
    return None


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


def run(api: PodApi, environ: Mapping[str, str]) -> int:
    """Release every node and clear the budgets away, where this is an uninstall; the exit code.

    Raises:
        PodApiError: the API server refused, or a setting of the chart is missing.
    """
    namespace, operator = setting(environ, "POWERCAP_NAMESPACE"), setting(environ, "POWERCAP_OPERATOR")
    selector, name = (
        setting(environ, "POWERCAP_OPERATOR_SELECTOR"),
        setting(environ, "POWERCAP_UNINSTALL_NAME"),
    )
    seconds = float(setting(environ, "POWERCAP_TIMEOUT_SECONDS"))
    core = f"/api/v1/namespaces/{namespace}"
    account, mark = api.get(f"{core}/serviceaccounts/{name}"), api.get(f"{core}/configmaps/{name}")
    why_not = no_uninstall(account, environ.get("POWERCAP_RELEASE"), mark)
    if why_not is not None:
        say(f"this is no uninstall, and nothing was done: {why_not}.")
        return 1
    api.merge_patch(
        f"/apis/apps/v1/namespaces/{namespace}/deployments/{operator}/scale", {"spec": {"replicas": 0}}
    )
    jobs = JobRelease(api, environ["POWERCAP_JOBS"]) if "POWERCAP_JOBS" in environ else None

    def missing() -> list[str]:
        return [*([] if jobs is None else jobs.look()), *look(api, f"{core}/pods?labelSelector={selector}")]

    left = until(missing, seconds)
    if left:
        _advise(left, namespace)
        return 1
    if api.delete(_BUDGETS):
        say("PowerBudgets deleted")
    say("every node has its original limits back")
    return 0


if __name__ == "__main__":
    sys.exit(run_in_pod("uninstall", run))
