"""The end of ``helm uninstall``: waits until every node has its original limits back, then deletes the PowerBudgets.

    python3 -m powercap_operator.helm_hooks.uninstall

The agents are gone by then and have put the limits back as they ended. Where one had been killed, a pod of the
chart's restore DaemonSet does: its init container runs ``powercap-agent restore``, and the pod is ready after that.
"""

import os
import sys
from collections.abc import Sequence
from typing import Any, Final

from powercap_api.conditions import is_true
from powercap_api.names import API_VERSION, PLURALS, POWER_BUDGET

from .pod_api import PodApi, PodApiError, say, setting, until

Object = dict[str, Any]

_NO_FOLDER: Final = "CreateContainerError"
"""The kubelet's word where the powercap folder cannot be mounted: there was never an agent on such a node."""


def complaints(daemon_set: Object | None, pods: Sequence[Object]) -> list[str]:
    """The nodes that do not have their limits back for certain; empty where all have."""
    if daemon_set is None:
        return ["the restore DaemonSet is not there"]
    status = daemon_set.get("status", {})
    if status.get("observedGeneration") != daemon_set["metadata"]["generation"]:
        return ["the restore pods are not there yet"]
    found = [complaint for pod in pods if (complaint := _pod(pod))]
    missing = status.get("desiredNumberScheduled", 0) - len(pods)
    if missing > 0:
        found.append(f"{missing} nodes have no restore pod yet")
    return found


def _pod(pod: Object) -> str | None:
    status = pod.get("status", {})
    if is_true(status.get("conditions", []), "Ready"):
        return None
    node, why = pod.get("spec", {}).get("nodeName", "(no node)"), status.get("phase", "Pending")
    for container in status.get("initContainerStatuses", []):
        waiting = container.get("state", {}).get("waiting", {})
        if waiting.get("reason") == _NO_FOLDER:
            return None
        why = waiting.get("message") or waiting.get("reason") or why
    return f"node {node}: {why}"


def _look(api: PodApi, namespace: str, name: str) -> list[str]:
    daemon_set = api.get(f"/apis/apps/v1/namespaces/{namespace}/daemonsets/{name}")
    query = f"labelSelector=powercap.dev%2Frestore%3D{name}"
    pods = api.get(f"/api/v1/namespaces/{namespace}/pods?{query}")
    return complaints(daemon_set, [] if pods is None else pods["items"])


def main() -> int:
    """Wait and clear away; the exit code."""
    try:
        namespace, name = setting("POWERCAP_NAMESPACE"), setting("POWERCAP_RESTORE_NAME")
        seconds = float(setting("POWERCAP_TIMEOUT_SECONDS"))
        with PodApi.in_cluster(os.environ) as api:
            left = until(lambda: _look(api, namespace, name), seconds)
            if api.delete(f"/apis/{API_VERSION}/{PLURALS[POWER_BUDGET]}"):
                say("PowerBudgets deleted")
    except PodApiError as error:
        say(f"powercap uninstall: {error}")
        return 1
    for complaint in left:
        say(
            f"{complaint}: it is not certain that this node has its original limits back. A reboot puts them back,"
            " and so does `helm uninstall` again once the node answers."
        )
    if not left:
        say("every node has its original limits back")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
