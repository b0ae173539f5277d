"""Objects that this version cannot read or work with: what is known of them all the same, and what their status says.

Pure. Such an object is there: what was made from it before stays, and it is told on its own status what is wrong. No
other object is kept waiting for it.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self, TypeVar

from pydantic import ValidationError

from powercap_api.foreign_text import shown
from powercap_api.names import MARKET_DAY, POWER_OVERRIDE, WAIT_POLICY
from powercap_api.reasons import ConditionType, ObjectReason
from powercap_api.schema.model import ApiModel, Condition, KubeObject

FAULTS: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What an object's values can raise in code that reads or works with them."""
_KEPT: Final = ("fallbacks", "fetch", "released", "releases", "saved", "savedPerKilowatt")
"""Counters of a status, which are not lost with the rest of it."""

Kind = TypeVar("Kind", bound=KubeObject)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What is known of such an object."""

    kind: str
    name: str
    uid: str
    generation: int | None
    suspend: bool | None
    """What ``spec.suspend`` says; None where that is neither true nor false."""
    why: str
    """What is wrong, in one line."""
    status: Mapping[str, Any]
    """The status as the API has it."""

    @classmethod
    def of(cls, kind: str, found: KubeObject, error: Exception | str) -> Self:
        """An object that was read, and that cannot be worked with."""
        spec, status = getattr(found, "spec", None), getattr(found, "status", None)
        suspend = getattr(spec, "suspend", None)
        return cls(
            kind=kind,
            name=found.metadata.name,
            uid=found.metadata.uid or "",
            generation=found.metadata.generation,
            suspend=suspend if isinstance(suspend, bool) else None,
            why=error if isinstance(error, str) else what_is_wrong(error),
            status=status.to_wire() if isinstance(status, ApiModel) else {},
        )

    @property
    def conditions(self) -> list[Condition]:
        """Those of the status that can be read."""
        found, read = self.status.get("conditions"), []
        for one in found if isinstance(found, list | tuple) else ():
            with suppress(ValidationError):
                read.append(Condition.model_validate(one))
        return read


def unreadable(kind: str, body: Mapping[str, Any], error: Exception) -> Unreadable:
    """The object in wire form, of which ``error`` says what is wrong."""
    metadata, spec, status = body["metadata"], body.get("spec"), body.get("status")
    suspend = spec.get("suspend", False) if isinstance(spec, Mapping) else None
    return Unreadable(
        kind=kind,
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        generation=metadata.get("generation"),
        suspend=suspend if isinstance(suspend, bool) else None,
        why=what_is_wrong(error),
        status=dict(status) if isinstance(status, Mapping) else {},
    )


def what_is_wrong(error: Exception) -> str:
    """One line for a person; of a validation error, its first fault and where it is."""
    if isinstance(error, ValidationError):
        detail = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in detail["loc"])
        text = f"{where}: {detail['msg'].removeprefix('Value error, ')}"
    else:
        text = f"{type(error).__name__}: {error}"
    return shown(text)


def read_object(model: type[Kind], body: Mapping[str, Any]) -> Kind:
    """Read an object in wire form. Of a status only what can be read is taken: it is rewritten.

    Raises:
        ValidationError: its metadata or spec cannot be read.
    """
    try:
        return model.from_wire(dict(body))
    except ValidationError as error:
        places = [detail["loc"] for detail in error.errors(include_url=False, include_input=False)]
        if any(place[0] != "status" for place in places):
            raise
        damaged = {str(place[1]) for place in places if len(place) > 1} | {"conditions"}
        status = body["status"] if isinstance(body["status"], Mapping) else {}
        kept = {name: value for name, value in status.items() if name not in damaged}
        return model.from_wire({**body, "status": kept})


def unreadable_status(found: Unreadable, now: datetime) -> dict[str, Any]:
    """The status in wire form that says so; equal to the one in force where nothing is new."""
    types = [ConditionType.READY]
    sentence = "Its budgets stay as they are until it can be read; suspend: true still puts limits back."
    if found.kind == MARKET_DAY:
        types = [ConditionType.COMPLETE, ConditionType.READY]
        sentence = "Nothing is asked or taken for it."
    if found.kind == POWER_OVERRIDE:
        types, sentence = [ConditionType.ACTIVE], "It is not in force."
    if found.kind == WAIT_POLICY:
        sentence = "Jobs start at once where no other WaitPolicy is for their namespace."
    message = f"this version of the operator cannot work with it: {found.why}. {sentence}"
    before = found.conditions
    conditions = [
        Condition.of(one, False, ObjectReason.UNREADABLE, message, found.generation, before, now)
        for one in types
    ]
    status = {name: found.status[name] for name in _KEPT if name in found.status}
    if found.generation is not None:
        status["observedGeneration"] = found.generation
    return {**status, "conditions": [one.to_wire() for one in conditions]}
