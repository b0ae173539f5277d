"""A PowerBudget's spec as the agent reads it: plain data, read without pydantic.

The wire format is defined by ``powercap_api.powerbudget``; a test holds the two readings together. What the API
server's schema refuses is refused here too: the cached copy and a changed CRD are no better than any other input.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from powercap_api.reasons import Fallback

MAX_CAP_UW: Final = 100_000_000_000
MAX_SLOTS: Final = 512


class InvalidBudgetError(ValueError):
    """The spec is none that this agent can follow."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch of time with one cap, up to the next slot's start or to ``Budget.valid_until``."""

    start: datetime
    cap_uw: int
    volume: str | None = None
    price: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """The node's caps over the day. Fields are those of PowerBudgetSpec; powers in microwatts, times in UTC."""

    uid: str
    generation: int
    policy: str
    min_power_uw: int
    valid_until: datetime
    slots: tuple[Slot, ...] = ()
    currency: str | None = None
    on_expiry: Fallback = Fallback.MIN_POWER
    stabilisation_seconds: int = 300
    suspend: bool = False
    dry_run: bool = False


def read_budget(body: object) -> Budget:
    """The budget in a PowerBudget object as the API gives it.

    Raises:
        InvalidBudgetError: with the first field that is wrong, and how.
    """
    root = _mapping(body, "the object")
    metadata = _mapping(root.get("metadata"), "metadata")
    spec = _mapping(root.get("spec"), "spec")
    return Budget(
        uid=_text(metadata, "uid") or "",
        generation=_whole(metadata, "generation", 0, 2**63, default=0),
        policy=_required_text(spec, "policy"),
        min_power_uw=_whole(spec, "minPowerMicrowatts", 1, MAX_CAP_UW),
        valid_until=_time(spec.get("validUntil"), "spec.validUntil"),
        slots=_slots(spec.get("slots")),
        currency=_text(spec, "currency"),
        on_expiry=_fallback(spec.get("onExpiry", Fallback.MIN_POWER)),
        stabilisation_seconds=_whole(spec, "stabilisationSeconds", 1, 86_400, default=300),
        suspend=_flag(spec, "suspend"),
        dry_run=_flag(spec, "dryRun"),
    )


def _slots(value: object) -> tuple[Slot, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_SLOTS:
        raise InvalidBudgetError(f"spec.slots is no list of at most {MAX_SLOTS} slots")
    slots = []
    for index, item in enumerate(value):
        slot = _mapping(item, f"spec.slots[{index}]")
        slots.append(
            Slot(
                start=_time(slot.get("start"), f"spec.slots[{index}].start"),
                cap_uw=_whole(slot, "capMicrowatts", 1, MAX_CAP_UW),
                volume=_text(slot, "volume"),
                price=_text(slot, "price"),
                why=_text(slot, "why"),
            )
        )
        if index and slots[index - 1].start >= slots[index].start:
            raise InvalidBudgetError(f"spec.slots[{index}] does not start after the slot before it")
    return tuple(slots)


def _mapping(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise InvalidBudgetError(f"{where} is no JSON object")
    return value


def _text(fields: Mapping[str, object], name: str) -> str | None:
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    raise InvalidBudgetError(f"{name} is {value!r}, no text")


def _required_text(fields: Mapping[str, object], name: str) -> str:
    value = _text(fields, name)
    if value is None:
        raise InvalidBudgetError(f"{name} is missing")
    return value


def _whole(fields: Mapping[str, object], name: str, low: int, high: int, default: int | None = None) -> int:
    value = fields.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidBudgetError(f"{name} is {value!r}, no whole number from {low} to {high}")
    return value


def _flag(fields: Mapping[str, object], name: str) -> bool:
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise InvalidBudgetError(f"{name} is {value!r}, neither true nor false")
    return value


def _time(value: object, where: str) -> datetime:
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise InvalidBudgetError(f"{where} is {value!r}: {error}") from error
    raise InvalidBudgetError(f"{where} is {value!r}, no time such as 2025-10-09T22:00:00Z")


def _fallback(value: object) -> Fallback:
    if isinstance(value, str) and value in list(Fallback):
        return Fallback(value)
    raise InvalidBudgetError(f"onExpiry is {value!r}, none of {', '.join(Fallback)}")
