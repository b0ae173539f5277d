"""Days of results and the caps of them: the operator's own, also where days are missing and clocks change."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from powercap_api.markets import Auction, GridData, Market
from powercap_operator.market.delivery_day import day_bounds
from powercap_operator.market.results import Period, Query
from powercap_operator.planning.budget_spec import plan
from powercap_operator.planning.resolved_policy import ResolvedPolicy, resolve
from powercap_operator.sources.mock import made_up_periods
from powercap_operator.worth.history import PROVIDER, History, day_caps, make_history
from tests.support.objects import make_policy
from tests.unit.operator.strategies.test_strategies import EVERY_STRATEGY

WATT = 1_000_000
ORDINARY, AUTUMN, SPRING = date(2025, 10, 9), date(2025, 10, 26), date(2026, 3, 29)
DAY = timedelta(days=1)


def policy(auction: Auction = Auction.SDAC, minutes: int = 15, **spec: Any) -> ResolvedPolicy:
    market = {"area": "FR", "auction": auction, "resolutionMinutes": minutes}
    return resolve(make_policy(maxSource="140", minPower="40", market=market, **spec))


def query(day: date, auction: Auction | GridData = Auction.SDAC, minutes: int = 15) -> Query:
    return Query(Market("FR", auction, minutes), day)


def made_up(days: Sequence[date], auction: Auction = Auction.SDAC, minutes: int = 15) -> History:
    """The days' results, and the grid's data of the same days."""
    queries = [query(day, of, minutes) for day in days for of in (auction, *GridData)]
    return make_history([(one, made_up_periods(one)) for one in queries], queries[0].market)


def caps(resolved: ResolvedPolicy, history: History, day: date) -> list[int | None]:
    found = day_caps(resolved, history, day)
    assert found is not None
    return list(found.caps_uw)


def planned(resolved: ResolvedPolicy, history: History, day: date) -> list[int]:
    """What the operator asks for on that day, by what it knows at the end of it."""
    begin, end = day_bounds(day, resolved.zone)
    resolved = replace(resolved, request=replace(resolved.request, providers=(PROVIDER,)))
    periods = plan(resolved, history.known, end - timedelta(minutes=1)).periods
    return [period.cap_uw for period in periods if begin <= period.start < end]


NEIGHBOURS = {
    "type": "CheapestHours",
    "hours": 5,
    "contiguous": True,
    "within": {"start": "20:00", "end": "08:00"},
}
"""A strategy that looks at the days around too."""


@pytest.mark.parametrize(
    ("strategy", "day", "minutes"),
    [
        *((strategy, ORDINARY, 15) for strategy in EVERY_STRATEGY),
        *((strategy, day, 15) for strategy in ({"type": "Volume"}, NEIGHBOURS) for day in (AUTUMN, SPRING)),
        *((strategy, AUTUMN, 60) for strategy in ({"type": "Volume"}, NEIGHBOURS)),
    ],
    ids=str,
)
def test_caps_are_those_of_the_operators_plan(strategy: dict[str, Any], day: date, minutes: int) -> None:
    history = made_up([day - DAY, day, day + DAY], minutes=minutes)
    resolved = policy(minutes=minutes, strategy=strategy)
    found = caps(resolved, history, day)
    assert found == planned(resolved, history, day)
    assert len(found) == {ORDINARY: 24, AUTUMN: 25, SPRING: 23}[day] * 60 // minutes


def test_a_missing_day_takes_the_day_before_as_the_operator_does() -> None:
    history = made_up([AUTUMN - DAY, AUTUMN + DAY])
    resolved = policy()
    found = day_caps(resolved, history, AUTUMN)
    assert found is not None
    assert found.source_day == AUTUMN - DAY
    assert list(found.caps_uw) == planned(resolved, history, AUTUMN)
    assert len(found.caps_uw) == 100
    assert AUTUMN not in history.priced


@pytest.mark.parametrize(("then", "expected"), [("MinPower", 40 * WATT), ("Release", None)])
def test_without_any_results_the_fallback_says_what_holds(then: str, expected: int | None) -> None:
    history = made_up([ORDINARY])
    resolved = policy(fallback={"previousDays": 0, "then": then})
    assert caps(resolved, history, ORDINARY + DAY) == [expected] * 96


def test_hold_keeps_what_held_before() -> None:
    resolved = policy(fallback={"previousDays": 0, "then": "Hold"})
    assert day_caps(resolved, made_up([ORDINARY]), ORDINARY + DAY) is None


def test_a_day_without_some_volumes_has_prices_and_another_days_caps() -> None:
    whole = [(query(day), made_up_periods(query(day))) for day in (ORDINARY - DAY, ORDINARY)]
    lame = tuple(
        replace(period, volume=None if place == 7 else period.volume)
        for place, period in enumerate(whole[1][1])
    )
    history = make_history([whole[0], (query(ORDINARY), lame)], query(ORDINARY).market)
    assert list(history.priced) == [ORDINARY - DAY, ORDINARY]
    found = day_caps(policy(), history, ORDINARY)
    assert found is not None
    assert found.source_day == ORDINARY - DAY
    assert list(found.caps_uw) == planned(policy(), history, ORDINARY)


@pytest.mark.parametrize("lost", ["period", "price"])
def test_a_day_that_lacks_a_period_or_a_price_cannot_be_billed(lost: str) -> None:
    def damaged(periods: tuple[Period, ...]) -> tuple[Period, ...]:
        return periods[1:] if lost == "period" else (replace(periods[0], price=None), *periods[1:])

    read = [(query(ORDINARY), damaged(made_up_periods(query(ORDINARY))))]
    assert list(make_history(read, query(ORDINARY).market).priced) == []


def test_of_two_files_for_a_day_the_complete_one_counts() -> None:
    whole = made_up_periods(query(ORDINARY))
    for read in ([whole[1:], whole], [whole, whole[1:]]):
        history = make_history([(query(ORDINARY), one) for one in read], query(ORDINARY).market)
        assert history.priced[ORDINARY] == whole


def test_an_auction_of_half_the_day_counts_from_when_its_results_came() -> None:
    ida2, ida3 = query(ORDINARY, Auction.IDA2), query(ORDINARY, Auction.IDA3)
    before = query(ORDINARY - DAY, Auction.IDA2)
    read = [(one, made_up_periods(one)) for one in (before, ida2, ida3)]
    history = make_history(read, ida3.market)
    resolved = policy(Auction.IDA3, strategy={"type": "Price"})
    found = caps(resolved, history, ORDINARY)
    early = caps(
        policy(Auction.IDA2, strategy={"type": "Price"}), make_history(read[:2], ida2.market), ORDINARY
    )
    assert found[:42] == early[:42], "until half past ten"
    assert found[42:] == planned(resolved, history, ORDINARY)[42:]
    assert found[42:] != early[42:]
    assert [period.price for period in history.priced[ORDINARY][48:]] == [
        period.price for period in made_up_periods(ida3)
    ], "what is paid in the afternoon is the later auction's price"


def test_carbon_beside_prices_is_a_day_of_the_grid_too() -> None:
    """Files may have carbon in a column of an auction's day, or in a day of its own, which counts before the column."""
    of_grid = made_up_periods(query(ORDINARY, GridData.CARBON))
    both = [
        replace(period, carbon=grid.carbon, forecast=True)
        for period, grid in zip(made_up_periods(query(ORDINARY)), of_grid, strict=True)
    ]
    columns = make_history([(query(ORDINARY), both)], query(ORDINARY).market)
    files = make_history(
        [(query(ORDINARY), made_up_periods(query(ORDINARY))), (query(ORDINARY, GridData.CARBON), of_grid)],
        query(ORDINARY).market,
    )
    resolved = policy(strategy={"type": "Carbon"})
    assert caps(resolved, columns, ORDINARY) == caps(resolved, files, ORDINARY)
    for history in (columns, files):
        assert [one.carbon for one in history.priced[ORDINARY]] == [one.carbon for one in of_grid]
        assert all(one.price is not None for one in history.priced[ORDINARY])
