"""In which state a node is, by its budget: the one judgement that statuses, metrics, page and command tell. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from powercap_api.reasons import BudgetReason, ObjectReason

from .snapshot import BudgetView

if TYPE_CHECKING:  # with pydantic, which takes longer to import than all of this
    from .unreadable import Unreadable

NO_REPORT: Final = "NoReport"
"""The agent of the node has not reported at all yet."""
NOT_TAKEN_UP: Final = "NotTakenUp"
"""The agent has not taken up the newest spec in the time that this takes."""
_NO_REPORT_TEXT: Final = "no report from the node's agent yet"
_NOT_TAKEN_UP_TEXT: Final = "the newest spec is not taken up"
NO_AGENT: Final = "NoAgent"
"""No agent can run on the node: it has no budget."""


ON_PURPOSE: Final = frozenset({BudgetReason.SUSPENDED, BudgetReason.DRY_RUN, BudgetReason.UNSUPPORTED})
"""Reasons for which no limit is in force, and nothing is wrong."""


class Following(StrEnum):
    """Whether a node follows its budget."""

    FOLLOWS = "follows"
    NOT_READY = "not ready"
    """It does not follow, its agent has not reported yet, or its agent follows an older spec."""
    SILENT = "silent"
    """The agent has not reported when it should have: what it last said no longer counts."""
    UNSUPPORTED = "unsupported"
    """It has nothing that can be capped: it neither follows nor fails to."""
    UNREADABLE = "unreadable"
    """What its budget says cannot be worked with."""


@dataclass(frozen=True, slots=True)
class NodeState:
    """The state of a node, with reason and sentence of its condition Ready, or in place of them."""

    following: Following
    reason: str
    message: str

    @property
    def ready(self) -> bool:
        return self.following is Following.FOLLOWS

    @property
    def fails(self) -> bool:
        """Whether the node should follow and does not, or nobody knows."""
        return self.following not in {Following.FOLLOWS, Following.UNSUPPORTED}


def state_of(budget: "BudgetView | Unreadable | None", now: datetime) -> NodeState:
    """The state of the node with that budget, or with none yet."""
    if budget is not None and not isinstance(budget, BudgetView):
        return NodeState(
            Following.UNREADABLE, ObjectReason.UNREADABLE, f"its budget cannot be read: {budget.why}"
        )
    if budget is None or budget.reason is None:
        return NodeState(Following.NOT_READY, NO_REPORT, _NO_REPORT_TEXT)
    message = budget.message or ""
    if budget.silent_since is not None:
        return NodeState(Following.SILENT, budget.reason, message)
    if budget.reason == BudgetReason.UNSUPPORTED:
        return NodeState(Following.UNSUPPORTED, budget.reason, message)
    if not budget.ready:
        return NodeState(Following.NOT_READY, budget.reason, message)
    if budget.reporting.is_behind(now):
        return NodeState(Following.NOT_READY, NOT_TAKEN_UP, _NOT_TAKEN_UP_TEXT)
    return NodeState(Following.FOLLOWS, budget.reason, message)


@dataclass(slots=True)
class Sums:
    """Nodes together; powers in microwatts, of nodes of which they are known."""

    nodes: int = 0
    following: int = 0
    unsupported: int = 0
    silent: int = 0
    binding: int = 0
    """Nodes that their cap held back in the slot before."""
    cap_uw: int = 0
    applied_uw: int = 0
    draw_uw: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, budget: BudgetView, state: NodeState) -> None:
        self.nodes += 1
        self.following += state.ready
        self.unsupported += state.following is Following.UNSUPPORTED
        self.silent += state.following is Following.SILENT
        self.cap_uw += budget.cap_uw or 0
        self.applied_uw += budget.applied_uw or 0
        if budget.draw is not None:
            self.draw_uw += budget.draw.average_uw
            self.binding += bool(budget.draw.binds)
        self.reasons[state.reason] += 1


def sums_of(budgets: Iterable[BudgetView], now: datetime) -> tuple[Sums, dict[str, Sums]]:
    """All nodes together, and those of each policy."""
    everything, by_policy = Sums(), dict[str, Sums]()
    for budget in budgets:
        state = state_of(budget, now)
        everything.add(budget, state)
        by_policy.setdefault(budget.policy_label or "", Sums()).add(budget, state)
    return everything, by_policy
