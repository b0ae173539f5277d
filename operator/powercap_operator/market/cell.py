"""Numbers as the exchange and its CSV files print them. Pure."""

import re
from decimal import Decimal
from typing import Final

from .errors import Malformed

_NUMBER: Final = re.compile(r"[-−]?(?:[0-9]{1,3}(?:,[0-9]{3}){1,3}|[0-9]{1,9})(?:\.[0-9]{1,6})?")
_EMPTY: Final = frozenset(("", "-", "–", "—"))

Cell = Decimal | None


def read_cell(text: str) -> Cell:
    """A number as the exchange prints it, ``1,953.8`` or ``-14.95``, with its digits; None for "-".

    Raises:
        Malformed: anything else.
    """
    text = text.strip()
    if text in _EMPTY:
        return None
    if len(text) > 20 or _NUMBER.fullmatch(text) is None:
        raise Malformed(f"the cell {text[:20]!r} is no number: the table has changed or is damaged")
    return Decimal(text.replace(",", "").replace("−", "-"))
