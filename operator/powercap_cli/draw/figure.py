"""Figures of a day: what the market gave, and the caps that follow. PNG or SVG, drawn with matplotlib.

matplotlib is imported only when something is drawn: it comes with the extra ``powercap[plot]``, and nothing else
needs it. The time axis is the bidding zone's clock, to scale: on the day of 25 hours the repeated hour is there twice,
and a mark says where the clocks change. Values are those of the whole period, drawn as steps.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from powercap_api.schedule import B, Schedule
from powercap_operator.market.results import DayData, Period

from .clock_axis import hours, mark_clock_change, time_axis
from .plan_chart import DayPlan

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS: Final = (".png", ".svg")
VOLUME_COLOUR: Final = "#4c7fb0"
PRICE_COLOUR: Final = "#c8553d"
CAP_COLOUR: Final = "#2f855a"
CARBON_COLOUR: Final = "#5b5b66"
QUIET: Final = "#6b7280"
_GRID: Final = "#e5e7eb"
_INK: Final = "#1f2937"
_STYLE: Final[Any] = {  # keys are literals to the type checker
    "axes.edgecolor": "#9ca3af",
    "axes.labelcolor": _INK,
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "sans-serif",
    "font.size": 10,
    "svg.fonttype": "none",
    "svg.hashsalt": "powercap",
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}
_INCHES_WIDE: Final = 9.0
_INCHES_A_PANEL: Final = 1.9
_INCHES_FOR_TEXT: Final = 1.35

Panel = Callable[["Axes"], None]


class FigureError(Exception):
    """The figure cannot be drawn; the message says why and what to do."""


def draw_market(day: DayData, path: Path, *, source: str = "") -> None:
    """Volume and price of a day of results. A column that the day does not have is left out.

    Raises:
        FigureError: no matplotlib, no format that is known, nothing to draw, or the file cannot be written.
    """
    where = day.query.market.bidding_zone
    minutes = day.query.market.resolution_minutes
    length = timedelta(minutes=minutes)
    periods = Schedule(day.periods, day.periods[-1].start + length) if day.periods else None
    panels = _market_panels(periods, where.currency) if periods else []
    if periods is None or not panels:
        raise FigureError(f"there is nothing to draw: {day.query} has no periods with values")
    parts = [f"{minutes}-minute periods", source]
    if not day.complete:
        parts.append(f"not complete: {day.why}")
    _draw(path, str(day.query), ", ".join(part for part in parts if part), panels, periods, where.zone)


def draw_plan(planned: DayPlan, path: Path) -> None:
    """The caps of a day, and below them the volume and price that they follow, with the price paid under a tariff.

    Raises:
        FigureError: no matplotlib, no format that is known, or the file cannot be written.
    """
    policy, results = planned.policy, planned.results
    market = f"{policy.market}, " if policy.request.needs.market else ""
    drawn = "" if policy.limits.in_percent else f"{planned.watt_hours:.0f} Wh, "
    paid: list[Panel] = []
    if policy.tariff and any(period.price is not None for period in results.periods):
        prices_paid = Schedule(
            tuple(policy.tariff.applied(results.periods, policy.wall_clock)), results.periods.until
        )
        paid.append(price_panel(prices_paid, results.currency or "", "price paid"))
    _draw(
        path,
        f"{policy.name}: caps of one node on {results.day}",
        f"{market}strategy {policy.strategy_name}; {drawn}{planned.share * 100:.0f} % of maxSource all day",
        [cap_panel(planned), *_market_panels(results.periods, results.currency or ""), *paid],
        results.periods,
        policy.zone,
    )


def _draw(
    path: Path,
    title: str,
    subtitle: str,
    panels: Sequence[Panel],
    periods: Schedule[Period],
    zone: ZoneInfo,
) -> None:
    def compose(figure: "Figure") -> None:
        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        height = _INCHES_A_PANEL * len(panels) + _INCHES_FOR_TEXT
        figure.set_size_inches(_INCHES_WIDE, height)
        figure.subplots_adjust(
            left=0.085, right=0.965, top=1 - 0.75 / height, bottom=0.6 / height, hspace=0.18
        )
        figure.text(0.085, 1 - 0.28 / height, title, fontsize=14, fontweight="bold", va="center")
        figure.text(0.085, 1 - 0.53 / height, subtitle, fontsize=10, color=QUIET, va="center")
        for axis, panel in zip(axes, panels, strict=True):
            panel(axis)
        span = periods[0].start, periods.until
        time_axis(axes[-1], *span, zone)
        for axis in axes:
            mark_clock_change(axis, *span, zone, named=axis is axes[0])

    save(path, compose)


def save(path: Path, compose: Callable[["Figure"], None]) -> None:
    """Make a figure, let ``compose`` draw in it, and write it in the format that the file's name ends in.

    Raises:
        FigureError: no matplotlib, no format that is known, or the file cannot be written.
    """
    if path.suffix.lower() not in FORMATS:
        raise FigureError(f"{path} names no known format: end it in {' or '.join(FORMATS)}")
    try:
        import matplotlib as mpl  # noqa: PLC0415 - optional, and half a second to load
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise FigureError(
            "drawing figures needs matplotlib: in a checkout, pipx install '.[kubectl,plot]'"
        ) from error
    svg = path.suffix.lower() == ".svg"
    with mpl.rc_context(_STYLE):
        figure = Figure(facecolor="white")
        compose(figure)
        try:
            figure.savefig(path, dpi=150, metadata={"Date": None} if svg else None)
        except OSError as error:
            raise FigureError(f"cannot write {path}: {error.strerror or error}") from error


def steps(axis: "Axes", over: Schedule[B], values: Sequence[Any], **style: Any) -> None:
    """Values over a day's schedule as steps that fill down to 0; what has no value is left blank."""
    edges = [hours(moment, over[0].start) for moment in (*(one.start for one in over), over.until)]
    axis.stairs([float("nan") if value is None else float(value) for value in values], edges, **style)


