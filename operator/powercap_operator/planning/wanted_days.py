"""Which MarketDays there should be: those that policies of both kinds follow, as soon as they are published. Pure.

Once for the whole cluster: policies that follow the same market share its days. Where a source fails, the next of
the policy's providers is asked beside it; where today cannot be had at all, the days that may stand in for it are
wanted too, for a cluster that has no history yet.
"""

from collections.abc import Collection, Container, Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Final, Protocol

from powercap_api.conditions import find_condition
from powercap_api.marketday import MarketDay, MarketDaySpec
from powercap_api.markets import Market, market_day_name
from powercap_api.names import MANAGED_BY_LABEL, OPERATOR_FIELD_MANAGER
from powercap_api.powerpolicy import MANUAL
from powercap_api.reasons import ConditionType, PolicyReason

from ..market.delivery_day import day_bounds, day_of
from ..market.known_days import (
    DayKey,
    KnownDays,
    ResultsRequest,
    is_complete,
    is_doubted,
    layers,
    market_of,
    serves,
)
from ..market.needs import Needs
from ..market.publication import DAILY_LIMIT, FIRST_SPREAD, results_expected_at
from ..market.results import Query
from .resolved_policy import ResolvedPolicy

_LONGEST_PENDING: Final = timedelta(minutes=10)
"""Time after the first request for today was due, or the operator took over, from which nothing waits for it."""
_BEFORE_MIDNIGHT: Final = timedelta(minutes=30)
"""Time before the delivery day's end from which nothing waits for tomorrow's results, requested or not."""


class FollowsResults(Protocol):
    """A policy of any kind, as far as it follows results."""

    @property
    def request(self) -> ResultsRequest:
        """Which results."""
        ...

    @property
    def previous_days(self) -> int:
        """How many days back results may be taken from."""
        ...

    @property
    def suspended(self) -> bool:
        """Whether it follows none for the time being."""
        ...


def wanted_days(
    policies: Iterable[FollowsResults], days: KnownDays, now: datetime
) -> dict[str, MarketDaySpec]:
    """MarketDays to make, by name. Those that are there, under any name, are not among them."""
    wanted: dict[str, MarketDaySpec] = {}
    for resolved in policies:
        if resolved.suspended:
            continue
        for key in _keys(resolved, days, now):
            if key not in days:
                wanted[market_day_name(*key)] = _spec(key)
    return wanted


def is_pending(resolved: ResolvedPolicy, days: KnownDays, now: datetime, day: date) -> bool:
    """Whether the day's results may still come from a first try: too early to act on there being none."""
    tried = [
        days.get(DayKey(provider, layer, day))
        for layer in layers(resolved.market)
        if results_expected_at(Query(layer, day)) <= now
        for provider in resolved.request.providers
        if provider not in MANUAL
    ]
    return any(one is None or not (is_complete(one) or _has_failed(one)) for one in tried)


def has_waited(resolved: ResolvedPolicy, now: datetime, seen_since: datetime | None) -> bool:
    """Whether today's results were waited for long enough, for whatever cause: what stands in holds until they come.

    ``seen_since``: since when this operator has seen the cluster; None where it does not.
    """
    policy = resolved.policy
    found = find_condition(policy.status.conditions, ConditionType.MARKET_DATA)
    if found is None or policy.status.observed_generation != policy.metadata.generation:
        return False
    if found.reason != PolicyReason.PENDING:
        return found.reason in {PolicyReason.FALLBACK, PolicyReason.MISSING}
    expected = [results_expected_at(Query(layer, resolved.day(now))) for layer in layers(resolved.market)]
    due = [at + FIRST_SPREAD for at in expected if at <= now]
    return (
        now
        >= max([found.last_transition_time, seen_since or found.last_transition_time, *due])
        + _LONGEST_PENDING
    )


def is_overdue(resolved: ResolvedPolicy, days: KnownDays, now: datetime) -> bool:
    """Whether tomorrow's results should be there and every source was asked for them in vain, or the day ends soon."""
    today = resolved.day(now)
    tomorrow = today + timedelta(days=1)
    if results_expected_at(Query(layers(resolved.market)[0], tomorrow)) > now:
        return False
    return now >= day_bounds(today, resolved.zone)[1] - _BEFORE_MIDNIGHT or not is_pending(
        resolved, days, now, tomorrow
    )


