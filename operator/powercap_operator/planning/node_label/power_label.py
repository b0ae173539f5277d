"""The node label ``powercap.dev/power``: low, normal or high by the cap as a share of maxSource. Pure.

The label of a moment follows from the budget's schedule and overrides since the delivery day's begin, so that a new
operator says the same. A share must go ``hysteresis`` beyond a band's bound before the label changes; a day that would
have more than ``MOST_CHANGES`` changes is gone through with a wider one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from powercap_api.names import POWER_LABEL
from powercap_api.powerbudget import PowerBudgetSpec
from powercap_api.schedule import FULL_SHARE, Schedule, Slot, Window, share_of, window_at

from ...market.delivery_day import day_bounds, day_of
from ...market.known_days import market_of
from ...world.snapshot import KnownSpec, World
from ...world.unreadable import FAULTS

MOST_CHANGES: Final = 8
"""Most changes of a node's label in a day of its schedule."""
_LOW_BELOW: Final = FULL_SHARE * 40 // 100
_HIGH_FROM: Final = FULL_SHARE * 70 // 100
_HYSTERESIS: Final = FULL_SHARE // 10
"""Width of the zone around a bound in which the label stays: 10 % of maxSource."""
_DAY: Final = timedelta(days=1)


class PowerLabel(StrEnum):
    """Values of the label."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


def label_changes(world: World, now: datetime) -> dict[str, PowerLabel | None]:
    """The nodes whose label is another than it should be, each with the right one; None: it should have none."""
    known: dict[tuple[KnownSpec, datetime], PowerLabel | None] = {}
    changes: dict[str, PowerLabel | None] = {}
    for name, node in world.nodes.items():
        budget = world.budgets.get(name)
        policy = None if budget is None else world.policies.get(budget.spec.get("policy", ""))
        wanted = None
        if budget is not None and policy is not None:
            zone = market_of(policy.spec.market).bidding_zone.zone
            key = (budget.spec, day_bounds(day_of(now, zone), zone)[0])
            if key not in known:
                try:
                    known[key] = label_at(budget.spec, key[1], now)
                except FAULTS:  # a budget of another version
                    known[key] = None
            wanted = known[key]
        if node.labels.get(POWER_LABEL) != wanted:
            changes[name] = wanted
    return changes


def label_at(spec: Mapping[str, Any], day_begin: datetime, now: datetime) -> PowerLabel | None:
    """The label of a node whose budget says this; None where there is nothing to go by.

    ``day_begin`` is the begin of the delivery day, up to a day before ``now``.
    """
    budget = PowerBudgetSpec.model_validate(spec)
    if budget.suspend or (budget.floor is not None and budget.floor.microwatts is None):
        return PowerLabel.HIGH
    slots = budget.slots()
    windows = [window.plain() for window in budget.overrides or ()]
    if slots.at(now) is None:
        return None
    shares = list(_shares(budget, slots, windows, day_begin))
    hysteresis = _HYSTERESIS
    while True:
        labels = list(_labels(shares, hysteresis))
        if len(labels) - 1 <= MOST_CHANGES or hysteresis >= FULL_SHARE:
            break
        hysteresis += _HYSTERESIS
    return next((label for start, label in reversed(labels) if start <= now), None)


def _shares(
    budget: PowerBudgetSpec, slots: Schedule[Slot], windows: Sequence[Window], begin: datetime
) -> Iterator[tuple[datetime, int]]:
    """The cap as a share of maxSource wherever it may change between ``begin`` and a day later."""
    end = min(slots.until, begin + _DAY)
    bounds = {slot.start for slot in slots} | {at for one in windows for at in (one.start, one.end)}
    for at in sorted({begin, *(bound for bound in bounds if begin < bound < end)}):
        slot = slots.at(at)
        if slot is not None:
            yield at, _with_limits(budget, slot.share, window_at(windows, at))


def _with_limits(budget: PowerBudgetSpec, share: int, window: Window | None) -> int:
    """What is left of a share under an override, as far as it is known without the node's own limits."""
    max_uw, min_uw = budget.max_source_microwatts, budget.min_power_microwatts or 0
    if window is not None and window.release:
        return FULL_SHARE
    if window is not None and window.share is not None:
        share = min(share, window.share)
    if max_uw is None:
        return share
    if window is not None and window.cap_uw is not None:
        share = min(share, share_of(window.cap_uw, max_uw))
    floor_uw = 0 if budget.floor is None else budget.floor.microwatts or 0
    return max(share, share_of(max(min_uw, floor_uw), max_uw))


def _labels(shares: Iterable[tuple[datetime, int]], hysteresis: int) -> Iterator[tuple[datetime, PowerLabel]]:
    """The labels in order of time, without repeats: the first by the bounds alone, then with hysteresis."""
    label = None
    for start, share in shares:
        wanted = _band(share, 0, 0) if label is None else _next(label, share, hysteresis // 2)
        if wanted != label:
            label = wanted
            yield start, wanted


def _next(label: PowerLabel, share: int, margin: int) -> PowerLabel:
    """The label after ``label``: a bound counts as farther away by the margin, on both sides."""
    low_by = margin if label is PowerLabel.LOW else -margin
    high_by = -margin if label is PowerLabel.HIGH else margin
    return _band(share, low_by, high_by)


def _band(share: int, low_by: int, high_by: int) -> PowerLabel:
    if share >= _HIGH_FROM + high_by:
        return PowerLabel.HIGH
    return PowerLabel.LOW if share < _LOW_BELOW + low_by else PowerLabel.NORMAL
