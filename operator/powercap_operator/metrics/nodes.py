"""Metrics of every node, as text, and their sums for each policy. Pure.

A cluster of 5,000 nodes has 40,000 of these series. They are written straight as text, which takes a twentieth of the
time that it takes by objects of the library (docs/decisions/0090).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from powercap_api.reasons import BudgetReason
from powercap_api.units import MICROWATTS_PER_WATT

from ..world.node_state import SILENT, reason_of
from ..world.snapshot import BudgetView
from . import catalogue
from .catalogue import Family


@dataclass(frozen=True, slots=True)
class NodeFigures:
    """What is told of one node. None where it is not known, or was last said by an agent that is silent."""

    node: str
    policy: str
    ready: bool
    reason: str
    cap_watts: float | None
    applied_watts: float | None
    draw_watts: float | None
    energy_joules: int | None
    binding: bool | None
    lifted: bool
    reapplied: int | None


@dataclass(slots=True)
class PolicySums:
    """What is told of all nodes of a policy together."""

    cap_watts: float = 0.0
    applied_watts: float = 0.0
    draw_watts: float = 0.0
    binding: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def silent(self) -> int:
        """Number of nodes whose agents do not report."""
        return self.reasons[SILENT]

    @property
    def unsupported(self) -> int:
        """Number of nodes with nothing to cap."""
        return self.reasons[BudgetReason.UNSUPPORTED]


def figures(budgets: Iterable[BudgetView], now: datetime) -> list[NodeFigures]:
    """What is told of each node, in order of names."""
    return [_figures(budget, now) for budget in sorted(budgets, key=lambda budget: budget.name)]


def _figures(budget: BudgetView, now: datetime) -> NodeFigures:
    reason, ready = reason_of(budget, now)
    silent = reason == SILENT
    draw = None if silent else budget.draw
    return NodeFigures(
        node=budget.name,
        policy=budget.policy_label or "",
        ready=ready,
        reason=reason,
        cap_watts=None if silent else _watts(budget.cap_uw),
        applied_watts=None if silent else _watts(budget.applied_uw),
        draw_watts=None if draw is None else _watts(draw.average_uw),
        energy_joules=budget.energy_joules,
        binding=None if draw is None else draw.binds,
        lifted=reason == BudgetReason.LIFTED,
        reapplied=budget.reapplied,
    )


def sums(nodes: Iterable[NodeFigures]) -> dict[str, PolicySums]:
    """The nodes of each policy together."""
    found: dict[str, PolicySums] = {}
    for node in nodes:
        policy = found.setdefault(node.policy, PolicySums())
        policy.cap_watts += node.cap_watts or 0.0
        policy.applied_watts += node.applied_watts or 0.0
        policy.draw_watts += node.draw_watts or 0.0
        policy.binding += bool(node.binding)
        policy.reasons[node.reason] += 1
    return found


_VALUES: Final[Mapping[Family, Callable[[NodeFigures], float | None]]] = {
    catalogue.NODE_READY: lambda node: node.ready,
    catalogue.NODE_CAP: lambda node: node.cap_watts,
    catalogue.NODE_APPLIED: lambda node: node.applied_watts,
    catalogue.NODE_DRAW: lambda node: node.draw_watts,
    catalogue.NODE_ENERGY: lambda node: node.energy_joules,
    catalogue.NODE_BINDING: lambda node: node.binding,
    catalogue.NODE_LIFTED: lambda node: node.lifted,
    catalogue.NODE_REAPPLIED: lambda node: node.reapplied,
}


def text_of(nodes: Iterable[NodeFigures]) -> Iterator[str]:
    """The nodes' metrics in Prometheus's text format, a string for each metric."""
    labelled = [(node, f'node="{escaped(node.node)}",policy="{escaped(node.policy)}"') for node in nodes]
    for family, value_of in _VALUES.items():
        (series,) = family.series
        lines = [
            f"{series}{{{labels}}} {float(value)!r}\n"
            for node, labels in labelled
            if (value := value_of(node)) is not None
        ]
        yield _head(family) + "".join(lines)
    yield _head(catalogue.NODE_REASON) + "".join(
        f'{catalogue.NODE_REASON.name}{{{labels},reason="{escaped(node.reason)}"}} 1.0\n'
        for node, labels in labelled
    )


def escaped(value: str) -> str:
    """A label's value as the text format wants it."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _head(family: Family) -> str:
    (series,) = family.series
    return f"# HELP {series} {family.text}\n# TYPE {series} {family.type}\n"


def _watts(power_uw: int | None) -> float | None:
    return None if power_uw is None else power_uw / MICROWATTS_PER_WATT
