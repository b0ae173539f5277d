"""How a budget's status tells the energy that its node drew in each quarter of an hour.

A stretch of quarters without a gap under one policy is one object, a *run*: policy, begin of the first quarter, and for
packages and accelerators apart the columns ``joules``, ``seconds``, ``boundSeconds`` and ``boundJoules``. A column is
one text with a number for each quarter, spaces between them, as thousands of budgets carry it and people read it in
one line. A column that says only what is usual is left out.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

STEP_SECONDS: Final = 900
"""Energy is told for quarters of an hour of the clock: every market's periods are one, two or four of them."""
HISTORY_STEPS: Final = 16
"""Four hours: so long may an operator be away without missing what was drawn in each market period."""
MAX_RUNS: Final = 16
"""Most stretches without a gap that are told."""
COLUMN_PATTERN: Final = r"^[0-9]{1,12}( [0-9]{1,12})*$"
"""What a column looks like."""
LONGEST_COLUMN: Final = 13 * (HISTORY_STEPS + 1)
"""Most characters of a column: an agent that ends tells the quarter that it ends in, too."""


class Quarter(NamedTuple):
    """What the packages, or the accelerators, of a node drew in a quarter of an hour."""

    joules: int = 0
    """Energy of all of them together."""
    seconds: int = STEP_SECONDS
    """Seconds that were measured. What was drawn in the others is not known."""
    bound_seconds: int = 0
    """Seconds in which the draw came within 5 % of the cap in force."""
    bound_joules: int = 0
    """Energy drawn in these seconds."""


_COLUMNS: Final = {"joules": None, "seconds": STEP_SECONDS, "boundSeconds": 0, "boundJoules": 0}
"""Names on the wire, in the order of ``Quarter``, and what each usually is. Joules are always told."""


@dataclass(frozen=True, slots=True)
class Run:
    """Quarters of an hour that follow each other, under one policy."""

    policy: str
    start: datetime
    packages: Sequence[Quarter] = ()
    accelerators: Sequence[Quarter] = ()
    lifts: Sequence[int] = field(default=())
    """How often the cap was lifted for a while in each quarter."""

    def to_wire(self) -> dict[str, Any]:
        """As ``status.energy.history`` has it."""
        told: dict[str, Any] = {
            "policy": self.policy,
            "start": self.start.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        if any(self.lifts):
            told["lifts"] = _text(self.lifts)
        for name, quarters in (("packages", self.packages), ("accelerators", self.accelerators)):
            if quarters:
                columns = zip(_COLUMNS.items(), zip(*quarters, strict=True), strict=True)
                told[name] = {
                    name: _text(column) for (name, usual), column in columns if set(column) != {usual}
                }
        return told


def read_run(told: Mapping[str, Any]) -> Run:
    """The run that an object of ``status.energy.history`` tells.

    Raises:
        KeyError, TypeError, ValueError: it is not what ``Run.to_wire`` gives.
    """
    return Run(
        str(told["policy"]),
        datetime.fromisoformat(told["start"]),
        _quarters(told.get("packages")),
        _quarters(told.get("accelerators")),
        _numbers(told["lifts"]) if told.get("lifts") else (),
    )


def _text(column: Sequence[int]) -> str:
    return " ".join(map(str, column))


def _quarters(told: Mapping[str, str] | None) -> list[Quarter]:
    if not told:
        return []
    count = len(_numbers(told["joules"]))
    columns = [
        _numbers(told[name]) if told.get(name) else [usual] * count for name, usual in _COLUMNS.items()
    ]
    return [Quarter(*numbers) for numbers in zip(*columns, strict=True)]


def _numbers(text: str) -> list[int]:
    if len(text) > LONGEST_COLUMN or not re.fullmatch(COLUMN_PATTERN, text):
        raise ValueError(f"{text[:40]!r} is no column of numbers")
    return [int(word) for word in text.split(" ")]
