"""The PowerBudget's status: what the node's agent reports."""

from typing import Annotated

from pydantic import Field

from ..schema.model import ONE_OWNER, ApiModel, Conditions, Time
from .energy import COLUMN_PATTERN, LONGEST_COLUMN, MAX_RUNS


class BudgetCurrent(ApiModel):
    """What holds on the node now."""

    start: Time | None = None
    """Begin of the slot in force."""
    end: Time | None = None
    """End of the slot in force."""
    period: str | None = None
    """The slot for the eye, such as "12:00-12:15 UTC"."""
    cap_microwatts: int | None = None
    """Cap that the slot asks for, in microwatts."""
    applied_microwatts: int | None = None
    """Sum of the limits that the packages read back, in microwatts. A limit that cannot be read counts as the highest
    power of its package."""
    cap: str | None = None
    """Cap that the slot asks for, such as "25.2 W"."""
    applied: str | None = None
    """Sum of the limits that the packages read back, such as "25.1 W"."""
    share: str | None = None
    """Cap as a share of maxSource, such as "63 %"."""
    why: str | None = None
    """Why the cap is what it is, such as "63 % of 40 W, FR IDA1 of 2025-10-09: Volume"."""
    draw: str | None = None
    """Average power drawn in the slot before, such as "18.3 W"."""


class ZoneLimit(ApiModel):
    """One constraint of a power zone."""

    constraint: Annotated[str, Field(max_length=64)]
    """The constraint's name, such as long_term."""
    original_microwatts: int | None = None
    """Limit found before the agent first wrote, in microwatts."""
    requested_microwatts: int | None = None
    """Limit asked for, in microwatts. Absent where the same is read back."""
    read_back_microwatts: int | None = None
    """Limit read after writing, in microwatts: what is in force."""
    reason: Annotated[str, Field(max_length=64)]
    """Result of the limit: Applied, Clamped, FirmwareLocked, Masked, ReadOnly, Unsupported, Drifted, MmioLower,
    PsysLower, ShortTermLower, LowerByOther, Released, DryRun or Failed."""
    message: str | None = None
    """What to know or do, where the reason does not say it all."""


class BudgetZone(ApiModel):
    """One power zone of the node."""

    zone: Annotated[str, Field(max_length=256)]
    """The zone's folder below the powercap root, such as intel-rapl/intel-rapl:0."""
    name: str
    """The zone's name, such as package-0."""
    limits: Annotated[
        list[ZoneLimit],
        Field(
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["constraint"]}
        ),
    ] = Field(default_factory=list)
    """Every constraint of the zone that the agent looks after."""
    average_microwatts: int | None = None
    """Energy drawn in the slot before divided by its time, in microwatts."""
    peak_microwatts: int | None = None
    """Highest average over a few seconds in the slot before, in microwatts."""


class DrawOf(ApiModel):
    """What the packages, or the accelerators, drew in the slot before the current one."""

    average_microwatts: int
    """Average of all of them together, in microwatts."""
    peak_microwatts: int
    """Highest sum over a few seconds, in microwatts."""
    cap_microwatts: int | None = None
    """Sum of their caps that was in force, in microwatts; its average, where it was lowered on the way. Absent in a dry
    run, where one of them has no cap, and where the draw of one is not known."""
    binds: bool | None = None
    """True: the draw came within 5 % of the cap, so that the cap held it back. False: nothing ever touched it."""


class BudgetDraw(ApiModel):
    """What the node drew in the slot before the current one, by its energy counters."""

    seconds: int
    """How long was measured, until the current slot began. What was drawn in the rest of the slot is not known."""
    average_microwatts: int
    """Average of packages and accelerators together, and of memory that shares the cap with them, in microwatts."""
    peak_microwatts: int
    """Highest sum over a few seconds, in microwatts."""
    packages: DrawOf | None = None
    """The packages. Dies that show one counter are counted once."""
    accelerators: DrawOf | None = None
    """The accelerators with an energy counter. Absent where there are none."""


Column = Annotated[str, Field(max_length=LONGEST_COLUMN, pattern=COLUMN_PATTERN)]


class EnergyColumns(ApiModel):
    """What was drawn in the quarters of an hour of a run. Each column is one text: a number for each quarter, from the
    run's start on, a space between two. A column that is absent has its usual value in all of them."""

    joules: Column
    """Energy of all of them together, in joules."""
    seconds: Column | None = None
    """Seconds that were measured; absent: 900 in each. What was drawn in the others is not known."""
    bound_seconds: Column | None = None
    """Seconds in which the draw came within 5 % of the cap; absent: 0 in each."""
    bound_joules: Column | None = None
    """Energy drawn in these seconds, in joules; absent: 0 in each."""


class EnergyRun(ApiModel):
    """Quarters of an hour that follow each other, under one policy."""

    policy: Annotated[str, Field(max_length=253)]
    """PowerPolicy that the node was under."""
    start: Time
    """Begin of the first quarter."""
    packages: EnergyColumns | None = None
    """What the packages drew."""
    accelerators: EnergyColumns | None = None
    """What the accelerators drew. Absent where there are none with an energy counter."""
    lifts: Column | None = None
    """How often the cap was lifted for a while in each quarter; absent: never."""


class EnergyTotal(ApiModel):
    """Energy counted since counting began."""

    joules: Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]
    """Energy of all of them together, in joules. Dies that show one counter are counted once."""
    seconds: Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]
    """Seconds in which all of them were measured. What was drawn in the rest of the time is not known."""


class BudgetEnergy(ApiModel):
    """Energy that the node drew, by its counters."""

    since: Time
    """When counting began. It may restart at a reboot; a restart of the agent keeps it."""
    until: Time
    """The last reading of the counters."""
    packages: EnergyTotal | None = None
    """The packages since then."""
    accelerators: EnergyTotal | None = None
    """The accelerators since then. Absent where there are none with an energy counter."""
    history: Annotated[
        list[EnergyRun],
        Field(max_length=MAX_RUNS, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = Field(default_factory=list)
    """The last four hours in quarters of an hour, in order of time: an entry for those that follow each other under one
    policy. "powercap report" adds them up."""


class PowerBudgetStatus(ApiModel):
    """What the node's agent did."""

    model_config = ONE_OWNER

    observed_generation: int | None = None
    """The spec generation that this status was made from."""
    conditions: Conditions = Field(default_factory=list)
    """Applied: every zone holds what was asked for. Ready: the node follows its budget."""
    current: BudgetCurrent | None = None
    """What holds on the node now."""
    zones: Annotated[
        list[BudgetZone],
        Field(json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["zone"]}),
    ] = Field(default_factory=list)
    """Every zone that the agent looks after or whose energy counter it reads."""
    draw: BudgetDraw | None = None
    """What the node drew in the slot before."""
    energy: BudgetEnergy | None = None
    """Energy that the node drew. It is written with every change of the status, and once an hour at least."""
    reapplied: int | None = None
    """How often something else had changed a limit and the agent set it again, since the agent started."""
