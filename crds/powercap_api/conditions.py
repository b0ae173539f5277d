"""Conditions as the Kubernetes conventions want them, on plain JSON objects: agent and operator share this."""

from collections.abc import Mapping, Sequence
from typing import Any


def condition(
    type_: str, holds: bool | None, reason: str, message: str, generation: int | None
) -> dict[str, Any]:
    """One condition without its transition time; ``holds`` None is Unknown."""
    status = {True: "True", False: "False", None: "Unknown"}[holds]
    found: dict[str, Any] = {"type": str(type_), "status": status, "reason": str(reason), "message": message}
    return found if generation is None else {**found, "observedGeneration": generation}


def dated(
    conditions: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]], now_text: str
) -> list[dict[str, Any]]:
    """The conditions with lastTransitionTime: kept from ``before`` where the status is the same, else now."""
    earlier = {old.get("type"): old for old in before}
    return [
        {**new, "lastTransitionTime": _transition(new, earlier.get(new["type"]), now_text)}
        for new in conditions
    ]


def _transition(new: Mapping[str, Any], old: Mapping[str, Any] | None, now_text: str) -> str:
    if old is not None and old.get("status") == new["status"] and old.get("lastTransitionTime"):
        return str(old["lastTransitionTime"])
    return now_text
