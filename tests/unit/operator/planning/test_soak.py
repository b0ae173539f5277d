"""Months of delivery days with late and wrong pages, outages, restarts and edits: nothing runs dry or piles up."""

import gc
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from dev.lab.judge import changed_past, gap, overlap
from powercap_operator.market.publication import DAILY_LIMIT
from tests.support.objects import make_node, make_policy, moment
from tests.support.simulated_cluster import HISTORY, MoodySource, SimulatedCluster

HOURLY = {"auction": "IDA1", "resolutionMinutes": 60}
"""Periods of an hour: four times as quick to work out as quarters, and the same in everything else."""
BEGIN = moment("2025-02-01T05:00Z")
LOOKS = (0, 115, 420, 815, 1000, 1290, 1410)
"""Minutes of each day, in UTC, at which a pass is made: around midnight, the auctions, and between."""
GROWTH_OBJECTS = 2_000
"""Objects that Python keeps track of; all of a run's past would be some hundred thousand."""


def assert_followed(cluster: SimulatedCluster, now: datetime) -> None:
    """Each node has a slot now, and will have until the next look; a suspended one has its originals."""
    for name, view in cluster.budgets.items():
        assert not overlap(view.spec), f"{name} at {now}"
        assert not gap(view.spec, now, now + timedelta(hours=5), timedelta(hours=5)), f"{name} at {now}"


def edit(cluster: SimulatedCluster, chance: Random) -> None:
    name = chance.choice(sorted(cluster.policies))
    change: dict[str, Any] = chance.choice(
        (
            {"maxSource": str(chance.randint(60, 200))},
            {"minPower": str(chance.randint(5, 50))},
            {"strategy": {"type": chance.choice(("Volume", "Price", "Solar"))}},
            {"suspend": chance.random() < 0.2},
            {"stabilisationSeconds": chance.randint(60, 600)},
        )
    )
    cluster.edit(name, **change)


@pytest.mark.parametrize("days", [60, pytest.param(400, marks=pytest.mark.long)])
def test_delivery_days_pass(days: int) -> None:
    chance = Random(400)
    source = MoodySource(chance)
    policies = [
        make_policy(maxSource="140", market=HOURLY, fallback={"previousDays": 7}),
        make_policy(
            "batch",
            maxSource="90",
            priority=1,
            nodeSelector={"pool": "batch"},
            market=HOURLY,
            fallback={"previousDays": 7},
        ),
    ]
    nodes = [make_node("a"), make_node("b", pool="batch")]
    cluster = SimulatedCluster(policies, nodes, source)
    restarts = edits = 0
    sizes = []
    for day in range(days):
        down_until = None
        if chance.random() < 0.1:  # the operator is away for some hours of this day, never over midnight
            down_until = BEGIN + timedelta(days=day, hours=chance.uniform(1, 4))
        for name, policy in list(cluster.policies.items()):
            if (
                policy.spec.suspend
            ):  # for the rest of a day: without a policy that follows it no day is asked for
                cluster.edit(name, suspend=False)
        for minutes in LOOKS:
            now = BEGIN + timedelta(days=day, minutes=minutes)
            if down_until is not None and now < down_until:
                continue
            if chance.random() < 0.05:
                cluster.restart()
                restarts += 1
            if chance.random() < 0.06:
                edit(cluster, chance)
                edits += 1
            before = {name: view.spec for name, view in cluster.budgets.items()}
            cluster.settle(now)
            for name, view in cluster.budgets.items():
                if name in before and before[name] != view.spec:
                    assert not changed_past(before[name], view.spec, now, timedelta(hours=1)), name
            if day:
                assert_followed(cluster, now)
        assert set(cluster.budgets) == set(cluster.nodes)
        assert len(cluster.days) <= HISTORY.days + 6, sorted(cluster.days)
        if day in (days // 3, days - 1):
            gc.collect()
            sizes.append(len(gc.get_objects()))
    assert max(source.requests.values()) <= DAILY_LIMIT
    assert source.requests.total() < 3 * days
    assert sizes[1] - sizes[0] < GROWTH_OBJECTS, sizes
    assert len(source.requests) > 0.95 * days
    assert len(source.troubles) == 5 or days < 400
    assert min(restarts, edits, *source.troubles.values()) >= max(days // 40, 1)
    assert cluster.writes["budgets"] < 5 * days * len(nodes)
