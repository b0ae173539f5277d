"""What an agent's status says, field by field: what no node can have is as good as not said. Pure.

An agent writes its own budget's status, with a token that may be stolen, by a clock that may be wrong. A field that is
impossible takes nothing with it but itself.
"""

from collections.abc import Mapping
from typing import Any, Final

from powercap_api.reasons import BudgetReason
from powercap_api.units import MAX_NODE_WATTS, MICROWATTS_PER_WATT

MOST_UW: Final = int(MAX_NODE_WATTS) * MICROWATTS_PER_WATT
"""Power of a node at most, as for policies."""
MOST_JOULES: Final = 10**14
"""Energy of a node at most since it began to count: of the largest one in thirty years."""
OTHER: Final = "Other"
"""A reason that is none of ours."""
_REASONS: Final = frozenset(BudgetReason)


def mapping_of(value: object) -> Mapping[str, Any]:
    """The object; an empty one for whatever is none."""
    return value if isinstance(value, Mapping) else {}


def whole_number(value: object, most: int) -> int | None:
    """A whole number from 0 to ``most``; None for anything else."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= most else None


def power_of(value: object) -> int | None:
    """A power in microwatts that a node can have."""
    return whole_number(value, MOST_UW)


def known_reason(value: object) -> str | None:
    """One of the reasons that there are; ``OTHER`` for another, None where there is none."""
    if value is None:
        return None
    return value if isinstance(value, str) and value in _REASONS else OTHER
