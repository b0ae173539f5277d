"""A day of caps as a table with bars, 80 columns wide unless the reasons are wanted. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Final

from powercap_api.schedule import Schedule, Window
from powercap_operator.market.known_days import DayResults
from powercap_operator.planning.budget_spec import PlannedPeriod, plan_periods
from powercap_operator.planning.overrides.day_overlay import lay_over
from powercap_operator.planning.resolved_policy import ResolvedPolicy
from powercap_operator.strategies import Limits

from .bars import bar

WIDTH: Final = 80
_PERIOD, _CAP, _VALUE = 13, 9, 9
_SHORT_BAR: Final = 24
_REPEATED: Final = "²"


@dataclass(frozen=True, slots=True)
class DayPlan:
    """The caps that a policy gives a node on one delivery day."""

    policy: ResolvedPolicy
    results: DayResults
    slots: Schedule[PlannedPeriod]
    """Merged."""

    @property
    def watt_hours(self) -> Decimal:
        """What one node draws over the day at the caps; where these are percentages, a node of 100 W."""
        microwatt_seconds = sum(
            slot.cap_uw * int((end - start).total_seconds()) for start, end, slot in self.slots.spans()
        )
        return Decimal(microwatt_seconds) / 3600 / 1_000_000

    @property
    def hours(self) -> Decimal:
        """Length of the day: 23, 24 or 25."""
        return Decimal(int((self.slots.until - self.slots[0].start).total_seconds())) / 3600

    @property
    def share(self) -> Decimal:
        """The day's energy as a share of maxSource all day."""
        return self.watt_hours * 1_000_000 / (self.policy.limits.max_uw * self.hours)


def plan_day(policy: ResolvedPolicy, results: DayResults, windows: Sequence[Window] = ()) -> DayPlan:
    """The caps of a day of results under a policy, on a node for which overrides ask for these windows."""
    return DayPlan(policy, results, lay_over(plan_periods(policy, results), windows, policy.limits))


def draw_plan(planned: DayPlan, *, why: bool = False) -> str:
    """The plan, a line for every slot: period on the zone's clock, cap, a bar from 0 to maxSource, what is known of it.

    At most 80 columns; with ``why`` the reasons stand in place of the market's values, the price paid and the grid's
    data, and make lines longer.
    """
    limits = planned.policy.limits
    columns = [] if why else _columns(planned)
    width = _SHORT_BAR if why else WIDTH - _PERIOD - _CAP - 2 - (_VALUE + 1) * len(columns)
    head = f"{'':{_PERIOD}} {'CAP':>{_CAP}} {_scale(limits, width)}"
    head += " WHY" if why else "".join(f" {title:>{_VALUE}}" for title, _ in columns)
    lines = [*_title(planned), "", head]
    for start, end, slot in planned.slots.spans():
        line = f"{_label(planned, start, end):{_PERIOD}} {_cap(limits, slot):>{_CAP}}"
        line += f" {bar(slot.cap_uw, limits.max_uw, width)}"
        line += f" {slot.why}" if why else "".join(f" {value(slot) or '-':>{_VALUE}}" for _, value in columns)
        lines.append(line)
    lines += ["", *_summary(planned)]
    return "\n".join(line.rstrip() if why else line.rstrip()[:WIDTH] for line in lines)


def _columns(planned: DayPlan) -> list[tuple[str, Callable[[PlannedPeriod], str | None]]]:
    """Titles and values of the columns that have something to say; volume and price go together."""
    market: list[tuple[str, Callable[[PlannedPeriod], str | None]]] = [
        ("MWh", attrgetter("volume")),
        (f"{planned.results.currency or ''}/MWh", attrgetter("price")),
    ]
    if not any(slot.volume is not None or slot.price is not None for slot in planned.slots):
        market = []
    more: list[tuple[str, Callable[[PlannedPeriod], str | None]]] = [
        ("PAID", attrgetter("price_paid")),
        ("gCO2/kWh", attrgetter("carbon")),
        ("% RENEW", attrgetter("renewable")),
    ]
    return market + [
        (title, value) for title, value in more if any(value(slot) is not None for slot in planned.slots)
    ]


def _cap(limits: Limits, slot: PlannedPeriod) -> str:
    return "released" if slot.released else limits.short_text(slot.cap_uw)


def _title(planned: DayPlan) -> Sequence[str]:
    policy, limits, market = planned.policy, planned.policy.limits, planned.policy.market
    followed = f"{market} of " if policy.request.needs.market else ""
    return (
        f"{policy.name}: {followed}{planned.results.day}, {market.bidding_zone.day_zone} time",
        f"strategy {policy.strategy_name}, maxSource {limits.short_text(limits.max_uw)},"
        f" minPower {limits.least_text}",
    )


def _summary(planned: DayPlan) -> list[str]:
    powers, limits = [slot.cap_uw for slot in planned.slots], planned.policy.limits
    count = f"{len(powers)} slot" + ("" if len(powers) == 1 else "s")
    drawn = f"at the caps one node draws {planned.watt_hours:.1f} Wh"
    if limits.in_percent:
        drawn = "of what the node's own limits add up to"
    lines = [
        f"{count} from {limits.short_text(min(powers))} to {limits.short_text(max(powers))}; {drawn}",
        f"in {planned.hours:f} hours, {planned.share * 100:.0f} % of maxSource all day",
    ]
    if limits.in_percent:
        lines.append("in watts: --node-watts WATTS, what a node's limits add up to without powercap")
    if any(slot.released for slot in planned.slots):
        lines.append("released: the node's original limits, counted here as maxSource")
    if limits.min_text:
        lines.append(f"caps below minPower, {limits.min_text}, are raised to it on the node")
    zone = planned.policy.zone
    if any(slot.forecast for slot in planned.slots):
        lines.append("carbon intensity and renewable shares are forecasts, of some periods or all")
    if any(slot.start.astimezone(zone).fold for slot in planned.slots):
        lines.append(f"{_REPEATED} the second pass of the hour that the clocks repeat")
    return lines


def _label(planned: DayPlan, start: datetime, end: datetime) -> str:
    zone = planned.policy.zone
    begin = start.astimezone(zone)
    # the last moment before the end: its clock shows the end as it was before any change at that moment
    last = (end - timedelta(minutes=1)).astimezone(zone) + timedelta(minutes=1)
    until = "24:00" if end == planned.slots.until else f"{last:%H:%M}"
    return f"{begin:%H:%M}-{until}{' ' + _REPEATED if begin.fold else ''}"


def _scale(limits: Limits, width: int) -> str:
    least, most = limits.short_text(0), limits.short_text(limits.max_uw)
    return f"{least}{most:>{width - len(least)}}"
