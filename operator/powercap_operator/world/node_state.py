"""In which state a node is, by what its agent said and when. Pure."""

from datetime import datetime, timedelta
from typing import Final

from powercap_api.reasons import BudgetReason

from .snapshot import BudgetView

SILENT_AFTER: Final = timedelta(minutes=10)
"""An agent reports when a slot ends; so long after that it is silent."""
SILENT: Final = BudgetReason.AGENT_SILENT
"""The agent has not reported since its slot ended: what it last said no longer counts."""
NO_REPORT: Final = "NoReport"
"""The agent of the node has not reported at all yet."""


def is_silent(budget: BudgetView, now: datetime) -> bool:
    """Whether the operator found it silent, or the slot that the agent last reported is over for longer than an agent
    takes to report the next."""
    slot_end = budget.reporting.slot_end
    return budget.silent_since is not None or (slot_end is not None and now > slot_end + SILENT_AFTER)


def reason_of(budget: BudgetView, now: datetime) -> tuple[str, bool]:
    """The reason of the node's condition Ready, or ``SILENT`` or ``NO_REPORT``; and whether it follows its budget."""
    if is_silent(budget, now):
        return SILENT, False
    return budget.reason or NO_REPORT, budget.ready
