"""What each strategy's figure shows: its rule on the left, a made-up day under it on the right.

The day is the provider Mock's, so that nothing of the exchange's is published. Every curve is what the strategies
themselves give: the formulas are nowhere written a second time.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from powercap_api.markets import Auction, GridData, Market
from powercap_api.names import API_VERSION
from powercap_api.policy.strategy import StrategySpec
from powercap_api.policy.week import Weekday
from powercap_api.powerpolicy import PowerPolicy
from powercap_api.schedule import Schedule
from powercap_api.units import Power
from powercap_cli.draw.clock_axis import time_axis
from powercap_cli.draw.figure import (
    CAP_COLOUR,
    CARBON_COLOUR,
    PRICE_COLOUR,
    QUIET,
    VOLUME_COLOUR,
    cap_panel,
    grid_panel,
    limit_lines,
    plain_grid,
    price_panel,
    volume_panel,
)
from powercap_cli.draw.plan_chart import plan_day
from powercap_operator import strategies
from powercap_operator.market.delivery_day import day_bounds, period_starts
from powercap_operator.market.known_days import DayResults
from powercap_operator.market.results import Period, Query
from powercap_operator.market.weekly_window import WeeklyWindow
from powercap_operator.planning.resolved_policy import resolve
from powercap_operator.sources.mock import made_up_periods
from powercap_operator.strategies import Limits

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKET: Final = Market("FR", Auction.IDA1)
GRID: Final = {
    "carbon": Market("FR", GridData.CARBON),
    "renewable": Market("FR", GridData.RENEWABLE),
}
GRID_STYLE: Final = {
    "carbon": ("carbon, g/kWh", CARBON_COLOUR),
    "renewable": ("renewable, %", CAP_COLOUR),
}
ZONE: Final = MARKET.bidding_zone.zone
DAY: Final = date(2026, 5, 13)
MAX_SOURCE: Final = "140"
MIN_POWER: Final = "40"
LIMITS: Final = Limits(40_000_000, 140_000_000)
NIGHTS: Final[dict[str, Any]] = {
    "type": "Schedule",
    "windows": [
        {"days": ["Mon", "Tue", "Wed", "Thu", "Fri"], "start": "22:00", "end": "06:00", "power": "140"},
        {"days": ["Mon", "Tue", "Wed", "Thu", "Fri"], "start": "18:00", "end": "20:30", "power": "60"},
        {"days": ["Sat", "Sun"], "start": "00:00", "end": "24:00", "power": "100"},
    ],
    "otherwise": {"type": "Price"},
}


@dataclass(frozen=True, slots=True)
class Curve:
    """One figure: the strategy drawn on the day, the rule beside it, and what the day's input is."""

    name: str
    title: str
    strategy: dict[str, Any]
    rule: Callable[["Axes"], None]
    given: str | None = None
    """``volume``, ``price``, ``carbon`` or ``renewable``: the values that the rule looks at."""


def made_up_day(market: Market = MARKET) -> DayResults:
    """The day that all figures show."""
    periods = made_up_periods(Query(market, DAY))
    return DayResults(DAY, DAY, Schedule(periods, day_bounds(DAY, ZONE)[1]), (), "EUR")


def draw_day(curve: Curve, cap_axis: "Axes", input_axis: "Axes | None") -> None:
    """The day's caps, and the values that they follow."""
    results = made_up_day(GRID.get(curve.given or "", MARKET))
    policy = PowerPolicy.from_wire(
        {
            "apiVersion": API_VERSION,
            "kind": "PowerPolicy",
            "metadata": {"name": curve.name},
            "spec": {"maxSource": MAX_SOURCE, "minPower": MIN_POWER, "strategy": curve.strategy},
        }
    )
    cap_panel(plan_day(resolve(policy), results))(cap_axis)
    last = cap_axis
    if input_axis is not None:
        panel = volume_panel(results.periods)
        if curve.given == "price":
            panel = price_panel(results.periods, "EUR")
        if curve.given in GRID:
            panel = grid_panel(results.periods, curve.given, *GRID_STYLE[curve.given])
        panel(input_axis)
        last = input_axis
    for axis in {cap_axis, last}:
        axis.yaxis.set_label_coords(-0.09, 0.5)
    time_axis(last, results.periods[0].start, results.periods.until, ZONE, every_hours=6)


def watts(spec: dict[str, Any], periods: Sequence[Period]) -> list[float]:
    """The caps of periods in watts."""
    found = strategies.create(StrategySpec.model_validate(spec)).caps(
        strategies.Day(periods, LIMITS, MARKET.bidding_zone)
    )
    return [cap.power_uw / 1e6 for cap in found]


