"""Exact division of a power between parties, each with a weight and bounds."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Party:
    """One of those that share a power."""

    weight: int
    """Its part relative to the others. At least 1."""
    low_uw: int
    """Least share, in microwatts."""
    high_uw: int
    """Largest share, in microwatts; at least ``low_uw``."""


@dataclass(frozen=True, slots=True)
class Share:
    """The share of one party."""

    power_uw: int
    bound: bool
    """True where a bound, not the weight, decided."""


def share_out(power_uw: int, parties: Sequence[Party]) -> list[Share]:
    """Divide ``power_uw`` in proportion to the weights, to the microwatt, within every party's bounds.

    What a party at its bound leaves or takes too much is divided among the others, again in proportion. The
    shares' sum is ``power_uw`` exactly, unless that lies outside the sum of the bounds: then it is that sum.

    The algorithm is that of CSS flexible boxes (section 9.7, "resolving flexible lengths"): of the shares that break a
    bound, those on the side of the larger total violation are fixed at their bound, and the rest is divided again.
    """
    fixed: dict[int, int] = {}
    while True:
        free = [index for index in range(len(parties)) if index not in fixed]
        shares = _proportional(
            power_uw - sum(fixed.values()), {index: parties[index].weight for index in free}
        )
        lacking = {i: parties[i].low_uw - shares[i] for i in free if shares[i] < parties[i].low_uw}
        excess = {i: shares[i] - parties[i].high_uw for i in free if shares[i] > parties[i].high_uw}
        if not lacking and not excess:
            return [
                Share(fixed[i], bound=True) if i in fixed else Share(shares[i], bound=False)
                for i in range(len(parties))
            ]
        if sum(lacking.values()) >= sum(excess.values()):
            fixed.update((i, parties[i].low_uw) for i in lacking)
        else:
            fixed.update((i, parties[i].high_uw) for i in excess)


def _proportional(power_uw: int, weights: dict[int, int]) -> dict[int, int]:
    """Whole parts in proportion to the weights whose sum is exactly ``power_uw`` (largest remainder first)."""
    total = sum(weights.values())
    parts = {index: power_uw * weight // total for index, weight in weights.items()}
    left = power_uw - sum(parts.values())
    by_remainder = sorted(weights, key=lambda index: (-(power_uw * weights[index] % total), index))
    for index in by_remainder[:left]:
        parts[index] += 1
    return parts


def weights_of(references_uw: Sequence[int | None]) -> list[int]:
    """The weight of each that has a reference, and for each without one the largest of the others."""
    largest = max((uw for uw in references_uw if uw), default=1)
    return [uw or largest for uw in references_uw]
