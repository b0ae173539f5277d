"""What the page shows of a market: volume and price of today and tomorrow, and how the days came or did not. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from powercap_api.conditions import find_condition
from powercap_api.marketday import MarketDay
from powercap_api.markets import BIDDING_ZONES, Market
from powercap_api.reasons import ConditionType
from powercap_api.schedule import Span

from ..market.delivery_day import day_bounds, day_of
from ..market.known_days import DayKey, KnownDays, is_complete, periods_of
from ..market.results import Period
from .chart import Axis, Chart, Step, bar_chart, extent_of
from .wording import Tone, clock


@dataclass(frozen=True, slots=True)
class DayLine:
    """How a day's results stand."""

    day: str
    text: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class MarketView:
    """One market as one source gives it."""

    name: str
    source: str
    zone: str
    values: tuple[str, ...]
    """What holds now, with units, what matters most first."""
    days: tuple[DayLine, ...]
    charts: tuple[tuple[str, Chart], ...]
    """What is drawn, with its unit, and the chart of it."""


def market_views(days: KnownDays, now: datetime) -> tuple[MarketView, ...]:
    """Every market of which today or tomorrow is known or wanted, in order of names."""
    markets: dict[tuple[str, Market], list[MarketDay]] = {}
    for key, day in days.items():
        today = day_of(now, key.market.bidding_zone.zone)
        if key.day in {today, today + timedelta(days=1)}:
            markets.setdefault((key.provider, key.market), []).append(day)
    return tuple(
        _view(provider, market, days, now)
        for provider, market in sorted(markets, key=lambda one: (str(one[1]), one[0]))
    )


def _view(provider: str, market: Market, known: KnownDays, now: datetime) -> MarketView:
    zone = market.bidding_zone
    today = day_of(now, zone.zone)
    found = {
        word: known[DayKey(provider, market, day)]
        for word, day in (("today", today), ("tomorrow", today + timedelta(days=1)))
        if DayKey(provider, market, day) in known
    }
    periods = [period for day in found.values() for period in periods_of(day)]
    length = timedelta(minutes=market.resolution_minutes)
    current = next((one for one in periods if one.start <= now < one.start + length), None)
    start, end = day_bounds(today, zone.zone)
    if any(period.start >= end for period in periods):
        end = day_bounds(today + timedelta(days=1), zone.zone)[1]
    return MarketView(
        name=str(market),
        source=provider,
        zone=zone.day_zone,
        values=() if current is None else _values(current, zone.currency),
        days=tuple(_line(word, day, now) for word, day in found.items()),
        charts=_charts(market, periods, Axis(start, end, zone.zone), now),
    )


def _values(period: Period, currency: str) -> tuple[str, ...]:
    said = (
        (period.price, f"{currency}/MWh"),
        (period.volume, "MWh traded"),
        (period.carbon, "g CO2/kWh"),
        (period.renewable, "% renewable"),
    )
    return tuple(f"{value:,f} {unit}" for value, unit in said if value is not None)


def _line(word: str, day: MarketDay, now: datetime) -> DayLine:
    zone = day_zone(day)
    status, source, fetch = day.status, day.status.source, day.status.fetch
    if is_complete(day):
        how = "" if source is None else f", by {source.route}, fetched {clock(source.fetched_at, zone, now)}"
        return DayLine(word, f"complete{how}", Tone.GOOD)
    complete = find_condition(status.conditions, ConditionType.COMPLETE)
    sentences = ["not asked for yet" if complete is None else complete.message]
    if fetch is not None and fetch.last_error and fetch.last_error not in sentences[0]:
        sentences.append(fetch.last_error)
    if fetch is not None and fetch.next_attempt_at is not None:
        if fetch.last_error:
            sentences = [fetch.last_error]  # the condition's message tells the next attempt too, in UTC
        sentences.append(f"Asked again at {clock(fetch.next_attempt_at, zone, now)}.")
    tone = Tone.WARN if fetch is not None and fetch.failures else Tone.QUIET
    return DayLine(word, " ".join(sentences), tone)


def day_zone(day: MarketDay) -> ZoneInfo:
    return BIDDING_ZONES[day.spec.area].zone


def _charts(
    market: Market, periods: Sequence[Period], axis: Axis, now: datetime
) -> tuple[tuple[str, Chart], ...]:
    currency = market.bidding_zone.currency
    wanted: tuple[tuple[str, str, Callable[[Period], Decimal | None]], ...] = (
        ("Volume", "MWh", lambda period: period.volume),
        ("Price", f"{currency}/MWh", lambda period: period.price),
        ("Carbon intensity", "g/kWh", lambda period: period.carbon),
        ("Renewable share", "%", lambda period: period.renewable),
    )
    charts = []
    for what, unit, value_of in wanted:
        steps = _steps(market, periods, unit, value_of, now)
        if steps:
            label = f"{what} of {market}, {unit}"
            charts.append((f"{what}, {unit}", bar_chart(label, steps, axis, now, *extent_of(steps))))
    return tuple(charts)


def _steps(
    market: Market,
    periods: Sequence[Period],
    unit: str,
    value_of: Callable[[Period], Decimal | None],
    now: datetime,
) -> list[Span[Step]]:
    length, zone = timedelta(minutes=market.resolution_minutes), market.bidding_zone.zone
    steps = []
    for period in periods:
        value = value_of(period)
        if value is not None:
            end = period.start + length
            times = f"{clock(period.start, zone, now)} to {end.astimezone(zone):%H:%M}"
            steps.append(Span(period.start, end, Step(float(value), f"{times}: {value:,f} {unit}")))
    return steps
