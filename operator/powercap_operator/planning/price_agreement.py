"""Says on MarketDays whether another source gives the same prices: condition PricesAgree, on both days. Pure.

Where they do not, one source is wrong or is read wrongly; nobody can tell which from here, so nothing is changed, but
a person is told. Made-up days are not compared.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from powercap_api.marketday import MarketDay
from powercap_api.powerpolicy import Provider
from powercap_api.reasons import ConditionType, MarketDayReason
from powercap_api.schema.model import Condition, condition_on

from ..market.known_days import KnownDays, is_complete, periods_of
from ..market.price_comparison import TOLERANCE, compare_prices
from ..market.results import DayData, Query, build_market_day

RECENT: Final = timedelta(days=2)
"""Delivery days longer ago are not compared any more; what was found stays on them."""


def check_agreement(days: KnownDays, now: datetime) -> dict[str, dict[str, Any]]:
    """New statuses in wire form, by name, of the MarketDays whose PricesAgree has to change."""
    groups: dict[Query, list[MarketDay]] = {}
    for key, day in days.items():
        if key.day >= (now - RECENT).date() and key.provider != Provider.MOCK:
            groups.setdefault(Query(key.market, key.day), []).append(day)
    changed = {}
    for query, group in groups.items():
        priced = _priced(group, query) if len(group) > 1 else {}
        for day in group:
            kept = [old for old in day.status.conditions if old.type != ConditionType.PRICES_AGREE]
            conditions = [*kept, *_agreement(day, priced, now)]
            if conditions != day.status.conditions:
                status = day.status.model_copy(update={"conditions": conditions})
                changed[day.metadata.name] = status.to_wire()
    return changed


def _priced(group: Sequence[MarketDay], query: Query) -> dict[str, DayData]:
    """The days with all of their prices, by name and in order of it."""
    known = {
        day.metadata.name: build_market_day(periods_of(day), query, needs_volume=False)
        for day in sorted(group, key=lambda day: day.metadata.name)
        if is_complete(day)
    }
    return {name: data for name, data in known.items() if data.has_price}


def _agreement(day: MarketDay, priced: dict[str, DayData], now: datetime) -> list[Condition]:
    """The condition PricesAgree, where there is something to compare."""
    own = priced.get(day.metadata.name)
    others = {name: data for name, data in priced.items() if name != day.metadata.name}
    if own is None or not others:
        return []
    apart = {name: found for name in others if (found := compare_prices(own, others[name])).differing}
    if not apart:
        message = f"the prices are those of {', '.join(others)}, to {TOLERANCE} per MWh."
        return [
            condition_on(day, ConditionType.PRICES_AGREE, True, MarketDayReason.PRICES_AGREE, message, now)
        ]
    told = "; ".join(f"{found.message} from those of {name}" for name, found in apart.items())
    message = f"{told}. One source is wrong; policies believe theirs in the order of market.providers."
    return [condition_on(day, ConditionType.PRICES_AGREE, False, MarketDayReason.PRICES_DIFFER, message, now)]
