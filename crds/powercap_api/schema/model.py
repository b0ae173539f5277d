"""What the models of the kinds share: wire names, metadata, conditions, the Quantity of a power.

Field names are snake_case in Python and camelCase on the wire. Unknown fields are dropped when an object is
read, so that an operator keeps working beside a newer CRD.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal, Protocol, Self

from annotated_types import GroupedMetadata
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic.types import JsonValue

from ..clock import EARLIEST, LATEST, format_time
from ..names import API_VERSION
from ..units import MAX_NODE_WATTS, MIN_NODE_WATTS, Power, parse_watts
from .crd import KindSpec

_PERCENTAGES = "[" + ", ".join(f"'{number}%'" for number in range(1, 101)) + "]"
_PERCENT_OF = "{" + ", ".join(f"'{number}%': {number}" for number in range(1, 101)) + "}"
"""Every percentage by name: older API servers estimate a look-up as one step, and reading a number out of text of
unknown length as more than they allow."""


def readable(power: str) -> str:
    """The CEL condition that an int-or-string value is a power: an integer, or a Quantity in a string.

    An API server works for minutes on the power of ten in ``1e999999999`` before it refuses it: an exponent of three
    digits or more is refused without asking what it is.
    """
    return f"(type({power}) == int || (!{power}.matches('[eE].?[0-9]{{3}}') && isQuantity({power})))"


def quantity(power: str) -> str:
    """The CEL expression of the Quantity in a readable int-or-string value.

    ``quantity(string(power))`` is shorter, but is estimated as two conversions.
    """
    return f"(type({power}) == int ? quantity('0').add({power}) : quantity({power}))"


def percentage(power: str) -> str:
    """The CEL condition that an int-or-string value is meant as a percentage."""
    return f"(type({power}) == string && {power}.endsWith('%'))"


def power_rules(
    power: str, field_path: str = "", *, optional: bool = False, percent: bool = False
) -> list[JsonValue]:
    """The CEL rules that an int-or-string value, such as ``self`` or ``self.power``, is a power that a node can have,
    in watts or, with ``percent``, also as a percentage.

    API servers before 1.34 take no notice of an int-or-string's maxLength. They estimate each conversion of it as one
    of 3 MiB, and refuse a CRD that does so for each item of a list. The rules of items are therefore those of the
    object that has the field: there ``[self.power].all(p, …)`` is estimated without that length.
    """
    unreadable = f"!{readable('p')}"
    known = (readable("p"), 'must be a power in watts, such as "40" or 40000000u')
    if percent:
        form = 'must be a power in watts, such as "40" or 40000000u, or a percentage, such as "80%"'
        known = (f"{readable('p')} || {percentage('p')}", form)
    rules = (
        known,
        (
            f"{unreadable} || !{quantity('p')}.isLessThan(quantity('{MIN_NODE_WATTS}'))",
            f"must be at least {MIN_NODE_WATTS} W: to lift the caps set suspend: true instead",
        ),
        (
            f"{unreadable} || !{quantity('p')}.isGreaterThan(quantity('{MAX_NODE_WATTS}'))",
            f"is in watts and more than any node draws ({MAX_NODE_WATTS} W): "
            'write "40" for 40 W; a number of microwatts takes the suffix u, as in 40000000u',
        ),
        *(
            [
                (
                    f"!{percentage('p')} || p in {_PERCENTAGES}",
                    'a percentage is a whole number from 1 to 100 and the sign, such as "80%"',
                )
            ]
            if percent
            else []
        ),
    )
    where: dict[str, JsonValue] = {"fieldPath": field_path} if field_path else {}
    absent = f"!has({power}) || " if optional else ""
    return [
        {"rule": f"{absent}[{power}].all(p, {rule})", "message": message, **where} for rule, message in rules
    ]


def at_most(power: str, maximum: str) -> str:
    """The CEL condition that a power is not above another of the same form; what is unreadable has its own rule."""
    return (
        f"[{power}].all(p, [{maximum}].all(m, (!{readable('p')} || !{readable('m')} ||"
        f" !{quantity('p')}.isGreaterThan({quantity('m')})) &&"
        f" [{_PERCENT_OF}].all(number, !(p in number) || !(m in number) || number[p] <= number[m])))"
    )


def same_form(power: str, other: str) -> str:
    """The CEL condition that two powers are both in watts or both percentages."""
    return f"[{power}].all(p, [{other}].all(o, {percentage('p')} == {percentage('o')}))"


_INT_OR_STRING: dict[str, JsonValue] = {
    "x-kubernetes-int-or-string": True,
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "maxLength": 32,
}


def _number_in_text(value: Any) -> Any:
    """A whole number as its text. A fraction is refused as the API server does: its int-or-string knows none."""
    if isinstance(value, float):
        raise ValueError(  # noqa: TRY004 - of which pydantic makes a refusal
            f'a number with a fraction goes in quotes: write "{value}"'
        )
    return str(value) if isinstance(value, int) else value


@dataclass(frozen=True, slots=True)
class Number(GroupedMetadata):
    """Of a decimal number that people write as text, or as an integer from ``least`` to ``most``."""

    pattern: str
    least: int
    most: int

    def __iter__(self) -> Iterator[object]:
        """The parts that pydantic reads."""
        limits = {"pattern": self.pattern, "maxLength": 16, "minimum": self.least, "maximum": self.most}
        yield BeforeValidator(_number_in_text)
        yield AfterValidator(self._valid)
        yield WithJsonSchema({**_INT_OR_STRING, **limits})

    def _valid(self, value: str) -> str:
        if len(value) > 16 or re.fullmatch(self.pattern, value, re.ASCII) is None:
            raise ValueError(f'{value[:40]!r} is no number that can stand here: write digits, such as "38.5"')
        return value


def _valid_quantity(value: str) -> str:
    parse_watts(value)
    return value


ItemWatts = Annotated[
    str,
    BeforeValidator(_number_in_text),
    AfterValidator(_valid_quantity),
    WithJsonSchema(_INT_OR_STRING),
]
"""``Watts`` in an item of a list, whose model has the rules (``power_rules``)."""
Watts = Annotated[
    ItemWatts, WithJsonSchema({**_INT_OR_STRING, "x-kubernetes-validations": [*power_rules("self")]})
]
"""A power as people write it: a Kubernetes Quantity in watts. ``parse_watts`` makes microwatts of it."""


def _valid_power(value: str) -> str:
    Power.parse(value)
    return value


ItemPower = Annotated[
    str,
    BeforeValidator(_number_in_text),
    AfterValidator(_valid_power),
    WithJsonSchema(_INT_OR_STRING),
]
"""``NodePower`` in an item of a list, whose model has the rules (``power_rules``)."""
NodePower = Annotated[
    ItemPower,
    WithJsonSchema({**_INT_OR_STRING, "x-kubernetes-validations": [*power_rules("self", percent=True)]}),
]
"""A power of a node as people write it: in watts as ``ItemWatts``, or in percent of what the node's own original limits
add up to. ``Power.parse`` reads it."""


def _moment(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time needs its offset, such as the Z of 2025-10-09T19:00:00Z")
    if not EARLIEST <= value <= LATEST:
        raise ValueError(f"a time must be from {EARLIEST.year} to {LATEST.year}")
    return value


Time = Annotated[
    datetime,
    AfterValidator(_moment),
    PlainSerializer(format_time, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment from EARLIEST to LATEST; RFC 3339 in UTC on the wire."""

