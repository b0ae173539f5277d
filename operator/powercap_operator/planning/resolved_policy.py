"""A policy with everything that its spec implies, worked out once and handed on. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from powercap_api.markets import Market
from powercap_api.powerpolicy import PRICE_ONLY, PowerPolicy
from powercap_api.units import Power

from .. import strategies
from ..market.delivery_day import day_of
from ..market.fallback import Needs, ResultsRequest, market_of
from ..market.tariff import Tariff
from ..strategies import Limits, Strategy
from .hardware import hardware_terms


@dataclass(frozen=True, slots=True)
class ResolvedPolicy:
    """What decisions need of a policy."""

    policy: PowerPolicy
    strategy: Strategy
    strategy_name: str
    """For people, such as ``Schedule over Price``."""
    limits: Limits
    """minPower and maxSource as numbers."""
    max_source: Power
    min_power: Power
    """As the policy has them: a node's budget carries them in the same form."""
    request: ResultsRequest
    """The results that it follows: market, providers that have what the strategy needs, and these needs."""
    tariff: Tariff
    """What the market's prices come to for whoever pays."""
    hardware: Mapping[str, Any]
    """The fields of a PowerBudget's spec that follow from ``spec.hardware``."""

    @property
    def name(self) -> str:
        """The policy's name."""
        return self.policy.metadata.name

    @property
    def market(self) -> Market:
        """The market that it follows."""
        return self.request.market

    @property
    def zone(self) -> ZoneInfo:
        """The clock of its delivery days."""
        return self.market.bidding_zone.zone

    def day(self, now: datetime) -> date:
        """The delivery day at a moment."""
        return day_of(now, self.zone)


def resolve(policy: PowerPolicy, node_uw: int | None = None) -> ResolvedPolicy:
    """Work out what a policy's spec implies, for all nodes or for one whose original limits add up to ``node_uw``
    microwatts: only then are percentages watts."""
    spec = policy.spec
    strategy = strategies.create(spec.strategy)
    needs = Needs(strategy.needs_market, strategy.needs_volume, strategy.needs_price)
    providers = tuple(
        provider for provider in spec.market.providers if not (needs.volume and provider in PRICE_ONLY)
    )
    max_source, min_power = Power.parse(spec.max_source), Power.parse(spec.min_power)
    return ResolvedPolicy(
        policy=policy,
        strategy=strategy,
        strategy_name=strategies.describe(spec.strategy),
        limits=Limits.of(min_power, max_source, node_uw),
        max_source=max_source,
        min_power=min_power,
        request=ResultsRequest(market_of(spec.market), providers, needs),
        tariff=Tariff.of(spec.tariff),
        hardware=hardware_terms(policy),
    )
