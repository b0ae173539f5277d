"""The MarketDays there are, by market and day, and what each day's own results come to. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, NamedTuple
from weakref import finalize

from powercap_api.conditions import find_condition, is_true
from powercap_api.marketday import MarketDay, MarketDaySpec
from powercap_api.markets import (
    BIDDING_ZONES,
    Auction,
    GridData,
    Market,
    auction_named,
    default_resolution,
    market_day_name,
)
from powercap_api.powerpolicy import MarketSpec
from powercap_api.reasons import ConditionType, MarketDayReason
from powercap_api.schedule import Schedule

from .delivery_day import day_bounds, period_starts
from .needs import Needs
from .plausibility import CONCERNS
from .results import Period, is_half_day, merge


class DayKey(NamedTuple):
    """What makes two MarketDays the same day of the same market."""

    provider: str
    market: Market
    day: date


@dataclass(frozen=True, slots=True)
class ResultsRequest:
    """Which results are followed."""

    market: Market
    providers: tuple[str, ...]
    """Sources in the order in which they are believed."""
    needs: Needs
    beside: "ResultsRequest | None" = None
    """What is taken along where it is known, such as carbon intensity beside volumes; nothing waits for it."""


@dataclass(frozen=True, slots=True)
class DayResults:
    """A full set of periods for a delivery day."""

    day: date
    source_day: date
    """The delivery day that the results were made for: ``day`` itself, or an earlier one."""
    periods: Schedule[Period]
    """One for every period of ``day``."""
    names: tuple[str, ...]
    """The MarketDays that they come from."""
    currency: str | None
    known_at: datetime | None = None
    """When the last of them was fetched; None where that is not known."""


def market_of(spec: MarketSpec | MarketDaySpec) -> Market:
    auction = auction_named(spec.auction)
    day = spec.delivery_date if isinstance(spec, MarketDaySpec) else None
    return Market(spec.area, auction, spec.resolution_minutes or default_resolution(spec.area, auction, day))


def key_of(day: MarketDay) -> DayKey:
    return DayKey(day.spec.provider, market_of(day.spec), day.spec.delivery_date)


class KnownDays(Mapping[DayKey, MarketDay]):
    """MarketDays by what they stand for, and the results of each delivery day, put together once.

    Of several MarketDays for one key, the one with the operator's name counts.
    """

    def __init__(self, days: Iterable[MarketDay]) -> None:
        """Take these MarketDays, which must not change afterwards."""
        self._days: dict[DayKey, MarketDay] = {}
        for day in sorted(days, key=lambda day: day.metadata.name):
            key = key_of(day)
            if key not in self._days or day.metadata.name == market_day_name(*key):
                self._days[key] = day
        self._results: dict[tuple[ResultsRequest, date], DayResults | None] = {}

    def __getitem__(self, key: DayKey) -> MarketDay:
        return self._days[key]

    def __iter__(self) -> Iterator[DayKey]:
        """The keys, in order of the names of their MarketDays."""
        return iter(self._days)

    def __len__(self) -> int:
        return len(self._days)

    def own_results(self, request: ResultsRequest, day: date) -> DayResults | None:
        """The results made for the day itself by the first provider that has all of it; None where there are none."""
        if (request, day) not in self._results:
            self._results[request, day] = _own_results(request, self._days, day)
        return self._results[request, day]


def layers(market: Market) -> tuple[Market, ...]:
    """The auctions whose results are laid over each other, the last on top.

    An auction that has the second half of the day only is laid over the one before it.
    """
    if not is_half_day(market) or isinstance(market.auction, GridData):
        return (market,)
    before = {Auction.IDA3: Auction.IDA2, Auction.IDA2: Auction.IDA1}[market.auction]
    return (Market(market.area, before, market.resolution_minutes), market)


def _own_results(request: ResultsRequest, days: Mapping[DayKey, MarketDay], day: date) -> DayResults | None:
    market, needs = request.market, request.needs
    zone = market.bidding_zone.zone
    starts = period_starts(day, zone, market.resolution_minutes)
    found = [
        [days.get(DayKey(provider, layer, day)) for layer in layers(market)] for provider in request.providers
    ]
    complete = [[part for part in parts if part is not None and _is_there(part, needs)] for parts in found]
    for usable in sorted(complete, key=lambda parts: any(is_doubted(part, needs) for part in parts)):
        periods: tuple[Period, ...] = ()
        for part in usable:
            periods = merge(periods, [period for period in periods_of(part) if _serves(period, needs)])
        if tuple(period.start for period in periods) == starts:
            return DayResults(
                day=day,
                source_day=day,
                periods=Schedule(periods, day_bounds(day, zone)[1]),
                names=tuple(part.metadata.name for part in usable),
                currency=usable[-1].status.currency,
                known_at=max(
                    (part.status.source.fetched_at for part in usable if part.status.source is not None),
                    default=None,
                ),
            )
    return None


def is_complete(day: MarketDay) -> bool:
    """Whether the object says that all of its day is there; one that is being deleted does not count."""
    there = is_true(day.status.conditions, ConditionType.COMPLETE)
    return there and day.metadata.deletion_timestamp is None and not is_of_another_clock(day)


def is_of_another_clock(day: MarketDay) -> bool:
    """Whether the periods were read on a clock that the zone's days do not have: by an older version."""
    return day.status.time_zone not in (None, BIDDING_ZONES[day.spec.area].day_zone)


def serves(day: MarketDay, needs: Needs) -> bool:
    """Whether the object has all of its day, with every value that a strategy needs: this alone decides."""
    periods = periods_of(day) if _is_there(day, needs) else ()
    return bool(periods) and all(_serves(one, needs) for one in periods)


def is_doubted(day: MarketDay, needs: Needs) -> bool:
    """Whether something speaks against a column that a strategy needs."""
    found = find_condition(day.status.conditions, ConditionType.PLAUSIBLE)
    if found is None or found.status != "False" or found.reason not in CONCERNS:
        return False
    concerned = CONCERNS[MarketDayReason(found.reason)]
    return (needs.price and concerned.price) or (needs.volume and concerned.volume)


def _is_there(day: MarketDay, needs: Needs) -> bool:
    """Whether the day is complete, with a volume to divide by where volumes are needed."""
    found = find_condition(day.status.conditions, ConditionType.PLAUSIBLE)
    nothing_traded = found is not None and found.reason == MarketDayReason.ZERO_VOLUMES
    return is_complete(day) and not (needs.volume and nothing_traded)


_READ: Final[dict[int, tuple[Period, ...]]] = {}
"""The periods of objects that are in use, by identity: each of their numbers is read once."""


def periods_of(day: MarketDay) -> tuple[Period, ...]:
    """The periods in the object's status, which must not change afterwards."""
    key = id(day)
    if key not in _READ:
        _READ[key] = tuple(
            Period(
                start=period.start,
                volume=_number(period.volume),
                price=_number(period.price),
                carbon=_number(period.carbon),
                renewable=_number(period.renewable),
                forecast=bool(period.forecast),
            )
            for period in day.status.periods
        )
        finalize(day, _READ.pop, key, None).atexit = False
    return _READ[key]


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _serves(period: Period, needs: Needs) -> bool:
    return not any(
        needed and value is None
        for needed, value in (
            (needs.volume, period.volume),
            (needs.price, period.price),
            (needs.carbon, period.carbon),
            (needs.renewable, period.renewable),
        )
    )
