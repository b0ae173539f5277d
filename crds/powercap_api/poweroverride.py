"""PowerOverride: a limit or a release for some nodes, with a begin and an end, made by a person or a program.

Several may match a node. The lowest limit counts, over every strategy, and never under minPower. A release gives the
original limits, and is without effect while a limit of the grid or of a higher priority holds.
"""

import re
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, Field

from .clock import EARLIEST, LATEST, format_time
from .names import PLURALS, POWER_OVERRIDE
from .powerpolicy import NodeSelector
from .schedule import FULL_SHARE, Window
from .schema.crd import Column, KindSpec
from .schema.model import ApiModel, Conditions, ItemPower, KubeObject, Time, power_rules
from .units import Power

GRID: Final = "grid"
"""The source whose limits no release lifts."""
MAX_NODES: Final = 256
_DURATION: Final = re.compile(r"(?:([0-9]{1,4})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,7})s)?")
_LONGEST: Final = timedelta(hours=744)
_NODE_NAME: Final = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"


def parse_limit(text: str | int) -> tuple[int | None, int | None]:
    """A limit as a share of maxSource (``"50%"``) and as microwatts (``"60"``): one of the two, None for the other.

    Raises:
        PowerFormatError: it is neither.
    """
    power = Power.parse(text)
    return None if power.percent is None else power.percent * FULL_SHARE // 100, power.uw


