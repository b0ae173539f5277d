"""The status of a MarketDay: what is known of the day, and what was asked of the source for it. Pure.

Every function gives the whole status, from the one in force: what a fetch did not bring stays as it was, so that a
bad page never replaces a good day.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from statistics import median

from powercap_api.clock import format_time
from powercap_api.conditions import find_condition
from powercap_api.marketday import (
    MarketDay,
    MarketDayStatus,
    MarketFetch,
    MarketPeriod,
    MarketSource,
    MarketSummary,
)
from powercap_api.markets import GridData
from powercap_api.reasons import ConditionType, MarketDayReason
from powercap_api.schema.model import Condition, condition_on

from ..market.errors import DayIncomplete, MarketError
from ..market.known_days import is_complete
from ..market.plausibility import Doubt, mean_over_max, price_correlation
from ..market.results import DayData, Range


def fetch_of(day: MarketDay) -> MarketFetch:
    """What was asked so far; nothing for a day that is new."""
    return day.status.fetch or MarketFetch()


def with_request(
    day: MarketDay, requests: int, next_attempt: datetime | None, now: datetime
) -> MarketDayStatus:
    """A request is about to be made, with which there are ``requests`` in all.

    ``next_attempt`` holds if this process ends before the answer: a crash loop waits too.
    """
    counted = fetch_of(day).model_copy(
        update={"requests": requests, "last_request_at": now, "next_attempt_at": next_attempt}
    )
    status = day.status.model_copy(update={"fetch": counted})
    if status.conditions:
        return status
    message = "the results are being fetched."
    return _with_condition(day, status, None, MarketDayReason.FETCHING, message, now)


def with_failure(
    day: MarketDay, error: MarketError, next_attempt: datetime | None, now: datetime
) -> MarketDayStatus:
    """An attempt did not give the day; what was known of it before stays."""
    fetch = fetch_of(day)
    if is_complete(day):
        lacks_column = fetch.failures > 0
        kept = fetch.model_copy(
            update={
                "failures": fetch.failures + lacks_column,
                "next_attempt_at": next_attempt if lacks_column else None,
                "last_error": error.line,
            }
        )
        return day.status.model_copy(update={"fetch": kept})
    counted = fetch.model_copy(
        update={"failures": fetch.failures + 1, "next_attempt_at": next_attempt, "last_error": error.line}
    )
    status = day.status.model_copy(update={"fetch": counted})
    if next_attempt is None:
        after = "No further attempt will be made."
    else:
        after = f"Next attempt at {format_time(next_attempt)}."
    message = f"{error.line}. {after}"
    return _with_condition(day, status, False, error.told_as, message, now)


def with_results(
    day: MarketDay,
    data: DayData,
    source: MarketSource,
    next_attempt: datetime | None,
    now: datetime,
    doubted: Doubt | None = None,
    recent: Sequence[MarketSummary] = (),
) -> MarketDayStatus:
    """An attempt gave results: all of the day, or what there is of it so far; ``doubted`` is what speaks against it,
    ``recent`` the summaries of days before.

    A day that is there already is not replaced by a part of it.
    """
    if is_complete(day) and not data.usable:
        return with_failure(day, DayIncomplete(data.why), next_attempt, now)
    market = data.query.market
    fetch = fetch_of(day)
    status = day.status.model_copy(
        update={
            "resolution_minutes": market.resolution_minutes,
            "time_zone": market.bidding_zone.day_zone,
            "currency": None if isinstance(market.auction, GridData) else market.bidding_zone.currency,
            "periods": [
                MarketPeriod(
                    start=period.start,
                    volume=_text(period.volume),
                    price=_text(period.price),
                    carbon=_text(period.carbon),
                    renewable=_text(period.renewable),
                    forecast=period.forecast or None,
                )
                for period in data.periods
            ],
            "summary": _summary(data, recent),
            "source": source,
            "fetch": fetch.model_copy(
                update={
                    "failures": 0 if data.complete else fetch.failures + 1,
                    "next_attempt_at": next_attempt,
                    "last_error": None if data.complete else data.why,
                }
            ),
        }
    )
    if data.usable:
        message = f"{data.query}: all {len(data.periods)} periods are there."
        if not data.complete:
            message += f" {data.why[0].upper()}{data.why[1:]}."
        if source.notice is not None:
            message += f" {source.notice}"
        told = [] if doubted is None else [_doubt(day, doubted, next_attempt, now)]
        return _with_condition(day, status, True, MarketDayReason.COMPLETE, message, now, told)
    return _with_condition(day, status, False, MarketDayReason.INCOMPLETE, f"{data.query}: {data.why}.", now)


def _doubt(day: MarketDay, doubted: Doubt, again: datetime | None, now: datetime) -> Condition:
    """The condition Plausible, where something speaks against the day."""
    after = "The source is not asked again." if again is None else f"Asked once more at {format_time(again)}."
    message = f"{doubted.message}: this cannot be right. Used where no other source has the day. {after}"
    return condition_on(day, ConditionType.PLAUSIBLE, False, doubted.reason, message, now)


def with_copy(day: MarketDay, other: MarketDay, now: datetime) -> MarketDayStatus:
    """What another MarketDay of the same market and day knows; results that are here stay where it has none."""
    names = ["resolution_minutes", "time_zone", "currency", "periods", "summary", "source"]
    taken = ["fetch", *(names if other.status.periods else [])]
    status = day.status.model_copy(update={name: getattr(other.status, name) for name in taken})
    new = [
        condition_on(day, one.type, one.holds, one.reason, one.message, now)
        for one in other.status.conditions
        if one.type in (ConditionType.COMPLETE, ConditionType.READY, ConditionType.PLAUSIBLE)
    ]
    return _with_conditions(day, status, new)


def with_refusal(day: MarketDay, error: MarketError, now: datetime) -> MarketDayStatus:
    """What a person gave cannot be used; results that were read before stay in force, and Complete with them."""
    status = day.status.model_copy(
        update={"fetch": fetch_of(day).model_copy(update={"last_error": error.line})}
    )
    complete = find_condition(status.conditions, ConditionType.COMPLETE)
    if complete is None or complete.status != "True":
        message = f"{error.line}. Edit spec.csv."
        return _with_condition(day, status, False, error.told_as, message, now)
    message = f"{error.line}. What was read before stays in force; edit spec.csv."
    ready = condition_on(day, ConditionType.READY, False, error.told_as, message, now)
    return _with_conditions(day, status, [complete, ready])


def _summary(data: DayData, recent: Sequence[MarketSummary]) -> MarketSummary:
    volume, price = data.summary.volume, data.summary.price
    correlation = price_correlation(data.periods)
    shape = mean_over_max([period.volume for period in data.periods if period.volume is not None])
    known = sorted(
        [*(Decimal(one.correlation) for one in recent if one.correlation is not None)]
        + ([] if correlation is None else [Decimal(f"{correlation:.2f}")])
    )
    return MarketSummary(
        periods=data.summary.periods,
        expected_periods=data.summary.expected_periods,
        max_volume=None if volume is None else f"{volume.maximum:f}",
        total_volume=None if volume is None else f"{volume.total:f}",
        mean_price=None if price is None else f"{price.mean:f}",
        volume_range=_span(volume),
        price_range=_span(price),
        carbon_range=_span(data.summary.carbon),
        renewable_range=_span(data.summary.renewable),
        mean_over_max=None if shape is None else f"{shape:.2f}",
        correlation=None if correlation is None else f"{correlation:.2f}",
        median_correlation=f"{median(known):.2f}" if known else None,
        forecasts=sum(period.forecast for period in data.periods) or None,
    )


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _span(values: Range | None) -> str | None:
    return None if values is None else f"{values.minimum:f}..{values.maximum:f}"


def _with_condition(
    day: MarketDay,
    status: MarketDayStatus,
    holds: bool | None,
    reason: MarketDayReason,
    message: str,
    now: datetime,
    more: Sequence[Condition] = (),
) -> MarketDayStatus:
    new = [
        condition_on(day, kind, holds, reason, message, now)
        for kind in (ConditionType.COMPLETE, ConditionType.READY)
    ]
    return _with_conditions(day, status, [*new, *more])


def _with_conditions(day: MarketDay, status: MarketDayStatus, conditions: list[Condition]) -> MarketDayStatus:
    return status.model_copy(
        update={"conditions": conditions, "observed_generation": day.metadata.generation}
    )
