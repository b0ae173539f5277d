"""Power as whole microwatts, and as people write it: in watts, or as a percentage.

Every power inside the project is an ``int`` number of microwatts in a name that ends in ``_uw``, the unit of the
kernel's powercap files; text in watts exists only at the edges, in what a person writes and reads. All
arithmetic here is exact (Decimal), so that a value read and printed again is the same value.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self

MICROWATTS_PER_WATT: Final = 1_000_000

MAX_NODE_WATTS: Final = 100_000
"""A power above this is a mistake in the unit: no node draws 100 kW."""

MIN_NODE_WATTS: Final = 1
"""A power below this is a mistake in the unit too, and 0 is no way to say "no cap"."""

_SUFFIXES: Final = {
    suffix: Decimal(f"1e{exponent}")
    for suffix, exponent in {
        "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18,
    }.items()
} | {f"{prefix}i": Decimal(1024**power) for power, prefix in enumerate("KMGTPE", start=1)}  # fmt: skip
_QUANTITY: Final = re.compile(
    r"(?P<number>[+-]?(?:[0-9]{1,24}\.?[0-9]{0,24}|\.[0-9]{1,24})(?:[eE][+-]?[0-9]{1,2})?)"
    r"(?P<suffix>[numkMGTPE]?|[KMGTPE]i)"
)
_PERCENTAGE: Final = re.compile(r"(?P<number>100|[1-9][0-9]?)%")


class PowerFormatError(ValueError):
    """The text is no power in watts as a Kubernetes Quantity, and no percentage."""


@dataclass(frozen=True, slots=True)
class Power:
    """A power as a policy gives it: in microwatts, or in percent of what a node's own original limits add up to."""

    uw: int | None = None
    percent: int | None = None
    """A whole number from 1 to 100; None where the power is in microwatts."""

    @classmethod
    def parse(cls, text: str | int) -> Self:
        """Read ``"40"`` (watts, as ``parse_watts`` does) or ``"80%"``.

        Raises:
            PowerFormatError: neither of the two.
        """
        if not str(text).strip().endswith("%"):
            return cls(uw=parse_watts(text))
        match = _PERCENTAGE.fullmatch(str(text))
        if match is None:
            raise PowerFormatError(
                f'{text!r} is no percentage: write a whole number from 1 to 100, such as "80%"'
            )
        return cls(percent=int(match["number"]))

    def on(self, node_uw: int) -> int:
        """The power in microwatts on a node whose original limits add up to ``node_uw``."""
        return node_uw * (self.percent or 0) // 100 if self.uw is None else self.uw

    def __str__(self) -> str:
        """For people: ``40 W``, ``80 %``."""
        return f"{self.percent} %" if self.uw is None else f"{format_watts(self.uw)} W"


def parse_quantity(text: str) -> Decimal | None:
    """The number of a Kubernetes Quantity, as ``resource.Quantity`` in Kubernetes' apimachinery reads it; None: no such
    text."""
    match = _QUANTITY.fullmatch(text)
    return None if match is None else Decimal(match["number"]) * _SUFFIXES[match["suffix"]]


def parse_watts(text: str | int) -> int:
    """Turn a Quantity in watts into microwatts, rounded down to a whole one.

    ``"40"``, ``40``, ``"0.04k"``, ``"4e1"``, ``"40000m"`` and ``"40000000u"`` are all 40 W.

    Raises:
        PowerFormatError: no such quantity, or outside ``MIN_NODE_WATTS`` to ``MAX_NODE_WATTS``.
    """
    watts = parse_quantity(str(text).strip())
    if watts is None:
        raise PowerFormatError(f'{text!r} is no power: write watts, such as "40", or microwatts as 40000000u')
    if watts < MIN_NODE_WATTS:
        raise PowerFormatError(f"{text!r} is less than {MIN_NODE_WATTS} W: the unit is watts")
    if watts > MAX_NODE_WATTS:
        raise PowerFormatError(
            f"{text!r} is {watts:f} W, more than any node draws: the unit is watts;"
            f" if you mean microwatts, write {text}u"
        )
    return int(watts * MICROWATTS_PER_WATT)


def format_watts(power_uw: int) -> str:
    """Microwatts as watts without trailing zeros: ``37500000`` gives ``37.5``. The inverse of ``parse_watts``."""
    watts = Decimal(power_uw).scaleb(-6)
    text = f"{watts:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_watts_of_many(power_uw: int) -> str:
    """Microwatts of many nodes, to three digits with the unit: ``812 W``, ``39.3 kW``, ``1.25 MW``."""
    power = power_uw / MICROWATTS_PER_WATT
    for unit, size in (("MW", 1e6), ("kW", 1e3)):
        if power >= size:
            return f"{power / size:.3g} {unit}"
    return f"{power:.0f} W"


def format_watts_short(power_uw: int) -> str:
    """Microwatts as watts to one decimal, with the unit, for tables: ``25236817`` gives ``25.2 W``."""
    return f"{format_watts(round(power_uw, -5))} W"
