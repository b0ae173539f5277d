"""A policy with everything that its spec implies, worked out once and handed on. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from powercap_api.markets import GridData, Market
from powercap_api.powerpolicy import CARBON_ONLY, PRICE_ONLY, MarketSpec, PowerPolicy, Provider
from powercap_api.units import Power

from .. import strategies
from ..market.delivery_day import day_of
from ..market.known_days import ResultsRequest, market_of
from ..market.needs import Needs
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
    passed_over: str
    """Which of the policy's providers are not asked, and why; empty where all are."""
    tariff: Tariff
    """What the market's prices come to for whoever pays."""
    hardware: Mapping[str, Any]
    """The fields of a PowerBudget's spec that follow from ``spec.hardware``."""

    @property
    def name(self) -> str:
        return self.policy.metadata.name

    @property
    def previous_days(self) -> int:
        """How many days back results may be taken from."""
        return self.policy.spec.fallback.previous_days

    @property
    def suspended(self) -> bool:
        """Whether it follows no results for the time being."""
        return self.policy.spec.suspend

    @property
    def market(self) -> Market:
        return self.request.market

    @property
    def zone(self) -> ZoneInfo:
        """The clock of its delivery days."""
        return self.market.bidding_zone.zone

    @property
    def wall_clock(self) -> ZoneInfo:
        """The clock on the wall in its area, which windows and tariffs are meant on."""
        return self.market.bidding_zone.wall_clock

    def day(self, now: datetime) -> date:
        return day_of(now, self.zone)


def resolve(policy: PowerPolicy, node_uw: int | None = None) -> ResolvedPolicy:
    """Work out what a policy's spec implies, for all nodes or for one whose original limits add up to ``node_uw``
    microwatts: only then are percentages watts."""
    spec = policy.spec
    strategy = strategies.create(spec.strategy)
    name = strategies.describe(spec.strategy)
    request, passed_over = results_request(spec.market, strategy.needs, name)
    max_source, min_power = Power.parse(spec.max_source), Power.parse(spec.min_power)
    return ResolvedPolicy(
        policy=policy,
        strategy=strategy,
        strategy_name=name,
        limits=Limits.of(min_power, max_source, node_uw),
        max_source=max_source,
        min_power=min_power,
        request=request,
        passed_over=passed_over,
        tariff=Tariff.of(spec.tariff),
        hardware=hardware_terms(policy),
    )


def results_request(spec: MarketSpec, needs: Needs, strategy: str) -> tuple[ResultsRequest, str]:
    """The results to follow; and which providers are passed over, for people."""
    if needs.carbon or needs.renewable:
        data = GridData.CARBON if needs.carbon else GridData.RENEWABLE
        market, named = Market(spec.area, data, market_of(spec).resolution_minutes), _grid_providers(spec)
        lacking, what = (CARBON_ONLY if needs.renewable else frozenset()), "shares of renewable power"
    else:
        market, named = market_of(spec), tuple(spec.providers)
        lacking, what = (PRICE_ONLY if needs.volume else frozenset()), "volumes"
    passed_over = ", ".join(provider for provider in named if provider in lacking)
    if passed_over:
        passed_over += f" is not asked: it has no {what}, which strategy {strategy} needs."
    asked = tuple(provider for provider in named if provider not in lacking)
    return ResultsRequest(market, asked, needs, _beside(spec, market)), passed_over


def _beside(spec: MarketSpec, market: Market) -> ResultsRequest | None:
    """Carbon intensity beside what the strategy follows, where the policy names sources for it."""
    if spec.carbon_providers is None or market.auction is GridData.CARBON:
        return None
    carbon = Market(spec.area, GridData.CARBON, market.resolution_minutes)
    return ResultsRequest(carbon, tuple(spec.carbon_providers), Needs(carbon=True))


def _grid_providers(spec: MarketSpec) -> tuple[str, ...]:
    if spec.carbon_providers is not None:
        return tuple(spec.carbon_providers)
    return (Provider.CARBON_INTENSITY if spec.area == "GB" else Provider.ENERGY_CHARTS,)
