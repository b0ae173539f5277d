"""Slots from policies and market days: tables for what people expect, properties for what must always hold."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from powercap_api.markets import Auction, Market
from powercap_api.powerbudget import PowerBudgetSpec
from powercap_api.reasons import PolicyReason
from powercap_api.schedule import Slot, read_segments
from powercap_operator.market.delivery_day import day_bounds, period_starts
from powercap_operator.market.known_days import KnownDays
from powercap_operator.planning.budget_spec import budget_spec, plan
from powercap_operator.planning.resolved_policy import resolve
from tests.support.objects import make_day, make_policy, moment, volumes_like

DAY = date(2025, 10, 9)
NEXT = DAY + timedelta(days=1)
NOON = moment("2025-10-09T10:00Z")
PARIS = ZoneInfo("Europe/Paris")
WATT = 1_000_000


def slots(spec: dict[str, Any]) -> list[Slot]:
    """The schedule as the agent reads it."""
    return read_segments([segment.plain() for segment in PowerBudgetSpec.model_validate(spec).schedule])


def test_the_rule_it_grew_from() -> None:
    volumes = ["108.1", "68.2", "54.05", "5", *["108.1"] * 92]
    planned = plan(resolve(make_policy()), KnownDays([make_day(DAY, volumes)]), NOON)
    first = planned.periods[:4]
    assert [slot.cap_uw for slot in first] == [40 * WATT, 25_236_000, 20 * WATT, 10 * WATT]
    assert [slot.why for slot in first] == [
        "108.1 MWh of 108.1 MWh: 100 % of 40 W",
        "68.2 MWh of 108.1 MWh: 63 % of 40 W",
        "54.05 MWh of 108.1 MWh: 50 % of 40 W",
        "5 MWh of 108.1 MWh: 5 % of 40 W, raised to minPower 10 W",
    ]


def test_percentages_are_shares_of_each_node() -> None:
    volumes = ["100", "50", "5", *["100"] * 93]
    resolved = resolve(make_policy(maxSource="80%", minPower="20%"))
    planned = plan(resolved, KnownDays([make_day(DAY, volumes)]), NOON)
    assert [slot.why for slot in planned.periods[:3]] == [
        "100 MWh of 100 MWh: 100 % of maxSource 80 %",
        "50 MWh of 100 MWh: 50 % of maxSource 80 %",
        "5 MWh of 100 MWh: 5 % of maxSource 80 %, raised to minPower 20 %",
    ]
    spec = budget_spec(resolved, planned, None, NOON)
    assert (spec["maxSourcePercent"], spec["minPowerPercent"]) == (80, 20)
    assert not {"maxSourceMicrowatts", "minPowerMicrowatts"} & set(spec)
    assert [slot.share for slot in slots(spec)] == [10_000, 5_000, 2_500, 10_000]


def test_a_floor_in_watts_under_a_percentage_is_the_agents_to_apply() -> None:
    resolved = resolve(make_policy(maxSource="80%", minPower="10"))
    planned = plan(resolved, KnownDays([make_day(DAY, ["100", "5"] * 48)]), NOON)
    assert [slot.share for slot in planned.periods[:2]] == [10_000, 500]
    spec = budget_spec(resolved, planned, None, NOON)
    assert (spec["maxSourcePercent"], spec["minPowerMicrowatts"]) == (80, 10 * WATT)


def test_percentages_are_watts_on_a_node_that_is_known() -> None:
    resolved = resolve(make_policy(maxSource="80%", minPower="10"), 200 * WATT)
    planned = plan(resolved, KnownDays([make_day(DAY, ["100", "5"] * 48)]), NOON)
    assert [slot.cap_uw for slot in planned.periods[:2]] == [160 * WATT, 10 * WATT]
    assert planned.periods[0].why == "100 MWh of 100 MWh: 100 % of 160 W"


@pytest.mark.parametrize(
    ("strategy", "share", "why"),
    [
        ({"type": "Fixed", "power": "40%"}, 5_000, "fixed: 40 %"),
        ({"type": "Fixed"}, 10_000, "fixed: maxSource 80 %"),
        (
            {"type": "Schedule", "windows": [{"start": "00:00", "end": "24:00", "power": "20%"}]},
            2_500,
            "window daily 00:00–24:00: 20 %",
        ),
    ],
)
def test_strategies_name_powers_in_percent(strategy: dict[str, Any], share: int, why: str) -> None:
    policy = make_policy(maxSource="80%", strategy=strategy)
    period = plan(resolve(policy), KnownDays([make_day(DAY)]), NOON).periods[0]
    assert (period.share, period.why) == (share, why)


@pytest.mark.parametrize(
    "spec",
    [
        {"maxSource": "80%", "strategy": {"type": "Fixed", "power": "40"}},
        {"maxSource": "80", "strategy": {"type": "Fixed", "power": "40%"}},
        {
            "maxSource": "80",
            "strategy": {"type": "Schedule", "windows": [{"start": "01:00", "end": "02:00", "power": "9%"}]},
        },
        {
            "maxSource": "80",
            "strategy": {
                "type": "Schedule",
                "windows": [{"start": "01:00", "end": "02:00", "power": "9"}],
                "otherwise": {"type": "Fixed", "power": "40%"},
            },
        },
    ],
)
def test_a_strategys_power_has_the_form_of_max_source(spec: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="in watts where maxSource is in watts"):
        make_policy(**spec)


def test_average_is_cut_off_at_max_source() -> None:
    volumes = ["10", "30"] * 48
    policy = make_policy(strategy={"type": "Volume", "reference": "Average"})
    periods = plan(resolve(policy), KnownDays([make_day(DAY, volumes)]), NOON).periods
    assert [slot.cap_uw for slot in periods[:2]] == [20 * WATT, 40 * WATT]
    assert periods[1].why == "30 MWh of 20 MWh: 150 % of 40 W, cut off at maxSource 40 W"


def test_a_day_without_any_volume_divides_by_nothing() -> None:
    periods = plan(resolve(make_policy()), KnownDays([make_day(DAY, ["0.0"] * 96)]), NOON).periods
    assert {slot.cap_uw for slot in periods} == {10 * WATT}


def test_another_zones_slots_are_no_record_of_this_zones() -> None:
    """An area edited at noon: the morning would stand there under the new zone's currency."""
    london = Market("GB", Auction.SDAC, 60)
    old = make_policy(market={"area": "GB", "auction": "SDAC", "resolutionMinutes": 60})
    days = KnownDays([make_day(DAY, market=london), make_day(DAY)])
    before = budget_spec(resolve(old), plan(resolve(old), days, NOON), None, NOON)
    new = make_policy()
    spec = budget_spec(resolve(new), plan(resolve(new), days, NOON), before, NOON)
    assert spec == budget_spec(resolve(new), plan(resolve(new), days, NOON), None, NOON)
    assert {slot.basis for slot in slots(spec)} == {"FR IDA1 of 2025-10-09: Volume"}


