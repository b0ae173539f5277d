"""Metrics of every node, as text. Pure.

A cluster of 5,000 nodes has 40,000 of these series. They are written straight as text, which takes a twentieth of the
time that it takes by objects of the library (docs/decisions/monitoring.md).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from powercap_api.reasons import BudgetReason
from powercap_api.units import MICROWATTS_PER_WATT

from ..world.node_state import NodeState, state_of
from ..world.snapshot import BudgetView, DrawView, PartDraw
from . import catalogue
from .catalogue import Family


class Told(NamedTuple):
    """A node's budget and state."""

    budget: BudgetView
    state: NodeState


_NOTHING: Final = DrawView(0)


def _draw(node: Told) -> DrawView:
    return node.budget.draw or _NOTHING


def _drawn(part: PartDraw | None) -> float | None:
    return None if part is None else _watts(part.average_uw)


def _binds(part: PartDraw | None) -> bool | None:
    return None if part is None else part.binds


_VALUES: Final[Mapping[Family, Callable[[Told], float | None]]] = {
    catalogue.NODE_READY: lambda node: node.state.ready,
    catalogue.NODE_CAP: lambda node: _watts(node.budget.cap_uw),
    catalogue.NODE_APPLIED: lambda node: _watts(node.budget.applied_uw),
    catalogue.NODE_DRAW: lambda node: _drawn(_draw(node).packages),
    catalogue.NODE_ACCELERATOR_DRAW: lambda node: _drawn(_draw(node).accelerators),
    catalogue.NODE_ENERGY: lambda node: node.budget.energy_joules,
    catalogue.NODE_ACCELERATOR_ENERGY: lambda node: node.budget.accelerator_joules,
    catalogue.NODE_BINDING: lambda node: _binds(_draw(node).packages),
    catalogue.NODE_ACCELERATOR_BINDING: lambda node: _binds(_draw(node).accelerators),
    catalogue.NODE_LIFTED: lambda node: node.state.reason == BudgetReason.LIFTED,
    catalogue.NODE_REAPPLIED: lambda node: node.budget.reapplied,
}


def text_of(budgets: Iterable[BudgetView], now: datetime) -> Iterator[str]:
    """The nodes' metrics in Prometheus's text format, in order of names, a string for each metric."""
    labelled = [
        (
            Told(budget, state_of(budget, now)),
            f'node="{escaped(budget.name)}",policy="{escaped(budget.policy_label or "")}"',
        )
        for budget in sorted(budgets, key=lambda budget: budget.name)
    ]
    for family, value_of in _VALUES.items():
        (series,) = family.series
        lines = [
            f"{series}{{{labels}}} {float(value)!r}\n"
            for node, labels in labelled
            if (value := value_of(node)) is not None
        ]
        yield _head(family) + "".join(lines)
    yield _head(catalogue.NODE_REASON) + "".join(
        f'{catalogue.NODE_REASON.name}{{{labels},reason="{escaped(node.state.reason)}"}} 1.0\n'
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
