"""A market day as a picture of letters, 80 columns wide, readable without colour. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from ..market.delivery_day import period_label
from ..market.results import DayData, Period, Range
from .bars import bar

WIDTH: Final = 80
_STEPS: Final = "▁▂▃▄▅▆▇█"
_BAR: Final = 40
_RESET: Final = "\033[0m"


def draw_day(day: DayData, *, source: str = "", colour: bool = False) -> str:
    """The day hour by hour: volume as a bar, its quarters as steps, volume and mean price as numbers.

    A day without volumes shows prices as bars, to the left of the axis below zero. At most 80 columns, 32
    lines.
    """
    market = day.query.market
    zone = market.bidding_zone
    money = {"EUR": "€", "GBP": "£"}[zone.currency]
    state = "complete" if day.complete else f"not complete: {day.why}"
    title = f"{day.query}, {len(day.periods)} periods of {market.resolution_minutes} min"
    lines = [title[:WIDTH], f"{zone.time_zone} time, {source + ', ' if source else ''}{state}"[:WIDTH], ""]
    hours = _by_hour(day.periods)
    if day.summary.volume is not None:
        lines.append(f"{'hour':5} {'':4} {'':{_BAR}} {'MWh':>10} {money + '/MWh':>10}")
        largest = max(
            (volume for _, group in hours if (volume := _volume(group)) is not None), default=Decimal(0)
        )
    else:
        lines.append(f"{'hour':5} {'':4} {'':{_BAR}} {'':>10} {money + '/MWh':>10}")
        largest = Decimal(0)
    for start, group in hours:
        label = period_label(start, zone.zone, 60)
        lines.append(_line(f"{label[:2]}-{label[6:8]}", group, largest, day, colour=colour))
    lines += ["", *_summary(day, money)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _line(label: str, group: Sequence[Period], largest: Decimal, day: DayData, *, colour: bool) -> str:
    volume, price = _volume(group), _price(group)
    if day.summary.volume is not None:
        drawn = bar(volume, largest, _BAR)
        steps = _steps([period.volume for period in group], day.summary.volume)
    else:
        drawn = _price_bar(price, day.summary.price)
        steps = _steps([period.price for period in group], day.summary.price)
    if colour:
        drawn = f"\033[{_colour(price, day.summary.price)}m{drawn}{_RESET}"
    shown = "-" if volume is None else f"{volume:,.1f}"
    return f"{label:5} {steps:4} {drawn} {shown:>10} {'-' if price is None else f'{price:,.2f}':>10}"


def _summary(day: DayData, money: str) -> list[str]:
    lines = []
    if (volume := day.summary.volume) is not None:
        lines.append(
            f"volume {volume.minimum:,f} to {volume.maximum:,f} MWh a period, total {volume.total:,f} MWh"
        )
    if (price := day.summary.price) is not None:
        lines.append(f"price  {price.minimum:,f} to {price.maximum:,f} {money}/MWh, mean {price.mean:,f}")
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


def _price(group: Sequence[Period]) -> Decimal | None:
    known = [period.price for period in group if period.price is not None]
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
