"""Days of results and plans as JSON, for scripts: every moment is in UTC, so that nobody has to know a clock. Pure.

    {"market": "GB IDA1 30min", "day": "2025-12-18", "zone": "Europe/Paris", "currency": "GBP", "periods": [
      {"start": "2025-12-17T23:00:00Z", "minutes": 30, "volume": 100.0, "price": 83.85}, ...]}

``day`` is the delivery day on the clock of ``zone``. Volumes are MWh, prices the currency per MWh, null where there is
none; carbon intensity in g CO2eq/kWh, renewable power in percent and ``forecast`` stand where they are known.
"""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from powercap_api.clock import format_time
from powercap_api.markets import Market
from powercap_api.units import MICROWATTS_PER_WATT
from powercap_operator.market.results import Period, Query

from .plan_chart import DayPlan


def results_json(query: Query, periods: Sequence[Period]) -> str:
    minutes = query.market.resolution_minutes
    return _text(
        query.market,
        query.delivery_day.isoformat(),
        query.market.bidding_zone.currency,
        [{"start": format_time(period.start), "minutes": minutes, **_values(period)} for period in periods],
    )


def plan_json(planned: DayPlan) -> str:
    """A day of caps: for each market period, cut where an override begins or ends, ``cap`` in ``unit`` and ``why``.

    ``unit`` is W, or % of what a node's own limits add up to; ``cap`` is null where the original limits are in force.
    """
    policy, results = planned.policy, planned.results
    starts = [period.start for period in results.periods]
    periods = []
    for first, end, slot in planned.slots.spans():
        begins = [first, *(start for start in starts if first < start < end)]
        for begin, until in zip(begins, [*begins[1:], end], strict=True):
            cap = None if slot.released else slot.cap_uw / MICROWATTS_PER_WATT
            periods.append(
                {
                    "start": format_time(begin),
                    "minutes": _whole((until - begin).total_seconds() / 60),
                    "volume": _number(slot.volume),
                    "price": _number(slot.price),
                    "cap": cap,
                    "why": slot.why,
                }
            )
    unit = "%" if policy.limits.in_percent else "W"
    return _text(policy.market, results.day.isoformat(), results.currency, periods, unit=unit)


def _text(market: Market, day: str, currency: str | None, periods: list[dict[str, Any]], **more: str) -> str:
    head = {"market": str(market), "day": day, "zone": market.bidding_zone.day_zone, "currency": currency}
    return json.dumps({**head, **more, "periods": periods}, indent=2, ensure_ascii=False) + "\n"


def _values(period: Period) -> dict[str, Any]:
    grid = {"carbon": period.carbon, "renewable": period.renewable}
    values = {"volume": _number(period.volume), "price": _number(period.price)}
    values |= {name: _number(value) for name, value in grid.items() if value is not None}
    return {**values, "forecast": True} if period.forecast else values


def _number(value: Decimal | str | None) -> float | None:
    return None if value is None else float(value)


def _whole(minutes: float) -> float:
    return int(minutes) if minutes.is_integer() else minutes
