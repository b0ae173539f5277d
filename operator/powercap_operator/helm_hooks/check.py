"""``helm test``: is the whole way through, from the market's results to limits read back on the nodes?

python3 -m powercap_operator.helm_hooks.check
"""

import os
import sys
from collections.abc import Sequence
from typing import Any, Final

from powercap_api.conditions import find_condition
from powercap_api.names import API_VERSION, PLURALS, POWER_BUDGET, POWER_POLICY
from powercap_api.reasons import BudgetReason, ConditionType, PolicyReason

from .pod_api import PodApi, PodApiError, say, setting, until

Object = dict[str, Any]

_ON_PURPOSE: Final = {PolicyReason.SUSPENDED, PolicyReason.OVERRULED}
"""Reasons for a policy not to be ready that somebody has decided on."""


def complaints(
    deployment: Object | None,
    daemon_set: Object | None,
    policies: Sequence[Object],
    budgets: Sequence[Object],
) -> list[str]:
    """What is not as it should be, each with what to look at; empty where everything works."""
    return [
        *_operator(deployment),
        *_agents(daemon_set),
        *_policies(policies),
        *[complaint for budget in budgets for complaint in _budget(budget)],
        *_somebody_is_governed(policies, budgets),
    ]


def _operator(deployment: Object | None) -> list[str]:
    if deployment is None:
        return ["the operator's Deployment is not there: helm get manifest shows what was installed"]
    if not deployment.get("status", {}).get("availableReplicas"):
        return [
            "the operator's pod is not available: kubectl describe pods -l app.kubernetes.io/component=operator"
        ]
    return []


def _agents(daemon_set: Object | None) -> list[str]:
    if daemon_set is None:
        return ["the agents' DaemonSet is not there: helm get manifest shows what was installed"]
    status = daemon_set.get("status", {})
    wanted, ready = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
    if status.get("observedGeneration") != daemon_set["metadata"]["generation"]:
        return ["the agents' DaemonSet has just changed"]
    if not wanted:
        return ["no node runs an agent: see agent.nodeSelector, agent.affinity and agent.tolerations"]
    if ready < wanted:
        return [
            f"{ready} of {wanted} agents run: kubectl get pods -l app.kubernetes.io/component=agent -o wide"
        ]
    return []


def _policies(policies: Sequence[Object]) -> list[str]:
    if not policies:
        return [
            "there is no PowerPolicy: kubectl explain powerpolicy.spec, or install with policy.create=true"
        ]
    found = []
    for policy in policies:
        name = f"PowerPolicy {policy['metadata']['name']}"
        ready, data = _condition(policy, ConditionType.READY), _condition(policy, ConditionType.MARKET_DATA)
        if ready is None or ready.get("observedGeneration") != policy["metadata"]["generation"]:
            found.append(f"{name} has not been looked at by the operator: read its log")
        elif ready["status"] != "True" and ready["reason"] not in _ON_PURPOSE:
            found.append(f"{name} is not ready: {ready['reason']}: {ready['message']}")
        elif data is not None and data["status"] != "True" and ready["reason"] not in _ON_PURPOSE:
            found.append(f"{name} has no market results of today: {data['reason']}: {data['message']}")
    return found


def _budget(budget: Object) -> list[str]:
    name, ready = budget["metadata"]["name"], _condition(budget, ConditionType.READY)
    if ready is None:
        return [
            f"node {name}: no word from its agent: kubectl get pods -o wide -l app.kubernetes.io/component=agent"
        ]
    if ready["status"] != "True" and ready["reason"] != BudgetReason.UNSUPPORTED:
        return [f"node {name}: {ready['reason']}: {ready['message']}"]
    return []


def _somebody_is_governed(policies: Sequence[Object], budgets: Sequence[Object]) -> list[str]:
    promised = sum(policy.get("status", {}).get("nodes") or 0 for policy in policies)
    if promised > len(budgets):
        return [f"policies govern {promised} nodes, and only {len(budgets)} have a PowerBudget"]
    return []


def _condition(body: Object, kind: ConditionType) -> Object | None:
    return find_condition(body.get("status", {}).get("conditions") or [], kind)


def _look(api: PodApi, namespace: str, release: str) -> list[str]:
    apps = f"/apis/apps/v1/namespaces/{namespace}"
    return complaints(
        api.get(f"{apps}/deployments/{release}-operator"),
        api.get(f"{apps}/daemonsets/{release}-agent"),
        _items(api, POWER_POLICY),
        _items(api, POWER_BUDGET),
    )


def _items(api: PodApi, kind: str) -> list[Object]:
    return api.items(f"/apis/{API_VERSION}/{PLURALS[kind]}")


def main() -> int:
    """Check until everything works or time is up; the exit code."""
    try:
        namespace, name = setting(os.environ, "POWERCAP_NAMESPACE"), setting(os.environ, "POWERCAP_NAME")
        seconds = float(setting(os.environ, "POWERCAP_TIMEOUT_SECONDS"))
        with PodApi.in_cluster(os.environ) as api:
            wrong = until(lambda: _look(api, namespace, name), seconds)
            for complaint in wrong:
                say(f"not well: {complaint}")
            if not wrong:
                for policy in _items(api, POWER_POLICY):
                    ready = _condition(policy, ConditionType.READY) or {}
                    say(f"PowerPolicy {policy['metadata']['name']}: {ready.get('message')}")
                for budget in _items(api, POWER_BUDGET):
                    ready = _condition(budget, ConditionType.READY) or {}
                    say(f"node {budget['metadata']['name']}: {ready.get('message')}")
    except PodApiError as error:
        say(f"not well: {error}")
        return 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
