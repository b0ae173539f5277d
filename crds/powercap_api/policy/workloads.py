"""What a policy lets pods ask for while they run."""

from typing import Annotated

from pydantic import ConfigDict, Field

from ..schema.model import ApiModel, ItemWatts, power_rules

Namespace = Annotated[str, Field(min_length=1, max_length=63, pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]


class FloorsSpec(ApiModel):
    """Which pods may raise their node's floor, and how far. The operator must be allowed to watch pods."""

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [*power_rules("self.most", ".most")]}
    )

    namespaces: Annotated[
        list[Namespace],
        Field(min_length=1, max_length=64, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ]
    """Namespaces whose pods may ask, by the label powercap.dev/floor: watts that the node has at least while the pod
    runs on it. Of several pods the highest counts."""
    most: ItemWatts
    """Most that a pod may ask for, in watts: a higher floor counts as this."""
    exempt: bool = False
    """True: such pods may also ask for the node's original limits, by the label powercap.dev/exempt=true."""


class WorkloadsSpec(ApiModel):
    """What pods may ask for."""

    floors: FloorsSpec | None = None
    """Which pods may raise their node's floor. Absent: none."""