def cap_panel(planned: DayPlan) -> Panel:
    """The caps in watts, or in percent of the node's own limits, with maxSource and minPower as lines."""
    limits = planned.policy.limits
    watts = [slot.cap_uw / 1e6 for slot in planned.slots]
    unit = "%" if limits.in_percent else "W"

    def panel(axis: "Axes") -> None:
        steps(axis, planned.slots, watts, fill=True, color=CAP_COLOUR, alpha=0.28, lw=0)
        steps(axis, planned.slots, watts, color=CAP_COLOUR, lw=1.6, baseline=None)
        limit_lines(axis, limits.min_uw / 1e6, limits.max_uw / 1e6, unit)
        axis.set_ylabel(f"cap, {unit}")
        plain_grid(axis)

    return panel


def limit_lines(axis: "Axes", least: float, most: float, unit: str = "W") -> None:
    """minPower and maxSource, named at the right edge, and room above them."""
    lines = [(most, "maxSource", "bottom"), (least, "minPower", "top")]
    for value, name, place in lines if least else lines[:1]:
        axis.axhline(value, color=QUIET, lw=0.9, ls=(0, (4, 3)))
        axis.annotate(
            f"{name} {value:g} {unit}",
            (1, value),
            xycoords=("axes fraction", "data"),
            xytext=(-3, 2 if place == "bottom" else -2),
            textcoords="offset points",
            ha="right",
            va=place,
            fontsize=8.5,
            color=QUIET,
        )
    axis.set_ylim(0, most * 1.18)


def _market_panels(periods: Schedule[Period], currency: str) -> list[Panel]:
    panels: list[Panel] = []
    if any(period.volume is not None for period in periods):
        panels.append(volume_panel(periods))
    if any(period.price is not None for period in periods):
        panels.append(price_panel(periods, currency))
    if any(period.carbon is not None for period in periods):
        panels.append(grid_panel(periods, "carbon", "carbon, g/kWh", CARBON_COLOUR))
    if any(period.renewable is not None for period in periods):
        panels.append(grid_panel(periods, "renewable", "renewable, %", CAP_COLOUR))
    return panels


def grid_panel(periods: Schedule[Period], name: str, label: str, colour: str) -> Panel:
    """Carbon intensities or renewable shares, from 0; where they are forecasts the area is lighter."""

    def panel(axis: "Axes") -> None:
        values = [getattr(period, name) for period in periods]
        measured = [None if period.forecast else value for period, value in zip(periods, values, strict=True)]
        if any(value is not None for value in measured):
            steps(axis, periods, measured, fill=True, color=colour, alpha=0.35, lw=0)
        steps(axis, periods, values, fill=True, color=colour, alpha=0.18, lw=0)
        steps(axis, periods, values, color=colour, lw=1.6, baseline=None)
        axis.set_ylabel(label)
        axis.set_ylim(0, max(float(value) for value in values if value is not None) * 1.18 or 1)
        forecasts = sum(period.forecast for period in periods)
        if forecasts:
            text = "forecast" if forecasts == len(periods) else "forecast where lighter"
            axis.text(
                0.995, 0.97, text, transform=axis.transAxes, ha="right", va="top", fontsize=8.5, color=QUIET
            )
        plain_grid(axis)

    return panel


def volume_panel(periods: Schedule[Period]) -> Panel:
    """Volumes in MWh per period."""

    def panel(axis: "Axes") -> None:
        values = [period.volume for period in periods]
        steps(axis, periods, values, fill=True, color=VOLUME_COLOUR, alpha=0.75, lw=0)
        axis.set_ylabel("volume, MWh")
        known = [float(value) for value in values if value is not None]
        axis.set_ylim(min(0.0, *known), max(*known, 1.0) * 1.18)
        plain_grid(axis)

    return panel


def price_panel(periods: Schedule[Period], currency: str, name: str = "price") -> Panel:
    """Prices per MWh; what is below zero is filled."""

    def panel(axis: "Axes") -> None:
        prices = [period.price for period in periods]
        below = [None if price is None else min(price, Decimal(0)) for price in prices]
        if any(value for value in below):
            steps(axis, periods, below, fill=True, color=PRICE_COLOUR, alpha=0.25, lw=0)
            axis.axhline(0, color=QUIET, lw=0.9)
        steps(axis, periods, prices, color=PRICE_COLOUR, lw=1.6, baseline=None)
        axis.set_ylabel(f"{name}, {currency}/MWh")
        axis.margins(y=0.12)
        plain_grid(axis)

    return panel


def plain_grid(axis: "Axes") -> None:
    """Light lines behind the data, few numbers."""
    axis.set_axisbelow(True)
    axis.grid(color=_GRID, lw=0.8)
    axis.locator_params(axis="y", nbins=5)
    axis.yaxis.set_label_coords(-0.062, 0.5)


def ticks(count: int, most: int) -> list[int]:
    """Places from 0 to ``count`` - 1, evenly spread and ``most`` of them where there are so many."""
    shown = min(count, most)
    return [place * (count - 1) // max(shown - 1, 1) for place in range(shown)]
