"""What can be shown before a cluster runs, or while it is built: the day, the rule, and the caps that follow."""

from datetime import datetime
from typing import Any, Final

from dev.demo.screen import Screen
from dev.lab.results import DEFAULT_MARKET, SavedPage, periods_for
from powercap_api.markets import Market
from powercap_api.names import API_VERSION
from powercap_api.powerpolicy import PowerPolicy
from powercap_api.schedule import Schedule
from powercap_api.units import format_watts_short
from powercap_cli.draw.bars import bar
from powercap_operator.market.delivery_day import day_bounds
from powercap_operator.market.known_days import DayResults
from powercap_operator.planning.budget_spec import plan_periods
from powercap_operator.planning.resolved_policy import resolve

MAX_SOURCE: Final = "60"
MIN_POWER: Final = "20"
_BAR_WIDTH: Final = 40


def policy_spec(market: Market) -> dict[str, Any]:
    """The spec of the demo's policy."""
    return {
        "maxSource": MAX_SOURCE,
        "minPower": MIN_POWER,
        "market": {
            "area": market.area,
            "auction": market.auction.value,
            "resolutionMinutes": market.resolution_minutes,
        },
    }


def preview(screen: Screen, page: SavedPage | None, now: datetime) -> None:
    """Today's results and caps, a line for the first market period of every hour."""
    market = DEFAULT_MARKET if page is None else page.query.market
    zone = market.bidding_zone.zone
    today = now.astimezone(zone).date()
    periods = Schedule(tuple(periods_for(today, page)), day_bounds(today, zone)[1])
    results = DayResults(today, today, periods, (), "EUR")
    body = {
        "apiVersion": API_VERSION,
        "kind": "PowerPolicy",
        "metadata": {"name": "default"},
        "spec": policy_spec(market),
    }
    resolved = resolve(PowerPolicy.from_wire(body))
    screen.heading(f"A day of {market}, and what the policy makes of it")
    screen.say(f"cap = volume / largest volume of the day x {MAX_SOURCE} W, never under {MIN_POWER} W")
    for period in plan_periods(resolved, results):
        local = period.start.astimezone(zone)
        if local.minute == 0:
            filled = bar(period.cap_uw, resolved.limits.max_uw, _BAR_WIDTH)
            cap = format_watts_short(period.cap_uw)
            screen.say(f"{local:%H:%M} {period.volume or '-':>9} MWh {cap:>8} {filled}".rstrip())
