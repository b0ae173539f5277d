"""Jobs of the past: what was known when, what became of them, and their sums."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from powercap_api.markets import Auction, GridData, Market
from powercap_api.waitpolicy import WaitPolicySpec
from powercap_operator.market.results import Period, Query
from powercap_operator.planning.jobs.rule import Rule
from powercap_operator.worth.waiting import Job, PastDays, by_month, sums, wait

HOUR = timedelta(hours=1)
FIRST = datetime(2025, 10, 5, tzinfo=UTC) - 2 * HOUR
"""Midnight of 5 October 2025 in Paris."""


def rule(**spec: object) -> Rule:
    market = {"area": "FR", "auction": "SDAC", "resolutionMinutes": 60}
    return Rule.of(WaitPolicySpec.model_validate({"market": market, "leastSavingPercent": 0, **spec}))


def day(place: int, prices: Sequence[float], auction: Auction = Auction.SDAC) -> tuple[Query, list[Period]]:
    """A day of 24 hours with these prices from midnight in Paris on, the last again and again."""
    start = FIRST + 24 * place * HOUR
    values = [*prices, *[prices[-1]] * (24 - len(prices))]
    periods = [
        Period(start + number * HOUR, None, Decimal(str(price))) for number, price in enumerate(values)
    ]
    return Query(Market("FR", auction, 60), date(2025, 10, 5) + timedelta(days=place)), periods


def at(hour: float, place: int = 0) -> datetime:
    return FIRST + 24 * place * HOUR + hour * HOUR


SUNDAY = day(0, [50] * 20 + [40, 45, 45, 60])
MONDAY = day(1, [10, 10, 80])


@pytest.mark.parametrize(
    ("submitted", "hours", "wait_hours", "started", "waiting"),
    [
        pytest.param(at(8), 1, 12, at(20), 40, id="tomorrow is too far"),
        pytest.param(at(8), 1, 24, at(0, 1), 10, id="put off again when tomorrow is known"),
        pytest.param(at(13), 2, 24, at(0, 1), 10, id="known from 13:00"),
        pytest.param(at(22), 4, 2, at(22), 31.25, id="no later start is cheaper"),
        pytest.param(at(8), 1, 0, at(8), 50, id="no wait"),
    ],
)
def test_what_becomes_of_a_job(
    submitted: datetime, hours: float, wait_hours: float, started: datetime, waiting: float
) -> None:
    plain = rule()
    found = wait(Job(submitted, hours * HOUR, wait_hours * HOUR), PastDays([SUNDAY, MONDAY], plain), plain)
    assert found is not None
    assert (found.started, float(found.waiting), found.dearer) == (started, waiting, False)


def test_a_start_that_came_before_the_better_hours_were_known() -> None:
    plain = rule()
    early = wait(Job(at(12), HOUR, 13 * HOUR), PastDays([day(0, [5]), MONDAY, day(2, [1])], plain), plain)
    assert early is not None
    assert (early.started, float(early.waiting), float(early.best)) == (at(12), 5, 5)
    late = wait(Job(at(12), HOUR, 13 * HOUR), PastDays([day(0, [50] * 12 + [20]), MONDAY], plain), plain)
    assert late is not None
    assert (late.started, float(late.waiting), float(late.best)) == (at(12), 20, 10)


def test_a_job_whose_results_are_missing_is_left_out() -> None:
    plain = rule()
    assert wait(Job(at(22, 1), 4 * HOUR, HOUR), PastDays([SUNDAY, MONDAY], plain), plain) is None


def test_the_policy_bounds_the_wait() -> None:
    short = rule(maxWait="2h")
    found = wait(Job(at(17), HOUR, 12 * HOUR), PastDays([SUNDAY], short), short)
    assert found is not None
    assert found.started == at(17)


def test_fees_belong_to_the_price() -> None:
    taxed = rule(tariff={"fees": "60", "taxFactor": "2"})
    found = wait(Job(at(8), HOUR, 12 * HOUR), PastDays([SUNDAY], taxed), taxed)
    assert found is not None
    assert (float(found.at_once), float(found.waiting)) == (220, 200)


def test_more_renewable_power_is_better() -> None:
    green = rule(signal="Renewable")
    query, _ = SUNDAY
    shares = [Decimal(20)] * 12 + [Decimal(70)] * 12
    periods = [Period(at(number), renewable=share) for number, share in enumerate(shares)]
    days = PastDays([(Query(Market("FR", GridData.RENEWABLE, 60), query.delivery_day), periods)], green)
    found = wait(Job(at(8), HOUR, 12 * HOUR), days, green)
    assert found is not None
    assert (found.started, float(green.shown(found.at_once)), float(green.shown(found.waiting))) == (
        at(12),
        20,
        70,
    )


def test_the_afternoon_auction_changes_what_is_known() -> None:
    half = Rule.of(
        WaitPolicySpec.model_validate(
            {"market": {"area": "FR", "auction": "IDA3", "resolutionMinutes": 60}, "leastSavingPercent": 0}
        )
    )
    morning = day(0, [50] * 18 + [20, 50, 50, 50, 50, 50], Auction.IDA2)
    query, periods = day(0, [0] * 12 + [50] * 9 + [30, 50, 50], Auction.IDA3)
    days = PastDays([morning, (query, periods[12:])], half)
    found = wait(Job(at(9), HOUR, 14 * HOUR), days, half)
    assert found is not None
    assert (found.started, float(found.at_once), float(found.waiting)) == (at(21), 50, 30)


def test_sums_are_weighted_by_hours() -> None:
    plain = rule()
    days = PastDays([SUNDAY, MONDAY], plain)
    jobs = [Job(at(8), HOUR, 12 * HOUR), Job(at(20), 3 * HOUR, 0 * HOUR)]
    waited = [one for job in jobs if (one := wait(job, days, plain)) is not None]
    found = sums(waited)
    assert (found.jobs, found.hours, found.dearer_than_at_once) == (2, 4, 0)
    assert found.at_once == (50 + 40 + 45 + 45) / Decimal(4)
    assert found.waiting == (40 + 40 + 45 + 45) / Decimal(4)
    assert found.mean_delay_hours == 6
    assert list(by_month(waited, plain)) == ["2025-10"]
