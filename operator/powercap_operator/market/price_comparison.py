"""Two sources' prices for one day, side by side. Pure.

Sources have been wrong on their own: one published a day of a clock change shifted by an hour, its first
quarters filled with zeros (entsoe-py#468). Where two give the same market, differences are worth a warning;
which of them is right nobody can tell from here, so nothing is corrected.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from .results import DayData, describe_spans

TOLERANCE: Final = Decimal("0.02")
"""Currency per MWh: sources round to two digits, once or twice."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two days of prices have in common."""

    compared: int
    """Periods for which both have a price."""
    differing: int
    """Of these, how many differ by more than the tolerance."""
    largest: Decimal
    """The largest difference, in currency per MWh."""
    message: str
    """One line for a person; empty where nothing differs."""


def compare_prices(one: DayData, other: DayData, *, tolerance: Decimal = TOLERANCE) -> Comparison:
    """Compare two sources' prices, period by period.

    Raises:
        ValueError: not the same auction, area, resolution and day.
    """
    if one.query != other.query:
        raise ValueError(f"{one.query} and {other.query} are not the same results")
    prices = {period.start: period.price for period in other.periods if period.price is not None}
    differences = {
        period.start: abs(period.price - prices[period.start])
        for period in one.periods
        if period.price is not None and period.start in prices
    }
    differing = [start for start, difference in differences.items() if difference > tolerance]
    largest = max(differences.values(), default=Decimal(0))
    message = ""
    if differing:
        message = (
            f"{len(differing)} of {len(differences)} prices of {one.query} differ by up to {largest:f}"
            f" {one.query.market.bidding_zone.currency}/MWh ({describe_spans(differing, one.query)})"
        )
    return Comparison(len(differences), len(differing), largest, message)
