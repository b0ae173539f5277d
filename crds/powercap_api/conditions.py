"""Conditions as the Kubernetes conventions want them, as plain JSON objects: agents write and thin clients read these.

The operator has them as models (``schema.model.Condition``).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar


class ConditionModel(Protocol):
    """A condition as a model."""

    @property
    def type(self) -> str:
        """Which aspect."""
        ...

    @property
    def status(self) -> str:
        """True, False or Unknown."""
        ...


C = TypeVar("C", bound=Mapping[str, Any] | ConditionModel)


def find_condition(conditions: Iterable[C], type_: str) -> C | None:
    """The condition of that type; None where there is none."""
    for one in conditions:
        if (one.get("type") if isinstance(one, Mapping) else one.type) == type_:
            return one
    return None


def is_true(conditions: Iterable[Mapping[str, Any] | ConditionModel], type_: str) -> bool:
    """Whether there is a condition of that type, and its status is True."""
    found = find_condition(conditions, type_)
    if found is None:
        return False
    return bool((found.get("status") if isinstance(found, Mapping) else found.status) == "True")


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
