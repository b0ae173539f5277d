"""PowerBudget: one node's caps for the day. The operator writes spec, the node's agent writes status.

The agent reads and writes these objects without pydantic (``powercap_agent.schedule.budget``); a test holds the two
readings together.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.config import JsonDict

from .budget.status import PowerBudgetStatus
from .names import PLURALS, POWER_BUDGET, SILENT_SINCE
from .poweroverride import OverrideWindow, PodFloor
from .reasons import DeviceDriver, Fallback, Split, ZoneName
from .schedule import (
    LONGEST_SHARES,
    MAX_SEGMENTS,
    MAX_WINDOWS,
    SHARES_PATTERN,
    Schedule,
    Segment,
    Slot,
    pack_shares,
    read_segments,
    unpack_shares,
)
from .schema.crd import Column, KindSpec
from .schema.model import ONE_OWNER, ApiModel, KubeObject, Time

PowerMicrowatts = Annotated[int, Field(ge=1, le=100_000_000_000, json_schema_extra={"format": "int64"})]
PowerPercent = Annotated[int, Field(ge=1, le=100)]


def _whole_shares(text: str) -> str:
    unpack_shares(text)
    return text


class ScheduleSegment(ApiModel):
    """Caps at equal steps of time: from its start to the next segment's start, or to validUntil."""

    start: Time
    """Begin of the first step."""
    step_seconds: Annotated[int, Field(ge=1, le=691_200)]
    """Length of a step in seconds. The last share holds on until the next segment starts."""
    shares: Annotated[
        str,
        Field(min_length=1, max_length=LONGEST_SHARES, pattern=SHARES_PATTERN),
        AfterValidator(_whole_shares),
    ]
    """The node's cap in each step, in percent of maxSource, one number for each step and a space between two: where
    maxSource is 40 W, "100 63.09 5.5" is 40 W, then 25.236 W, then 2.2 W. What is below minPower means minPower.
    "kubectl powercap node" and "powercap plan" show the caps in watts."""
    basis: Annotated[str, Field(max_length=256)] | None = None
    """The rule and the results that the shares come from, such as "FR IDA1 of 2025-10-09: Volume"."""

    def plain(self) -> Segment:
        return Segment(self.start, self.step_seconds, unpack_shares(self.shares), self.basis)

    @classmethod
    def of(cls, segment: Segment) -> Self:
        return cls(
            start=segment.start,
            step_seconds=segment.step_seconds,
            shares=pack_shares(segment.shares),
            basis=segment.basis,
        )


_SHARE_OR_CAP: JsonDict = {
    "x-kubernetes-validations": [
        {
            "rule": "has(self.sharePercent) != has(self.capMicrowatts)",
            "message": "give either sharePercent (a part of the node's cap) or capMicrowatts (a cap of its own)",
        }
    ]
}


class ZoneRule(ApiModel):
    """A cap for zones that are left alone otherwise."""

    model_config = ConfigDict(json_schema_extra=_SHARE_OR_CAP)

    zone: ZoneName
    """Which zones, by their name. dram: the packages' memory. psys: the whole platform. core, uncore: parts of a
    package."""
    share_percent: Annotated[int, Field(ge=1, le=100)] | None = None
    """dram: this part of the node's cap goes to memory and the packages share the rest. psys: its limit is this
    part of the node's cap, and the packages' share stays. core, uncore: the limit is this part of their
    package's cap."""
    cap_microwatts: PowerMicrowatts | None = None
    """Limit of each such zone in microwatts, whatever the node's cap."""


class DeviceRule(ApiModel):
    """A cap for accelerators, which are left alone otherwise."""

    model_config = ConfigDict(json_schema_extra=_SHARE_OR_CAP)

    driver: DeviceDriver
    """Which accelerators, by the interface that caps them: amdgpu (hwmon) or nvidia (NVML)."""
    share_percent: Annotated[int, Field(ge=1, le=99)] | None = None
    """This part of the node's cap goes to these accelerators together, in proportion to their original limits;
    the packages share the rest."""
    cap_microwatts: PowerMicrowatts | None = None
    """Limit of each such accelerator in microwatts, whatever the node's cap."""


class PressureRule(ApiModel):
    """When a node suffers so much from its cap that it is lifted for a while: tasks wait for CPUs, and the power drawn
    is at the limit in force. Waiting tasks alone are load, for which no cap is lifted."""

    some_percent: Annotated[int, Field(ge=1, le=100)] = 98
    """Part of the time in which some task waited for a CPU (PSI, "some avg60" in /proc/pressure/cpu), in percent,
    from which on the node suffers if its limit binds. A busy node with a few tasks more than CPUs has 50 and more."""
    for_seconds: Annotated[int, Field(ge=10, le=86_400)] = 900
    """How long it must have suffered without a break."""
    lift_seconds: Annotated[int, Field(ge=10, le=86_400)] = 300
    """How long the original limits are in force then, before the cap is tried again."""


