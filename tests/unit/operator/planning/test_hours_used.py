"""CheapestHours over the life of a node's budget: never more hours at maxSource than asked for, whatever happens to the
results. Hours are counted from the budgets that a pass would write, as an agent follows them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powercap_api.marketday import MarketDay, MarketSource
from powercap_api.markets import Auction, Market, market_day_name
from powercap_api.powerbudget import PowerBudgetSpec
from powercap_api.powerpolicy import PowerPolicy
from powercap_api.schedule import FULL_SHARE, read_segments
from powercap_operator.market.delivery_day import period_starts
from powercap_operator.market.results import Period, Query, build_market_day
from powercap_operator.planning.decision import decide
from powercap_operator.planning.marketday_status import with_results
from powercap_operator.world.snapshot import BudgetView, KnownSpecs, view_budget
from tests.support.effort import examples
from tests.support.objects import after, make_node, make_policy, make_world, moment, new_day

PARIS = ZoneInfo("Europe/Paris")
DAY = date(2026, 6, 10)
SOURCES = ("ENTSOE", "EnergyCharts")


def priced_day(
    day: date, provider: str, price: Callable[[datetime], int], fetched_at: datetime, minutes: int = 15
) -> MarketDay:
    market = Market("FR", Auction.SDAC, minutes)
    made = new_day(
        day,
        market_day_name(provider, market, day),
        provider=provider,
        auction="SDAC",
        resolutionMinutes=minutes,
    )
    periods = [Period(start, None, Decimal(price(start))) for start in period_starts(day, PARIS, minutes)]
    data = build_market_day(periods, Query(market, day), needs_volume=False)
    return after(
        made, with_results(made, data, MarketSource(fetched_at=fetched_at, route="api"), None, fetched_at)
    )


def policy(minutes: int = 15, **strategy: object) -> PowerPolicy:
    market = {"providers": list(SOURCES), "area": "FR", "auction": "SDAC", "resolutionMinutes": minutes}
    return make_policy(
        maxSource="100", minPower="20", market=market, strategy={"type": "CheapestHours", **strategy}
    )


@dataclass
class Node:
    """One node's budget, as pass after pass writes it."""

    policy: PowerPolicy
    budget: BudgetView | None = None
    specs: KnownSpecs = field(default_factory=KnownSpecs)

    def see(self, days: Sequence[MarketDay], now: datetime) -> None:
        budgets = [] if self.budget is None else [self.budget]
        world = make_world([self.policy], days, [make_node("n1")], budgets)
        for write in decide(world, now, timedelta(days=14), now - timedelta(days=1)).write_budgets:
            body = {"metadata": {"name": "n1", "uid": "u", **write.metadata}, "spec": dict(write.spec)}
            self.budget = view_budget(body, self.specs)

    def is_full(self, now: datetime) -> bool:
        if self.budget is None:
            return False
        spec = PowerBudgetSpec.model_validate(self.budget.spec)
        slots = read_segments([segment.plain() for segment in spec.schedule])
        begun = [slot for slot in slots if slot.start <= now]
        return now < spec.valid_until and bool(begun) and begun[-1].share == FULL_SHARE


def at_night(start: datetime) -> int:
    """Prices of which the eight cheapest hours are about 23:00 to 07:00."""
    return 10 + abs(start.astimezone(PARIS).hour - 3) * 5


EARLY = priced_day(DAY, "EnergyCharts", at_night, moment("2026-06-09T11:20Z"))
FAILED = new_day(
    DAY, market_day_name("ENTSOE", Market("FR", Auction.SDAC), DAY), provider="ENTSOE", auction="SDAC"
)


@pytest.mark.parametrize(
    ("provider", "comes"),
    [("ENTSOE", "2026-06-10T06:10Z"), ("EnergyCharts", "2026-06-10T08:00Z"), ("ENTSOE", "2026-06-10T01:07Z")],
    ids=["a better source comes at 08:10", "deleted and fetched anew at 10:00", "in the night"],
)
def test_the_same_prices_once_more_give_no_hours_more(provider: str, comes: str) -> None:
    node, now, hours = Node(policy(hours=8)), moment("2026-06-09T21:00Z"), Decimal(0)
    late = priced_day(DAY, provider, at_night, moment(comes))
    while now < moment("2026-06-10T22:00Z"):
        known = [EARLY] if now < moment(comes) else [late] if provider == "EnergyCharts" else [EARLY, late]
        node.see(known, now)
        if now >= moment("2026-06-09T22:00Z"):
            hours += Decimal("0.25") * node.is_full(now)
        now += timedelta(minutes=15)
    assert hours == 8


STEP = timedelta(minutes=30)


@st.composite
def histories(draw: st.DrawFn) -> tuple[date, int, dict[str, object], list[tuple[int, str, int]]]:
    """A day, hours, a strategy, and events: at which step which source's results come, go or change."""
    day = draw(st.sampled_from([DAY, date(2026, 3, 29), date(2026, 10, 25)]))
    strategy: dict[str, object] = {"hours": draw(st.integers(1, 12)), "contiguous": draw(st.booleans())}
    if draw(st.booleans()):
        strategy["within"] = {"start": "20:00", "end": "08:00"}
    event = st.tuples(st.integers(0, 95), st.sampled_from(SOURCES), st.integers(0, 6))
    return day, draw(st.integers(0, 5)), strategy, draw(st.lists(event, max_size=4))


@examples(8, 50)
@given(histories())
def test_never_more_hours_than_asked_for(
    history: tuple[date, int, dict[str, object], list[tuple[int, str, int]]],
) -> None:
    """Over two days. Each event gives a source's results other prices, or (0) takes them away; an operator that starts
    anew knows only what the cluster has, as every pass here does."""
    first, seed, strategy, events = history
    following = policy(60, **strategy)
    days = (first, first + timedelta(days=1))
    begin = period_starts(first, PARIS, 60)[0]
    end = period_starts(days[1], PARIS, 60)[-1] + timedelta(hours=1)
    node, used = Node(following), Counter[date]()
    versions = {"ENTSOE": (0, begin), "EnergyCharts": (seed + 1, begin - timedelta(hours=10))}
    for step in range((end - begin) // STEP):
        now = begin + STEP * step + timedelta(minutes=7)
        versions |= {source: (version, now) for at, source, version in events if at == step}
        known = [
            hourly_day(day, source, version, fetched)
            for source, (version, fetched) in versions.items()
            for day in days
            if version
        ]
        node.see(known, now)
        stretch = now.astimezone(PARIS) - timedelta(hours=8 if "within" in strategy else 0)
        used[stretch.date()] += node.is_full(now)
    assert max(used.values()) * STEP <= timedelta(hours=int(str(strategy["hours"])))


@lru_cache
def hourly_day(day: date, source: str, version: int, fetched_at: datetime) -> MarketDay:
    def price(start: datetime) -> int:
        return (int(start.timestamp()) // 3600 * 7919 * version) % 101

    return priced_day(day, source, price, fetched_at, 60)