def _keys(resolved: FollowsResults, days: KnownDays, now: datetime) -> Iterator[DayKey]:
    request = resolved.request
    today = day_of(now, request.market.bidding_zone.zone)
    if request.beside is not None:
        for day in (today, today + timedelta(days=1)):
            if results_expected_at(Query(request.beside.market, day)) <= now:
                yield from _providers_keys(request.beside, request.beside.market, day, days)
    if not request.needs.market:
        return
    for layer in layers(request.market):
        for day in (today, today + timedelta(days=1)):
            if results_expected_at(Query(layer, day)) <= now:
                yield from _providers_keys(request, layer, day, days)
        for back in range(1, resolved.previous_days + 1):
            if _settled(request, layer, today - timedelta(days=back - 1), days):
                break
            yield from _providers_keys(request, layer, today - timedelta(days=back), days)


def _providers_keys(request: ResultsRequest, market: Market, day: date, days: KnownDays) -> Iterator[DayKey]:
    """The providers to have the day from: the first, and each further one once those before it have failed.

    A day that only a person can make is never among them: it is there, or it is passed over.
    """
    for provider in request.providers:
        key = DayKey(provider, market, day)
        if provider in MANUAL:
            if key in days and serves(days[key], request.needs):
                return
            continue
        yield key
        if key not in days or not _in_vain(days[key], request.needs):
            return


def _settled(request: ResultsRequest, market: Market, day: date, days: KnownDays) -> bool:
    """Whether the day is there, or has not been tried at every provider: nothing need stand in for it yet."""
    found = {provider: days.get(DayKey(provider, market, day)) for provider in request.providers}
    if any(one is not None and serves(one, request.needs) for one in found.values()):
        return True
    return not all(
        provider in MANUAL or (one is not None and _in_vain(one, request.needs))
        for provider, one in found.items()
    )


def _in_vain(day: MarketDay, needs: Needs) -> bool:
    """Whether the day was asked for and did not come, or lacks what the strategy needs, or cannot be right."""
    return not serves(day, needs) or is_doubted(day, needs) if is_complete(day) else _has_failed(day)


def _has_failed(day: MarketDay) -> bool:
    fetch = day.status.fetch
    return fetch is not None and (fetch.failures > 0 or fetch.requests >= DAILY_LIMIT)


def _spec(key: DayKey) -> MarketDaySpec:
    return MarketDaySpec(
        provider=key.provider,
        area=key.market.area,
        auction=key.market.auction,
        resolution_minutes=key.market.resolution_minutes,
        delivery_date=key.day,
    )


def needs_of_markets(policies: Iterable[FollowsResults]) -> dict[Market, Needs]:
    """What the policies together need of each market's results."""
    needed: dict[Market, Needs] = {}
    for policy in policies:
        for request in (policy.request, policy.request.beside):
            if request is not None:
                for layer in layers(request.market):
                    needed[layer] = needed.get(layer, Needs()) | request.needs
    return needed


def _latest_complete(days: Iterable[MarketDay], followed: Container[Market]) -> frozenset[str]:
    """Names of the latest complete day of each source's market that is followed."""
    latest: dict[tuple[str, Market], MarketDay] = {}
    for day in days:
        key = (day.spec.provider, market_of(day.spec))
        if key[1] in followed and is_complete(day):
            last = latest.setdefault(key, day)
            latest[key] = max(last, day, key=lambda one: one.spec.delivery_date)
    return frozenset(day.metadata.name for day in latest.values())


def surplus_days(
    days: Collection[MarketDay], policies: Collection[FollowsResults], now: datetime, history: timedelta
) -> tuple[str, ...]:
    """The operator's own MarketDays that are older than the history, and than any policy's fallback looks back.

    What a person made is never deleted, nor the latest complete day of each market that is followed, whatever the
    clock says.
    """
    requests = [
        request for one in policies for request in (one.request, one.request.beside) if request is not None
    ]
    kept = _latest_complete(days, {layer for request in requests for layer in layers(request.market)})
    reach = max((resolved.previous_days for resolved in policies), default=0)
    oldest = now.date() - max(history, timedelta(days=reach + 1))
    return tuple(
        day.metadata.name
        for day in days
        if day.metadata.labels.get(MANAGED_BY_LABEL) == OPERATOR_FIELD_MANAGER
        and day.spec.delivery_date < oldest
        and day.metadata.name not in kept
    )


def query_of(day: MarketDay) -> Query:
    return Query(market_of(day.spec), day.spec.delivery_date)
