"""Market days: what an auction gave for a day, whether that is all of it, and what it comes to. Pure.

Volumes are in MWh per period, prices in the bidding zone's currency per MWh; both are Decimals that keep the
digits the source printed, and None where the source prints "-". Periods are keyed by their start in UTC.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Final

from powercap_api.markets import GridData, Market

from . import delivery_day


@dataclass(frozen=True, slots=True)
class Query:
    """One auction's results for one delivery day."""

    market: Market
    delivery_day: date

    def __str__(self) -> str:
        """As people say it: ``FR IDA1 of 2025-10-09``."""
        return f"{self.market} of {self.delivery_day}"


@dataclass(frozen=True, slots=True)
class Period:
    """One market time unit."""

    start: datetime
    """Begin, in UTC."""
    volume: Decimal | None = None
    """MWh traded in the period; None where the source gives none."""
    price: Decimal | None = None
    """Currency per MWh; may be negative; None where the source gives none."""
    carbon: Decimal | None = None
    """Carbon intensity of the power generated, in g CO2eq/kWh; None where the source gives none."""
    renewable: Decimal | None = None
    """Share of renewable power, in percent; may be above 100; None where the source gives none."""
    forecast: bool = False
    """Whether carbon and renewable are a forecast, not measured."""


class ProblemKind(StrEnum):
    """Why a day is not complete."""

    GAP = "Gap"
    """Periods of the day are not there."""
    DUPLICATE = "Duplicate"
    """A period is there more than once; the first was kept."""
    OUTSIDE = "Outside"
    """A period does not belong to the day, or begins between two of its periods; it was dropped."""
    NO_VOLUME = "NoVolume"
    """Periods without a volume."""
    NO_PRICE = "NoPrice"
    """Periods without a price."""
    NO_CARBON = "NoCarbon"
    """Periods without a carbon intensity."""
    NO_RENEWABLE = "NoRenewable"
    """Periods without a share of renewable power."""
    NEGATIVE_VOLUME = "NegativeVolume"
    """A volume below 0, which cannot be."""
    ZERO_VOLUME = "ZeroVolume"
    """Every volume of the day is 0: nothing can be divided by the day's maximum."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a day is not complete."""

    kind: ProblemKind
    message: str
    """One line for a person, times in the bidding zone's clock."""


@dataclass(frozen=True, slots=True)
class Range:
    """Smallest, largest, mean and total of a column; the mean has as many decimals as the values."""

    minimum: Decimal
    maximum: Decimal
    mean: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class Summary:
    """The day at a glance. A column without a single value is None."""

    periods: int
    """Periods that are there."""
    expected_periods: int
    """Periods that the auction has on that day."""
    volume: Range | None
    """MWh per period; the total is the day's MWh."""
    price: Range | None
    """Currency per MWh, each period counted alike; the total has no meaning."""
    carbon: Range | None = None
    """g CO2eq per kWh; the total has no meaning."""
    renewable: Range | None = None
    """Percent; the total has no meaning."""


@dataclass(frozen=True, slots=True)
class DayData:
    """A day of results, in order of time, each start once, only periods of the day."""

    query: Query
    periods: tuple[Period, ...]
    problems: tuple[Problem, ...]
    """Why it is not complete; empty where it is. Columns that were not asked for are not looked at."""
    summary: Summary

    @property
    def complete(self) -> bool:
        """Every period is there, with every value that was asked for."""
        return not self.problems

    @property
    def usable(self) -> bool:
        """Every period is there, and at least one column is whole: volumes, prices or grid data."""
        of_columns = {ProblemKind.NO_VOLUME, ProblemKind.ZERO_VOLUME, ProblemKind.NO_PRICE}
        if self.complete:
            return True
        return all(problem.kind in of_columns for problem in self.problems) and (
            self.has_volume or self.has_price
        )

    @property
    def has_volume(self) -> bool:
        """Every period has a volume."""
        return bool(self.periods) and all(period.volume is not None for period in self.periods)

    @property
    def has_price(self) -> bool:
        """Every period has a price."""
        return bool(self.periods) and all(period.price is not None for period in self.periods)

    @property
    def why(self) -> str:
        """The problems in one line; empty where there are none."""
        return "; ".join(problem.message for problem in self.problems)


_COLUMNS: Final = {"price": "price", "carbon": "carbon intensity", "renewable": "share of renewable power"}


def is_half_day(market: Market) -> bool:
    """Whether the auction covers the second half of the day only, as the last intraday auction does."""
    return market.from_hour > 0


def covered_starts(query: Query) -> tuple[datetime, ...]:
    """Starts in UTC of the periods that the auction has on that day, in order."""
    zone = query.market.bidding_zone.zone
    starts = delivery_day.period_starts(query.delivery_day, zone, query.market.resolution_minutes)
    return tuple(start for start in starts if start.astimezone(zone).hour >= query.market.from_hour)


