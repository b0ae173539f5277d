"""Which policy governs which node. Pure.

A policy selects a node that has all labels of its nodeSelector, unless the node is exempt. Of several, the
highest priority wins, then the older policy, then the name that sorts first: a total order, so the same world
always gives the same answer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from powercap_api.names import EXEMPT_LABEL
from powercap_api.powerpolicy import PowerPolicy

from ..world.snapshot import NodeView


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who governs whom."""

    owner: Mapping[str, PowerPolicy]
    """Node name to its policy; a node that no policy selects is absent."""
    overruled: Mapping[str, Mapping[str, str]]
    """Policy name to the nodes that it selects and loses, each with the winner's name."""
    ties: Mapping[str, frozenset[str]]
    """Policy name to the other policies of the same priority that select some of the same nodes."""

    def nodes_by_policy(self) -> dict[str, list[str]]:
        """Policy name to the nodes that it governs; a policy without nodes is absent."""
        nodes: dict[str, list[str]] = {}
        for node, policy in self.owner.items():
            nodes.setdefault(policy.metadata.name, []).append(node)
        return nodes


def is_exempt(node: NodeView) -> bool:
    """Whether no policy applies to the node."""
    return node.labels.get(EXEMPT_LABEL) == "true"


def precedence(policy: PowerPolicy) -> tuple[int, datetime, str]:
    """Sort key: the policy that comes first wins."""
    created = policy.metadata.creation_timestamp or datetime.max.replace(tzinfo=UTC)
    return (-policy.spec.priority, created, policy.metadata.name)


def assign(policies: Iterable[PowerPolicy], nodes: Iterable[NodeView]) -> Assignment:
    """Give every node to one policy."""
    ordered = sorted(policies, key=precedence)
    owner: dict[str, PowerPolicy] = {}
    overruled: dict[str, dict[str, str]] = {}
    ties: dict[str, set[str]] = {}
    selectors = [(policy.spec.node_selector.items(), policy) for policy in ordered]
    for node in nodes:
        labels = node.labels.items()
        candidates = [policy for selector, policy in selectors if selector <= labels]
        if not candidates or is_exempt(node):
            continue
        winner = owner[node.name] = candidates[0]
        for loser in candidates[1:]:
            overruled.setdefault(loser.metadata.name, {})[node.name] = winner.metadata.name
            if loser.spec.priority == winner.spec.priority:
                ties.setdefault(loser.metadata.name, set()).add(winner.metadata.name)
                ties.setdefault(winner.metadata.name, set()).add(loser.metadata.name)
    return Assignment(owner, overruled, {name: frozenset(others) for name, others in ties.items()})
