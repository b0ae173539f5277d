"""What labelled pods ask of the nodes that they run on, as far as the nodes' policies allow it. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from powercap_api.names import EXEMPT_LABEL, FLOOR_LABEL
from powercap_api.policy.workloads import FloorsSpec
from powercap_api.poweroverride import PodFloor
from powercap_api.powerpolicy import PowerPolicy
from powercap_api.units import PowerFormatError, parse_watts

from ...world.snapshot import PodView

_RUNNING = "Running"


def view_pod(body: Mapping[str, Any]) -> PodView | None:
    """A Pod as the API gives it; None where it asks for nothing, or is not running: a pod that waits draws nothing."""
    metadata, labels = body["metadata"], body["metadata"].get("labels") or {}
    node = (body.get("spec") or {}).get("nodeName")
    if not node or not isinstance(node, str) or (body.get("status") or {}).get("phase") != _RUNNING:
        return None
    floor_uw = None
    if FLOOR_LABEL in labels:
        try:
            floor_uw = parse_watts(labels[FLOOR_LABEL])
        except PowerFormatError:  # a label of some pod's, which may say anything: it asks for nothing
            floor_uw = None
    exempt = labels.get(EXEMPT_LABEL) == "true"
    if floor_uw is None and not exempt:
        return None
    return PodView(metadata["namespace"], metadata["name"], node, floor_uw, exempt)


def floors_of_nodes(pods: Iterable[PodView], owner: Mapping[str, PowerPolicy]) -> dict[str, PodFloor]:
    """What holds on each node of which some pod asks for something that its policy allows. The highest counts."""
    asking: dict[str, list[tuple[int | None, str]]] = {}
    for pod in pods:
        spec = None if pod.node not in owner else _floors(owner[pod.node])
        if spec is None or pod.namespace not in spec.namespaces:
            continue
        name = f"pod {pod.namespace}/{pod.name}"
        if pod.exempt and spec.exempt:
            asking.setdefault(pod.node, []).append((None, name))
        elif pod.floor_uw is not None:
            asking.setdefault(pod.node, []).append((min(pod.floor_uw, parse_watts(spec.most)), name))
    return {node: _highest(asked) for node, asked in asking.items()}


def _highest(asked: list[tuple[int | None, str]]) -> PodFloor:
    """The original limits before any power; of equal ones the name that sorts first."""
    floor_uw, name = min(asked, key=lambda one: (one[0] is not None, -(one[0] or 0), one[1]))
    return PodFloor(microwatts=floor_uw, basis=name[:256])


def _floors(policy: PowerPolicy) -> FloorsSpec | None:
    return None if policy.spec.workloads is None else policy.spec.workloads.floors
