"""How the page says times, powers and states. Pure."""

from collections.abc import Sized
from datetime import datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from powercap_api.reasons import BudgetReason
from powercap_api.units import MICROWATTS_PER_WATT, format_watts_short

from ..world.node_state import NO_REPORT, SILENT


class Tone(StrEnum):
    """How much something wants a person's eye: from nothing at all to at once."""

    GOOD = "good"
    QUIET = "quiet"
    WARN = "warn"
    BAD = "bad"


_BY_ORDER: Final = (Tone.QUIET, Tone.GOOD, Tone.WARN, Tone.BAD)
_QUIET: Final = {BudgetReason.SUSPENDED, BudgetReason.DRY_RUN, BudgetReason.UNSUPPORTED}
_WARN: Final = {
    BudgetReason.LIFTED,
    BudgetReason.HOLDING,
    BudgetReason.EXPIRED,
    BudgetReason.CLAMPED,
    NO_REPORT,
}
REASON_TEXT: Final[dict[str, str]] = {
    SILENT: "The agent has not reported since its slot ended.",
    NO_REPORT: "The agent has not reported yet.",
}
"""What is said of a node whose agent says nothing."""


def worst(tones: list[Tone]) -> Tone:
    """The one that wants a person's eye most."""
    return max(tones, key=_BY_ORDER.index, default=Tone.QUIET)


def node_tone(reason: str, *, ready: bool) -> Tone:
    """How much a node of that condition wants a person's eye."""
    if reason in _QUIET:
        return Tone.QUIET
    if reason in _WARN:
        return Tone.WARN
    return Tone.GOOD if ready else Tone.BAD


def clock(moment: datetime, zone: ZoneInfo, now: datetime) -> str:
    """A moment on the zone's clock, with the date where it is not today: ``15:32``, ``Thu 26 Nov 15:32``."""
    local, today = moment.astimezone(zone), now.astimezone(zone).date()
    return f"{local:%H:%M}" if local.date() == today else f"{local:%a} {local.day} {local:%b %H:%M}"


def watts(power_uw: int | None) -> str:
    """A power for a table: ``25.2 W``; a dash where it is not known."""
    return "–" if power_uw is None else format_watts_short(power_uw)


def fleet_watts(power_uw: int) -> str:
    """A power of many nodes: ``812 W``, ``39.3 kW``, ``1.25 MW``."""
    power = power_uw / MICROWATTS_PER_WATT
    for unit, size in (("MW", 1e6), ("kW", 1e3)):
        if power >= size:
            return f"{power / size:.3g} {unit}"
    return f"{power:.0f} W"


def number(count: int) -> str:
    """A count with a comma for thousands."""
    return f"{count:,}"


def nodes(things: int | Sized) -> str:
    """``1 node``, ``1,000 nodes``."""
    count = things if isinstance(things, int) else len(things)
    return f"{number(count)} {'node' if count == 1 else 'nodes'}"
