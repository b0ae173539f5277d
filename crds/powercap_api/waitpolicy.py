"""WaitPolicy: what a person edits to say for how cheap an hour jobs wait, and for how long."""

from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from .markets import market_rules
from .names import PLURALS, WAIT_POLICY
from .policy.tariff import TariffSpec
from .policy.workloads import Namespace
from .poweroverride import Duration, duration_rule
from .powerpolicy import MarketSpec, prices_rule
from .schema.crd import Column, KindSpec
from .schema.model import ApiModel, Conditions, DecimalText, KubeObject, Time

DEFAULT_MOST_AT_ONCE: Final = 50


class Signal(StrEnum):
    """What an hour is judged by."""

    PRICE = "Price"
    CARBON = "Carbon"
    RENEWABLE = "Renewable"


class WaitPolicySpec(ApiModel):
    """For how cheap an hour jobs wait, and for how long."""

    namespaces: Annotated[
        list[Namespace],
        Field(max_length=64, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = Field(default=[])
    """Namespaces whose jobs it is for. Empty: every namespace that no other WaitPolicy names. Where several name one,
    the oldest counts, then the name that sorts first."""
    market: MarketSpec = MarketSpec()
    """Which auction's results the jobs wait by."""
    signal: Signal = Signal.PRICE
    """What an hour is judged by. Price: the price paid. Carbon: the carbon intensity of power in the market's area.
    Renewable: the share of renewable power, of which more is better."""
    tariff: TariffSpec | None = None
    """What the market's price comes to for whoever pays. Without it that is the market's."""
    max_wait: Duration = "24h"
    """The longest that a start is put off, whatever a job asks for."""
    default_duration: Duration = "1h"
    """How long a job is taken to run where neither it nor earlier jobs of its CronJob say so."""
    least_saving_percent: Annotated[int, Field(ge=0, le=100)] = 1
    """A start is put off only for a mean over the job's duration that is lower by at least so many percent. 0: for
    any that is lower."""
    most_at_once: Annotated[int, Field(ge=1, le=10_000)] = DEFAULT_MOST_AT_ONCE
    """Most jobs that are released within 10 seconds; the others follow. A job at its last moment is not held up by
    it."""


class Releases(ApiModel):
    """Jobs that were released for one reason."""

    reason: Annotated[str, Field(max_length=64)]
    """Such as Window."""
    jobs: int
    """How many there were since the policy was made."""


class WaitPolicyStatus(ApiModel):
    """What came of it."""

    observed_generation: int | None = None
    """The spec generation that this status was made from."""
    conditions: Conditions = Field(default_factory=list)
    """Ready: jobs wait by it. MarketData: results of the time to come are known; where they are not, jobs start at
    once."""
    market: str | None = None
    """What the jobs wait by, such as "FR IDA1"."""
    waiting: int | None = None
    """Number of jobs that wait now."""
    next_start: Time | None = None
    """When the first of them starts."""
    released: int | None = None
    """Number of jobs released since the policy was made."""
    releases: Annotated[
        list[Releases],
        Field(json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["reason"]}),
    ] = Field(default_factory=list)
    """The same by reason."""
    saved_per_kilowatt: DecimalText | None = None
    """Modelled, since the policy was made: for each released job its hours times by how much less the signal was than
    at its creation, for each kilowatt that it drew. In the market's currency; of signal Carbon in kg CO2eq, of
    Renewable in kWh."""
    saved: str | None = None
    """The same for people, such as "12.34 EUR/kW"."""


class WaitPolicy(KubeObject):
    """A WaitPolicy says for how cheap an hour the jobs labelled powercap.dev/cheap-hours=true wait, and for how
    long."""

    kind_spec: ClassVar[KindSpec] = KindSpec(
        kind=WAIT_POLICY,
        plural=PLURALS[WAIT_POLICY],
        short_name="pww",
        columns=(
            Column("Market", "string", ".status.market", "What the jobs wait by"),
            Column("Signal", "string", ".spec.signal", "What an hour is judged by"),
            Column("MaxWait", "string", ".spec.maxWait", "The longest that a start is put off"),
            Column("Waiting", "integer", ".status.waiting", "Jobs that wait now"),
            Column("Next", "string", ".status.nextStart", "When the first of them starts"),
            Column("Released", "integer", ".status.released", "Jobs released so far"),
            Column("Saved", "string", ".status.saved", "Modelled, for each kilowatt that the jobs drew"),
            Column("MostAtOnce", "integer", ".spec.mostAtOnce", "Most releases in 10 seconds", wide=True),
            Column("Namespaces", "string", ".spec.namespaces", "Whose jobs it is for", wide=True),
            Column("Ready", "string", '.status.conditions[?(@.type=="Ready")].status', "Jobs wait by it"),
            Column("Reason", "string", '.status.conditions[?(@.type=="Ready")].reason', "Why (not)"),
            Column("Age", "date", ".metadata.creationTimestamp", "Time since creation"),
        ),
        spec_rules=(
            *market_rules("self.market"),
            prices_rule("self.signal == 'Price'"),
            {
                "rule": "self.signal != 'Renewable' || !has(self.market.carbonProviders) ||"
                " self.market.carbonProviders.exists(p, p != 'CarbonIntensity')",
                "message": "CarbonIntensity has no shares of renewable power: add EnergyCharts or ENTSOE to"
                " carbonProviders, or write signal: Carbon",
                "fieldPath": ".market.carbonProviders",
            },
            duration_rule("maxWait"),
            duration_rule("defaultDuration"),
        ),
        rules=(
            {
                "rule": "self.metadata.name.size() <= 63",
                "message": "the name becomes a label of metrics: at most 63 characters",
            },
        ),
    )

    kind: Literal["WaitPolicy"] = WAIT_POLICY
    spec: WaitPolicySpec
    """What is wanted."""
    status: WaitPolicyStatus = Field(default_factory=WaitPolicyStatus)
    """What came of it."""
