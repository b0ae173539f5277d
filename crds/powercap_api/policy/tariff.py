"""What the owner of the nodes pays for power: linear in the market price, with fees by the time of day."""

from typing import Annotated, Final

from pydantic import Field

from ..schema.model import ApiModel, Number
from .week import WeekWindow

_AMOUNT: Final = r"^-?[0-9]{1,6}(\.[0-9]{1,6})?$"
_FACTOR: Final = r"^[0-9]{1,3}(\.[0-9]{1,6})?$"
_POSITIVE_FACTOR: Final = r"^([1-9][0-9]{0,2}(\.[0-9]{1,6})?|0\.[0-9]{0,5}[1-9][0-9]{0,5})$"

AmountText = Annotated[str, Number(_AMOUNT, -999_999, 999_999)]
"""An amount of money per MWh as a decimal number in text."""

_Factor = Annotated[str, Number(_FACTOR, 0, 999)]
_PositiveFactor = Annotated[str, Number(_POSITIVE_FACTOR, 1, 999)]


class FeeWindow(WeekWindow):
    """A stretch of the week with fees of its own."""

    fees: AmountText
    """What is added to the tariff's fees in the window, per MWh in the market's currency; below 0 it is a rebate."""


class TariffSpec(ApiModel):
    """The price paid: (market price x priceFactor + fees) x taxFactor."""

    price_factor: _Factor = "1"
    """What the market price is multiplied by, such as "1.03" for losses in the grid; "0" where the contract does not
    follow the market and only fees count."""
    fees: AmountText = "0"
    """What is added at every hour, per MWh in the market's currency: grid fees, levies, the supplier's margin."""
    windows: Annotated[
        list[FeeWindow], Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = Field(default=[])
    """Fees by the time of day, on top of fees; where several windows hold at a time, the first in the list counts."""
    tax_factor: _PositiveFactor = "1"
    """What the sum is multiplied by, such as "1.2" for 20 % of tax."""
