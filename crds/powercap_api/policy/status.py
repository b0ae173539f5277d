"""The status of a PowerPolicy: what the operator makes of it."""

from typing import Annotated

from pydantic import Field

from ..schema.model import ApiModel, Conditions, DecimalText, Time


class PolicyCurrent(ApiModel):
    """The cap that the policy gives its nodes now."""

    start: Time
    """Begin of the market period."""
    cap: str
    """Cap of one node, such as "25.2 W". Where maxSource is a percentage: of what each node's own original limits add
    up to, such as "50.4 %"."""
    cap_microwatts: int | None = None
    """The cap in microwatts. Absent where maxSource is a percentage: nodes differ."""
    cap_ratio: DecimalText | None = None
    """The cap as a part of what each node's own original limits add up to, such as "0.504", where maxSource is a
    percentage."""
    share: str
    """The cap as a share of maxSource, such as "63 %"."""
    volume: str | None = None
    """Volume of the market period, such as "68.2 MWh"."""
    price: str | None = None
    """Price of the market period, such as "95.69 EUR/MWh"."""
    price_paid: str | None = None
    """What the policy's tariff makes of it, such as "150.83 EUR/MWh". Absent without a tariff."""
    paid_per_megawatt_hour: DecimalText | None = None
    """What programs go by: the price paid as a number, or that of the market period without a tariff."""
    currency: str | None = None
    """Of this number, such as "EUR"."""
    carbon: str | None = None
    """Carbon intensity of the market period, such as "45 g/kWh (forecast)"."""
    renewable: str | None = None
    """Share of renewable power in the market period, such as "62 % (forecast)"."""
    why: str | None = None
    """Why the cap is what it is, such as "68.2 MWh of 108.1 MWh: 63 % of 40 W"."""


class PolicyFallbacks(ApiModel):
    """How often earlier days' results had to stand in: a counter for monitoring."""

    days: int = 0
    """Number of delivery days, since the policy was made, on which an earlier day's results stood in."""
    last_day: str | None = None
    """The last of them, such as 2025-10-09."""


class PowerPolicyStatus(ApiModel):
    """What the operator makes of the policy."""

    observed_generation: int | None = None
    """The spec generation that this status was made from."""
    conditions: Conditions = Field(default_factory=list)
    """Ready: the policy is in force. MarketData: today's results are there, or the strategy needs none.
    ThinMarket: so little is traded that volumes say nothing; only there where that is so."""
    market: str | None = None
    """The market followed, such as "FR IDA1"; "not needed" where the strategy looks at none."""
    nodes: int | None = None
    """Number of nodes that the policy governs."""
    nodes_ready: int | None = None
    """How many of them report that their limits are applied."""
    nodes_without_agent: int | None = None
    """Number of further nodes that the policy selects and no agent can run on (NoAgent): by the chart's nodeSelector,
    affinity and tolerations of agents. Absent: none."""
    market_days: Annotated[list[str], Field(json_schema_extra={"x-kubernetes-list-type": "atomic"})] = Field(
        default_factory=list
    )
    """MarketDays that the current caps come from."""
    current: PolicyCurrent | None = None
    """The cap that the policy gives its nodes now."""
    fallbacks: PolicyFallbacks | None = None
    """How often earlier days' results had to stand in."""
