"""Lists of times and values, as sources give them in JSON. Pure."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any, Final, TypeVar

from powercap_api.markets import RESOLUTIONS_MINUTES

from ..market.errors import Malformed, TooLarge

T = TypeVar("T")

MAX_BYTES: Final = 1_000_000
"""A day's answer has about 10 KB."""


def read_series(body: bytes, source: str, read: Callable[[Any], T]) -> T:
    """What ``read`` makes of the JSON in an answer; decimals are Decimals.

    Raises:
        Malformed: no JSON, or of another form than ``read`` takes for granted; TooLarge says more.
    """
    if len(body) > MAX_BYTES:
        raise TooLarge(f"{source} gave {len(body) / 1e6:.1f} MB for one day")
    try:
        return read(json.loads(body, parse_float=Decimal))
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        OSError,
        InvalidOperation,
    ) as error:
        raise Malformed(f"{source} gave something else than a list of times and values") from error
    except RecursionError as error:
        raise Malformed(f"{source} gave nested data that no list of values is") from error


def moment(text: str) -> datetime:
    """A time with its offset, in UTC.

    Raises:
        ValueError: no time, or without an offset.
    """
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text[:40]!r} has no offset")
    return found.astimezone(UTC)


def number(value: Any) -> Decimal | None:
    """A number of a JSON document; None for null.

    Raises:
        ValueError, TypeError, InvalidOperation: something else, or a number that cannot be printed: JSON allows
        1e999999999 and NaN.
    """
    if value is None:
        return None
    found = Decimal(value)
    exponent = found.as_tuple().exponent
    printable = isinstance(exponent, int) and -20 < exponent < 7 and found.adjusted() < 7
    if isinstance(value, (bool, str)) or not printable:
        raise ValueError(f"{str(value)[:40]!r} is no number of a list")
    return found


def at_second(second: Any) -> datetime:
    """The moment so many seconds after 1970 began."""
    return datetime.fromtimestamp(int(second), UTC)


def step_minutes(starts: Sequence[datetime], source: str, said: int | None = None) -> int:
    """Length of the periods: what the source says, or as all stamps are apart, also those without a value, or holes
    would be filled.

    Raises:
        Malformed: uneven or unknown steps.
    """
    steps = {int((later - earlier).total_seconds()) for earlier, later in pairwise(starts)}
    minutes = min(steps, default=0) // 60 if said is None else said
    if minutes not in RESOLUTIONS_MINUTES or any(step <= 0 or step % (60 * minutes) for step in steps):
        raise Malformed(f"{source} gave values in steps that no market has")
    return minutes
