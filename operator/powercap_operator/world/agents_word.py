"""What an agent's status says, field by field: what no node can have is as good as not said. Pure.

An agent writes its own budget's status, with a token that may be stolen, by a clock that may be wrong. A field that is
impossible takes nothing with it but itself.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from powercap_api.clock import EARLIEST, LATEST, read_time
from powercap_api.reasons import BudgetReason
from powercap_api.units import MAX_NODE_WATTS, MICROWATTS_PER_WATT

from .energy_history import is_run

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


def impossible(status: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the fields that say what no node can have, and are left out; of the history, whether any of it is."""
    found = [name for name, is_possible in _POSSIBLE.items() if not is_possible(_at(status, name.split(".")))]
    history = _at(status, ["energy", "history"])
    told = history if isinstance(history, list | tuple) else ()
    if (history is not None and not isinstance(history, list | tuple)) or not all(map(is_run, told)):
        found.append("energy.history")
    return tuple(found)


def _at(status: Mapping[str, Any], path: Sequence[str]) -> object:
    value: object = status
    for name in path:
        value = mapping_of(value).get(name)
    return value


def _is_moment(value: object) -> bool:
    moment = read_time(value)
    return value is None or (moment is not None and EARLIEST < moment < LATEST)


def _is_power(value: object) -> bool:
    return value is None or power_of(value) is not None


def _is_energy(value: object) -> bool:
    return value is None or whole_number(value, MOST_JOULES) is not None


_POSSIBLE: Final[Mapping[str, Callable[[object], bool]]] = {
    "current.capMicrowatts": _is_power,
    "current.appliedMicrowatts": _is_power,
    "current.end": _is_moment,
    "draw.averageMicrowatts": _is_power,
    "draw.packages.averageMicrowatts": _is_power,
    "draw.accelerators.averageMicrowatts": _is_power,
    "energy.packages.joules": _is_energy,
    "energy.accelerators.joules": _is_energy,
}


def known_reason(value: object) -> str | None:
    """One of the reasons that there are; ``OTHER`` for another, None where there is none."""
    if value is None:
        return None
    return value if isinstance(value, str) and value in _REASONS else OTHER
