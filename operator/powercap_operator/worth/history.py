"""Days of results as the operator would have had them, and the caps that it would have made of them. Pure.

Nothing here decides: MarketDays are made by ``marketday_status``, which results stand for a day is said by
``fallback``, and caps are the plan's. A day that is not whole is missing to a strategy that needs what it lacks.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from powercap_api.marketday import MarketDay, MarketSource
from powercap_api.markets import GridData, Market, market_day_name
from powercap_api.names import API_VERSION, MARKET_DAY
from powercap_api.reasons import Fallback

from ..market.delivery_day import period_starts
from ..market.fallback import find_results
from ..market.known_days import DayResults, KnownDays, ResultsRequest, layers
from ..market.publication import results_expected_at
from ..market.results import DayData, Period, Query, build_market_day, is_half_day, merge
from ..planning.budget_spec import plan_periods
from ..planning.marketday_status import with_results
from ..planning.resolved_policy import ResolvedPolicy

PROVIDER: Final = "EPEX"
"""Where files come from does not matter here: all of them are one source."""


@dataclass(frozen=True, slots=True)
class History:
    """Days of results of one market."""

    known: KnownDays
    early: KnownDays
    """Without auctions of half the day: what is known before their results come."""
    priced: Mapping[date, tuple[Period, ...]]
    """The periods of each day that has a price in all of them, in order."""


@dataclass(frozen=True, slots=True)
class DayCaps:
    """What a policy made of one day."""

    caps_uw: tuple[int | None, ...]
    """The cap of each period; None: the node's original limits."""
    source_day: date | None
    """The delivery day whose results gave the caps; None: there were none."""


def make_history(read: Iterable[tuple[Query, Sequence[Period]]], market: Market) -> History:
    """The days in what was read, each with the problems that the operator would find.

    Of several results for one day of one auction, the first that is complete counts, else the first.
    """
    found: dict[Query, DayData] = {}
    for query, periods in read:
        has_volume = any(period.volume is not None for period in periods)
        data = build_market_day(periods, query, needs_volume=has_volume)
        if query not in found or (data.complete and not found[query].complete):
            found[query] = data
    for query, data in list(found.items()):
        _add_grid_data(found, query, data)
    objects = {query: _market_day(data) for query, data in found.items()}
    days = sorted({query.delivery_day for query in found})
    priced = {day: _periods_with_prices(found, market, day) for day in days}
    return History(
        known=KnownDays(objects.values()),
        early=KnownDays(one for query, one in objects.items() if not is_half_day(query.market)),
        priced={day: periods for day, periods in priced.items() if periods},
    )


def day_caps(resolved: ResolvedPolicy, history: History, day: date) -> DayCaps | None:
    """The caps that hold on the day; None where there are no results and what held before stays (Hold)."""
    request = replace(resolved.request, providers=(PROVIDER,), beside=None)
    back = resolved.policy.spec.fallback.previous_days
    results = find_results(request, history.known, day, back)
    if results is None:
        return _without_results(resolved, day)
    caps = _caps(resolved, history.known, request, results)
    if request.needs.market and is_half_day(request.market):
        came = results_expected_at(Query(request.market, day))
        morning = find_results(request, history.early, day, back)
        if morning is not None:
            early = _caps(resolved, history.early, request, morning)
            caps = [
                before if period.start < came else cap
                for before, cap, period in zip(early, caps, results.periods, strict=True)
            ]
    return DayCaps(tuple(caps), results.source_day)


def _caps(
    resolved: ResolvedPolicy, known: KnownDays, request: ResultsRequest, results: DayResults
) -> list[int]:
    around = [results]
    if request.needs.market:
        beside = (known.own_results(request, results.day + timedelta(days=step)) for step in (-1, 1))
        around += [own for own in beside if own is not None]
    return [period.cap_uw for period in plan_periods(resolved, results, around)]


def _without_results(resolved: ResolvedPolicy, day: date) -> DayCaps | None:
    then = resolved.policy.spec.fallback.then
    if then == Fallback.HOLD:
        return None
    count = len(period_starts(day, resolved.zone, resolved.market.resolution_minutes))
    cap = resolved.limits.min_uw if then == Fallback.MIN_POWER else None
    return DayCaps((cap,) * count, None)


def _periods_with_prices(found: Mapping[Query, DayData], market: Market, day: date) -> tuple[Period, ...]:
    """The day's periods, later auctions over earlier ones; none where one of them has no price."""
    periods: tuple[Period, ...] = ()
    for layer in layers(market):
        data = found.get(Query(layer, day))
        periods = merge(periods, () if data is None else data.periods)
    carbon = found.get(Query(_grid_market(market, GridData.CARBON), day))
    known = {period.start: period.carbon for period in (() if carbon is None else carbon.periods)}
    periods = tuple(replace(period, carbon=period.carbon or known.get(period.start)) for period in periods)
    starts = period_starts(day, market.bidding_zone.zone, market.resolution_minutes)
    whole = tuple(period.start for period in periods) == starts
    return periods if whole and all(period.price is not None for period in periods) else ()


def _add_grid_data(found: dict[Query, DayData], query: Query, data: DayData) -> None:
    """Days of grid data from the columns of an auction's day; a day that was read as such counts before them."""
    for kind, has in (
        (GridData.CARBON, data.summary.carbon is not None),
        (GridData.RENEWABLE, data.summary.renewable is not None),
    ):
        grid = Query(_grid_market(query.market, kind), query.delivery_day)
        if has and grid not in found:
            found[grid] = build_market_day(data.periods, grid)


def _grid_market(market: Market, kind: GridData) -> Market:
    return Market(market.area, kind, market.resolution_minutes)


def _market_day(data: DayData) -> MarketDay:
    """The object that the operator would have made, at the time at which results are published."""
    query = data.query
    market, published = query.market, results_expected_at(query)
    empty = MarketDay.from_wire(
        {
            "apiVersion": API_VERSION,
            "kind": MARKET_DAY,
            "metadata": {"name": market_day_name(PROVIDER, market, query.delivery_day), "uid": ""},
            "spec": {
                "provider": PROVIDER,
                "area": market.area,
                "auction": market.auction,
                "resolutionMinutes": market.resolution_minutes,
                "deliveryDate": query.delivery_day.isoformat(),
            },
        }
    )
    source = MarketSource(fetched_at=published, route="file")
    return empty.model_copy(update={"status": with_results(empty, data, source, None, published)})
