"""The README's figure: a made-up day of the market, and below it the caps that the default rule gives."""

from typing import TYPE_CHECKING, Final

from dev.figures.curves import MAX_SOURCE, MIN_POWER, ZONE, made_up_day
from powercap_api.names import API_VERSION
from powercap_api.powerpolicy import PowerPolicy
from powercap_cli.draw.clock_axis import time_axis
from powercap_cli.draw.figure import cap_panel, price_panel, volume_panel
from powercap_cli.draw.plan_chart import plan_day
from powercap_operator.planning.resolved_policy import resolve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_POLICY: Final = {
    "apiVersion": API_VERSION,
    "kind": "PowerPolicy",
    "metadata": {"name": "default"},
    "spec": {"maxSource": MAX_SOURCE, "minPower": MIN_POWER},
}


def draw_example(figure: "Figure") -> None:
    """Price, volume, cap."""
    results = made_up_day()
    planned = plan_day(resolve(PowerPolicy.from_wire(_POLICY)), results)
    figure.set_size_inches(9, 5.4)
    axes = figure.subplots(3, 1, sharex=True, height_ratios=(1, 1, 1.5))
    figure.subplots_adjust(left=0.085, right=0.965, top=0.97, bottom=0.12, hspace=0.22)
    price_panel(results.periods, "EUR")(axes[0])
    volume_panel(results.periods)(axes[1])
    cap_panel(planned)(axes[2])
    time_axis(axes[2], results.periods[0].start, results.periods.until, ZONE)