def parse_duration(text: str) -> timedelta:
    """The length in ``"2h"``, ``"90m"`` or ``"1h30m"``.

    Raises:
        ValueError: no such length, or not from 1 s to 744 h.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None or not text.strip():
        raise ValueError(
            f"{text!r} is no duration: write hours, minutes or seconds, such as 2h, 90m or 1h30m"
        )
    hours, minutes, seconds = (int(number or 0) for number in match.groups())
    length = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if not timedelta(seconds=1) <= length <= _LONGEST:
        raise ValueError(f"{text!r} is not from 1 second to 744 hours (31 days)")
    return length


def _valid_duration(value: str) -> str:
    parse_duration(value)
    return value


Duration = Annotated[
    str,
    Field(max_length=16, pattern="^([0-9]{1,4}h)?([0-9]{1,5}m)?([0-9]{1,7}s)?$"),
    AfterValidator(_valid_duration),
]


def duration_rule(field: str) -> dict[str, str]:
    """The rule of a spec in CEL that a field of type Duration is one that ``parse_duration`` takes."""
    length = f"duration(self.{field})"
    return {
        "rule": f"!has(self.{field}) || ({length} >= duration('1s') && {length} <= duration('744h'))",
        "message": f"{field} must be from 1s to 744h (31 days)",
        "fieldPath": f".{field}",
    }


def _limit_rules() -> tuple[dict[str, Any], ...]:
    rules = power_rules("self.limit", ".limit", optional=True, percent=True)
    return tuple(
        {key: str(value).replace("set suspend: true", "write release: true") for key, value in rule.items()}
        for rule in rules
        if isinstance(rule, dict)
    )


def _time_rule(field: str) -> dict[str, str]:
    first, last = (f"timestamp('{format_time(moment)}')" for moment in (EARLIEST, LATEST))
    return {
        "rule": f"!has(self.{field}) || (self.{field} >= {first} && self.{field} <= {last})",
        "message": f"a time must be from {EARLIEST.year} to {LATEST.year}",
        "fieldPath": f".{field}",
    }


class PowerOverrideSpec(ApiModel):
    """What holds, where, and until when."""

    start: Time | None = None
    """When it begins. Absent: when it is created."""
    end: Time | None = None
    """When it ends. Give this or duration."""
    duration: Duration | None = None
    """How long it lasts from its begin, such as "2h", "90m" or "1h30m"; 744h at most. Give this or end."""
    node_selector: NodeSelector | None = None
    """Labels that a node must have; {} is every node. Give this or nodes."""
    nodes: (
        Annotated[
            list[Annotated[str, Field(min_length=1, max_length=253, pattern=_NODE_NAME)]],
            Field(min_length=1, max_length=MAX_NODES, json_schema_extra={"x-kubernetes-list-type": "set"}),
        ]
        | None
    ) = None
    """Names of the nodes. Give this or nodeSelector."""
    limit: ItemPower | None = None
    """Most power of each node, in watts ("60", or 60000000u in microwatts) or in percent of its policy's maxSource
    ("50%"). A lower cap of the strategy stays, and no node gets less than minPower."""
    release: bool = False
    """True: the nodes have their original limits. Give this or limit."""
    priority: Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000)] = 0
    """A release is without effect while a limit of a higher priority holds. Among limits the lowest counts,
    whatever the priority."""
    reason: Annotated[str, Field(min_length=1, max_length=160)]
    """Why, for people. It is shown wherever the cap is."""
    source: Annotated[str, Field(max_length=63, pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")] = "person"
    """Who or what asks for it, in one word. No release lifts a limit of the source grid."""


class PowerOverrideStatus(ApiModel):
    """What came of it."""

    observed_generation: int | None = None
    """The spec generation that this status was made from."""
    conditions: Conditions = Field(default_factory=list)
    """Active: it holds now; reason Pending before its begin, Over after its end. Achieved: while it is active, whether
    every node of it is at or under the limit, or has its original limits."""
    state: str | None = None
    """Pending, Active or Over."""
    start: Time | None = None
    """When it begins."""
    end: Time | None = None
    """When it ends."""
    nodes: int | None = None
    """Number of nodes with a budget that it matches."""
    asked_microwatts: int | None = None
    """Sum of the most that its nodes may have, in microwatts: the limit, or minPower where that is more. Absent for a
    release."""
    achieved_microwatts: int | None = None
    """Sum of the limits that its nodes read back while it is active, in microwatts."""
    asked: str | None = None
    """Sum of the most that its nodes may have, such as "180 W"."""
    achieved: str | None = None
    """Sum of the limits that its nodes read back, such as "178.5 W"."""


class OverrideWindow(ApiModel):
    """A stretch of time in which PowerOverrides hold: a limit, or the original limits where it has none."""

    start: Time
    """Begin."""
    end: Time
    """End."""
    share: Annotated[int, Field(ge=0, le=FULL_SHARE)] | None = None
    """Most power of the node as a share of maxSource in hundredths of a percent. With capMicrowatts too, the lower
    counts."""
    cap_microwatts: (
        Annotated[int, Field(ge=1, le=100_000_000_000, json_schema_extra={"format": "int64"})] | None
    ) = None
    """Most power of the node in microwatts. With neither this nor share the original limits are in force."""
    basis: Annotated[str, Field(max_length=256)] | None = None
    """The PowerOverrides that hold, with their reasons."""

    def plain(self) -> Window:
        return Window(self.start, self.end, self.share, self.cap_microwatts, self.basis)

    @classmethod
    def of(cls, window: Window) -> Self:
        return cls(
            start=window.start,
            end=window.end,
            share=window.share,
            cap_microwatts=window.cap_uw,
            basis=window.basis,
        )


class PodFloor(ApiModel):
    """What pods ask for while they run on the node, over schedule and overrides."""

    microwatts: (
        Annotated[int, Field(ge=1, le=100_000_000_000, json_schema_extra={"format": "int64"})] | None
    ) = None
    """Power that the node has at least, in microwatts. Absent: its original limits."""
    basis: Annotated[str, Field(max_length=256)]
    """The pod that asks, such as "pod batch/render-0"."""


class PowerOverride(KubeObject):
    """A PowerOverride limits nodes, or gives them their original limits, from its begin to its end, over what their
    policy asks for. Agents switch by their own clock at both. It is deleted a day after its end."""

    kind_spec: ClassVar[KindSpec] = KindSpec(
        kind=POWER_OVERRIDE,
        plural=PLURALS[POWER_OVERRIDE],
        short_name="pwo",
        columns=(
            Column("State", "string", ".status.state", "Pending, Active or Over"),
            Column("Limit", "string", ".spec.limit", "Most power of each node"),
            Column("Release", "boolean", ".spec.release", "The nodes have their original limits"),
            Column("Nodes", "integer", ".status.nodes", "Nodes with a budget that it matches"),
            Column("Asked", "string", ".status.asked", "Most power of all its nodes together"),
            Column("Achieved", "string", ".status.achieved", "Sum of the limits that they read back"),
            Column("Start", "string", ".status.start", "When it begins"),
            Column("End", "string", ".status.end", "When it ends"),
            Column("Source", "string", ".spec.source", "Who or what asks for it"),
            Column("Reason", "string", ".spec.reason", "Why", wide=True),
            Column("Priority", "integer", ".spec.priority", "Of a limit against a release", wide=True),
            Column(
                "Met",
                "string",
                '.status.conditions[?(@.type=="Achieved")].reason',
                "Whether every node is at or under the limit",
                wide=True,
            ),
            Column("Age", "date", ".metadata.creationTimestamp", "Time since creation"),
        ),
        spec_rules=(
            *_limit_rules(),
            {
                "rule": "has(self.end) != has(self.duration)",
                "message": "say when it ends, for nothing lasts for ever: either end (a time such as"
                " 2025-10-09T19:00:00Z) or duration (such as 2h)",
            },
            *(_time_rule(field) for field in ("start", "end")),
            {
                "rule": "!has(self.start) || !has(self.end) || self.start < self.end",
                "message": "end must be after start",
                "fieldPath": ".end",
            },
            duration_rule("duration"),
            {
                "rule": "has(self.nodes) != has(self.nodeSelector)",
                "message": "give either nodes (names) or nodeSelector (labels; {} is every node)",
            },
            {
                "rule": "has(self.limit) != self.release",
                "message": 'give either limit (watts such as "60", or a percentage of maxSource such as "50%") or'
                " release: true",
            },
        ),
        rules=(
            {
                "rule": "self.metadata.name.size() <= 63",
                "message": "the name is shown with every cap: at most 63 characters",
            },
        ),
    )

    kind: Literal["PowerOverride"] = POWER_OVERRIDE
    spec: PowerOverrideSpec
    """What is wanted."""
    status: PowerOverrideStatus = Field(default_factory=PowerOverrideStatus)
    """What came of it."""
