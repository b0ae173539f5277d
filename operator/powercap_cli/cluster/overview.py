"""What ``powercap status`` says of a cluster: policies, markets, and the nodes that do not follow. Pure.

Everything is read from the objects as the API server has them, so that objects of another version can be read too.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from powercap_api.conditions import find_condition
from powercap_api.markets import BIDDING_ZONES
from powercap_api.reasons import ConditionType, OverrideReason
from powercap_operator.world.node_state import state_of, sums_of
from powercap_operator.world.snapshot import KnownSpecs, view_budget

Object = dict[str, Any]


def overview(
    policies: Sequence[Object],
    days: Sequence[Object],
    budgets: Sequence[Object],
    now: datetime,
    overrides: Sequence[Object] = (),
) -> Object:
    """The screen as plain data: ``policies``, ``overrides`` in force, ``marketDays`` of yesterday and later, ``nodes``.

    Times are as the API has them, in UTC.
    """
    earliest = (now - timedelta(days=1)).date()
    return {
        "policies": [_policy(policy) for policy in policies],
        "overrides": [_override(one) for one in overrides if _state(one) == OverrideReason.ACTIVE],
        "marketDays": [_day(day) for day in days if _delivery_day(day) >= earliest],
        "nodes": _nodes(budgets, now),
    }


def market_clock(policies: Iterable[Object]) -> tzinfo:
    """The clock of the policies' market; UTC where they have none in common."""
    areas = {((policy["spec"].get("market") or {}).get("area") or "FR") for policy in policies}
    zones = {zone.zone for area in areas if (zone := BIDDING_ZONES.get(area)) is not None}
    return zones.pop() if len(zones) == 1 else UTC


def ready(body: Object) -> Object:
    """The Ready condition; one that says that nobody has looked, where there is none."""
    conditions = (body.get("status") or {}).get("conditions") or []
    return find_condition(conditions, ConditionType.READY) or {
        "type": str(ConditionType.READY),
        "status": "Unknown",
        "reason": "NoStatus",
        "message": "nothing has been reported yet",
    }


def _policy(policy: Object) -> Object:
    spec, status, said = policy["spec"], policy.get("status") or {}, ready(policy)
    current = status.get("current") or {}
    return {
        "name": policy["metadata"]["name"],
        "maxSource": spec.get("maxSource"),
        "strategy": (spec.get("strategy") or {}).get("type"),
        "market": status.get("market"),
        "share": current.get("share"),
        "cap": current.get("cap"),
        "price": current.get("price"),
        "volume": current.get("volume"),
        "nodes": status.get("nodes"),
        "nodesReady": status.get("nodesReady"),
        "ready": said["status"],
        "reason": said["reason"],
        "message": said["message"],
    }


def _state(override: Object) -> str | None:
    return (override.get("status") or {}).get("state")


def _override(override: Object) -> Object:
    spec, status = override["spec"], override["status"]
    return {
        "name": override["metadata"]["name"],
        "limit": "original limits" if spec.get("release") else str(spec.get("limit")),
        "nodes": status.get("nodes"),
        "asked": status.get("asked"),
        "achieved": status.get("achieved"),
        "end": status.get("end"),
        "source": spec.get("source"),
        "reason": spec.get("reason"),
    }


def _delivery_day(day: Object) -> date:
    try:
        return date.fromisoformat(str(day["spec"].get("deliveryDate")))
    except ValueError:
        return date.max  # a day that cannot be is shown, with what its status says of it


def _day(day: Object) -> Object:
    conditions = (day.get("status") or {}).get("conditions") or []
    complete = find_condition(conditions, ConditionType.COMPLETE) or {}
    return {
        "name": day["metadata"]["name"],
        "deliveryDate": day["spec"].get("deliveryDate"),
        "complete": complete.get("status", "Unknown"),
        "reason": complete.get("reason", "NoStatus"),
        "message": complete.get("message", "not asked for yet"),
    }


def _nodes(budgets: Sequence[Object], now: datetime) -> Object:
    """Nodes on which nothing can be capped neither follow nor fail to. Powers are in microwatts."""
    specs = KnownSpecs()
    views = [view_budget(body, specs) for body in budgets]
    fleet, _ = sums_of(views, now)
    states = {view.name: state_of(view, now) for view in views}
    return {
        "total": fleet.nodes,
        "following": fleet.following,
        "unsupported": fleet.unsupported,
        "silent": fleet.silent,
        "capMicrowatts": fleet.cap_uw,
        "appliedMicrowatts": fleet.applied_uw,
        "drawMicrowatts": fleet.draw_uw,
        "notFollowing": [
            {"name": name, "reason": str(state.reason), "message": state.message}
            for name, state in sorted(states.items())
            if state.fails
        ],
    }
