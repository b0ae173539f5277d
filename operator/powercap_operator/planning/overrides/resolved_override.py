"""What decisions need of a PowerOverride. Pure."""

from dataclasses import dataclass
from datetime import datetime

from powercap_api.clock import LATEST
from powercap_api.foreign_text import shown
from powercap_api.poweroverride import PowerOverride, parse_duration, parse_limit

Pairs = frozenset[tuple[str, str]]
"""Labels with their values."""


@dataclass(frozen=True, slots=True)
class ResolvedOverride:
    """What an override's spec implies."""

    override: PowerOverride
    start: datetime
    end: datetime
    share: int | None
    """The limit as a share of maxSource; None where it is in watts, or a release."""
    cap_uw: int | None
    """The limit in microwatts; None where it is a percentage, or a release."""
    names: frozenset[str] | None
    """The nodes that it names; None where it selects by labels."""
    pairs: Pairs
    """The labels that its nodes have; none where it names them."""
    basis: str
    """Its name and reason, for people."""

    @property
    def name(self) -> str:
        """The override's name."""
        return self.override.metadata.name

    @property
    def release(self) -> bool:
        """Whether it asks for the original limits."""
        return self.override.spec.release

    def holds(self, now: datetime) -> bool:
        """Whether ``now`` is between its begin and its end."""
        return self.start <= now < self.end


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
    pairs = frozenset((spec.node_selector or {}).items()) if names is None else frozenset()
    basis = f"{override.metadata.name}: {shown(spec.reason)}"
    return ResolvedOverride(override, begin, end or begin, share, cap_uw, names, pairs, basis)
