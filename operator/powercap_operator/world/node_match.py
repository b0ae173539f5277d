"""Whether a node is one that requirements ask for: those of a policy, and those of the agents' pods. Pure.

The agents' are read in the form that the chart gives to their DaemonSet, so that the operator and Kubernetes go by the
same words.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self


@dataclass(frozen=True, slots=True)
class Taint:
    """What keeps pods that do not tolerate it away from a node."""

    key: str
    value: str
    effect: str


def meets(requirement: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether labels meet ``{key, operator, values}``, as a node affinity of Kubernetes has it.

    Raises:
        ValueError: no such operator.
    """
    key, operator, values = requirement["key"], requirement["operator"], requirement.get("values") or ()
    there, value = key in labels, labels.get(key, "")
    match operator:
        case "In":
            return there and value in values
        case "NotIn":
            return not there or value not in values
        case "Exists":
            return there
        case "DoesNotExist":
            return not there
        case "Gt" | "Lt":
            return there and _compares(value, operator, values)
    raise ValueError(
        f"{operator!r} is no operator of a node affinity: In, NotIn, Exists, DoesNotExist, Gt, Lt"
    )


def _compares(value: str, operator: str, values: Iterable[str]) -> bool:
    """Both are integers, as Kubernetes has it, and stand in that order."""
    try:
        (bound,) = (int(one) for one in values)
        number = int(value)
    except ValueError:
        return False
    return number > bound if operator == "Gt" else number < bound


@dataclass(frozen=True, slots=True)
class AgentPlacement:
    """Where the agents' DaemonSet has pods."""

    node_selector: Mapping[str, str]
    terms: tuple[Mapping[str, Any], ...] | None
    """Terms of the required node affinity, of which one must hold; None where there is no such affinity."""
    tolerations: tuple[Mapping[str, Any], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``{nodeSelector, affinity, tolerations}`` of a pod's spec, in JSON.

        Raises:
            ValueError, TypeError, AttributeError, KeyError: it is something else.
        """
        spec = json.loads(text)
        node_affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
        required = node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
        placement = cls(
            spec.get("nodeSelector") or {},
            None if required is None else tuple(required.get("nodeSelectorTerms") or ()),
            tuple(spec.get("tolerations") or ()),
        )
        for term in placement.terms or ():
            _term_holds(term, "", {})  # an operator that nobody knows is found now
        return placement

    def allows(self, node: str, labels: Mapping[str, str], taints: Iterable[Taint]) -> bool:
        """Whether the DaemonSet has a pod on a node of this name, with these labels and taints."""
        return (
            self.node_selector.items() <= labels.items()
            and (self.terms is None or any(_term_holds(term, node, labels) for term in self.terms))
            and all(any(_tolerates(one, taint) for one in self.tolerations) for taint in taints)
        )


EVERYWHERE: Final = AgentPlacement({}, None, ({"operator": "Exists"},))
"""Agents on every node."""


def _term_holds(term: Mapping[str, Any], node: str, labels: Mapping[str, str]) -> bool:
    """A term without requirements holds nowhere."""
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    met = [meets(one, labels) for one in expressions] + [
        meets(one, {"metadata.name": node}) for one in fields
    ]
    return bool(met) and all(met)


def _tolerates(toleration: Mapping[str, Any], taint: Taint) -> bool:
    if toleration.get("effect") not in (None, "", taint.effect):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint.key)
    return toleration.get("key") == taint.key and (toleration.get("value") or "") == taint.value
