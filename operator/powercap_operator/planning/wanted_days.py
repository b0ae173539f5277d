"""Which MarketDays there should be: those that policies follow, as soon as they are published. Pure.

Once for the whole cluster: policies that follow the same market share its days. Where a source fails, the next of
the policy's providers is asked beside it; where today cannot be had at all, the days that may stand in for it are
wanted too, for a cluster that has no history yet.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta

from powercap_api.marketday import MarketDay, MarketDaySpec
from powercap_api.markets import Market, market_day_name
from powercap_api.names import MANAGED_BY_LABEL, OPERATOR_FIELD_MANAGER
from powercap_api.powerpolicy import MANUAL, PowerPolicy

from .. import strategies
from ..market.delivery_day import day_of
from ..market.fallback import DayIndex, DayKey, is_complete, layers, market_of, serving_providers
from ..market.publication import results_expected_at
from ..market.results import Query


def wanted_days(policies: Iterable[PowerPolicy], days: DayIndex, now: datetime) -> dict[str, MarketDaySpec]:
    """MarketDays to make, by name. Those that are there, under any name, are not among them."""
    wanted: dict[str, MarketDaySpec] = {}
    for policy in policies:
        if policy.spec.suspend or not strategies.create(policy.spec.strategy).needs_market:
            continue
        for key in _keys(policy, days, now):
            if key not in days:
                wanted[market_day_name(*key)] = _spec(key)
    return wanted


def is_pending(policy: PowerPolicy, days: DayIndex, now: datetime) -> bool:
    """Whether today's results may still come from a first try: too early to act on there being none."""
    market = market_of(policy.spec.market)
    today = day_of(now, market.bidding_zone.zone)
    tried = [
        days.get(DayKey(provider, layer, today))
        for layer in layers(market)
        if results_expected_at(Query(layer, today)) <= now
        for provider in _providers(policy)
        if provider not in MANUAL
    ]
    return any(day is None or not (is_complete(day) or _has_failed(day)) for day in tried)


def _keys(policy: PowerPolicy, days: DayIndex, now: datetime) -> Iterator[DayKey]:
    market = market_of(policy.spec.market)
    providers = _providers(policy)
    today = day_of(now, market.bidding_zone.zone)
    for layer in layers(market):
        for day in (today, today + timedelta(days=1)):
            if results_expected_at(Query(layer, day)) <= now:
                yield from _providers_keys(providers, layer, day, days)
        for back in range(1, policy.spec.fallback.previous_days + 1):
            if _settled(providers, layer, today - timedelta(days=back - 1), days):
                break
            yield from _providers_keys(providers, layer, today - timedelta(days=back), days)


def _providers(policy: PowerPolicy) -> list[str]:
    return serving_providers(policy.spec.market, strategies.create(policy.spec.strategy))


def _providers_keys(providers: Iterable[str], market: Market, day: date, days: DayIndex) -> Iterator[DayKey]:
    """The providers to have the day from: the first, and each further one once those before it have failed.

    A day that only a person can make is never among them: it is there, or it is passed over.
    """
    for provider in providers:
        key = DayKey(provider, market, day)
        if provider in MANUAL:
            if key in days and is_complete(days[key]):
                return
            continue
        yield key
        if key not in days or is_complete(days[key]) or not _has_failed(days[key]):
            return


def _settled(providers: Iterable[str], market: Market, day: date, days: DayIndex) -> bool:
    """Whether the day is there, or has not been tried at every provider: nothing need stand in for it yet."""
    found = {provider: days.get(DayKey(provider, market, day)) for provider in providers}
    if any(one is not None and is_complete(one) for one in found.values()):
        return True
    return not all(
        provider in MANUAL or (one is not None and _has_failed(one)) for provider, one in found.items()
    )


def _has_failed(day: MarketDay) -> bool:
    return day.status.fetch is not None and day.status.fetch.failures > 0


def _spec(key: DayKey) -> MarketDaySpec:
    return MarketDaySpec(
        provider=key.provider,
        area=key.market.area,
        auction=key.market.auction,
        resolution_minutes=key.market.resolution_minutes,
        delivery_date=key.day,
    )


def surplus_days(days: Iterable[MarketDay], now: datetime, history: timedelta) -> tuple[str, ...]:
    """The operator's own MarketDays that are older than the history; what a person made is never deleted."""
    return tuple(
        day.metadata.name
        for day in days
        if day.metadata.labels.get(MANAGED_BY_LABEL) == OPERATOR_FIELD_MANAGER
        and day.spec.delivery_date + history < now.date()
    )


def query_of(day: MarketDay) -> Query:
    """What the object asks for."""
    return Query(market_of(day.spec), day.spec.delivery_date)