def test_equal_neighbours_become_one_slot() -> None:
    spec = budget_spec(
        resolve(make_policy()),
        plan(resolve(make_policy()), KnownDays([make_day(DAY, ["50"] * 96)]), NOON),
        None,
        NOON,
    )
    assert [(slot.start, slot.share) for slot in slots(spec)] == [(moment("2025-10-08T22:00Z"), 10_000)]
    assert spec["validUntil"] == "2025-10-09T22:00:00Z"


@pytest.mark.parametrize(
    ("day", "quarters"), [(date(2025, 10, 26), 100), (date(2026, 3, 29), 92), (date(2025, 10, 9), 96)]
)
def test_every_quarter_of_a_delivery_day_has_its_slot(day: date, quarters: int) -> None:
    begin, end = day_bounds(day, PARIS)
    planned = plan(resolve(make_policy()), KnownDays([make_day(day)]), begin + timedelta(hours=1))
    assert len(planned.periods) == quarters
    assert planned.periods[0].start == begin
    assert planned.periods.until == end


def test_tomorrow_is_planned_as_soon_as_it_is_known() -> None:
    days = KnownDays([make_day(DAY), make_day(NEXT, seed=1)])
    planned = plan(resolve(make_policy()), days, NOON)
    assert len(planned.periods) == 192
    assert planned.market_days == ("epex-fr-ida1-2025-10-09", "epex-fr-ida1-2025-10-10")
    assert planned.periods.until == moment("2025-10-10T22:00Z")


