"""What a policy says of the hardware: how a cap is shared and lowered, what else is capped, when it is lifted."""

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.types import JsonValue

from ..reasons import DeviceDriver, Split, ZoneName
from ..schema.model import ApiModel, ItemWatts, power_rules

_SHARE_OR_CAP: dict[str, JsonValue] = {
    "x-kubernetes-validations": [
        {
            "rule": "has(self.sharePercent) != has(self.cap)",
            "message": 'give either sharePercent (a part of the node\'s cap) or cap (watts of its own, such as "20")',
        },
        *power_rules("self.cap", ".cap", optional=True),
    ]
}


class ZonePolicy(ApiModel):
    """A cap for zones that are left alone otherwise."""

    model_config = ConfigDict(json_schema_extra=_SHARE_OR_CAP)

    zone: ZoneName
    """dram: the packages' memory. psys: the whole platform. core, uncore: parts of a package."""
    share_percent: Annotated[int, Field(ge=1, le=100)] | None = None
    """dram: this part of the node's cap goes to memory and the packages share the rest. psys: its limit is this
    part of the node's cap, and the packages' share stays. core, uncore: the limit is this part of their
    package's cap."""
    cap: ItemWatts | None = None
    """Limit of each such zone in watts, whatever the node's cap."""


class DevicePolicy(ApiModel):
    """A cap for accelerators, which are left alone otherwise."""

    model_config = ConfigDict(json_schema_extra=_SHARE_OR_CAP)

    driver: DeviceDriver
    """amdgpu (by hwmon) or nvidia (by NVML)."""
    share_percent: Annotated[int, Field(ge=1, le=99)] | None = None
    """This part of the node's cap goes to these accelerators together, in proportion to their original limits;
    the packages share the rest."""
    cap: ItemWatts | None = None
    """Limit of each such accelerator in watts, whatever the node's cap."""


class PressureValve(ApiModel):
    """Lifts the cap of a node that suffers too much from it: tasks wait for CPUs, and the power drawn is at the limit
    in force. A node that draws less than it may keeps its cap, however busy it is."""

    enabled: bool = True
    """False: a node is capped however much it suffers."""
    some_percent: Annotated[int, Field(ge=1, le=100)] = 98
    """Part of the time in which some task waited for a CPU (PSI, "some avg60"), in percent, from which on the node
    suffers if its limit binds. Busy nodes have 50 and more; 98 is a node on which next to nothing moves."""
    for_seconds: Annotated[int, Field(ge=10, le=86_400)] = 900
    """How long it must have suffered without a break."""
    lift_seconds: Annotated[int, Field(ge=10, le=86_400)] = 300
    """How long the original limits are in force then, before the cap is tried again."""


class NotReadyValve(ApiModel):
    """Lifts the cap of a node that Kubernetes calls NotReady."""

    enabled: bool = True
    """False: a node is capped however long it is NotReady."""
    for_seconds: Annotated[int, Field(ge=10, le=86_400)] = 300
    """How long it must have been NotReady."""
    lift_seconds: Annotated[int, Field(ge=10, le=86_400)] = 900
    """How long the original limits are in force then; once for each time that it becomes NotReady."""


class SafetySpec(ApiModel):
    """When a node's cap is lifted for a while, for the node's good."""

    pressure: PressureValve = PressureValve()
    """For a node that suffers too much from its cap, by its own word."""
    not_ready: NotReadyValve = NotReadyValve()
    """For a node that Kubernetes calls NotReady."""


class HardwareSpec(ApiModel):
    """How the cap meets the hardware."""

    split: Split = Split.PROPORTIONAL
    """How a node's cap is shared over its packages. Proportional: as their original limits are to each other.
    Even: the same for each."""
    ramp_watts_per_second: Annotated[int, Field(ge=0, le=100_000)] = 50
    """How fast a node's cap is lowered, in watts a second: the first step when a slot begins, one more each second.
    A cap is raised at once. 0: lowered at once too."""
    dwell_seconds: Annotated[int, Field(ge=0, le=86_400)] = 0
    """Least time between two lowerings. A raise never waits."""
    zones: Annotated[
        list[ZonePolicy],
        Field(
            max_length=4,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["zone"]},
        ),
    ] = Field(default=[])
    """Caps for zones other than packages. Zones not named here are left alone."""
    devices: Annotated[
        list[DevicePolicy],
        Field(
            max_length=2,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["driver"]},
        ),
    ] = Field(default=[])
    """Caps for accelerators. Accelerators not named here are left alone."""
    safety: SafetySpec = SafetySpec()
    """When a node's cap is lifted for a while, for the node's good."""
