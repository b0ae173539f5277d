"""The page's table of nodes: those that need attention first. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from powercap_api.names import POWER_BUDGET

from ..world.node_state import NodeState, state_of
from ..world.snapshot import BudgetView, World
from ..world.unreadable import Unreadable
from .wording import Tone, node_tone, watts

SHOWN: Final = 50
"""Most nodes shown before a person asks for all."""
_NAMED: Final = 3
"""Most nodes named at the top of those that do not follow."""
_ORDER: Final = {Tone.BAD: 0, Tone.WARN: 1, Tone.GOOD: 2, Tone.QUIET: 3}


@dataclass(frozen=True, slots=True)
class Choice:
    """Which nodes a person wants to see."""

    text: str = ""
    """Part of a node's name."""
    state: str = ""
    """A reason, such as Lifted."""
    everything: bool = False


@dataclass(frozen=True, slots=True)
class NodeRow:
    """One line of the table."""

    name: str
    policy: str
    state: str
    tone: Tone
    cap: str
    applied: str
    draw: str
    drawn: float | None
    """The draw in percent of the cap, 100 at most; None where one of them is not known."""
    held_back: bool
    message: str


@dataclass(frozen=True, slots=True)
class StateCount:
    """How many nodes are in a state."""

    state: str
    tone: Tone
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class NodesView:
    """What the page shows of nodes."""

    states: tuple[StateCount, ...]
    rows: tuple[NodeRow, ...]
    found: int
    """Number of nodes that are asked for."""
    hidden: int
    """How many of these are not shown."""
    troubles: tuple[str, ...]
    """The first of the nodes that do not follow, whatever is asked for, and why."""
    choice: Choice


def nodes_view(world: World, choice: Choice, now: datetime) -> NodesView:
    """The nodes that are asked for, and how many are in each state; those whose budget cannot be read too."""
    budgets: dict[str, BudgetView | Unreadable] = {**world.budgets}
    budgets |= {name: one for (kind, name), one in world.unreadable.items() if kind == POWER_BUDGET}
    states = {name: state_of(budget, now) for name, budget in budgets.items()}
    tones = {name: node_tone(state) for name, state in states.items()}
    found = sorted(
        (name for name, state in states.items() if _chosen(name, state.reason, choice)),
        key=lambda name: (_ORDER[tones[name]], name),
    )
    shown = found if choice.everything else found[:SHOWN]
    bad = sorted(name for name, tone in tones.items() if tone is Tone.BAD)
    return NodesView(
        states=_counts(((states[name].reason, tones[name]) for name in budgets), choice),
        rows=tuple(_row(budgets[name], states[name], tones[name]) for name in shown),
        found=len(found),
        hidden=len(found) - len(shown),
        troubles=tuple(
            f"{name}: {states[name].reason}. {states[name].message}".rstrip() for name in bad[:_NAMED]
        ),
        choice=choice,
    )


def _chosen(name: str, state: str, choice: Choice) -> bool:
    return choice.text.lower() in name.lower() and choice.state in {"", state}


def _counts(states: Iterable[tuple[str, Tone]], choice: Choice) -> tuple[StateCount, ...]:
    counted = sorted(Counter(states).items(), key=lambda one: (_ORDER[one[0][1]], -one[1], one[0][0]))
    return tuple(StateCount(state, tone, count, state == choice.state) for (state, tone), count in counted)


def _row(budget: BudgetView | Unreadable, state: NodeState, tone: Tone) -> NodeRow:
    if isinstance(budget, Unreadable):
        unknown = watts(None)
        return NodeRow(budget.name, "", state.reason, tone, *(unknown,) * 3, None, False, state.message)
    draw, drawn = budget.draw, None
    if draw is not None and budget.cap_uw:
        part = draw.of_cap
        drawn = round(min(100.0, 100 * (draw.average_uw / budget.cap_uw if part is None else part)), 1)
    return NodeRow(
        name=budget.name,
        policy=budget.policy_label or "",
        state=state.reason,
        tone=tone,
        cap=watts(budget.cap_uw),
        applied=watts(budget.applied_uw),
        draw=watts(None if draw is None else draw.average_uw),
        drawn=drawn,
        held_back=bool(draw is not None and draw.binds),
        message=state.message,
    )