def build_market_day(
    periods: Iterable[Period],
    query: Query,
    *,
    expected: Sequence[datetime] | None = None,
    needs_volume: bool = True,
    needs_price: bool = True,
) -> DayData:
    """Put periods in order and say whether they are the whole day.

    ``expected`` are the starts that must be there, by default those that the auction covers. A source that
    gives no volumes at all is judged with ``needs_volume=False``. Days of grid data need what they are of, and
    neither volumes nor prices. Never raises for what the data holds.
    """
    of_grid = isinstance(query.market.auction, GridData)
    wanted = covered_starts(query) if expected is None else tuple(expected)
    days_starts = set(
        delivery_day.period_starts(
            query.delivery_day, query.market.bidding_zone.zone, query.market.resolution_minutes
        )
    )
    kept: dict[datetime, Period] = {}
    doubled: list[datetime] = []
    outside: list[datetime] = []
    for period in periods:
        if period.start not in days_starts:
            outside.append(period.start)
        elif period.start in kept:
            doubled.append(period.start)
        else:
            kept[period.start] = period
    ordered = tuple(kept[start] for start in sorted(kept))
    missing = [start for start in wanted if start not in kept]
    problems = [
        *_located(ProblemKind.GAP, "{} of {} periods missing: {}", missing, query, len(wanted)),
        *_located(ProblemKind.DUPLICATE, "{0} periods more than once: {2}", doubled, query),
        *_located(ProblemKind.OUTSIDE, "{0} periods are not of the day: {2}", outside, query),
    ]
    if needs_volume and not of_grid:
        problems += _volume_problems(ordered, query)
    for needed, kind, name in (
        (needs_price and not of_grid, ProblemKind.NO_PRICE, "price"),
        (query.market.auction is GridData.CARBON, ProblemKind.NO_CARBON, "carbon"),
        (query.market.auction is GridData.RENEWABLE, ProblemKind.NO_RENEWABLE, "renewable"),
    ):
        if needed:
            without = [period.start for period in ordered if getattr(period, name) is None]
            pattern = f"{{}} of {{}} periods without {_COLUMNS[name]}: {{}}"
            problems += _located(kind, pattern, without, query, len(ordered))
    summary = Summary(
        periods=len(ordered),
        expected_periods=max(len(wanted), len(ordered)),
        volume=_range([period.volume for period in ordered if period.volume is not None]),
        price=_range([period.price for period in ordered if period.price is not None]),
        carbon=_range([period.carbon for period in ordered if period.carbon is not None]),
        renewable=_range([period.renewable for period in ordered if period.renewable is not None]),
    )
    return DayData(query, ordered, tuple(problems), summary)


def merge(earlier: Iterable[Period], later: Iterable[Period]) -> tuple[Period, ...]:
    """Lay a later auction's results over an earlier one's: IDA3, which has 12 to 24 o'clock only, over IDA2.

    A later period replaces the earlier one as a whole where it has any value; periods without values ("-") replace
    nothing. In order of time.
    """
    merged = {period.start: period for period in earlier}
    for period in later:
        empty = period == Period(period.start)
        if not (empty and period.start in merged):
            merged[period.start] = period
    return tuple(merged[start] for start in sorted(merged))


def _volume_problems(periods: Sequence[Period], query: Query) -> list[Problem]:
    without = [period.start for period in periods if period.volume is None]
    negative = [period.start for period in periods if period.volume is not None and period.volume < 0]
    problems = [
        *_located(ProblemKind.NO_VOLUME, "{} of {} periods without volume: {}", without, query, len(periods)),
        *_located(ProblemKind.NEGATIVE_VOLUME, "{0} periods with a negative volume: {2}", negative, query),
    ]
    volumes = [period.volume for period in periods if period.volume is not None]
    if volumes and not any(volumes):
        problems.append(Problem(ProblemKind.ZERO_VOLUME, "the volume is 0 in every period"))
    return problems


def _located(
    kind: ProblemKind, pattern: str, starts: Sequence[datetime], query: Query, total: int = 0
) -> list[Problem]:
    """One problem that names where it is, or none where ``starts`` is empty."""
    if not starts:
        return []
    return [Problem(kind, pattern.format(len(starts), total, describe_spans(starts, query)))]


def describe_spans(starts: Sequence[datetime], query: Query, most: int = 3) -> str:
    """Periods as spans of the zone's clock, ``02:00-03:00, 05:15-05:30 and 2 more``."""
    zone = query.market.bidding_zone.zone
    step = timedelta(minutes=query.market.resolution_minutes)
    spans: list[list[datetime]] = []
    for start in sorted(set(starts)):
        if spans and start == spans[-1][1]:
            spans[-1][1] = start + step
        else:
            spans.append([start, start + step])
    texts = []
    for begin, end in spans[:most]:
        day = (
            ""
            if delivery_day.day_of(begin, zone) == query.delivery_day
            else f"{delivery_day.day_of(begin, zone)} "
        )
        last = f"{end.astimezone(zone):%H:%M}"
        texts.append(f"{day}{begin.astimezone(zone):%H:%M}-{'24:00' if last == '00:00' else last}")
    return ", ".join(texts) + (f" and {len(spans) - most} more" if len(spans) > most else "")


def _range(values: Sequence[Decimal]) -> Range | None:
    if not values:
        return None
    total = sum(values, Decimal(0))
    places = min(_exponent(value) for value in values)
    mean = (total / len(values)).quantize(Decimal(1).scaleb(places), rounding=ROUND_HALF_EVEN)
    return Range(min(values), max(values), mean, total)


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return min(exponent, 0) if isinstance(exponent, int) else 0
