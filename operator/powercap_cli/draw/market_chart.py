"""A market day as a picture of letters, 80 columns wide, readable without colour. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Final

from powercap_operator.market.delivery_day import period_label
from powercap_operator.market.results import DayData, Period, Range

from .bars import bar

WIDTH: Final = 80
_STEPS: Final = "▁▂▃▄▅▆▇█"
_BAR: Final = 40
_RESET: Final = "\033[0m"
_DRAWN: Final = ("volume", "price", "carbon", "renewable")
"""What is drawn as bars: the first of these that the day has."""


def draw_day(day: DayData, *, source: str = "", colour: bool = False) -> str:
    """The day hour by hour: volume as a bar, its quarters as steps, volume and mean price as numbers.

    A day without volumes shows prices as bars, to the left of the axis below zero; a day of grid data shows carbon
    intensities or shares of renewable power. At most 80 columns, 32 lines.
    """
    market = day.query.market
    zone = market.bidding_zone
    money = {"EUR": "€", "GBP": "£"}[zone.currency]
    state = "complete" if day.complete else f"not complete: {day.why}"
    title = f"{day.query}, {len(day.periods)} periods of {market.resolution_minutes} min"
    lines = [title[:WIDTH], f"{zone.day_zone} time, {source + ', ' if source else ''}{state}"[:WIDTH], ""]
    hours = _by_hour(day.periods)
    columns = _columns(day, money)
    lines.append(f"{'hour':5} {'':4} {'':{_BAR}}" + "".join(f" {column.title:>10}" for column in columns))
    for start, group in hours:
        label = period_label(start, zone.zone, 60)
        drawn = f"{label[:2]}-{label[6:8]} {_drawn(group, hours, day, colour=colour)}"
        lines.append(drawn + "".join(f" {column.text(group):>10}" for column in columns))
    lines += ["", *_summary(day, money)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


@dataclass(frozen=True, slots=True)
class _Column:
    """What is shown of an hour as a number."""

    title: str
    value: Callable[[Sequence[Period]], Decimal | None]
    places: int

    def text(self, group: Sequence[Period]) -> str:
        """The number with its decimals; - where there is none."""
        value = self.value(group)
        return "-" if value is None else f"{value:,.{self.places}f}"


def _columns(day: DayData, money: str) -> list[_Column]:
    columns = [
        _Column("" if day.summary.volume is None else "MWh", _volume, 1),
        _Column(f"{money}/MWh", partial(_mean, "price"), 2),
    ]
    grid = [
        _Column(title, partial(_mean, name), 1)
        for name, title in (("carbon", "gCO2/kWh"), ("renewable", "% renew."))
        if getattr(day.summary, name) is not None
    ]
    return (columns if day.summary.volume is not None or day.summary.price is not None or not grid else grid)[
        :2
    ]


def _drawn(
    group: Sequence[Period],
    hours: Sequence[tuple[datetime, list[Period]]],
    day: DayData,
    *,
    colour: bool,
) -> str:
    """The steps of the hour's periods and its bar."""
    name = next((one for one in _DRAWN if getattr(day.summary, one) is not None), "price")
    extent: Range | None = getattr(day.summary, name)
    if name == "volume":
        largest = max(
            (volume for _, one in hours if (volume := _volume(one)) is not None), default=Decimal(0)
        )
        drawn = bar(_volume(group), largest, _BAR)
    else:
        drawn = _price_bar(_mean(name, group), extent)
    steps = _steps([getattr(period, name) for period in group], extent)
    if colour:
        drawn = f"\033[{_colour(_mean('price', group), day.summary.price)}m{drawn}{_RESET}"
    return f"{steps:4} {drawn}"


def _summary(day: DayData, money: str) -> list[str]:
    lines = []
    if (volume := day.summary.volume) is not None:
        lines.append(
            f"volume {volume.minimum:,f} to {volume.maximum:,f} MWh a period, total {volume.total:,f} MWh"
        )
    forecasts = sum(period.forecast for period in day.periods)
    note = f"; {forecasts} of {len(day.periods)} periods are forecasts" if forecasts else ""
    for name, values, unit, more in (
        ("price ", day.summary.price, f"{money}/MWh", ""),
        ("carbon", day.summary.carbon, "g CO2eq/kWh", note),
        ("renewable", day.summary.renewable, "%", note),
    ):
        if values is not None:
            text = f"{name} {values.minimum:,f} to {values.maximum:,f} {unit}, mean {values.mean:,f}{more}"
            lines.append(text[:WIDTH])
    return lines


def _by_hour(periods: Sequence[Period]) -> list[tuple[datetime, list[Period]]]:
    """Periods by the hour in UTC that they begin in; zones here are whole hours off UTC."""
    hours: dict[datetime, list[Period]] = {}
    for period in periods:
        hours.setdefault(period.start - timedelta(minutes=period.start.minute), []).append(period)
    return sorted(hours.items())


def _volume(group: Sequence[Period]) -> Decimal | None:
    known = [period.volume for period in group if period.volume is not None]
    return sum(known, Decimal(0)) if known else None


def _mean(name: str, group: Sequence[Period]) -> Decimal | None:
    known: list[Decimal] = [value for period in group if (value := getattr(period, name)) is not None]
    if not known:
        return None
    mean = sum(known, Decimal(0)) / len(known)
    return mean if round(mean, 2) else Decimal(0)  # not -0.00


def _price_bar(value: Decimal | None, extent: Range | None) -> str:
    """A bar from the axis of 0, which stands where the day's lowest and highest price put it."""
    if value is None or extent is None:
        return " " * _BAR
    low, high = min(extent.minimum, Decimal(0)), max(extent.maximum, Decimal(0))
    span = (high - low) or Decimal(1)
    axis = int(-low / span * (_BAR - 1))
    cells = [" "] * _BAR
    end = int((value - low) / span * (_BAR - 1))
    for place in range(min(axis, end), max(axis, end) + 1):
        cells[place] = "█"
    cells[axis] = "│"
    return "".join(cells)


def _steps(values: Sequence[Decimal | None], extent: Range | None) -> str:
    """The periods of an hour as steps between the day's smallest and largest value; nothing for one
    period."""
    if extent is None or len(values) < 2:
        return ""
    span = extent.maximum - extent.minimum
    return "".join(
        "·" if value is None else _STEPS[int((value - extent.minimum) / span * 7) if span else 3]
        for value in values
    )


def _colour(price: Decimal | None, extent: Range | None) -> int:
    """Green for the cheap third of the day's prices, yellow, red for the dear one; no colour without
    prices."""
    if price is None or extent is None or extent.maximum == extent.minimum:
        return 39
    place = (price - extent.minimum) / (extent.maximum - extent.minimum)
    return 32 if place < Decimal(1) / 3 else 33 if place < Decimal(2) / 3 else 31
