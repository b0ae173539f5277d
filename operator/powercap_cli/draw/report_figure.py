"""Reports of days as a figure: energy and cost of each day, and how long caps bound."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

from powercap_api.powerreport import PowerReportSpec
from powercap_operator.planning.reports.sums import sums_of

from .figure import CAP_COLOUR, PRICE_COLOUR, QUIET, VOLUME_COLOUR, plain_grid, save, ticks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDE: Final = 9.0
_HIGH: Final = 1.5
_MOST_POLICIES: Final = 4
_TEXT_HIGH: Final = 1.2


def draw_reports(reports: Sequence[PowerReportSpec], path: Path) -> None:
    """Three panels for each policy: kWh, cost, and the share of the time in which caps held nodes back, day by day.

    Raises:
        FigureError: no matplotlib, no format that is known, or the file cannot be written.
    """
    policies = [
        (policy, list(group)) for policy, group in groupby(reports, key=lambda report: report.policy)
    ][:_MOST_POLICIES]

    def compose(figure: "Figure") -> None:
        height = _HIGH * 3 * len(policies) + _TEXT_HIGH
        figure.set_size_inches(_WIDE, height)
        figure.subplots_adjust(left=0.1, right=0.965, top=1 - 0.7 / height, bottom=0.5 / height, hspace=0.45)
        axes = figure.subplots(3 * len(policies), 1, squeeze=False)[:, 0]
        figure.text(
            0.1, 1 - 0.28 / height, "What nodes drew, day by day", fontsize=14, fontweight="bold", va="center"
        )
        for row, (policy, of_policy) in enumerate(policies):
            days = [sums_of(report.quarters) for report in of_policy]
            currency = next((report.currency for report in of_policy if report.currency), "")
            nan = float("nan")
            panels = (
                ("energy, kWh", [day.energy_kwh for day in days], VOLUME_COLOUR),
                (
                    f"cost, {currency}",
                    [nan if day.cost is None else float(day.cost) for day in days],
                    PRICE_COLOUR,
                ),
                ("bound, %", [(day.bound or 0) * 100 for day in days], CAP_COLOUR),
            )
            for axis, (name, values, colour) in zip(axes[3 * row : 3 * row + 3], panels, strict=True):
                axis.bar(range(len(values)), values, width=0.8, color=colour)
                axis.axhline(0, color=QUIET, lw=0.9)
                axis.set_ylabel(name)
                axis.set_xlim(-0.6, len(values) - 0.4)
                plain_grid(axis)
                places = ticks(len(values), 7)
                axis.set_xticks(places, [f"{of_policy[place].day:%d %b}" for place in places])
            axes[3 * row].set_title(f"policy {policy}", fontsize=10, loc="left")

    save(path, compose)
