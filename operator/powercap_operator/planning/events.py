"""Kubernetes events for what a person would want to know: a condition that came to say something else. Pure.

An event is a word about a change, never a heartbeat: where status and reason of a condition are what they were,
there is none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from powercap_api.clock import format_time
from powercap_api.names import API_VERSION, GROUP, POWER_BUDGET
from powercap_api.reasons import BudgetReason, ConditionType, PolicyReason

from .snapshot import BudgetView

_COMPONENT: Final = "powercap-operator"
_MAX_MESSAGE: Final = 1024
_WAITING: Final = (PolicyReason.NODES_NOT_READY, PolicyReason.PENDING)
_ON_PURPOSE: Final = (
    PolicyReason.SUSPENDED,
    BudgetReason.SUSPENDED,
    BudgetReason.DRY_RUN,
    BudgetReason.UNSUPPORTED,
)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something worth an event on one of our objects."""

    kind: str
    name: str
    uid: str
    warning: bool
    reason: str
    message: str


def condition_happenings(
    kind: str, name: str, uid: str, before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]
) -> list[Happening]:
    """One happening for every condition whose status or reason is new."""
    earlier = {old["type"]: (old["status"], old["reason"]) for old in before}
    happenings = []
    for new in after:
        if earlier.get(new["type"]) == (new["status"], new["reason"]) or new["reason"] in _WAITING:
            continue
        if new["type"] == ConditionType.READY and _repeats(new, after):
            continue
        warning = new["status"] == "False" and new["reason"] not in _ON_PURPOSE
        happenings.append(Happening(kind, name, uid, warning, new["reason"], new["message"]))
    return happenings


def _repeats(ready: Mapping[str, Any], conditions: Iterable[Mapping[str, Any]]) -> bool:
    """Whether Ready only sums up another condition of the same reason, which has its own event."""
    return any(other["type"] != ready["type"] and other["reason"] == ready["reason"] for other in conditions)


def budget_happenings(before: Mapping[str, BudgetView], after: Mapping[str, BudgetView]) -> list[Happening]:
    """What agents came to report. A budget that was not known before is no news."""
    happenings = []
    for name, view in after.items():
        old = before.get(name)
        if old is None or view.reason is None or (old.ready, old.reason) == (view.ready, view.reason):
            continue
        warning = not view.ready and view.reason not in _ON_PURPOSE
        message = view.message or ""
        happenings.append(Happening(POWER_BUDGET, name, view.uid, warning, view.reason, message))
    return happenings


def event_body(happening: Happening, now: datetime, suffix: str, instance: str) -> dict[str, Any]:
    """The core/v1 Event; ``suffix`` makes its name unique, ``instance`` names this process."""
    moment = format_time(now)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{happening.name}.{suffix}", "namespace": "default"},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": happening.kind,
            "name": happening.name,
            "uid": happening.uid,
        },
        "type": "Warning" if happening.warning else "Normal",
        "reason": happening.reason,
        "message": happening.message[:_MAX_MESSAGE],
        "source": {"component": _COMPONENT},
        "reportingComponent": f"{GROUP}/operator",
        "reportingInstance": instance,
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
    }
