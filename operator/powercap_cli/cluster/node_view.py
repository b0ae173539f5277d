"""What ``powercap node`` says of one node: its caps of the day, its limits and what it draws. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from powercap_api.clock import format_time
from powercap_api.powerbudget import PowerBudgetSpec
from powercap_api.schedule import FULL_SHARE, cap_uw
from powercap_api.units import format_watts_short
from powercap_operator.world.node_state import state_of
from powercap_operator.world.snapshot import KnownSpecs, view_budget

from .overview import Object


def node_view(budget: Object, now: datetime) -> Object:
    """The node as plain data: ``current``, ``limits``, ``draw``, ``overrides``, ``slots`` from now on for a day.

    Slots that follow each other and say the same are one. Times are in UTC.
    """
    spec = PowerBudgetSpec.model_validate(budget["spec"])
    status = budget.get("status") or {}
    state = state_of(view_budget(budget, KnownSpecs()), now)
    return {
        "name": budget["metadata"]["name"],
        "policy": spec.policy,
        "ready": str(state.ready),
        "reason": str(state.reason),
        "message": state.message,
        "current": status.get("current") or {},
        "validUntil": format_time(spec.valid_until),
        "slots": list(_slots(spec, now)),
        "overrides": [
            _window(window) for window in budget["spec"].get("overrides") or [] if _ends_after(window, now)
        ],
        "limits": [limit for zone in status.get("zones") or [] for limit in _limits(zone)],
        "draw": status.get("draw") or {},
    }


def _slots(spec: PowerBudgetSpec, now: datetime) -> Iterable[Object]:
    """The slot that holds, and those that begin within a day."""
    told: Object | None = None
    for start, end, slot in spec.slots().spans():
        if end <= now or start >= now + timedelta(days=1):
            continue
        share, cap = f"{slot.share * 100 / FULL_SHARE:.0f} %", _cap(spec, slot.share)
        said = {"share": share, "cap": cap, "why": slot.basis}
        if told is not None and said.items() <= told.items():
            told["end"] = format_time(end)
            continue
        if told is not None:
            yield told
        told = {"start": format_time(start), "end": format_time(end), **said}
    if told is not None:
        yield told


def _cap(spec: PowerBudgetSpec, share: int) -> str:
    """In watts, or in percent of the node's own limits where maxSource is."""
    if spec.max_source_microwatts is not None:
        return format_watts_short(cap_uw(share, spec.min_power_microwatts or 0, spec.max_source_microwatts))
    percent = max((spec.max_source_percent or 0) * share / FULL_SHARE, spec.min_power_percent or 0)
    return f"{percent:.1f} % of its limits"


def _ends_after(window: Mapping[str, Any], now: datetime) -> bool:
    return datetime.fromisoformat(str(window["end"])) > now


def _window(window: Mapping[str, Any]) -> Object:
    share, cap = window.get("share"), window.get("capMicrowatts")
    parts = [] if cap is None else [format_watts_short(cap)]
    if share is not None:
        parts.append(f"{share * 100 / FULL_SHARE:.0f} % of maxSource")
    return {
        "start": window["start"],
        "end": window["end"],
        "limit": " and ".join(parts) or "original limits",
        "why": window.get("basis"),
    }


def _limits(zone: Object) -> Iterable[Object]:
    for limit in zone.get("limits") or []:
        asked = limit.get("requestedMicrowatts", limit.get("readBackMicrowatts"))
        yield {
            "zone": zone.get("name") or zone["zone"],
            "constraint": limit["constraint"],
            "original": _watts(limit.get("originalMicrowatts")),
            "asked": _watts(asked),
            "inForce": _watts(limit.get("readBackMicrowatts")),
            "reason": limit["reason"],
            "message": limit.get("message"),
        }


def _watts(power_uw: int | None) -> str | None:
    return None if power_uw is None else format_watts_short(power_uw)
