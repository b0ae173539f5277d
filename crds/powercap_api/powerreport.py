"""PowerReport: what the nodes of a policy drew on a day, what that cost, and how long their caps held them back.

One for each policy and delivery day. The operator writes it, once in each market period, from the budgets' statuses.
"""

from datetime import date
from itertools import zip_longest
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from .names import PLURALS, POWER_REPORT
from .schema.crd import Column, KindSpec
from .schema.model import ONE_OWNER, ApiModel, DecimalText, KubeObject, Time

MAX_STEPS: Final = 100
"""Quarters of an hour in the longest day."""
_LONGEST_NAME: Final = 253
_DAY_LENGTH: Final = len("-2025-10-09")

_Counts = Annotated[
    list[Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]],
    Field(max_length=MAX_STEPS, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
]
_Prices = Annotated[
    list[DecimalText], Field(max_length=MAX_STEPS, json_schema_extra={"x-kubernetes-list-type": "atomic"})
]
_Short = Annotated[str, Field(max_length=64)]


class ReportColumns(ApiModel):
    """What packages, or accelerators, drew in the day's quarters of an hour. All nodes together."""

    joules: _Counts
    """Energy that they drew, in joules."""
    seconds: _Counts
    """Node seconds in which they were measured."""
    bound_seconds: _Counts
    """Node seconds in which the draw came within 5 % of the cap in force."""
    bound_joules: _Counts
    """Energy drawn in these, in joules."""


class ReportQuarters(ReportColumns):
    """The day's quarters of an hour, one value for each from its begin on. All nodes together. What stands here is of
    the nodes' packages."""

    accelerators: ReportColumns | None = None
    """The same of the nodes' accelerators. Absent where none has an energy counter."""
    lifts: _Counts
    """How often a node's cap was lifted for a while."""
    prices: _Prices | None = None
    """Price paid per MWh, by the policy's tariff. Absent: not known of every quarter."""
    carbon: _Prices | None = None
    """g CO2eq per kWh. Absent: not known of every quarter."""

    @property
    def all_joules(self) -> list[int]:
        others = [] if self.accelerators is None else self.accelerators.joules
        return [sum(both) for both in zip_longest(self.joules, others, fillvalue=0)]


class PowerReportSpec(ApiModel):
    """What was measured, and what follows from it."""

    model_config = ONE_OWNER

    policy: Annotated[str, Field(max_length=253)]
    """The PowerPolicy."""
    day: Annotated[date, Field(json_schema_extra={"maxLength": 32})]
    """The delivery day, in the time of the policy's market."""
    time_zone: _Short
    """Time zone of the day, such as Europe/Paris."""
    start: Time
    """Begin of the day."""
    until: Time
    """Up to here the day is reported."""
    written_at: Time
    """End of the market period after which this was written. Nothing more is written until the next one ends."""
    nodes: Annotated[int, Field(ge=0)]
    """Most nodes at a time."""
    not_following: Annotated[int, Field(ge=0)]
    """Most nodes at a time that did not follow their budgets."""
    max_source_microwatts: Annotated[int, Field(ge=1, json_schema_extra={"format": "int64"})] | None = None
    """What maxSource is on a node, on average, in microwatts. Absent where the policy has it in percent."""
    currency: Annotated[str, Field(max_length=3)] | None = None
    """Currency of the prices."""
    node_hours: _Short
    """Node hours that were measured, such as "71.8"."""
    energy: _Short
    """Energy that the nodes' packages and accelerators drew together, such as "6.412 kWh"."""
    packages_energy: _Short | None = None
    """Energy that the packages drew. Absent where there are no accelerators."""
    accelerators_energy: _Short | None = None
    """Energy that the accelerators drew. Absent where there are none."""
    cost: _Short | None = None
    """Its cost at the price paid, such as "0.4231 EUR". Absent where prices are not known."""
    co2: _Short | None = None
    """Its emissions, such as "0.291 kg". Absent where carbon intensities are not known."""
    bound: _Short
    """Share of the measured time in which caps held packages back, such as "43 %". Where it is 0 %, nothing was saved
    on them."""
    accelerators_bound: _Short | None = None
    """The same of accelerators. Absent where there are none."""
    lifts: Annotated[int, Field(ge=0)]
    """How often a node's cap was lifted for a while."""
    quarters: ReportQuarters
    """What the sums are made of, and what "powercap report" tells savings from."""


def report_name(policy: str, day: date) -> str:
    """Name of the report, such as ``default-2025-10-09``."""
    return f"{policy[: _LONGEST_NAME - _DAY_LENGTH].rstrip('.-')}-{day.isoformat()}"


class PowerReport(KubeObject):
    """A PowerReport says what the nodes of one PowerPolicy drew on one day, what that cost, and for how long caps held
    them back. The operator writes it."""

    kind_spec: ClassVar[KindSpec] = KindSpec(
        kind=POWER_REPORT,
        plural=PLURALS[POWER_REPORT],
        short_name="pwr",
        columns=(
            Column("Policy", "string", ".spec.policy", "PowerPolicy that it is about"),
            Column("Day", "string", ".spec.day", "Delivery day"),
            Column("Nodes", "integer", ".spec.nodes", "Most nodes at a time"),
            Column(
                "Energy", "string", ".spec.energy", "Energy that the nodes' packages and accelerators drew"
            ),
            Column("Cost", "string", ".spec.cost", "Its cost at the price paid"),
            Column("CO2", "string", ".spec.co2", "Its emissions"),
            Column("Bound", "string", ".spec.bound", "Share of the time in which caps held nodes back"),
            Column("Lifts", "integer", ".spec.lifts", "How often a cap was lifted for a while"),
            Column(
                "NotFollowing", "integer", ".spec.notFollowing", "Most nodes at a time that did not follow"
            ),
            Column(
                "Accelerators",
                "string",
                ".spec.acceleratorsEnergy",
                "The accelerators' part of it",
                wide=True,
            ),
            Column("NodeHours", "string", ".spec.nodeHours", "Node hours that were measured", wide=True),
            Column("Until", "string", ".spec.until", "Up to here it is reported", wide=True),
            Column("Age", "date", ".metadata.creationTimestamp", "Time since creation"),
        ),
    )

    kind: Literal["PowerReport"] = POWER_REPORT
    spec: PowerReportSpec
    """What was measured."""
