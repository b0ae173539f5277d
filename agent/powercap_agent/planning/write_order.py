"""The order in which limits are written, so that no state between two writes exceeds those before and after. Pure.

A zone is written as a unit. Zones whose lead limit goes down are written before zones whose lead limit goes up. Within
a zone that goes up short_term is written first, within one that goes down long_term, so that short_term stays at or
above long_term.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .limits import Write


@dataclass(frozen=True, slots=True)
class ZoneStep:
    """The writes of one zone, in their order."""

    raises: bool
    """Whether the lead limit goes up."""
    writes: tuple[Write, ...]


def zone_steps(writes: Sequence[Write], readings: Mapping[str, int | None]) -> list[ZoneStep]:
    """The writes zone by zone, lowered zones first. ``readings`` are the limits in force in microwatts, by key; a
    limit that cannot be read (None) counts as being lowered."""
    by_zone: dict[str, list[Write]] = {}
    for write in writes:
        by_zone.setdefault(write.zone.key, []).append(write)
    steps = []
    for key in sorted(by_zone):
        own = sorted(by_zone[key], key=lambda write: write.leads, reverse=True)
        reading_uw = readings[own[0].key]
        raises = reading_uw is not None and own[0].power_uw > reading_uw
        steps.append(ZoneStep(raises, tuple(reversed(own) if raises else own)))
    return sorted(steps, key=lambda step: step.raises)
