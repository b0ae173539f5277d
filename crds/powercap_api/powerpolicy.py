"""PowerPolicy: what a person edits to say how much power which nodes get, and by what rule."""

from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from .markets import BIDDING_ZONES, RESOLUTIONS_MINUTES, Auction, market_rules
from .names import PLURALS, POWER_POLICY
from .policy.hardware import HardwareSpec
from .policy.status import PowerPolicyStatus
from .policy.strategy import POWER_RULES, StrategySpec
from .policy.tariff import TariffSpec
from .policy.workloads import WorkloadsSpec
from .reasons import Fallback
from .schema.crd import Column, KindSpec
from .schema.model import ApiModel, KubeObject, NodePower, at_most
from .units import Power


class Provider(StrEnum):
    """Where market data can come from."""

    EPEX = "EPEX"
    ENERGY_CHARTS = "EnergyCharts"
    ENTSOE = "ENTSOE"
    CARBON_INTENSITY = "CarbonIntensity"
    STATIC = "Static"
    MOCK = "Mock"


PRICE_ONLY = frozenset({Provider.ENERGY_CHARTS, Provider.ENTSOE})
"""Providers that give no volumes."""

CARBON_ONLY = frozenset({Provider.CARBON_INTENSITY})
"""Providers that give no shares of renewable power, of those that know the grid."""

MANUAL = frozenset({Provider.STATIC})
"""Providers that nobody can be asked for: a person makes the MarketDay, with the data in it."""


def _has_other_than(providers: frozenset[Provider]) -> str:
    """The CEL condition that there is a source beside these."""
    named = ", ".join(f"'{name}'" for name in sorted(providers))
    return f"self.market.providers.exists(p, !(p in [{named}]))"


def prices_rule(wanted: str) -> dict[str, str]:
    """The rule of a spec with a market that its sources have prices, where the CEL condition ``wanted`` holds."""
    return {
        "rule": f"!({wanted}) || (self.market.auction == 'SDAC' && self.market.area != 'GB') || "
        + _has_other_than(PRICE_ONLY),
        "message": "EnergyCharts and ENTSOE have prices of the coupled day-ahead auction only: write auction: SDAC"
        " (GB is not coupled), or add EPEX to providers",
        "fieldPath": ".market.providers",
    }


_SOURCE_RULES: Final = (
    {
        "rule": "!(self.strategy.type == 'Volume' || (self.strategy.type == 'Schedule' &&"
        " (!has(self.strategy.otherwise) || self.strategy.otherwise.type == 'Volume'))) || "
        + _has_other_than(PRICE_ONLY | CARBON_ONLY),
        "message": "none of these sources has volumes, which strategy Volume needs: add EPEX to providers, or write"
        " strategy: {type: Price}",
        "fieldPath": ".market.providers",
    },
    prices_rule("self.strategy.type in ['Price', 'CheapestHours']"),
)
"""Rules of the policy's spec that refuse sources which can never give what it needs."""

_QUALIFIED_NAME = (
    "^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
)
_LABEL_VALUE = "^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"

NodeSelector = Annotated[
    dict[str, Annotated[str, Field(max_length=63)]],
    Field(
        max_length=32,
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": f"self.all(key, key.matches('{_QUALIFIED_NAME}'))",
                    "message": "every key must be a label key, such as node-role.kubernetes.io/worker",
                },
                {
                    "rule": f"self.all(key, self[key].matches('{_LABEL_VALUE}'))",
                    "message": "every value must be a label value: at most 63 letters, digits, '-', '_' or '.', "
                    "beginning and ending with a letter or digit",
                },
            ]
        },
    ),
]


