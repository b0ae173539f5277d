"""Which market days to ask the sources for now, one at a time for each source. Pure.

MarketDays of one provider, market and day are one group, whatever their names: asked for once, counted together,
and all given what came.
"""

import random
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from powercap_api.marketday import MarketDay, MarketFetch, MarketSummary
from powercap_api.markets import Market
from powercap_api.powerpolicy import MANUAL, Provider

from ..market.delivery_day import day_of
from ..market.errors import MarketError
from ..market.known_days import DayKey, is_complete, key_of, periods_of, serves
from ..market.needs import Needs
from ..market.publication import DAILY_LIMIT, LAST_CALL_GAP, History, last_call_at, next_attempt
from ..market.results import Period
from .marketday_status import fetch_of
from .wanted_days import query_of

RECENT = timedelta(days=13)
"""Number of days before a day that say what is usual."""


@dataclass(frozen=True, slots=True)
class DayGroup:
    """The MarketDays that stand for one provider, market and day; never empty, none being deleted."""

    key: DayKey
    days: tuple[MarketDay, ...]

    @property
    def first(self) -> MarketDay:
        """The one that knows most: with results, else the one with most requests made."""
        return max(self.days, key=lambda day: (is_complete(day), *_asked(fetch_of(day))))

    @property
    def behind(self) -> tuple[MarketDay, ...]:
        first = self.first
        if is_complete(first):
            return tuple(day for day in self.days if not is_complete(day))
        return tuple(day for day in self.days if day.status.fetch != first.status.fetch)

    @property
    def requests(self) -> int:
        """Requests made for the day so far, for whichever of them."""
        return max(fetch_of(day).requests for day in self.days)


def _asked(fetch: MarketFetch) -> tuple[int, int, float]:
    last = fetch.last_request_at
    return fetch.requests, fetch.failures, 0 if last is None else last.timestamp()


def group_days(days: Iterable[MarketDay]) -> dict[DayKey, DayGroup]:
    """The days that a source can be asked for, by what they stand for."""
    groups: dict[DayKey, list[MarketDay]] = {}
    for day in sorted(days, key=lambda day: day.metadata.name):
        if day.metadata.deletion_timestamp is None and day.spec.provider not in MANUAL:
            groups.setdefault(key_of(day), []).append(day)
    return {key: DayGroup(key, tuple(found)) for key, found in groups.items()}


def next_groups(
    days: Iterable[MarketDay],
    now: datetime,
    free: Callable[[str], bool],
    needs: Mapping[Market, Needs] = MappingProxyType({}),
) -> Mapping[str, DayGroup]:
    """For each provider that is ``free``, the group to attend to now: today and what comes first, then the past.

    ``needs`` says what policies need of each market: a day that lacks another column is not asked for again.
    A group is attended to where it is to be asked for, or where some of its days lack what another knows.
    """
    chosen: dict[str, DayGroup] = {}
    for key, group in sorted(group_days(days).items(), key=lambda item: _urgency(item[0], now)):
        if key.provider in chosen or not free(key.provider):
            continue
        if group.behind or is_due(group.first, now, needs.get(key.market)):
            chosen[key.provider] = group
    return chosen


def _urgency(key: DayKey, now: datetime) -> tuple[bool, int]:
    ahead = (key.day - day_of(now, key.market.bidding_zone.zone)).days
    return ahead < 0, abs(ahead)


def is_due(day: MarketDay, now: datetime, needs: Needs | None = None) -> bool:
    """Whether to ask for the day now; ``needs`` is what policies need of its market, None where none follows it."""
    if is_complete(day):
        return _is_asked_once_more(day, now, needs)
    if day.metadata.deletion_timestamp is not None or day.spec.provider in MANUAL:
        return False
    fetch = day.status.fetch
    if fetch is None or (fetch.requests == 0 and fetch.failures == 0):
        jitter = zlib.crc32(f"{day.metadata.uid}{day.metadata.name}".encode()) / 2**32
        first = next_attempt(query_of(day), now, History(), jitter=jitter)
        return first is not None and first <= now
    if (
        fetch.next_attempt_at is None
    ):  # it was whole, and what was known of it is gone; or nobody is to ask any more
        return fetch.failures == 0 and fetch.requests < DAILY_LIMIT
    return fetch.next_attempt_at <= now


def _is_asked_once_more(day: MarketDay, now: datetime, needs: Needs | None) -> bool:
    """Whether to ask again for a day that is there: it cannot be right, or lacks a column that is needed."""
    fetch = fetch_of(day)
    if fetch.next_attempt_at is None or fetch.next_attempt_at > now:
        return False
    return fetch.failures == 0 or (needs is not None and not serves(day, needs))


def days_before(
    day: MarketDay, known: Mapping[str, MarketDay]
) -> tuple[Sequence[Period], list[MarketSummary]]:
    """The periods of the day before from the same source, and the summaries of the 13 days before that are known."""
    provider, market, date = key_of(day)
    earlier = {
        (date - other.spec.delivery_date).days: other
        for other in known.values()
        if other.spec.provider == provider and other.spec.area == market.area and is_complete(other)
        if key_of(other).market == market and timedelta() < date - other.spec.delivery_date <= RECENT
    }
    summaries = [other.status.summary for other in earlier.values()]
    return periods_of(earlier[1]) if 1 in earlier else [], [one for one in summaries if one is not None]


def once_more(day: MarketDay, now: datetime) -> datetime | None:
    """When to ask again for a day that cannot be right: once, in the last minutes before it begins; None: never."""
    at = last_call_at(query_of(day))
    asked = day.spec.provider == Provider.EPEX or fetch_of(day).requests >= DAILY_LIMIT
    return None if asked or now >= at - LAST_CALL_GAP else at


def after_failure(day: MarketDay, error: MarketError, now: datetime) -> datetime | None:
    """When to ask again after one more failure; None: never."""
    fetch = fetch_of(day)
    asked = fetch.last_request_at or now
    history = History(
        requests=fetch.requests,
        failures=fetch.failures + 1,
        last_request_at=asked,
        patience=error.patience,
        not_before=None if error.retry_after is None else asked + error.retry_after,
    )
    again = next_attempt(query_of(day), now, history, jitter=random.random())  # noqa: S311 - not to ask in step
    return None if again is None else max(again, now + timedelta(seconds=1))


def last_route(days: Mapping[str, MarketDay], provider: str) -> str | None:
    """The way in that worked for the provider's latest day, where there is one."""
    sources = [day.status.source for day in days.values() if day.spec.provider == provider]
    known = [source for source in sources if source is not None]
    return max(known, key=lambda source: source.fetched_at).route if known else None
