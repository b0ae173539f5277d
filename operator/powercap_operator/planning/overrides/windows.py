"""What PowerOverrides ask of each node, as windows of its budget. Pure.

Where several hold on a node at a time, the lowest limit counts. A release gives the original limits, unless a limit
of the grid, or of a higher priority than every release, holds at the time: then it is as if there were no release.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from powercap_api.clock import LATEST
from powercap_api.names import POWER_OVERRIDE
from powercap_api.poweroverride import GRID, OverrideWindow, PowerOverride, parse_duration, parse_limit
from powercap_api.schedule import MAX_WINDOWS, Window, merge_windows

from ...world.snapshot import NodeView, World
from ...world.unreadable import FAULTS, Unreadable, unreadable

KEPT: Final = timedelta(days=1)
"""How long an override is kept after its end."""
AGENTS: Final = timedelta(seconds=5)
"""Time for agents to say what they have applied."""
_LONGEST_BASIS: Final = 256
"""As long as the schema lets a window's basis be."""


@dataclass(frozen=True, slots=True)
class ResolvedOverride:
    """What decisions need of an override."""

    override: PowerOverride
    start: datetime
    end: datetime
    share: int | None
    """The limit as a share of maxSource; None where it is in watts, or a release."""
    cap_uw: int | None
    """The limit in microwatts; None where it is a percentage, or a release."""
    names: frozenset[str] | None
    """The nodes that it names; None where it selects by labels."""

    @property
    def name(self) -> str:
        """The override's name."""
        return self.override.metadata.name

    @property
    def release(self) -> bool:
        """Whether it asks for the original limits."""
        return self.override.spec.release

    @property
    def basis(self) -> str:
        """Its name and reason, for people."""
        return f"{self.name}: {self.override.spec.reason}"

    def holds(self, now: datetime) -> bool:
        """Whether ``now`` is between its begin and its end."""
        return self.start <= now < self.end

    def matches(self, node: NodeView) -> bool:
        """Whether it is for this node."""
        if self.names is not None:
            return node.name in self.names
        selector = self.override.spec.node_selector or {}
        return all(node.labels.get(key) == value for key, value in selector.items())


def resolve_override(override: PowerOverride, now: datetime) -> ResolvedOverride:
    """Work out what an override's spec implies; ``now`` is its begin where neither it nor the API server says one.

    Raises:
        ValueError: it ends after LATEST.
    """
    spec = override.spec
    begin = spec.start or override.metadata.creation_timestamp or now.replace(microsecond=0)
    end = spec.end if spec.duration is None else begin + parse_duration(spec.duration)
    if end is not None and end > LATEST:
        raise ValueError(f"it would end after {LATEST.year}")
    share, cap_uw = (None, None) if spec.limit is None else parse_limit(spec.limit)
    names = None if spec.nodes is None else frozenset(spec.nodes)
    return ResolvedOverride(override, begin, end or begin, share, cap_uw, names)


@dataclass(frozen=True, slots=True)
class Overrides:
    """All overrides, as far as they can be worked with."""

    resolved: Mapping[str, ResolvedOverride]
    faulty: tuple[Unreadable, ...]
    windows: Mapping[str, tuple[Window, ...]]
    """What is to come on each node that any of them matches, by the node's name."""
    over: tuple[str, ...]
    """Those to be deleted."""


def read_overrides(world: World, now: datetime) -> Overrides:
    """The world's overrides, but those that are being deleted. A faulty one stops no other."""
    resolved = {}
    faulty = [one for (kind, _), one in world.unreadable.items() if kind == POWER_OVERRIDE]
    for name, override in world.overrides.items():
        if override.metadata.deletion_timestamp is not None:
            continue
        try:
            resolved[name] = resolve_override(override, now)
        except FAULTS as error:
            faulty.append(unreadable(POWER_OVERRIDE, override.to_wire(), error))
    windows = windows_of_nodes(resolved.values(), world.nodes.values(), now)
    return Overrides(resolved, tuple(faulty), windows, surplus_overrides(resolved.values(), now))


def windows_of_nodes(
    overrides: Iterable[ResolvedOverride], nodes: Iterable[NodeView], now: datetime
) -> dict[str, tuple[Window, ...]]:
    """What is to come on each node that any override matches, by the node's name."""
    coming = [override for override in overrides if override.end > now]
    known: dict[frozenset[str], tuple[Window, ...]] = {}
    found = {}
    for node in nodes if coming else ():
        matching = [override for override in coming if override.matches(node)]
        key = frozenset(override.name for override in matching)
        if key not in known:
            known[key] = tuple(make_windows(matching))
        if matching:
            found[node.name] = known[key]
    return found


def make_windows(overrides: Sequence[ResolvedOverride]) -> list[Window]:
    """The windows of a node that all of these match, in order of time."""
    bounds = sorted({bound for override in overrides for bound in (override.start, override.end)})
    windows = []
    for start, end in pairwise(bounds):
        holding = [override for override in overrides if override.holds(start)]
        if holding:
            windows.append(_window(start, end, holding))
    return merge_windows(windows)


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


def next_look(world: World, now: datetime) -> datetime | None:
    """When an override next begins or ends, or agents have had time to say what came of its begin."""
    looks = []
    for resolved in read_overrides(world, now).resolved.values():
        reports_by = resolved.start + AGENTS if resolved.start <= now else resolved.start
        looks += [resolved.start, reports_by, resolved.end]
    return min((look for look in looks if look > now), default=None)


def _window(start: datetime, end: datetime, holding: Sequence[ResolvedOverride]) -> Window:
    """What these come to together."""
    releases = [override for override in holding if override.release]
    limits = [override for override in holding if not override.release]
    if releases:
        highest = max(override.override.spec.priority for override in releases)
        if not any(_withstands(limit, highest) for limit in limits):
            return Window(start, end, basis=_basis(releases))
    share = min((limit.share for limit in limits if limit.share is not None), default=None)
    cap_uw = min((limit.cap_uw for limit in limits if limit.cap_uw is not None), default=None)
    counting = [
        limit
        for limit in limits
        if (limit.share is not None and limit.share == share)
        or (limit.cap_uw is not None and limit.cap_uw == cap_uw)
    ]
    return Window(start, end, share, cap_uw, _basis(counting))


def _withstands(limit: ResolvedOverride, priority: int) -> bool:
    """Whether a release of this priority does not lift the limit."""
    return limit.override.spec.source == GRID or limit.override.spec.priority > priority


def _basis(overrides: Iterable[ResolvedOverride]) -> str:
    named = "; ".join(override.basis for override in sorted(overrides, key=lambda one: one.name))
    return f"PowerOverride {named}"[:_LONGEST_BASIS]