class NodeRequirement(ApiModel):
    """What a label of a node must be, as in a node affinity."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": f"self.key.matches('{_QUALIFIED_NAME}')",
                    "message": "key must be a label key, such as topology.kubernetes.io/zone",
                    "fieldPath": ".key",
                },
                {
                    "rule": "(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)",
                    "message": "In and NotIn need values; Exists and DoesNotExist have none",
                    "fieldPath": ".values",
                },
            ]
        }
    )

    key: Annotated[str, Field(max_length=317)]
    """The label's key."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """In: it is one of the values. NotIn: it is none of them, or the node has no such label. Exists, DoesNotExist: the
    node has such a label, or has none."""
    values: (
        Annotated[
            list[Annotated[str, Field(max_length=63)]],
            Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "set"}),
        ]
        | None
    ) = None
    """The values, for In and NotIn."""


_RESULTS_PROVIDERS = (
    Provider.EPEX,
    Provider.ENERGY_CHARTS,
    Provider.ENTSOE,
    Provider.STATIC,
    Provider.MOCK,
)
_GRID_PROVIDERS = (
    Provider.ENERGY_CHARTS,
    Provider.ENTSOE,
    Provider.CARBON_INTENSITY,
    Provider.STATIC,
    Provider.MOCK,
)


class MarketSpec(ApiModel):
    """Which auction's results the policy follows."""

    providers: Annotated[
        list[Literal[_RESULTS_PROVIDERS]],  # type: ignore[valid-type]
        Field(min_length=1, max_length=8, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = Field(default=[Provider.EPEX])
    """Sources of the results, asked in this order until one has what the strategy needs. EPEX: the exchange's own
    pages, with volumes and prices. EnergyCharts and ENTSOE: prices only. Static: MarketDays that a person makes,
    with the data in spec.csv. Mock: a made-up day, for trying."""
    carbon_providers: (
        Annotated[
            list[Literal[_GRID_PROVIDERS]],  # type: ignore[valid-type]
            Field(min_length=1, max_length=8, json_schema_extra={"x-kubernetes-list-type": "set"}),
        ]
        | None
    ) = None
    """Sources of carbon intensity and of the share of renewable power, asked in this order. EnergyCharts and ENTSOE:
    the continent's zones, both. CarbonIntensity: Great Britain, carbon intensity only. Static and Mock: as above.
    Strategies Carbon and Renewable follow them; where they are named, carbon intensity is fetched and shown beside
    any other strategy. Default: EnergyCharts, in GB CarbonIntensity, for the strategies that need them."""
    area: Literal[tuple(BIDDING_ZONES)] = "FR"  # type: ignore[valid-type]
    """Bidding zone, as the exchange names it."""
    auction: Auction = Auction.IDA1
    """SDAC is the day-ahead auction; IDA1, IDA2 and IDA3 are the intraday auctions. IDA3 covers only the second
    half of the day: the results of IDA2 stand for the first."""
    resolution_minutes: Literal[RESOLUTIONS_MINUTES] | None = None  # type: ignore[valid-type]
    """Length of the market time unit in minutes. Default: what the auction has: 15, in CH 60, in GB 30 (SDAC 60)."""


class FallbackSpec(ApiModel):
    """What to do where the exchange has not published the day."""

    previous_days: Annotated[int, Field(ge=0, le=7)] = 1
    """How many days back the operator may take a day's results from, period for period by local time. 0: none."""
    then: Fallback = Fallback.MIN_POWER
    """When there is no such day either. MinPower: cap at minPower. Hold: keep the last cap. Release: put the
    nodes' original limits back."""


class PowerPolicySpec(ApiModel):
    """How much power which nodes get, and by what rule."""

    max_source: NodePower
    """Power of one node at the best period of the day, in watts: "40", or 40000000u for the same in microwatts. Or as
    a percentage, "80%", of what each node's own original limits add up to, for nodes of several sizes.
    A node's own limits are never raised above what they were before powercap."""
    min_power: NodePower = "10"
    """Power that a node always gets, in watts or as a percentage like maxSource, whichever form maxSource has: no cap
    goes below it. Where it is more than maxSource on a node, that node gets maxSource."""
    node_selector: NodeSelector = Field(default={})
    """Labels that a node must have for the policy to apply. Empty: every node. A node labelled
    powercap.dev/exempt=true is never selected."""
    match_expressions: Annotated[
        list[NodeRequirement],
        Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = Field(default=[])
    """Further requirements, all of which a node must meet, such as
    [{key: kubernetes.io/arch, operator: In, values: [amd64]}]."""
    priority: Annotated[int, Field(ge=-1_000_000_000, le=1_000_000_000)] = 0
    """Where several policies select a node the highest priority wins, then the older policy, then the name
    that sorts first."""
    market: MarketSpec = MarketSpec()
    """Which auction's results the policy follows."""
    strategy: StrategySpec = StrategySpec()
    """How a period of the day becomes a cap."""
    tariff: TariffSpec | None = None
    """What the market's price comes to for whoever pays: strategies Price and CheapestHours go by the price paid.
    Without it that is the market's."""
    workloads: WorkloadsSpec | None = None
    """What pods may ask for while they run. Absent: nothing."""
    stabilisation_seconds: Annotated[int, Field(ge=1, le=86_400)] = 300
    """How often the agents check, and re-apply, what they wrote: firmware and other programs change limits too."""
    hardware: HardwareSpec = HardwareSpec()
    """How the cap meets the hardware: how it is shared and lowered, what else is capped, when it is lifted."""
    fallback: FallbackSpec = FallbackSpec()
    """What to do where the exchange has not published the day."""
    suspend: bool = False
    """True: the nodes' original limits are put back and kept until this is false again."""
    dry_run: bool = False
    """True: caps are computed and shown, but no limit is changed."""

    @model_validator(mode="after")
    def _powers_of_one_form(self) -> Self:
        """As the API server's rule says: a power of the strategy is a share of maxSource only in the same form."""
        strategy = self.strategy
        powers = [strategy.power, strategy.otherwise and strategy.otherwise.power]
        powers += [window.power for window in strategy.windows or ()]
        in_percent = Power.parse(self.max_source).percent is not None
        if any(power and (Power.parse(power).percent is not None) != in_percent for power in powers):
            raise ValueError(
                "a power of the strategy must be in watts where maxSource is in watts, and a percentage where"
                " maxSource is one"
            )
        return self


class PowerPolicy(KubeObject):
    """A PowerPolicy says how much power a set of nodes gets over the day: the share of maxSource that the
    electricity market's results give to each market period."""

    kind_spec: ClassVar[KindSpec] = KindSpec(
        kind=POWER_POLICY,
        plural=PLURALS[POWER_POLICY],
        short_name="pwp",
        columns=(
            Column(
                "MaxSource",
                "string",
                ".spec.maxSource",
                "Power of one node at the day's best period, in watts or in percent of the node's own limits",
            ),
            Column(
                "MinPower",
                "string",
                ".spec.minPower",
                "Power that a node always gets, in watts or in percent of the node's own limits",
            ),
            Column("Strategy", "string", ".spec.strategy.type", "Rule by which the market gives the cap"),
            Column("Market", "string", ".status.market", "Market followed"),
            Column("Nodes", "integer", ".status.nodes", "Nodes that the policy governs"),
            Column(
                "Share", "string", ".status.current.share", "Share of maxSource in the current market period"
            ),
            Column("Volume", "string", ".status.current.volume", "Volume of the current market period"),
            Column("Price", "string", ".status.current.price", "Price of the current market period"),
            Column(
                "Paid",
                "string",
                ".status.current.pricePaid",
                "Price paid in the current market period, by the policy's tariff",
                wide=True,
            ),
            Column(
                "Carbon",
                "string",
                ".status.current.carbon",
                "Carbon intensity in the current market period",
                wide=True,
            ),
            Column(
                "Renewable",
                "string",
                ".status.current.renewable",
                "Share of renewable power in the current market period",
                wide=True,
            ),
            Column(
                "Cap", "string", ".status.current.cap", "Cap of one node in the current period", wide=True
            ),
            Column("Why", "string", ".status.current.why", "Why the cap is what it is", wide=True),
            Column("NodesReady", "integer", ".status.nodesReady", "Nodes with limits applied", wide=True),
            Column("Priority", "integer", ".spec.priority", "Highest wins a node", wide=True),
            Column("Suspended", "boolean", ".spec.suspend", "Original limits are in force", wide=True),
            Column("DryRun", "boolean", ".spec.dryRun", "Nothing is written on the nodes", wide=True),
            Column(
                "Ready", "string", '.status.conditions[?(@.type=="Ready")].status', "The policy is in force"
            ),
            Column("Reason", "string", '.status.conditions[?(@.type=="Ready")].reason', "Why (not)"),
            Column("Age", "date", ".metadata.creationTimestamp", "Time since creation"),
        ),
        spec_rules=(
            {
                "rule": at_most("self.minPower", "self.maxSource"),
                "message": "minPower must not be above maxSource: lower minPower or raise maxSource",
                "fieldPath": ".minPower",
            },
            *market_rules("self.market"),
            *POWER_RULES,
            *_SOURCE_RULES,
        ),
        rules=(
            {
                "rule": "self.metadata.name.size() <= 63",
                "message": "the name becomes a label of the budgets: at most 63 characters",
            },
        ),
    )

    kind: Literal["PowerPolicy"] = POWER_POLICY
    spec: PowerPolicySpec
    """What is wanted."""
    status: PowerPolicyStatus = Field(default_factory=PowerPolicyStatus)
    """What is seen."""
