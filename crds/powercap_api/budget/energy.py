"""How a budget's status tells the energy that its node drew over time.

A stretch of quarters of an hour without a gap is one line of text, as thousands of budgets carry it:
``default 2026-11-25T12:00Z 163111 163111/450/81559``. That is the policy, the begin of the first quarter, and a word
for each quarter: its numbers in the order of ``Quarter``, slashes between them. An empty number is the default, and so
are those left out at the end.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, NamedTuple

STEP_SECONDS: Final = 900
"""Energy is told for quarters of an hour of the clock: every market's periods are one, two or four of them."""
HISTORY_STEPS: Final = 16
"""Four hours: so long may an operator be away without missing what was drawn in each market period."""
MAX_RUNS: Final = 16
"""Most stretches without a gap that are told."""
LINE_PATTERN: Final = r"^[^ ]+ \d{4}-\d\d-\d\dT\d\d:\d\dZ( [0-9/]+)+$"
"""What a line looks like."""
MAX_LINE: Final = 1088
"""Most characters of a line."""
_START: Final = "%Y-%m-%dT%H:%MZ"


class Quarter(NamedTuple):
    """What a node drew in a quarter of an hour."""

    joules: int = 0
    """Energy of all packages together."""
    bound_seconds: int = 0
    """Seconds in which the draw came within 5 % of the cap in force."""
    bound_joules: int = 0
    """Energy drawn in these seconds."""
    lifts: int = 0
    """How often the cap was lifted for a while."""
    seconds: int = STEP_SECONDS
    """Seconds that were measured."""


_DEFAULT: Final = Quarter()


def line_of(policy: str, start: datetime, quarters: Iterable[Quarter]) -> str:
    """The line of quarters that follow each other from ``start`` on."""
    return " ".join([policy, start.astimezone(UTC).strftime(_START), *map(_word, quarters)])


def read_line(line: str) -> tuple[str, datetime, list[Quarter]]:
    """Policy, start and quarters of a line.

    Raises:
        ValueError: it is not what ``line_of`` gives.
    """
    policy, start, *words = line.split(" ")
    return policy, datetime.fromisoformat(start), [_quarter(word) for word in words]


def _word(quarter: Quarter) -> str:
    numbers = zip(quarter, _DEFAULT, strict=True)
    told = ("" if number == default else str(number) for number, default in numbers)
    return "/".join(told).rstrip("/") or "0"


def _quarter(word: str) -> Quarter:
    numbers = word.split("/")
    if len(numbers) > len(_DEFAULT):
        raise ValueError(f"a quarter of an hour has at most {len(_DEFAULT)} numbers: {word[:40]!r}")
    told = (int(text) if text else default for text, default in zip(numbers, _DEFAULT, strict=False))
    return Quarter(*told)