class PowerBudgetSpec(ApiModel):
    """The node's caps, as the operator computed them."""

    model_config = ONE_OWNER

    policy: Annotated[str, Field(max_length=253)]
    """PowerPolicy that governs the node."""
    schedule: Annotated[
        list[ScheduleSegment],
        Field(max_length=MAX_SEGMENTS, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = Field(default_factory=list)
    """Caps in order of time."""
    area: Annotated[str, Field(max_length=16)] | None = None
    """The bidding zone whose results the schedule follows. Another zone's are no record of what a policy had."""
    overrides: (
        Annotated[
            list[OverrideWindow],
            Field(max_length=MAX_WINDOWS, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
        ]
        | None
    ) = None
    """What PowerOverrides ask for, in order of time, none overlapping another. They hold over the schedule, and
    also after validUntil."""
    max_source_microwatts: PowerMicrowatts | None = None
    """Power of the node that a full share (10000) stands for, in microwatts. Either this or maxSourcePercent."""
    max_source_percent: PowerPercent | None = None
    """The same in percent of what the node's original limits add up to. An original that means "no limit" counts as the
    power that the hardware names; where it names none the agent refuses percentages (NoReference)."""
    min_power_microwatts: PowerMicrowatts | None = None
    """Power that the node always gets, in microwatts: the agent never caps below it, or below maxSource where that is
    less. Either this or minPowerPercent."""
    min_power_percent: PowerPercent | None = None
    """The same in percent of what the node's original limits add up to."""
    floor: PodFloor | None = None
    """What pods ask for while they run on the node. Absent: nothing."""
    valid_until: Time
    """End of the schedule. After it the agent does what onExpiry says."""
    on_expiry: Fallback = Fallback.MIN_POWER
    """What the agent does after validUntil. MinPower: cap at minPowerMicrowatts. Hold: keep the last cap.
    Release: put the original limits back."""
    stabilisation_seconds: Annotated[int, Field(ge=1, le=86_400)] = 300
    """How often the agent checks, and re-applies, what it wrote."""
    split: Split | None = None
    """How the node's cap is shared over its packages. Proportional (where absent): as their original limits are to
    each other. Even: the same for each."""
    zones: (
        Annotated[
            list[ZoneRule],
            Field(
                max_length=4,
                json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["zone"]},
            ),
        ]
        | None
    ) = None
    """Caps for zones other than packages. Zones not named here are left alone."""
    devices: (
        Annotated[
            list[DeviceRule],
            Field(
                max_length=2,
                json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["driver"]},
            ),
        ]
        | None
    ) = None
    """Caps for accelerators. Accelerators not named here are left alone."""
    ramp_microwatts_per_second: PowerMicrowatts | None = None
    """How fast the cap is lowered, in microwatts a second: k seconds after a slot begins the cap is the one
    before less (k + 1) times this, until the slot's is reached. Raised at once. Absent: lowered at once too."""
    dwell_seconds: Annotated[int, Field(ge=0, le=86_400)] | None = None
    """Least time between two beginnings of a lowering: a lower cap that comes sooner waits. Raises never wait.
    Absent: none."""
    pressure: PressureRule | None = None
    """When the node suffers so much that its cap is lifted for a while. Absent: never."""
    lift_until: Time | None = None
    """The original limits are in force until then, whatever the schedule says: the operator found the node not
    ready for long."""
    suspend: bool = False
    """True: the original limits are in force."""
    dry_run: bool = False
    """True: the agent reports what it would do and writes nothing."""

    def slots(self) -> Schedule[Slot]:
        """The schedule as programs have it."""
        return Schedule(
            tuple(read_segments([segment.plain() for segment in self.schedule])), self.valid_until
        )


class PowerBudget(KubeObject):
    """A PowerBudget holds the caps of one node, whose name it has, over the day. The operator writes it; the node's
    agent follows it by its own clock and reports."""

    kind_spec: ClassVar[KindSpec] = KindSpec(
        kind=POWER_BUDGET,
        plural=PLURALS[POWER_BUDGET],
        short_name="pwb",
        columns=(
            Column("Policy", "string", ".spec.policy", "PowerPolicy that governs the node"),
            Column("Cap", "string", ".status.current.cap", "Cap of the node in the current slot"),
            Column("Applied", "string", ".status.current.applied", "Sum of the limits read back"),
            Column("Share", "string", ".status.current.share", "The cap as a share of maxSource"),
            Column("Period", "string", ".status.current.period", "Current slot"),
            Column("Draw", "string", ".status.current.draw", "Average power in the slot before"),
            Column(
                "Ready",
                "string",
                '.status.conditions[?(@.type=="Ready")].status',
                "The node follows its budget",
            ),
            Column("Reason", "string", '.status.conditions[?(@.type=="Ready")].reason', "Why (not)"),
            Column(
                "Silent",
                "date",
                f".metadata.annotations.{SILENT_SINCE.replace('.', chr(92) + '.')}",
                "Time since the agent owes a report",
            ),
            Column(
                "Reapplied",
                "integer",
                ".status.reapplied",
                "Limits set again after a change by others",
                wide=True,
            ),
            Column("ValidUntil", "string", ".spec.validUntil", "End of the schedule", wide=True),
            Column("OnExpiry", "string", ".spec.onExpiry", "What happens then", wide=True),
            Column("DryRun", "boolean", ".spec.dryRun", "Nothing is written on the node", wide=True),
            Column("Why", "string", ".status.current.why", "Why the cap is what it is", wide=True),
            Column("Age", "date", ".metadata.creationTimestamp", "Time since creation"),
        ),
        spec_rules=(
            *(
                {
                    "rule": f"has(self.{name}Microwatts) != has(self.{name}Percent)",
                    "message": f"give either {name}Microwatts or {name}Percent",
                }
                for name in ("maxSource", "minPower")
            ),
            {
                "rule": "(has(self.zones) ? self.zones.filter(z, z.zone == 'dram' && has(z.sharePercent))"
                ".map(z, z.sharePercent).sum() : 0) + (has(self.devices) ? self.devices.filter(d, "
                "has(d.sharePercent)).map(d, d.sharePercent).sum() : 0) < 100",
                "message": "dram and devices together must leave some of the node's cap to the packages: their"
                " sharePercent must add up to less than 100",
            },
        ),
    )

    kind: Literal["PowerBudget"] = POWER_BUDGET
    spec: PowerBudgetSpec
    """What the node is to do."""
    status: PowerBudgetStatus = Field(default_factory=PowerBudgetStatus)
    """What the node's agent did."""
