"""Policies against no cap and against the flat cap: an independent calculation, and what must hold for any day."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import cycle, islice, pairwise
from math import fsum, inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powercap_api.markets import Auction, Market
from powercap_operator.market.delivery_day import period_starts
from powercap_operator.market.results import Period, Query
from powercap_operator.planning.resolved_policy import ResolvedPolicy, resolve
from powercap_operator.sources.mock import made_up_periods
from powercap_operator.worth.comparison import NoDaysError, PolicyResult, Setting, compare, prepare, ranked
from powercap_operator.worth.curve import Curve, Run, default_curve
from powercap_operator.worth.flat_cap import flat_cap_watts
from powercap_operator.worth.history import History, day_caps, make_history
from powercap_operator.worth.load import FullLoad, Load, read_load
from powercap_operator.worth.node import flows, total
from tests.support import plain_backtest
from tests.support.effort import examples
from tests.support.objects import make_policy

FIRST = date(2025, 10, 20)
DAYS = [FIRST + timedelta(days=step) for step in range(12)]
"""The clocks go back on one of them."""
HOURLY = Market("FR", Auction.SDAC, 60)
STRAIGHT = Curve.of([Run(100, 10, 1000), Run(50, 20, 1000)], "straight")


def policy(strategy: str | dict[str, Any] = "Volume", **spec: Any) -> ResolvedPolicy:
    kind = {"type": strategy} if isinstance(strategy, str) else strategy
    market = {"area": "FR", "auction": "SDAC", "resolutionMinutes": 60}
    return resolve(make_policy(maxSource="140", minPower="40", market=market, **{"strategy": kind, **spec}))


def history_of(days: Sequence[Sequence[tuple[str, str]]]) -> History:
    """Hourly days from volume and price of each hour."""
    read = []
    for day, values in zip(DAYS, days, strict=False):
        starts = period_starts(day, HOURLY.bidding_zone.zone, 60)
        periods = [
            Period(start, Decimal(volume), Decimal(price))
            for start, (volume, price) in zip(starts, values, strict=False)
        ]
        read.append((Query(HOURLY, day), periods))
    return make_history(read, HOURLY)


def made_up() -> History:
    queries = [Query(HOURLY, day) for day in DAYS]
    return make_history([(query, made_up_periods(query)) for query in queries], HOURLY)


def run(
    resolved: ResolvedPolicy,
    history: History,
    *,
    static: float = 70,
    curve: Curve | None = None,
    load: Load | None = None,
) -> tuple[Setting, PolicyResult]:
    setting = prepare(resolved, history, curve or default_curve(), load or FullLoad(140), static)
    return setting, compare(resolved, history, setting)


HOURS = st.tuples(st.integers(1, 900), st.integers(-200, 3000)).map(
    lambda pair: (f"{pair[0]}.5", f"{pair[1] / 10}")
)
SOME_DAYS = st.lists(st.lists(HOURS, min_size=24, max_size=24), min_size=1, max_size=4)


@pytest.mark.parametrize("strategy", ["Volume", "Price"])
@pytest.mark.parametrize("static", [0, 70, 140])
@pytest.mark.parametrize("profile", [None, "time,watts\n00:00,55\n06:00,140\n18:30,90\n"])
def test_a_plain_calculation_comes_to_the_same(strategy: str, static: float, profile: str | None) -> None:
    history = made_up()
    load = read_load(profile, HOURLY.bidding_zone.zone) if profile else FullLoad(140)
    setting, result = run(policy(strategy), history, static=static, load=load)
    rows = [
        plain_backtest.Row(day.toordinal(), 1.0, float(period.price or 0), float(period.volume or 0), watts)
        for day in DAYS
        for period, watts in zip(
            history.priced[day], load.watts([one.start for one in history.priced[day]], 60) or (), strict=True
        )
    ]
    caps = plain_backtest.CAPS[strategy](rows, 140, 40)
    flat = plain_backtest.flat_cap(rows, 140, plain_backtest.sums(rows, caps, 140, 0).work_hours)
    assert result.flat_cap_watts == pytest.approx(flat, rel=1e-9)
    for outcome, these in (
        (result.saturated.policy, caps),
        (result.saturated.uncapped, [1e9] * len(rows)),
        (result.saturated.flat, [flat] * len(rows)),
    ):
        plain = plain_backtest.sums(rows, these, 140, static)
        assert outcome.energy_kwh == pytest.approx(plain.energy_kwh, rel=1e-9)
        assert outcome.cost == pytest.approx(plain.cost, rel=1e-9)
        assert outcome.work_hours == pytest.approx(plain.work_hours, rel=1e-9)
        assert outcome.cost_per_work_hour == pytest.approx(plain.cost_per_work_hour, rel=1e-9)
    worse = 0
    for day in DAYS:
        places = [place for place, row in enumerate(rows) if row.day == day.toordinal()]
        of_day = [rows[place] for place in places]
        ours = plain_backtest.sums(of_day, [caps[place] for place in places], 140, static).cost_per_work_hour
        theirs = plain_backtest.sums(of_day, [flat] * len(of_day), 140, static).cost_per_work_hour
        worse += ours > theirs + 1e-9 * abs(theirs)
    assert sum(result.saturated.worse) == worse
    assert len(setting.days) == len(DAYS)


@examples(10, 100)
@given(SOME_DAYS, st.sampled_from(["Volume", "Solar", "CheapestHours"]), st.sampled_from([0.0, 70.0]))
def test_at_a_constant_price_nothing_is_saved_against_the_flat_cap(
    days: list[list[tuple[str, str]]], strategy: str, static: float
) -> None:
    constant = history_of([[(volume, "50") for volume, _ in day] for day in days])
    _, bent = run(policy(strategy), constant, static=static)
    ours, flat = bent.saturated.policy, bent.saturated.flat
    assert ours.work_hours == pytest.approx(flat.work_hours, rel=1e-9)
    assert ours.cost >= flat.cost * (1 - 1e-9)
    _, straight = run(policy(strategy), constant, static=static, curve=STRAIGHT)
    assert straight.saturated.policy.cost == pytest.approx(straight.saturated.flat.cost, rel=1e-9)
    assert not any(straight.saturated.worse) or static > 0


@examples(10, 100)
@given(SOME_DAYS, st.sampled_from([2, 10, 1000]))
def test_the_scale_of_prices_does_not_change_the_ranking(
    days: list[list[tuple[str, str]]], factor: int
) -> None:
    def order(scale: int) -> list[str]:
        history = history_of(
            [[(volume, f"{Decimal(price) * scale}") for volume, price in day] for day in days]
        )
        results = [run(policy(kind), history)[1] for kind in ("Volume", "Price", "Solar", "Fixed")]
        costs = [result.saturated.policy.cost_per_work_hour or 0 for result in results]
        gaps = [high - low for low, high in pairwise(sorted(costs))]
        return [] if min(gaps) < 1e-9 * max(map(abs, costs)) else [one.strategy for one in ranked(results)]

    assert order(1) == order(factor)


@examples(10, 100)
@given(SOME_DAYS)
def test_energy_is_the_sum_of_power_over_time(days: list[list[tuple[str, str]]]) -> None:
    history = history_of(days)
    resolved = policy("Price")
    setting, result = run(resolved, history)
    caps = [cap for day in setting.days for cap in _caps_of(resolved, history, day)]
    power = flows(setting.curve, caps, setting.periods.loads, 140).power
    exact = fsum((watts + 70) * 1.0 / 1000 for watts in power)
    assert result.saturated.policy.energy_kwh == pytest.approx(exact, rel=1e-12)
    assert result.slack.policy.energy_kwh == pytest.approx(exact - 0.07 * len(caps), rel=1e-9)


def _caps_of(resolved: ResolvedPolicy, history: History, day: date) -> list[float]:
    made = day_caps(resolved, history, day)
    assert made is not None
    return [float("inf") if cap is None else cap / 1e6 for cap in made.caps_uw]


@examples(15, 150)
@given(st.floats(0, 1), st.lists(st.just(0.0) | st.floats(0.5, 200), min_size=1, max_size=30))
def test_the_flat_cap_does_the_same_work(part: float, loads: list[float]) -> None:
    history = made_up()
    setting, _ = run(policy(), history)
    periods = replace(setting.periods, loads=list(islice(cycle(loads), len(setting.periods.loads))))
    full = total(periods, flows(setting.curve, [inf] * len(periods.loads), periods.loads, 140), 0)
    watts = flat_cap_watts(setting.curve, periods, 140, full.work_hours * part)
    assert 0 <= watts <= max(loads)
    capped = flows(setting.curve, [watts] * len(periods.loads), periods.loads, 140)
    assert total(periods, capped, 0).work_hours == pytest.approx(full.work_hours * part, rel=1e-6, abs=1e-9)


def test_a_cap_that_never_binds_changes_nothing() -> None:
    _, result = run(policy({"type": "Fixed", "power": "100"}), made_up(), load=FullLoad(99))
    assert (result.bound, result.highest_load_watts) == (0, 99)
    assert result.lowest_cap_watts == pytest.approx(100, abs=0.01)
    for compared in (result.saturated, result.slack):
        assert compared.policy == compared.uncapped
        assert compared.policy.cost == pytest.approx(compared.flat.cost)
        assert sum(compared.worse) == 0
    assert result.flat_cap_watts == pytest.approx(99)


def test_slack_is_the_same_sum_without_static_power() -> None:
    _, with_static = run(policy("Price"), made_up(), static=70)
    _, without = run(policy("Price"), made_up(), static=0)
    assert with_static.slack.policy == without.saturated.policy == without.slack.policy
    assert with_static.slack.flat == without.saturated.flat
    assert with_static.saturated.policy.cost > with_static.slack.policy.cost


def test_the_tariff_is_what_is_paid() -> None:
    tariff = {"priceFactor": "1", "fees": "100", "taxFactor": "1.2"}
    history = made_up()
    plain, paid = (
        prepare(policy(), history, STRAIGHT, FullLoad(140), 0),
        prepare(policy(tariff=tariff), history, STRAIGHT, FullLoad(140), 0),
    )
    assert paid.periods.prices == pytest.approx([(price + 100) * 1.2 for price in plain.periods.prices])


def test_co2_is_counted_where_every_period_has_it() -> None:
    history = made_up()
    assert run(policy(), history)[1].saturated.policy.co2_kg is None
    known = {
        day: tuple(replace(period, carbon=Decimal(50)) for period in periods)
        for day, periods in history.priced.items()
    }
    outcome = run(policy(), replace(history, priced=known))[1].saturated.policy
    assert outcome.co2_kg == pytest.approx(outcome.energy_kwh * 0.05)
    known[DAYS[0]] = history.priced[DAYS[0]]
    assert run(policy(), replace(history, priced=known))[1].saturated.policy.co2_kg is None


def test_hold_keeps_the_last_cap_over_missing_days() -> None:
    queries = [Query(HOURLY, DAYS[0]), Query(HOURLY, DAYS[3])]
    read = [(query, made_up_periods(query)) for query in queries]
    lame = tuple(
        replace(period, volume=None if place == 0 else period.volume)
        for place, period in enumerate(read[1][1])
    )
    history = make_history([read[0], (queries[1], lame)], HOURLY)
    setting, result = run(policy(fallback={"previousDays": 1, "then": "Hold"}), history)
    assert setting.days == (DAYS[0], DAYS[3])
    assert setting.without_prices == (DAYS[1], DAYS[2])
    assert result.fallback_days == 1
    last_cap = _caps_of(policy(), history, DAYS[0])[-1]
    held = flows(setting.curve, [last_cap] * 24, [140.0] * 24, 140)
    first = flows(setting.curve, _caps_of(policy(), history, DAYS[0]), [140.0] * 24, 140)
    assert result.slack.policy.work_hours == pytest.approx(sum(held.work) + sum(first.work))


def test_days_that_the_load_does_not_tell_are_left_out() -> None:
    trace = "time,watts\n" + "".join(
        f"{start.isoformat()},100\n" for start in period_starts(DAYS[2], HOURLY.bidding_zone.zone, 60)
    )
    load = read_load(trace, HOURLY.bidding_zone.zone)
    setting = prepare(policy(), made_up(), default_curve(), load, 0)
    assert setting.days == (DAYS[2],)
    assert len(setting.without_load) == len(DAYS) - 1


def test_without_days_there_is_nothing_to_compare() -> None:
    with pytest.raises(NoDaysError, match="no day is from 2030-01-01 to the last: those with prices are"):
        prepare(policy(), made_up(), default_curve(), FullLoad(140), 0, first=date(2030, 1, 1))
    with pytest.raises(NoDaysError, match="no day has a price in every period"):
        prepare(policy(), make_history([], HOURLY), default_curve(), FullLoad(140), 0)
    load = read_load("time,watts\n2020-01-01T00:00Z,5\n", HOURLY.bidding_zone.zone)
    with pytest.raises(NoDaysError, match="the load tells none of the days"):
        prepare(policy(), made_up(), default_curve(), load, 0)