def _finish(axis: "Axes", label: str) -> None:
    limit_lines(axis, LIMITS.min_uw / 1e6, LIMITS.max_uw / 1e6)
    plain_grid(axis)
    axis.set_xlabel(label)
    axis.set_ylabel("cap, W")
    axis.yaxis.set_label_coords(-0.13, 0.5)


def _alone(values: Iterable[Decimal], of: str) -> list[Period]:
    """Periods with these volumes or prices, at no time in particular."""
    begin = datetime(2026, 3, 25, tzinfo=ZONE)
    given: list[dict[str, Any]] = [{of: value} for value in values]
    return [Period(begin + timedelta(seconds=index), **one) for index, one in enumerate(given)]


def volume_rule(axis: "Axes") -> None:
    """Cap by volume, by either reference: over a day of every volume from nothing to the largest the mean is half."""
    volumes = [Decimal(percent) for percent in range(101)]
    for reference, line in (("Max", "-"), ("Average", (0, (5, 2)))):
        caps = watts({"type": "Volume", "reference": reference}, _alone(volumes, "volume"))
        axis.plot(
            range(101),
            caps,
            color=VOLUME_COLOUR,
            lw=2,
            ls=line,
            label=f"reference: {reference}",
        )
    axis.legend(frameon=False, fontsize=8.5, loc="lower right")
    _finish(axis, "volume of the period, % of the day's largest")


def price_rule(axis: "Axes") -> None:
    """Cap by price between two prices."""
    prices = [Decimal(price) / 2 for price in range(-60, 261)]
    spec = {"type": "Price", "lowPrice": "20", "highPrice": "90"}
    axis.plot(
        [float(price) for price in prices], watts(spec, _alone(prices, "price")), color=PRICE_COLOUR, lw=2
    )
    for price, name in ((20, "lowPrice"), (90, "highPrice")):
        axis.axvline(price, color=QUIET, lw=0.9, ls=(0, (1, 2)))
        axis.annotate(name, (price, 4), xytext=(3, 0), textcoords="offset points", fontsize=8.5, color=QUIET)
    _finish(axis, "price of the period, EUR/MWh")


def carbon_rule(axis: "Axes") -> None:
    """Cap by carbon intensity between two of them."""
    _band_rule(axis, "carbon", ("Carbon", 30, 70), 100, CARBON_COLOUR)
    _finish(axis, "carbon intensity of the period, g CO2eq/kWh")


def renewable_rule(axis: "Axes") -> None:
    """Cap by the share of renewable power between two of them."""
    _band_rule(axis, "renewable", ("Renewable", 20, 60), 100, CAP_COLOUR)
    _finish(axis, "share of renewable power in the period, %")


def _band_rule(axis: "Axes", of: str, band: tuple[str, int, int], most: int, colour: str) -> None:
    name, low, high = band
    values = [Decimal(value) / 2 for value in range(2 * most + 1)]
    spec = {"type": name, f"low{name}": str(low), f"high{name}": str(high)}
    axis.plot([float(value) for value in values], watts(spec, _alone(values, of)), color=colour, lw=2)
    for value, side in ((low, "low"), (high, "high")):
        axis.axvline(value, color=QUIET, lw=0.9, ls=(0, (1, 2)))
        text = f"{side}{name}"
        axis.annotate(text, (value, 4), xytext=(3, 0), textcoords="offset points", fontsize=8.5, color=QUIET)


def cheapest_hours_rule(axis: "Axes") -> None:
    """The day's prices in order, and which of them the cheapest 8 hours are."""
    periods = list(made_up_day().periods)
    prices = [float(period.price or 0) for period in periods]
    caps = watts({"type": "CheapestHours", "hours": 8}, periods)
    order = sorted(range(len(periods)), key=prices.__getitem__)
    edges = [place / 4 for place in range(len(order) + 1)]
    chosen = [prices[index] if caps[index] > LIMITS.min_uw / 1e6 else float("nan") for index in order]
    axis.stairs(chosen, edges, fill=True, color=CAP_COLOUR, alpha=0.28, lw=0)
    axis.stairs([prices[index] for index in order], edges, color=PRICE_COLOUR, lw=1.6, baseline=None)
    axis.axhline(0, color=QUIET, lw=0.9)
    axis.axvline(8, color=QUIET, lw=0.9, ls=(0, (1, 2)))
    for text, hour in (("maxSource", 4), ("minPower", 16)):
        axis.text(
            hour, 1.02, text, transform=axis.get_xaxis_transform(), ha="center", fontsize=8.5, color=QUIET
        )
    plain_grid(axis)
    axis.set_xlim(0, 24)
    axis.set_xticks(range(0, 25, 4))
    axis.set_xlabel("hours of the day, the cheapest first")
    axis.set_ylabel("price, EUR/MWh")
    axis.yaxis.set_label_coords(-0.13, 0.5)


