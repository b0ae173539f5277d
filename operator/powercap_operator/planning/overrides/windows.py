"""What PowerOverrides ask of each node, as windows of its budget. Pure.

Where several hold on a node at a time, the lowest limit counts. A release gives the original limits, unless a limit
of the grid, or of a higher priority than every release, holds at the time: then it is as if there were no release.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from powercap_api.names import POWER_OVERRIDE
from powercap_api.poweroverride import GRID, OverrideWindow
from powercap_api.schedule import MAX_WINDOWS, Window, merge_windows

from ...world.snapshot import World
from ...world.unreadable import FAULTS, Unreadable
from .matching import Matching
from .resolved_override import ResolvedOverride, resolve_override

KEPT: Final = timedelta(days=1)
"""How long an override is kept after its end."""
AGENTS: Final = timedelta(seconds=5)
"""Time for agents to say what they have applied."""


@dataclass(frozen=True, slots=True)
class Overrides:
    """All overrides, as far as they can be worked with."""

    resolved: Mapping[str, ResolvedOverride]
    faulty: tuple[Unreadable, ...]
    matching: Matching
    """Of those, which match which nodes."""
    over: tuple[str, ...]
    """Those to be deleted."""


def read_overrides(world: World, now: datetime, matching: Matching) -> Overrides:
    """The world's overrides, but those that are being deleted. A faulty one stops no other."""
    resolved = {}
    faulty = [one for (kind, _), one in world.unreadable.items() if kind == POWER_OVERRIDE]
    for name, override in world.overrides.items():
        if override.metadata.deletion_timestamp is not None:
            continue
        try:
            resolved[name] = resolve_override(override, now)
        except FAULTS as error:
            faulty.append(Unreadable.of(POWER_OVERRIDE, override, error))
    for one in _beyond(resolved.values(), now, matching.most):
        del resolved[one.name]
        why = f"there are more than {matching.most} overrides that are not over: delete some of them"
        faulty.append(Unreadable.of(POWER_OVERRIDE, one.override, why))
    matching.look(resolved, world.nodes, now)
    return Overrides(resolved, tuple(faulty), matching, surplus_overrides(resolved.values(), now))


def _beyond(overrides: Iterable[ResolvedOverride], now: datetime, most: int) -> Sequence[ResolvedOverride]:
    """Those for which there is no room: first the grid's have it, then those that were made first."""
    lasting = [one for one in overrides if one.end > now]
    if len(lasting) <= most:
        return ()
    return sorted(lasting, key=lambda one: (one.override.spec.source != GRID, _made(one), one.name))[most:]


def _made(one: ResolvedOverride) -> datetime:
    return one.override.metadata.creation_timestamp or one.start


def lay_windows(
    spec: Mapping[str, Any] | None, coming: Sequence[Window], since: datetime, now: datetime
) -> list[OverrideWindow] | None:
    """The windows of a budget: of the one in force what is over since ``since``, as the record, then what is to come.

    None where there are none. More than a budget has room for are left out until others are over: first of those that
    are over the oldest, then the last of those to come.
    """
    moment = now.replace(microsecond=0)
    in_force = [OverrideWindow.model_validate(one).plain() for one in (spec or {}).get("overrides") or []]
    past = [
        replace(window, start=max(window.start, since), end=min(window.end, moment))
        for window in in_force
        if window.start < moment and window.end > since
    ]
    ahead = [replace(window, start=max(window.start, moment)) for window in coming if window.end > moment][
        :MAX_WINDOWS
    ]
    windows = merge_windows([*past, *ahead])[-MAX_WINDOWS:]
    return [OverrideWindow.of(window) for window in windows] or None


def surplus_overrides(overrides: Iterable[ResolvedOverride], now: datetime) -> tuple[str, ...]:
    """Those whose end is a day ago; one that was made after its end is kept for a day from then."""
    return tuple(
        override.name
        for override in overrides
        if max(override.end, override.override.metadata.creation_timestamp or override.end) <= now - KEPT
    )


def next_look(overrides: Iterable[ResolvedOverride], now: datetime) -> datetime | None:
    """When an override next begins or ends, or agents have had time to say what came of its begin."""
    looks = []
    for resolved in overrides:
        reports_by = resolved.start + AGENTS if resolved.start <= now else resolved.start
        looks += [look for look in (resolved.start, reports_by, resolved.end) if look > now]
    return min(looks, default=None)