_DECIMAL = r"^-?[0-9]+(\.[0-9]+)?$"


def _decimal(value: str) -> str:
    if len(value) > 32 or re.fullmatch(_DECIMAL, value, re.ASCII) is None:
        raise ValueError(f"{value[:40]!r} is no decimal number")
    return value


DecimalText = Annotated[
    str,
    AfterValidator(_decimal),
    WithJsonSchema({"type": "string", "pattern": _DECIMAL, "maxLength": 32}),
]
"""A decimal number as text with the digits the exchange prints."""


ONE_OWNER: Final = ConfigDict(json_schema_extra={"x-kubernetes-map-type": "atomic"})
"""Written as a whole by one writer: the API server then stores who owns it in a word, not field by field."""


class ApiModel(BaseModel):
    """Base of everything below an object's root."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
        use_enum_values=True,
        validate_default=True,
    )

    def to_wire(self) -> dict[str, Any]:
        """The JSON object for the API: camelCase, absent where None."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class OwnerReference(ApiModel):
    """The part of metav1.OwnerReference that powercap sets."""

    api_version: str
    kind: str
    name: str
    uid: str


class ObjectMeta(ApiModel):
    """The part of metav1.ObjectMeta that powercap reads or sets."""

    name: str
    uid: str | None = None
    generation: int | None = None
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    owner_references: list[OwnerReference] = Field(default_factory=list)


class Condition(ApiModel):
    """One aspect of the object's state, after metav1.Condition."""

    type: Annotated[str, Field(max_length=316)]
    """Which aspect: Ready sums up."""
    status: Literal["True", "False", "Unknown"]
    """Whether the aspect holds."""
    reason: Annotated[str, Field(max_length=1024, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")]
    """One CamelCase word for programs."""
    message: Annotated[str, Field(max_length=32768)]
    """A sentence for people: what is so and, where something is wrong, what to do."""
    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """The spec generation that this was said of."""
    last_transition_time: Time
    """When status last changed from one value to another."""

    @property
    def holds(self) -> bool | None:
        """The status; None for Unknown."""
        return {"True": True, "False": False, "Unknown": None}[self.status]

    @classmethod
    def of(
        cls,
        type_: str,
        holds: bool | None,
        reason: str,
        message: str,
        generation: int | None,
        before: Iterable[Self],
        now: datetime,
    ) -> Self:
        """The condition at ``now``; where one ``before`` has the same status, with its time of transition."""
        kept = (one.last_transition_time for one in before if one.type == type_ and one.holds is holds)
        return cls(
            type=str(type_),
            status="Unknown" if holds is None else "True" if holds else "False",
            reason=str(reason),
            message=message,
            observed_generation=generation,
            last_transition_time=next(kept, now.replace(microsecond=0)),
        )


class _HasConditions(Protocol):
    @property
    def conditions(self) -> list[Condition]: ...


class Conditioned(Protocol):
    """An object of ours whose status has conditions."""

    @property
    def metadata(self) -> ObjectMeta: ...
    @property
    def status(self) -> _HasConditions: ...


def condition_on(
    found: Conditioned, type_: str, holds: bool | None, reason: str, message: str, now: datetime
) -> Condition:
    """A condition of the object as it is now."""
    return Condition.of(
        type_, holds, reason, message, found.metadata.generation, found.status.conditions, now
    )


Conditions = Annotated[
    list[Condition],
    Field(
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        }
    ),
]


class KubeObject(ApiModel):
    """Base of the kinds: reading checks apiVersion and kind."""

    kind_spec: ClassVar[KindSpec]
    """What the kind's CRD says besides its schema."""
    api_version: Literal["powercap.dev/v1alpha1"] = API_VERSION
    kind: str
    metadata: ObjectMeta

    @classmethod
    def from_wire(cls, body: Any) -> Self:
        """Read an object as the API gives it.

        Raises:
            pydantic.ValidationError: the object does not have the kind's shape.
        """
        return cls.model_validate(body)
