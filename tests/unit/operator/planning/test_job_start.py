"""When a job that can wait is started: by hand, and against every second's cost summed one by one."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from powercap_operator.planning.job_start import CostCurve, CostPeriod

MIDNIGHT = datetime(2025, 10, 5, tzinfo=UTC)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def curve(*prices: str | None, step: timedelta = timedelta(hours=1)) -> CostCurve:
    """Prices from midnight on; None is a gap."""
    return CostCurve(
        CostPeriod(MIDNIGHT + step * place, MIDNIGHT + step * (place + 1), Decimal(price))
        for place, price in enumerate(prices)
        if price is not None
    )


@pytest.mark.parametrize(
    ("prices", "now", "wait", "duration", "saving", "start"),
    [
        pytest.param(["50", "40", "30", "60"], 0, 3, 1, "0", 2, id="cheapest"),
        pytest.param(["50", "30", "30", "60"], 0, 3, 1, "0", 1, id="earliest of equals"),
        pytest.param(["50", "40", "30", "10"], 0, 2, 1, "0", 2, id="no later than the wait"),
        pytest.param(["50", "40", "30", "10"], 0, 3, 2, "0", 2, id="the whole run"),
        pytest.param(["50", "40", "10"], 0, 5, 2, "0", 1, id="only what is known"),
        pytest.param(["50"], 0, 5, 2, "0", 0, id="nothing is known for so long"),
        pytest.param([None, "10", "20"], 0, 2, 1, "0", 0, id="nothing is known of now"),
        pytest.param(["50", "10", None, "20"], 0, 4, 2, "0", 0, id="no run over a gap"),
        pytest.param(["50", "49", "48.5", "60"], 0, 3, 1, "0.05", 0, id="too little is saved"),
        pytest.param(["50", "41", "40", "60"], 0, 3, 1, "0.05", 1, id="not put off further for little"),
        pytest.param(["-10", "-20", "-5"], 0, 2, 1, "0.5", 1, id="below 0, lower is cheaper"),
        pytest.param(["50", "20", "20", "50"], 0, 3, 1.5, "0", 1, id="between two periods"),
        pytest.param(["50", "40", "0", "60"], 0, 3, 1.5, "0", 1.5, id="ends with the cheap period"),
        pytest.param(["50", "10"], 0, 0, 1, "0", 0, id="no wait"),
    ],
)
def test_the_start_of_a_job(
    prices: list[str | None], now: float, wait: float, duration: float, saving: str, start: float
) -> None:
    begin = MIDNIGHT + hours(now)
    found = curve(*prices).best_start(begin, begin + hours(wait), hours(duration), Decimal(saving))
    assert found == MIDNIGHT + hours(start)


def test_the_mean_counts_parts_of_periods() -> None:
    assert curve("10", "40").mean(MIDNIGHT + hours(0.5), hours(1)) == 25


MINUTE = timedelta(minutes=1)
QUARTER = 15


class Plan(NamedTuple):
    """A question in minutes after midnight, and the prices of the quarters from then on."""

    prices: list[int | None]
    now: int
    wait: int
    duration: int
    saving: Fraction

    def known(self) -> CostCurve:
        prices = (None if price is None else str(price) for price in self.prices)
        return curve(*prices, step=QUARTER * MINUTE)

    def start(self, now: int) -> int:
        """The minute that is chosen when asked at ``now``."""
        saving = Decimal(self.saving.numerator) / self.saving.denominator
        latest = MIDNIGHT + (self.now + self.wait) * MINUTE
        found = self.known().best_start(MIDNIGHT + now * MINUTE, latest, self.duration * MINUTE, saving)
        return (found - MIDNIGHT) // MINUTE

    def costs(self) -> dict[int, Fraction]:
        """The cost of every start on a whole minute whose run is known, summed minute by minute."""
        minutes = [price for price in self.prices for _ in range(QUARTER)]
        found = {}
        for start in range(len(minutes) - self.duration + 1):
            run = [price for price in minutes[start : start + self.duration] if price is not None]
            if len(run) == self.duration:
                found[start] = Fraction(sum(run), self.duration)
        return found


PLANS = st.builds(
    Plan,
    prices=st.lists(st.one_of(st.none(), st.integers(-50, 200)), min_size=1, max_size=12),
    now=st.integers(0, 90),
    wait=st.integers(0, 150),
    duration=st.integers(1, 60),
    saving=st.sampled_from([Fraction(0), Fraction(1, 100), Fraction(1, 5)]),
)


@settings(max_examples=300)
@given(PLANS)
def test_no_start_on_a_whole_minute_is_better(plan: Plan) -> None:
    costs, start, latest = plan.costs(), plan.start(plan.now), plan.now + plan.wait
    assert plan.now <= start <= latest
    if plan.now not in costs:
        assert start == plan.now
        return
    allowed = {begin: cost for begin, cost in costs.items() if plan.now <= begin <= latest}
    least = min(allowed.values())
    if start > plan.now:
        assert costs[plan.now] - least > plan.saving * abs(costs[plan.now])
    rest = min(cost for begin, cost in allowed.items() if begin >= start)
    assert costs[start] - rest <= plan.saving * abs(costs[start])
    if not plan.saving:
        assert start == min(begin for begin, cost in allowed.items() if cost == least)


@settings(max_examples=200)
@given(PLANS, st.integers(0, 150))
def test_asked_again_before_it_the_start_is_no_later(plan: Plan, later: int) -> None:
    start, again = plan.start(plan.now), plan.now + later
    if again < start and again in plan.costs():
        assert plan.start(again) <= start
        if not plan.saving:
            assert plan.start(again) == start