def test_yesterday_stands_in_by_local_time() -> None:
    yesterday = make_day(DAY - timedelta(days=1), volumes_like(96, seed=3))
    planned = plan(resolve(make_policy()), KnownDays([yesterday]), NOON)
    assert planned.data == PolicyReason.FALLBACK
    assert planned.data_day == DAY - timedelta(days=1)
    assert [slot.volume for slot in planned.periods] == volumes_like(96, seed=3)
    assert planned.periods[0].start == moment("2025-10-08T22:00Z")
    assert str(planned.periods[0].why).endswith("(results of 2025-10-08)")


@pytest.mark.parametrize(
    "today", [date(2025, 10, 26), date(2025, 10, 27), date(2026, 3, 29), date(2026, 3, 30)]
)
def test_stand_ins_keep_local_time_across_clock_changes(today: date) -> None:
    yesterday = today - timedelta(days=1)
    zone = PARIS
    starts = period_starts(yesterday, zone, 15)
    local_times = [str(start.astimezone(zone).hour * 100 + start.astimezone(zone).minute) for start in starts]
    now = day_bounds(today, zone)[0] + timedelta(hours=5)
    planned = plan(resolve(make_policy()), KnownDays([make_day(yesterday, local_times)]), now)
    assert len(planned.periods) == len(period_starts(today, zone, 15))
    for slot in planned.periods:
        local = slot.start.astimezone(zone)
        known = {int(text) for text in local_times}
        wanted = local.hour * 100 + local.minute
        assert int(str(slot.volume)) == (wanted if wanted in known else wanted + 100)


@pytest.mark.parametrize(("back", "found"), [(0, False), (1, False), (2, True), (7, True)])
def test_no_stand_in_is_older_than_allowed(back: int, found: bool) -> None:
    days = KnownDays([make_day(DAY - timedelta(days=2))])
    planned = plan(resolve(make_policy(fallback={"previousDays": back})), days, NOON)
    assert (planned.data == PolicyReason.FALLBACK) is found


def test_without_data_the_last_known_day_is_over_and_expiry_decides() -> None:
    days = KnownDays([make_day(DAY - timedelta(days=3))])
    policy = make_policy(fallback={"previousDays": 1, "then": "Hold"})
    planned = plan(resolve(policy), days, NOON)
    assert planned.data == PolicyReason.MISSING
    spec = budget_spec(resolve(policy), planned, None, NOON)
    assert spec["validUntil"] == "2025-10-06T22:00:00Z"
    assert spec["onExpiry"] == "Hold"
    assert slots(spec)[-1].start == moment("2025-10-06T21:45Z")


def test_without_any_data_ever_the_budget_is_empty_and_over() -> None:
    spec = budget_spec(resolve(make_policy()), plan(resolve(make_policy()), KnownDays([]), NOON), None, NOON)
    assert spec["schedule"] == []
    assert spec["validUntil"] == "2025-10-08T22:00:00Z"
    assert spec["onExpiry"] == "MinPower"


def test_an_incomplete_day_is_not_used() -> None:
    days = KnownDays([make_day(DAY, complete=False), make_day(DAY - timedelta(days=1))])
    assert plan(resolve(make_policy()), days, NOON).data == PolicyReason.FALLBACK