def solar_rule(axis: "Axes") -> None:
    """The curve for several alphas."""
    starts = period_starts(DAY, ZONE, 15)
    periods = [Period(start) for start in starts]
    for alpha, shade in ((1, 0.35), (2, 0.55), (4, 1.0), (8, 0.55), (16, 0.35)):
        caps = watts({"type": "Solar", "alpha": alpha}, periods)
        hours = [index / 4 for index in range(len(starts))]
        axis.plot(hours, caps, color=CAP_COLOUR, alpha=shade, lw=2.2 if alpha == 4 else 1.4, label=f"{alpha}")
    axis.legend(
        title="alpha",
        frameon=False,
        fontsize=8.5,
        title_fontsize=8.5,
        labelspacing=0.15,
        loc="center left",
        bbox_to_anchor=(0, 0.56),
    )
    _finish(axis, "local time, h")
    axis.set_xticks(range(0, 25, 4))
    axis.set_xlim(0, 24)


def fixed_rule(axis: "Axes") -> None:
    """Cap by the power asked for."""
    asked = range(1, 181)
    periods = _alone([Decimal(0)], "volume")
    given = [watts({"type": "Fixed", "power": str(power)}, periods)[0] for power in asked]
    axis.plot(list(asked), given, color=CAP_COLOUR, lw=2)
    _finish(axis, "power, W")


def schedule_rule(axis: "Axes") -> None:
    """The windows over a week; between them the other strategy."""
    specs = StrategySpec.model_validate(NIGHTS).windows or ()
    windows = [(WeeklyWindow.of(window), Power.parse(window.power)) for window in specs]
    monday = datetime(2026, 3, 16)  # noqa: DTZ001 - the clock on the wall, in a week without a change
    shades = {power: 0.2 + 0.6 * LIMITS.power_uw(power) / LIMITS.max_uw for _, power in windows}
    for weekday in range(7):
        local_times = [monday + timedelta(days=weekday, minutes=15 * quarter) for quarter in range(96)]
        held = [next((power for one, power in windows if one.holds(local)), None) for local in local_times]
        for power, run in groupby(range(96), key=held.__getitem__):
            quarters = list(run)
            if power is not None:
                axis.broken_barh(
                    [(quarters[0] / 4, len(quarters) / 4)],
                    (weekday - 0.42, 0.84),
                    color=CAP_COLOUR,
                    alpha=shades[power],
                    lw=0,
                )
    for text, hour, row in (("140 W", 3, 1), ("60 W", 19.25, 2), ("100 W", 12, 6), ("Price", 12, 2)):
        axis.text(hour, row, text, ha="center", va="center", fontsize=9)
    axis.set_yticks(range(7), list(Weekday))
    axis.invert_yaxis()
    axis.set_xticks(range(0, 25, 6), [f"{hour:02}:00" for hour in range(0, 25, 6)])
    axis.set_xlim(0, 24)
    axis.set_xlabel("time in Paris")


CURVES: Final = (
    Curve("volume", "Volume: much trade, much power", {"type": "Volume"}, volume_rule, "volume"),
    Curve("price", "Price: cheap is more power", {"type": "Price"}, price_rule, "price"),
    Curve(
        "cheapesthours",
        "CheapestHours: so many hours, the cheapest",
        {"type": "CheapestHours", "hours": 8},
        cheapest_hours_rule,
        "price",
    ),
    Curve("carbon", "Carbon: clean is more power", {"type": "Carbon"}, carbon_rule, "carbon"),
    Curve(
        "renewable",
        "Renewable: much wind, sun and water, much power",
        {"type": "Renewable"},
        renewable_rule,
        "renewable",
    ),
    Curve("solar", "Solar: the sun's way over the day", {"type": "Solar"}, solar_rule),
    Curve("fixed", "Fixed: the same power all day", {"type": "Fixed", "power": "100"}, fixed_rule),
    Curve("schedule", "Schedule: windows over another strategy", NIGHTS, schedule_rule, "price"),
)
