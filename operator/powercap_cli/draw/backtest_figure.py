"""A comparison of policies as a figure: what each saves and costs, and how its days went."""

from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Final

from powercap_operator.worth.comparison import Compared, PolicyResult, Setting
from powercap_operator.worth.node import Outcome

from .backtest_text import percentile
from .figure import CAP_COLOUR, PRICE_COLOUR, QUIET, VOLUME_COLOUR, plain_grid, save, ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_POLICIES: Final = 6
_WIDE: Final = 9.0
_BARS_HIGH: Final = 0.78
_DAYS_HIGH: Final = 1.5
_TEXT_HIGH: Final = 1.95
_QUANTITIES: Final = (
    ("bill", VOLUME_COLOUR),
    ("work done", QUIET),
    ("bill per unit of work", CAP_COLOUR),
)


def draw_backtest(setting: Setting, results: Sequence[PolicyResult], path: Path) -> None:
    """Bill, work and bill per unit of work of each policy against no cap, in both kinds of cluster, and below each
    day's cost per work against that of the flat cap.

    Raises:
        FigureError: no matplotlib, no format that is known, or the file cannot be written.
    """
    shown = list(results[:_MOST_POLICIES])

    def compose(figure: "Figure") -> None:
        bars = _BARS_HIGH * (len(shown) + 1)
        height = bars + _DAYS_HIGH * len(shown) + _TEXT_HIGH
        figure.set_size_inches(_WIDE, height)
        grid = figure.add_gridspec(
            len(shown) + 1,
            2,
            height_ratios=[bars, *[_DAYS_HIGH] * len(shown)],
            left=0.145,
            right=0.955,
            top=1 - 1.2 / height,
            bottom=0.4 / height,
            hspace=0.55,
            wspace=0.08,
        )
        days = f"{len(setting.days)} days, {setting.days[0]} to {setting.days[-1]}"
        figure.text(
            0.02,
            1 - 0.25 / height,
            "What the caps bought, against no cap",
            fontsize=14,
            fontweight="bold",
            va="center",
        )
        figure.text(
            0.02,
            1 - 0.5 / height,
            f"{days}; one node, maxSource {setting.max_watts:g} W, static power {setting.static_watts:g} W;"
            " black marks: the flat cap that does the same work",
            fontsize=8.8,
            color=QUIET,
            va="center",
        )
        left = figure.add_subplot(grid[0, 0])
        right = figure.add_subplot(grid[0, 1], sharey=left, sharex=left)
        _bars(left, shown, [result.saturated for result in shown], "saturated: work waits")
        _bars(right, shown, [result.slack for result in shown], "with slack: without static power")
        right.tick_params(labelleft=False)
        left.legend(
            loc="lower left", bbox_to_anchor=(0, 1.1), ncols=3, frameon=False, fontsize=8.5, borderaxespad=0
        )
        for place, result in enumerate(shown, start=1):
            _days(figure.add_subplot(grid[place, :]), setting, result)

    save(path, compose)


def _bars(axis: "Axes", results: Sequence[PolicyResult], compared: Sequence[Compared], title: str) -> None:
    places = range(len(results))
    values: list[float] = [0.0]
    for row, (name, colour) in enumerate(_QUANTITIES):
        ours = [_changes(one.policy, one.uncapped)[row] for one in compared]
        flat = [_changes(one.flat, one.uncapped)[row] for one in compared]
        at = [place + (row - 1) * 0.26 for place in places]
        axis.barh(at, ours, height=0.24, color=colour, label=name)
        axis.plot(flat, at, ls="none", marker="|", ms=9, mew=2, color="#111827")
        for where, value, mark in zip(at, ours, flat, strict=True):
            beside = min(value, mark) if value < 0 else max(value, mark)
            axis.annotate(
                f"{value:+.1f} %".replace("-", "−"),
                (beside, where),
                xytext=(-4 if value < 0 else 4, 0),
                textcoords="offset points",
                ha="right" if value < 0 else "left",
                va="center",
                fontsize=8.5,
            )
        values += [*ours, *flat]
    spread = max(max(values) - min(values), 1.0)
    axis.set_xlim(min(values) - 0.32 * spread, max(values) + 0.32 * spread)
    axis.set_ylim(len(results) - 0.5, -0.5)
    axis.set_yticks(places, [result.strategy for result in results])
    axis.axvline(0, color=QUIET, lw=0.9)
    axis.set_title(title, fontsize=10, loc="left")
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:g} %".replace("-", "−"))
    axis.grid(axis="x", color="#e5e7eb", lw=0.8)
    axis.set_axisbelow(True)


def _changes(ours: Outcome, theirs: Outcome) -> tuple[float, float, float]:
    """Bill, work and bill per unit of work against the other's, in percent."""
    return (
        _percent(ours.cost, theirs.cost),
        _percent(ours.work_hours, theirs.work_hours),
        _percent(ours.cost_per_work_hour, theirs.cost_per_work_hour),
    )


def _percent(ours: float | None, theirs: float | None) -> float:
    return 0.0 if ours is None or not theirs else (ours - theirs) / abs(theirs) * 100


def _days(axis: "Axes", setting: Setting, result: PolicyResult) -> None:
    """Each day against the flat cap: below 0 is cheaper."""
    compared = result.saturated
    values = [0.0 if isnan(change) else change * 100 for change in compared.against_flat]
    colours = [PRICE_COLOUR if worse else CAP_COLOUR for worse in compared.worse]
    axis.bar(range(len(values)), values, width=1.0, color=colours)
    axis.axhline(0, color=QUIET, lw=0.9)
    axis.set_title(
        f"{result.strategy}: each day's bill per unit of work against the flat cap of {result.flat_cap_watts:.0f} W;"
        f" worse (red) on {sum(compared.worse)} of {len(setting.days)} days",
        fontsize=9.5,
        loc="left",
    )
    low, high = min(percentile(values, 2), 0.0), max(percentile(values, 98), 0.0)
    room = max((high - low) * 0.15, 0.5)
    axis.set_ylim(low - room, high + room)
    places = ticks(len(values), 6)
    axis.set_xticks(places, [f"{setting.days[place]:%d %b %y}" for place in places])
    axis.set_xlim(-0.6, len(values) - 0.4)
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:g} %".replace("-", "−"))
    plain_grid(axis)
