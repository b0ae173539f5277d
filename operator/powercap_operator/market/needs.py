"""What a strategy needs of a day's results. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Needs:
    """What a day's results must have for a strategy."""

    volume: bool = False
    price: bool = False
    carbon: bool = False
    renewable: bool = False

    @property
    def market(self) -> bool:
        """Whether results are looked at at all; where not, a day's periods come without values."""
        return self != Needs()
