"""What the page shows of limits for a while: those that hold, and those that are to come. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from powercap_api.poweroverride import PowerOverride
from powercap_api.units import Power

from .wording import Tone, clock, nodes

_SHOWN = ("Active", "Pending")
"""States that are shown, in this order; the others are over, or not looked at yet."""


@dataclass(frozen=True, slots=True)
class OverrideView:
    """One PowerOverride."""

    name: str
    state: str
    tone: Tone
    what: str
    times: str
    result: str
    why: str


def override_views(
    overrides: Iterable[PowerOverride], zone: ZoneInfo, now: datetime
) -> tuple[OverrideView, ...]:
    """Those that hold, then those that are to come, each in order of names. Times are on the zone's clock."""
    shown = [one for one in overrides if one.status.state in _SHOWN]
    shown.sort(key=lambda one: (_SHOWN.index(one.status.state or ""), one.metadata.name))
    return tuple(_view(one, zone, now) for one in shown)


def _view(override: PowerOverride, zone: ZoneInfo, now: datetime) -> OverrideView:
    spec, status = override.spec, override.status
    start = "" if status.start is None else f"from {clock(status.start, zone, now)} "
    end = "" if status.end is None else f"until {clock(status.end, zone, now)}"
    result = ""
    if status.asked is not None and status.achieved is not None:
        result = f"{status.achieved} of at most {status.asked}"
    return OverrideView(
        name=override.metadata.name,
        state=status.state or "",
        tone=Tone.WARN if status.state == "Active" else Tone.QUIET,
        what=f"{'original limits' if spec.release else f'at most {_power(spec.limit)}'} on {nodes(status.nodes or 0)}",
        times=start + end,
        result=result,
        why=f"{spec.reason} ({spec.source})",
    )


def _power(text: str | None) -> str:
    return "" if text is None else str(Power.parse(text))
