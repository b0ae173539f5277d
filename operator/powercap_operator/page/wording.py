"""How the page says times, powers and states. Pure."""

from collections.abc import Sized
from datetime import datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from powercap_api.reasons import BudgetReason
from powercap_api.units import format_watts_short

from ..world.node_state import NO_REPORT, ON_PURPOSE, NodeState


class Tone(StrEnum):
    """How much something wants a person's eye: from nothing at all to at once."""

    GOOD = "good"
    QUIET = "quiet"
    WARN = "warn"
    BAD = "bad"


_BY_ORDER: Final = (Tone.QUIET, Tone.GOOD, Tone.WARN, Tone.BAD)
_WARN: Final = {
    BudgetReason.LIFTED,
    BudgetReason.HOLDING,
    BudgetReason.EXPIRED,
    BudgetReason.CLAMPED,
    NO_REPORT,
}


def worst(tones: list[Tone]) -> Tone:
    """The one that wants a person's eye most."""
    return max(tones, key=_BY_ORDER.index, default=Tone.QUIET)


def node_tone(state: NodeState) -> Tone:
    """How much a node in that state wants a person's eye."""
    if state.reason in ON_PURPOSE:
        return Tone.QUIET
    if state.reason in _WARN:
        return Tone.WARN
    return Tone.GOOD if state.ready else Tone.BAD


def clock(moment: datetime, zone: ZoneInfo, now: datetime) -> str:
    """A moment on the zone's clock, with the date where it is not today: ``15:32``, ``Thu 26 Nov 15:32``."""
    local, today = moment.astimezone(zone), now.astimezone(zone).date()
    return f"{local:%H:%M}" if local.date() == today else f"{local:%a} {local.day} {local:%b %H:%M}"


def watts(power_uw: int | None) -> str:
    """A power for a table: ``25.2 W``; a dash where it is not known."""
    return "–" if power_uw is None else format_watts_short(power_uw)


def number(count: int) -> str:
    """A count with a comma for thousands."""
    return f"{count:,}"


def nodes(things: int | Sized) -> str:
    """``1 node``, ``1,000 nodes``."""
    count = things if isinstance(things, int) else len(things)
    return f"{number(count)} {'node' if count == 1 else 'nodes'}"