def test_midnight_alone_writes_nothing() -> None:
    """The API sees one write a day: the budget with both days is right before and after midnight."""
    policy = make_policy()
    days = KnownDays([make_day(DAY), make_day(NEXT, seed=1)])
    evening = moment("2025-10-09T20:00Z")
    written = budget_spec(resolve(policy), plan(resolve(policy), days, evening), None, evening)
    for later in ("2025-10-09T21:59Z", "2025-10-09T22:00Z", "2025-10-10T05:07Z", "2025-10-10T21:29Z"):
        now = moment(later)
        assert budget_spec(resolve(policy), plan(resolve(policy), days, now), written, now) == written, later


def test_what_is_over_stays_and_what_holds_now_changes_at_once() -> None:
    days = KnownDays([make_day(DAY)])
    before = budget_spec(resolve(make_policy()), plan(resolve(make_policy()), days, NOON), None, NOON)
    now = NOON + timedelta(minutes=7)
    raised = make_policy(maxSource="80")
    after = budget_spec(resolve(raised), plan(resolve(raised), days, now), before, now)
    assert slots(after) == slots(before), "a share of the largest volume is the same share of any maxSource"
    assert (before["maxSourceMicrowatts"], after["maxSourceMicrowatts"]) == (40 * WATT, 80 * WATT)
    fixed = make_policy(strategy={"type": "Fixed", "power": "10"})
    after = budget_spec(resolve(fixed), plan(resolve(fixed), days, now), before, now)
    over = [slot for slot in slots(before) if slot.start < NOON]
    assert slots(after) == [*over, Slot(NOON, 2500, "FR: Fixed")]


def test_todays_results_replace_a_stand_in_from_the_running_period_on() -> None:
    policy = make_policy()
    yesterday = make_day(DAY - timedelta(days=1), seed=2)
    early = moment("2025-10-09T00:30Z")
    days = KnownDays([yesterday])
    before = budget_spec(resolve(policy), plan(resolve(policy), days, early), None, early)
    days = KnownDays([yesterday, make_day(DAY, seed=5)])
    after = budget_spec(resolve(policy), plan(resolve(policy), days, NOON), before, NOON)
    for slot in slots(after):
        source = "2025-10-08" if slot.start < NOON else "2025-10-09"
        assert slot.basis == f"FR IDA1 of {source}: Volume"


volumes = st.decimals(min_value=-10, max_value=10_000, places=1, allow_nan=False, allow_infinity=False)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(volumes, min_size=96, max_size=96),
    st.integers(1, 500),
    st.integers(1, 500),
    st.sampled_from(["Max", "Average"]),
    st.integers(0, 24 * 60 - 1),
)
def test_caps_are_always_within_bounds_and_monotone(
    day_volumes: list[Any], low: int, high: int, reference: str, minute: int
) -> None:
    low, high = sorted((low, high))
    policy = make_policy(maxSource=str(high), minPower=str(low), strategy={"reference": reference})
    now: datetime = day_bounds(DAY, PARIS)[0] + timedelta(minutes=minute)
    periods = plan(
        resolve(policy), KnownDays([make_day(DAY, [str(volume) for volume in day_volumes])]), now
    ).periods[:96]
    assert all(low * WATT <= slot.cap_uw <= high * WATT for slot in periods)
    by_volume = sorted(zip(day_volumes, periods, strict=True), key=lambda pair: pair[0])
    ordered = [slot.cap_uw for _, slot in by_volume]
    assert ordered == sorted(ordered)
    if reference == "Max" and max(day_volumes) > 0:
        assert max(ordered) == high * WATT


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 47 * 60), st.integers(0, 47 * 60))
def test_computing_again_changes_nothing(first: int, second: int) -> None:
    """Level-triggered: at any time, from the budget of any earlier time, the answer is a fixed point."""
    policy = make_policy()
    days = KnownDays([make_day(DAY), make_day(NEXT, seed=1)])
    begin = day_bounds(DAY, PARIS)[0]
    early, late = (begin + timedelta(minutes=minute) for minute in sorted((first, second)))
    once = budget_spec(resolve(policy), plan(resolve(policy), days, early), None, early)
    twice = budget_spec(resolve(policy), plan(resolve(policy), days, late), once, late)
    assert budget_spec(resolve(policy), plan(resolve(policy), days, late), twice, late) == twice
