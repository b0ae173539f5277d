"""Policies that follow the grid, or have its carbon intensity beside what they follow."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from powercap_api.clock import format_time
from powercap_api.marketday import MarketDay, MarketSource
from powercap_api.markets import GridData, Market, market_day_name
from powercap_api.powerpolicy import PowerPolicy
from powercap_operator.market.errors import NotPublished
from powercap_operator.market.known_days import KnownDays, periods_of
from powercap_operator.market.results import Period, Query, build_market_day
from powercap_operator.planning.budget_spec import plan
from powercap_operator.planning.decision import decide
from powercap_operator.planning.marketday_status import with_failure, with_results
from powercap_operator.planning.resolved_policy import resolve
from powercap_operator.planning.static_days import read_static_day
from powercap_operator.sources.mock import made_up_periods
from tests.support.objects import after, make_day, make_node, make_policy, make_world, moment, new_day

DAY = date(2025, 10, 9)
NOON = moment("2025-10-09T10:00Z")
EVENING = moment("2025-10-09T18:00Z")  # 20:00
KEEP = timedelta(days=14)
CARBON = {"type": "Carbon"}


def grid_day(
    data: GridData, day: date = DAY, provider: str = "EnergyCharts", periods: Sequence[Period] | None = None
) -> MarketDay:
    query = Query(Market("FR", data), day)
    new = new_day(day, market_day_name(provider, query.market, day), provider=provider, auction=data)
    found = build_market_day(made_up_periods(query) if periods is None else periods, query)
    return after(new, with_results(new, found, MarketSource(fetched_at=NOON, route="api"), None, NOON))


def wanted(policy: PowerPolicy, days: Sequence[MarketDay] = (), now: Any = NOON) -> list[str]:
    return sorted(decide(make_world([policy], days, [make_node("node-1")]), now, KEEP).create_days)


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ({"strategy": CARBON}, ["energycharts-fr-carbon-2025-10-09"]),
        ({"strategy": {"type": "Renewable"}}, ["energycharts-fr-renewable-2025-10-09"]),
        (
            {"strategy": CARBON, "market": {"area": "GB", "resolutionMinutes": 30}},
            ["carbonintensity-gb-carbon-30min-2025-10-09"],
        ),
        ({"strategy": CARBON, "market": {"carbonProviders": ["ENTSOE"]}}, ["entsoe-fr-carbon-2025-10-09"]),
        ({}, ["epex-fr-ida1-2025-10-09"]),
        (
            {"market": {"carbonProviders": ["EnergyCharts"]}},
            ["energycharts-fr-carbon-2025-10-09", "epex-fr-ida1-2025-10-09"],
        ),
        (
            {"strategy": {"type": "Solar"}, "market": {"carbonProviders": ["EnergyCharts"]}},
            ["energycharts-fr-carbon-2025-10-09"],
        ),
        ({"strategy": {"type": "Solar"}}, []),
    ],
)
def test_only_what_a_policy_follows_or_names_is_asked_for(spec: dict[str, Any], names: list[str]) -> None:
    assert wanted(make_policy(**spec)) == names


def test_tomorrow_is_asked_for_once_forecasts_are_published() -> None:
    today = grid_day(GridData.CARBON)
    policy = make_policy(strategy=CARBON)
    assert wanted(policy, [today], moment("2025-10-09T16:10Z")) == []
    assert wanted(policy, [today], moment("2025-10-09T16:16Z")) == ["energycharts-fr-carbon-2025-10-10"]


def test_the_next_source_is_asked_where_one_fails() -> None:
    first = new_day(DAY, "energycharts-fr-carbon-2025-10-09", provider="EnergyCharts", auction="Carbon")
    failed = after(first, with_failure(first, NotPublished("not there"), None, NOON))
    policy = make_policy(strategy=CARBON, market={"carbonProviders": ["EnergyCharts", "ENTSOE"]})
    assert wanted(policy, [failed]) == ["entsoe-fr-carbon-2025-10-09"]


def test_renewable_passes_over_a_source_without_shares_and_says_so() -> None:
    market = {"area": "GB", "resolutionMinutes": 30, "carbonProviders": ["CarbonIntensity"]}
    policy = make_policy(strategy={"type": "Renewable"}, market=market)
    assert wanted(policy) == ["carbonintensity-gb-carbon-30min-2025-10-09"]  # beside, as it is named
    decision = decide(make_world([policy], (), [make_node("node-1")]), NOON, KEEP)
    (told,) = [
        one for one in decision.policy_statuses["default"]["conditions"] if one["type"] == "MarketData"
    ]
    assert (
        "CarbonIntensity is not asked: it has no shares of renewable power, which strategy Renewable needs."
        in (told["message"])
    )


def test_a_policy_follows_the_grids_day() -> None:
    resolved = resolve(make_policy(strategy=CARBON))
    planned = plan(resolved, KnownDays([grid_day(GridData.CARBON), make_day(DAY)]), NOON)
    assert planned.market_days == ("energycharts-fr-carbon-2025-10-09",)
    assert {period.basis for period in planned.periods} == {"FR Carbon of 2025-10-09: Carbon"}
    cleanest = min(planned.periods, key=lambda period: float(period.carbon or 0))
    assert cleanest.cap_uw == resolved.limits.max_uw
    assert "(forecast)" in cleanest.why


def test_an_earlier_days_carbon_stands_in() -> None:
    yesterday = grid_day(GridData.CARBON, DAY - timedelta(days=1))
    tried = new_day(DAY, "energycharts-fr-carbon-2025-10-09", provider="EnergyCharts", auction="Carbon")
    failed = after(tried, with_failure(tried, NotPublished("not there"), None, NOON))
    planned = plan(resolve(make_policy(strategy=CARBON)), KnownDays([yesterday, failed]), NOON)
    assert (planned.data, planned.data_day) == ("Fallback", DAY - timedelta(days=1))
    assert all(period.carbon is not None for period in planned.periods)


def test_carbon_stands_beside_what_is_followed_and_nothing_waits_for_it() -> None:
    policy = make_policy(market={"carbonProviders": ["EnergyCharts"]})
    alone = plan(resolve(policy), KnownDays([make_day(DAY)]), NOON)
    both = plan(resolve(policy), KnownDays([make_day(DAY), grid_day(GridData.CARBON)]), NOON)
    assert [period.cap_uw for period in both.periods] == [period.cap_uw for period in alone.periods]
    assert {period.carbon for period in alone.periods} == {None}
    assert all(period.carbon and period.forecast and period.volume for period in both.periods)
    assert both.market_days == ("epex-fr-ida1-2025-10-09", "energycharts-fr-carbon-2025-10-09")


def test_the_status_tells_forecasts_from_measured_values() -> None:
    measured = [
        Period(period.start, carbon=period.carbon)
        for period in made_up_periods(Query(Market("FR", GridData.CARBON), DAY))
    ]
    for periods, words in ((None, " g/kWh (forecast)"), (measured, " g/kWh")):
        day = grid_day(GridData.CARBON, periods=periods)
        world = make_world([make_policy(strategy=CARBON)], [day], [make_node("node-1")])
        current = decide(world, NOON, KEEP).policy_statuses["default"]["current"]
        assert current["carbon"].lstrip("0123456789.") == words
        assert day.status.summary is not None
        assert day.status.summary.forecasts == (96 if periods is None else None)


def test_a_person_gives_carbon_as_csv() -> None:
    csv = "Period,Carbon (gCO2eq/kWh)\n" + "".join(
        f"{hour:02}:{quarter:02}-{hour + (quarter == 45):02}:{(quarter + 15) % 60:02},{20 + hour}\n"
        for hour in range(24)
        for quarter in (0, 15, 30, 45)
    )
    made = new_day(DAY, provider="Static", auction="Carbon", csv=csv)
    day = after(made, read_static_day(made, NOON))
    policy = make_policy(strategy=CARBON, market={"carbonProviders": ["Static"]})
    planned = plan(resolve(policy), KnownDays([day]), NOON)
    assert planned.data == "Current"
    assert planned.periods[0].carbon == "20"
    assert not planned.periods[0].forecast


def test_a_market_day_stays_small() -> None:
    """Of a day of quarters, with forecasts marked, no more than of one with volumes and prices."""
    auction = len(make_day(DAY).model_dump_json(by_alias=True, exclude_none=True))
    for data in GridData:
        size = len(grid_day(data).model_dump_json(by_alias=True, exclude_none=True))
        assert size < 10_000
        assert size < auction * 1.25


def test_periods_are_stored_and_read_back_the_same() -> None:
    day = grid_day(GridData.RENEWABLE)
    (first, *_) = day.to_wire()["status"]["periods"]
    assert first == {
        "start": format_time(moment("2025-10-08T22:00Z")),
        "renewable": first["renewable"],
        "forecast": True,
    }
    assert tuple(periods_of(day)) == made_up_periods(Query(Market("FR", GridData.RENEWABLE), DAY))
