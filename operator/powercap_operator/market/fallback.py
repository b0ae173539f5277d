"""Which results stand for a delivery day: its own, or an earlier day's, mapped by local time of day. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from powercap_api.conditions import is_true
from powercap_api.marketday import MarketDay, MarketDaySpec
from powercap_api.markets import Auction, Market, market_day_name
from powercap_api.powerpolicy import PRICE_ONLY, MarketSpec
from powercap_api.reasons import ConditionType

from ..strategies import Strategy
from .delivery_day import day_bounds, period_starts
from .results import Period, is_half_day, merge

HISTORY_DAYS = 60
"""No results older than this are ever looked for."""


class DayKey(NamedTuple):
    """What makes two MarketDays the same day of the same market."""

    provider: str
    market: Market
    day: date


DayIndex = Mapping[DayKey, MarketDay]


@dataclass(frozen=True, slots=True)
class DayResults:
    """A full set of periods for a delivery day."""

    day: date
    source_day: date
    """The delivery day that the results were made for: ``day`` itself, or an earlier one."""
    periods: tuple[Period, ...]
    """One for every period of ``day``, in order."""
    end: datetime
    """End of the last period."""
    names: tuple[str, ...]
    """The MarketDays that they come from."""
    currency: str | None


def market_of(spec: MarketSpec | MarketDaySpec) -> Market:
    """The market that a policy or a MarketDay names."""
    return Market(spec.area, Auction(spec.auction), spec.resolution_minutes)


def key_of(day: MarketDay) -> DayKey:
    """The market and day that the object stands for."""
    return DayKey(day.spec.provider, market_of(day.spec), day.spec.delivery_date)


def index_days(days: Iterable[MarketDay]) -> dict[DayKey, MarketDay]:
    """MarketDays by what they stand for. Of several for one key, the one with the operator's name counts."""
    index: dict[DayKey, MarketDay] = {}
    for day in sorted(days, key=lambda day: day.metadata.name):
        key = key_of(day)
        if key not in index or day.metadata.name == market_day_name(*key):
            index[key] = day
    return index


def layers(market: Market) -> tuple[Market, ...]:
    """The auctions whose results are laid over each other, the last on top.

    An auction that has the second half of the day only is laid over the one before it.
    """
    if not is_half_day(market):
        return (market,)
    before = {Auction.IDA3: Auction.IDA2, Auction.IDA2: Auction.IDA1}[market.auction]
    return (Market(market.area, before, market.resolution_minutes), market)


def serving_providers(spec: MarketSpec, strategy: Strategy) -> list[str]:
    """The policy's providers that have what the strategy needs, in the policy's order."""
    return [provider for provider in spec.providers if not (strategy.needs_volume and provider in PRICE_ONLY)]


def find_results(
    spec: MarketSpec, strategy: Strategy, days: DayIndex, day: date, previous_days: int
) -> DayResults | None:
    """The day's own results, or those of the nearest of the ``previous_days`` before it; None where there are none.

    For a strategy that looks at no results, the day's bare periods, whatever MarketDays there are.
    """
    if not strategy.needs_market:
        return bare_day(spec, day)
    for back in range(previous_days + 1):
        found = _own_results(spec, strategy, days, day - timedelta(days=back))
        if found is not None:
            return found if back == 0 else stand_in(found, day, market_of(spec))
    return None


def bare_day(spec: MarketSpec, day: date) -> DayResults:
    """The day's periods by the calendar alone, without values."""
    market = market_of(spec)
    zone = market.bidding_zone.zone
    return DayResults(
        day=day,
        source_day=day,
        periods=tuple(Period(start) for start in period_starts(day, zone, market.resolution_minutes)),
        end=day_bounds(day, zone)[1],
        names=(),
        currency=None,
    )


def latest_results(spec: MarketSpec, strategy: Strategy, days: DayIndex, before: date) -> DayResults | None:
    """The most recent day's own results before a day; None where there are none."""
    for back in range(1, HISTORY_DAYS + 1):
        found = _own_results(spec, strategy, days, before - timedelta(days=back))
        if found is not None:
            return found
    return None


def _own_results(spec: MarketSpec, strategy: Strategy, days: DayIndex, day: date) -> DayResults | None:
    market = market_of(spec)
    zone = market.bidding_zone.zone
    starts = period_starts(day, zone, market.resolution_minutes)
    for provider in serving_providers(spec, strategy):
        parts = [days.get(DayKey(provider, layer, day)) for layer in layers(market)]
        usable = [part for part in parts if part is not None and is_complete(part)]
        periods: tuple[Period, ...] = ()
        for part in usable:
            periods = merge(periods, [period for period in periods_of(part) if _serves(period, strategy)])
        if tuple(period.start for period in periods) == starts:
            return DayResults(
                day=day,
                source_day=day,
                periods=periods,
                end=day_bounds(day, zone)[1],
                names=tuple(part.metadata.name for part in usable),
                currency=usable[-1].status.currency,
            )
    return None


def is_complete(day: MarketDay) -> bool:
    """Whether the object says that all of its day is there; one that is being deleted does not count."""
    return day.metadata.deletion_timestamp is None and is_true(day.status.conditions, ConditionType.COMPLETE)


def periods_of(day: MarketDay) -> list[Period]:
    """The periods in the object's status."""
    return [
        Period(
            start=period.start,
            volume=None if period.volume is None else Decimal(period.volume),
            price=None if period.price is None else Decimal(period.price),
        )
        for period in day.status.periods
    ]


def _serves(period: Period, strategy: Strategy) -> bool:
    if strategy.needs_volume and period.volume is None:
        return False
    return not (strategy.needs_price and period.price is None)


def stand_in(source: DayResults, day: date, market: Market) -> DayResults:
    """An earlier day's results as if they were ``day``'s, period for period by local time of day.

    In the hour that repeats in autumn both passes take the earlier day's one; in spring the missing hour's results
    are left out. A day whose own repeated hour is the source gives the first pass to an ordinary day.
    """
    zone = market.bidding_zone.zone
    by_local = _by_local_time(source.periods, zone)
    periods = []
    for start in period_starts(day, zone, market.resolution_minutes):
        local = start.astimezone(zone)
        period = by_local.get((local.hour, local.minute, local.fold)) or by_local.get(
            (local.hour, local.minute, 0)
        )
        if period is None:  # the source day lacks this local hour: the clocks went forward over it
            period = by_local[(local.hour + 1, local.minute, 0)]
        periods.append(Period(start=start, volume=period.volume, price=period.price))
    return DayResults(
        day=day,
        source_day=source.source_day,
        periods=tuple(periods),
        end=day_bounds(day, zone)[1],
        names=source.names,
        currency=source.currency,
    )


def _by_local_time(periods: Sequence[Period], zone: ZoneInfo) -> dict[tuple[int, int, int], Period]:
    by_local = {}
    for period in periods:
        local = period.start.astimezone(zone)
        by_local[(local.hour, local.minute, local.fold)] = period
    return by_local
