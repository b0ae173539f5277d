"""Reads single fields of a budget in wire form. All raise InvalidBudgetError, which names the field and the fault."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

_Word = TypeVar("_Word", bound=StrEnum)


class InvalidBudgetError(ValueError):
    """The spec is none that this agent can follow."""


def mapping(value: object, where: str) -> Mapping[str, object]:
    """The JSON object, or a refusal."""
    if not isinstance(value, dict):
        raise InvalidBudgetError(f"{where} is no JSON object")
    return value


def text(fields: Mapping[str, object], name: str) -> str | None:
    """A text or None."""
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    raise InvalidBudgetError(f"{name} is {value!r}, no text")


def required_text(fields: Mapping[str, object], name: str) -> str:
    """A text that must be there."""
    value = text(fields, name)
    if value is None:
        raise InvalidBudgetError(f"{name} is missing")
    return value


def whole(fields: Mapping[str, object], name: str, low: int, high: int, default: int | None = None) -> int:
    """A whole number from ``low`` to ``high``; ``default`` where it is absent."""
    value = fields.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidBudgetError(f"{name} is {value!r}, no whole number from {low} to {high}")
    return value


def optional_whole(fields: Mapping[str, object], name: str, low: int, high: int) -> int | None:
    """The same, or None where it is absent."""
    return None if fields.get(name) is None else whole(fields, name, low, high)


def flag(fields: Mapping[str, object], name: str) -> bool:
    """True or false; false where it is absent."""
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise InvalidBudgetError(f"{name} is {value!r}, neither true nor false")
    return value


def time(value: object, where: str) -> datetime:
    """A moment in UTC."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise InvalidBudgetError(f"{where} is {value!r}: {error}") from error
    raise InvalidBudgetError(f"{where} is {value!r}, no time such as 2025-10-09T22:00:00Z")


def one_of(words: type[_Word], fields: Mapping[str, object], name: str, default: _Word) -> _Word:
    """One of the words."""
    value = fields.get(name, default)
    if isinstance(value, str) and value in list(words):
        return words(value)
    raise InvalidBudgetError(f"{name} is {value!r}, none of {', '.join(words)}")
