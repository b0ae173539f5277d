"""Kubernetes events for conditions that changed. Pure.

There is an event where a condition's status or reason is another than before, and none where only its message is.
Events only report; nothing is decided from them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from powercap_api.clock import format_time
from powercap_api.foreign_text import shown
from powercap_api.names import API_VERSION, GROUP, OPERATOR_FIELD_MANAGER, POWER_BUDGET
from powercap_api.reasons import BudgetReason, ConditionType, OverrideReason, PolicyReason
from powercap_api.schema.model import Condition

from ..world.node_state import ON_PURPOSE
from ..world.snapshot import BudgetView

_MAX_MESSAGE: Final = 1024
_WAITING: Final = (PolicyReason.NODES_NOT_READY, PolicyReason.PENDING, OverrideReason.APPLYING)
_ON_PURPOSE: Final = (
    PolicyReason.SUSPENDED,
    OverrideReason.OVER,
    OverrideReason.OVERRULED,
    *ON_PURPOSE,
)


@dataclass(frozen=True, slots=True)
class ObjectEvent:
    """An event on one of our objects, or on a Job."""

    kind: str
    name: str
    uid: str
    warning: bool
    reason: str
    message: str
    namespace: str = ""
    """Of a Job; our own objects have none."""


def condition_events(
    kind: str, name: str, uid: str, before: Iterable[Condition], after: Sequence[Condition]
) -> list[ObjectEvent]:
    """One event for every condition whose status or reason is new."""
    earlier = {old.type: (old.status, old.reason) for old in before}
    found = []
    for new in after:
        if earlier.get(new.type) == (new.status, new.reason) or new.reason in _WAITING:
            continue
        repeats = any(other.type != new.type and other.reason == new.reason for other in after)
        if new.type == ConditionType.READY and repeats:  # the other one has an event of its own
            continue
        missed = new.reason == PolicyReason.AGENT_SILENT
        warning = missed or (new.holds is False and new.reason not in _ON_PURPOSE)
        found.append(ObjectEvent(kind, name, uid, warning, new.reason, new.message))
    return found


def budget_events(before: Mapping[str, BudgetView], after: Mapping[str, BudgetView]) -> list[ObjectEvent]:
    """One event for every known budget whose agent reports another state or reason. New budgets have none."""
    found = []
    for name, view in after.items():
        old = before.get(name)
        if old is None or view.reason is None or (old.ready, old.reason) == (view.ready, view.reason):
            continue
        warning = (
            not view.ready and view.reason not in _ON_PURPOSE
        ) or view.reason == BudgetReason.LOW_ORIGINAL
        message = view.message or ""
        found.append(ObjectEvent(POWER_BUDGET, name, view.uid, warning, view.reason, message))
    return found


def event_body(event: ObjectEvent, now: datetime, suffix: str, instance: str) -> dict[str, Any]:
    """The core/v1 Event; ``suffix`` makes its name unique, ``instance`` names this process."""
    version, within = (
        (API_VERSION, {}) if not event.namespace else ("batch/v1", {"namespace": event.namespace})
    )
    involved = {"apiVersion": version, "kind": event.kind, "name": event.name, "uid": event.uid, **within}
    kind, message = "Warning" if event.warning else "Normal", shown(event.message, _MAX_MESSAGE)
    namespace = event.namespace or "default"
    return core_event(involved, namespace, suffix, kind, event.reason, message, instance, now)


def core_event(
    involved: Mapping[str, str],
    namespace: str,
    suffix: str,
    kind: str,
    reason: str,
    message: str,
    instance: str,
    now: datetime,
) -> dict[str, Any]:
    """The core/v1 Event on any object, in that namespace."""
    moment = format_time(now)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{involved['name']}.{suffix}", "namespace": namespace},
        "involvedObject": dict(involved),
        "type": kind,
        "reason": reason,
        "message": message,
        "source": {"component": OPERATOR_FIELD_MANAGER},
        "reportingComponent": f"{GROUP}/operator",
        "reportingInstance": instance[:128],
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
    }
