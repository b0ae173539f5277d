"""Which policy governs which node. Pure.

A policy selects a node that has all labels of its nodeSelector and meets its matchExpressions, unless the node is
exempt. It governs those on which an agent can run. Of several policies, the
highest priority wins, then the older policy, then the name that sorts first: a total order, so the same world
always gives the same answer.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from powercap_api.names import EXEMPT_LABEL
from powercap_api.powerpolicy import PowerPolicy

from ..world.node_match import EVERYWHERE, AgentPlacement, meets
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
    without_agent: Mapping[str, int] = field(default_factory=dict)
    """Policy name to how many nodes it selects that no agent can run on."""

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


def assign(
    policies: Iterable[PowerPolicy], nodes: Iterable[NodeView], agents: AgentPlacement = EVERYWHERE
) -> Assignment:
    """Give every node that an agent can run on to one policy."""
    ordered = sorted(policies, key=precedence)
    owner: dict[str, PowerPolicy] = {}
    overruled: dict[str, dict[str, str]] = {}
    ties: dict[str, set[str]] = {}
    without_agent: Counter[str] = Counter()
    selectors = [
        (policy.spec.node_selector.items(), [one.to_wire() for one in policy.spec.match_expressions], policy)
        for policy in ordered
    ]
    for node in nodes:
        labels = node.labels.items()
        candidates = [
            policy
            for selector, expressions, policy in selectors
            if selector <= labels and all(meets(one, node.labels) for one in expressions)
        ]
        if not candidates or is_exempt(node):
            continue
        if not agents.allows(node.name, node.labels, node.taints):
            without_agent.update(policy.metadata.name for policy in candidates)
            continue
        winner = owner[node.name] = candidates[0]
        for loser in candidates[1:]:
            overruled.setdefault(loser.metadata.name, {})[node.name] = winner.metadata.name
            if loser.spec.priority == winner.spec.priority:
                ties.setdefault(loser.metadata.name, set()).add(winner.metadata.name)
                ties.setdefault(winner.metadata.name, set()).add(loser.metadata.name)
    tied = {name: frozenset(others) for name, others in ties.items()}
    return Assignment(owner, overruled, tied, without_agent)
