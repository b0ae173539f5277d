"""What decisions need of a PowerOverride. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from powercap_api.clock import LATEST
from powercap_api.foreign_text import shown
from powercap_api.poweroverride import GRID, PowerOverride, parse_duration, parse_limit
from powercap_api.schedule import Window

Pairs = frozenset[tuple[str, str]]
"""Labels with their values."""
_GRID: Final = -(10**10)
"""Rank of the grid's limits: before every priority."""


class Selector(NamedTuple):
    """Which nodes an override is for."""

    names: frozenset[str] | None
    """The nodes that it names; None where it selects by labels."""
    pairs: Pairs
    """The labels that its nodes have; none where it names them."""


@dataclass(frozen=True, slots=True)
class ResolvedOverride:
    """What an override's spec implies."""

    override: PowerOverride = field(compare=False)
    start: datetime
    end: datetime
    share: int | None
    """The limit as a share of maxSource; None where it is in watts, or a release."""
    cap_uw: int | None
    """The limit in microwatts; None where it is a percentage, or a release."""
    rank: int
    """Of a limit against a release: the lower is the stronger."""
    selector: Selector
    basis: str
    """Its name and reason, for people."""

    @property
    def name(self) -> str:
        return self.override.metadata.name

    @property
    def release(self) -> bool:
        """Whether it asks for the original limits."""
        return self.share is None and self.cap_uw is None

    def holds(self, now: datetime) -> bool:
        """Whether ``now`` is between its begin and its end."""
        return self.start <= now < self.end

    def limit_uw(self, min_uw: int, max_uw: int) -> int | None:
        """The most that it lets a node of these powers have, in microwatts; None for a release."""
        return Window(self.start, self.end, self.share, self.cap_uw).limit_uw(min_uw, max_uw)


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
    share, cap_uw = (None, None) if spec.limit is None or spec.release else parse_limit(spec.limit)
    names = None if spec.nodes is None else frozenset(spec.nodes)
    pairs = frozenset((spec.node_selector or {}).items()) if names is None else frozenset()
    basis = f"{override.metadata.name}: {shown(spec.reason)}"
    rank = _GRID if spec.source == GRID and not spec.release else -spec.priority
    return ResolvedOverride(override, begin, end or begin, share, cap_uw, rank, Selector(names, pairs), basis)
