"""Bars made of block characters, in eighths of a character. Pure."""

from decimal import Decimal
from typing import Final

_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"


def bar(value: Decimal | int | None, largest: Decimal | int, width: int) -> str:
    """A bar of ``width`` characters, filled as ``value`` is to ``largest``; empty where either is not above 0."""
    if value is None or largest <= 0 or value <= 0:
        return " " * width
    eighths = min(int(value * width * 8 / largest), width * 8)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(width)
