"""Two sources for one market day: what is said on both days, and when nothing is."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from powercap_api.marketday import MarketDay, MarketDayStatus
from powercap_operator.market.known_days import KnownDays
from powercap_operator.planning.price_agreement import check_agreement
from tests.support.objects import make_day, moment

DAY = date(2025, 10, 9)
NOON = moment("2025-10-09T10:00Z")


def priced(provider: str, *, changed: Mapping[int, str] | None = None, **made: Any) -> MarketDay:
    """A day at 50.00 per MWh in every period but the ``changed`` ones."""
    day = make_day(made.pop("day", DAY), provider=provider, **made)
    periods = [
        period.model_copy(update={"price": (changed or {}).get(index, "50.00")})
        for index, period in enumerate(day.status.periods)
    ]
    return day.model_copy(update={"status": day.status.model_copy(update={"periods": periods})})


def checked(days: Iterable[MarketDay]) -> list[MarketDay]:
    """The days with their new statuses."""
    days = list(days)
    found = check_agreement(KnownDays(days), NOON)
    return [
        day.model_copy(update={"status": MarketDayStatus.model_validate(found[day.metadata.name])})
        if day.metadata.name in found
        else day
        for day in days
    ]


def verdicts(days: Iterable[MarketDay]) -> list[tuple[str, str, str]]:
    return [
        (one.status, one.reason, one.message)
        for day in checked(days)
        for one in day.status.conditions
        if one.type == "PricesAgree"
    ]


def test_one_source_alone_is_not_judged() -> None:
    assert check_agreement(KnownDays([priced("EPEX")]), NOON) == {}


def test_equal_prices_are_said_once() -> None:
    days = [priced("EPEX"), priced("EnergyCharts", changed={3: "50.01"})]
    assert verdicts(days) == [
        ("True", "PricesAgree", "the prices are those of energycharts-fr-ida1-2025-10-09, to 0.02 per MWh."),
        ("True", "PricesAgree", "the prices are those of epex-fr-ida1-2025-10-09, to 0.02 per MWh."),
    ]
    assert check_agreement(KnownDays(checked(days)), NOON) == {}


def test_different_prices_are_told_on_both_days() -> None:
    found = verdicts([priced("EPEX"), priced("EnergyCharts", changed={4: "51.20", 5: "44.00"})])
    assert [(status, reason) for status, reason, _ in found] == [("False", "PricesDiffer")] * 2
    assert found[0][2] == (
        "2 of 96 prices of FR IDA1 of 2025-10-09 differ by up to 6.00 EUR/MWh (01:00-01:30)"
        " from those of energycharts-fr-ida1-2025-10-09."
        " One source is wrong; policies believe theirs in the order of market.providers."
    )


def test_what_is_no_longer_so_is_taken_back() -> None:
    days = checked([priced("EPEX"), priced("EnergyCharts", changed={4: "51.20"})])
    assert verdicts(days[:1]) == []
    (alone,) = checked(days[:1])
    assert [one.type for one in alone.status.conditions] == ["Complete"]


def test_days_that_are_not_complete_or_made_up_or_long_past_are_not_judged() -> None:
    other = {"changed": {4: "99.00"}}
    assert verdicts([priced("EPEX"), priced("EnergyCharts", complete=False, **other)]) == []
    assert verdicts([priced("EPEX"), priced("Mock", **other)]) == []
    past = DAY - timedelta(days=9)
    assert verdicts([priced("EPEX", day=past), priced("EnergyCharts", day=past, **other)]) == []
    assert verdicts([priced("EPEX"), priced("EnergyCharts", day=DAY - timedelta(days=1), **other)]) == []
