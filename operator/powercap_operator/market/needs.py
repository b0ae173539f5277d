"""What a strategy needs of a day's results. Pure."""

from dataclasses import astuple, dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Needs:
    """What a day's results must have for a strategy."""

    volume: bool = False
    price: bool = False
    carbon: bool = False
    renewable: bool = False

    def __or__(self, other: Self) -> Self:
        """What two strategies need together."""
        both = zip(astuple(self), astuple(other), strict=True)
        return type(self)(*(one or another for one, another in both))

    @property
    def market(self) -> bool:
        """Whether results are looked at at all; where not, a day's periods come without values."""
        return self != Needs()
