"""What the models of the three kinds share: wire names, metadata, conditions, the Quantity of a power.

Field names are snake_case in Python and camelCase on the wire. Unknown fields are dropped when an object is
read, so that an operator keeps working beside a newer CRD.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

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

from .clock import format_time
from .names import API_VERSION
from .units import MAX_NODE_WATTS, MIN_NODE_WATTS, parse_watts

QUANTITY_RULES = [
    {
        "rule": "isQuantity(string(self))",
        "message": 'must be a power in watts, such as "40" or 40000000u',
    },
    {
        "rule": "!isQuantity(string(self)) || "
        f"!quantity(string(self)).isLessThan(quantity('{MIN_NODE_WATTS}'))",
        "message": f"must be at least {MIN_NODE_WATTS} W: to lift the caps set suspend: true instead",
    },
    {
        "rule": "!isQuantity(string(self)) || "
        f"!quantity(string(self)).isGreaterThan(quantity('{MAX_NODE_WATTS}'))",
        "message": f"is in watts and more than any node draws ({MAX_NODE_WATTS} W): "
        'write "40" for 40 W; a number of microwatts takes the suffix u, as in 40000000u',
    },
]

_QUANTITY_SCHEMA = {
    "x-kubernetes-int-or-string": True,
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "maxLength": 32,
    "x-kubernetes-validations": QUANTITY_RULES,
}


def _valid_quantity(value: str) -> str:
    parse_watts(value)
    return value


Watts = Annotated[
    str,
    BeforeValidator(lambda value: str(value) if isinstance(value, int) else value),
    AfterValidator(_valid_quantity),
    WithJsonSchema(_QUANTITY_SCHEMA),
]
"""A power as people write it: a Kubernetes Quantity in watts. ``parse_watts`` makes microwatts of it."""


Time = Annotated[
    datetime,
    PlainSerializer(format_time, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment; RFC 3339 in UTC on the wire."""

DecimalText = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "maxLength": 32})
]
"""A decimal number as text with the digits the exchange prints."""


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
    """Base of the three kinds: reading checks apiVersion and kind."""

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
