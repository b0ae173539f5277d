"""The default rule, from results to the budget that an agent reads, by numbers worked out by hand.

power = volume / largest volume of the day x maxSource, never under minPower, and yesterday's where today's is missing.
"""

from datetime import date, datetime, timedelta

import pytest

from powercap_agent.schedule.budget import read_budget
from powercap_agent.schedule.directive import directive_at
from powercap_operator.planning.decision import decide
from tests.support.objects import in_vain, make_day, make_node, make_policy, make_world, moment

TODAY = date(2025, 10, 9)
MIDNIGHT = moment("2025-10-08T22:00Z")
"""Of today in France."""
HAND = (
    # (volume in MWh, of at most 1,200; microwatts with maxSource 40 and minPower 10)
    ("1200", 40_000_000),
    ("900", 30_000_000),
    ("600", 20_000_000),
    ("450", 15_000_000),
    ("300", 10_000_000),
    ("150", 10_000_000),
    ("0", 10_000_000),
    ("1140", 38_000_000),
)
VOLUMES = [HAND[place % len(HAND)][0] for place in range(96)]
CAPS_UW = [HAND[place % len(HAND)][1] for place in range(96)]
STEP_UW = 40_000
"""A share is told in thousandths of maxSource at least, and never above what the rule gives."""


def caps_uw(day: date, now: datetime) -> list[int | None]:
    """What the agent of a node asks of its packages in each quarter of today."""
    policy = make_policy(maxSource="40", minPower="10")
    days = [make_day(day, VOLUMES), *([] if day == TODAY else [in_vain(TODAY)])]
    world = make_world([policy], days, [make_node("a")])
    (write,) = decide(world, now, timedelta(days=14)).write_budgets
    budget = read_budget({"metadata": {"name": "a", "uid": "u", "generation": 1}, "spec": dict(write.spec)})
    quarters = (MIDNIGHT + place * timedelta(minutes=15) for place in range(96))
    return [directive_at(budget, quarter).cap_uw for quarter in quarters]


@pytest.mark.parametrize("day", [TODAY, TODAY - timedelta(days=1)], ids=["today's", "yesterday's"])
def test_a_day_of_results_is_a_day_of_caps(day: date) -> None:
    found = caps_uw(day, moment("2025-10-08T22:07Z"))
    assert [
        cap is not None and 0 <= wanted - cap < STEP_UW for cap, wanted in zip(found, CAPS_UW, strict=True)
    ] == ([True] * 96), found[:8]
