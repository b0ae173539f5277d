"""The strategies that a PowerPolicy can name, and what each of them can be told.

All types share one flat object, so that a policy reads ``strategy: {type: Solar, alpha: 4}``. What belongs to one
type has no default in the schema, for it would then stand in objects of every other type; the defaults are in the
descriptions and in the constants here. What belongs to another type than the one named is refused.
"""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field

from ..schema.model import (
    ApiModel,
    ItemPower,
    NodePower,
    Number,
    at_most,
    power_rules,
    quantity,
    readable,
    same_form,
)
from .week import WINDOW_RULES, DayWindow, WeekWindow


class StrategyType(StrEnum):
    """The rules by which a day becomes a day of caps."""

    VOLUME = "Volume"
    SOLAR = "Solar"
    PRICE = "Price"
    CHEAPEST_HOURS = "CheapestHours"
    CARBON = "Carbon"
    RENEWABLE = "Renewable"
    FIXED = "Fixed"
    SCHEDULE = "Schedule"


class Reference(StrEnum):
    """What a period's volume is divided by."""

    MAX = "Max"
    AVERAGE = "Average"


DEFAULT_ALPHA: Final = 4
DEFAULT_LOW_PERCENTILE: Final = 10
DEFAULT_HIGH_PERCENTILE: Final = 90
DEFAULT_HOURS: Final = 8

_PRICE: Final = r"^-?[0-9]{1,6}(\.[0-9]{1,6})?$"


PriceText = Annotated[str, Number(_PRICE, -999_999, 999_999)]
"""A price per MWh as a decimal number in text."""
PositiveText = Annotated[str, Number(r"^[0-9]{1,6}(\.[0-9]{1,6})?$", 0, 999_999)]
"""A decimal number in text, 0 or more."""
Percentile = Annotated[int, Field(ge=0, le=100)]


def _only(field: str, *types: str) -> dict[str, str]:
    allowed = " || ".join(f"self.type == '{name}'" for name in types)
    return {
        "rule": f"!has(self.{field}) || {allowed}",
        "message": f"{field} belongs to strategy {', '.join(types)}:"
        f" remove {field}, or write type: {types[0]}",
        "fieldPath": f".{field}",
    }


def _pair(name: str, meaning: str) -> list[dict[str, str]]:
    """The rules of a low and a high value, such as lowPrice and highPrice: both or none, in order, or percentiles."""
    low, high = f"low{name}", f"high{name}"
    return [
        _only(low, name),
        _only(high, name),
        {
            "rule": f"has(self.{low}) == has(self.{high})",
            "message": f"{low} and {high} go together: write both, or neither to use the day's percentiles",
        },
        {
            "rule": f"!has(self.{low}) || !(has(self.lowPercentile) || has(self.highPercentile))",
            "message": f"write either {low} and {high}, or lowPercentile and highPercentile",
        },
        {
            "rule": f"!has(self.{low}) || !has(self.{high}) || [self.{low}].all(l, [self.{high}].all(h,"
            f" !{readable('l')} || !{readable('h')} || {quantity('l')}.isLessThan({quantity('h')})))",
            "message": f"{low} must be below {high}: {meaning}",
            "fieldPath": f".{low}",
        },
    ]


_PLAIN_RULES: Final[list[Any]] = [
    _only("reference", "Volume"),
    _only("alpha", "Solar"),
    _only("lowPercentile", "Price", "Carbon", "Renewable"),
    _only("highPercentile", "Price", "Carbon", "Renewable"),
    _only("hours", "CheapestHours"),
    _only("contiguous", "CheapestHours"),
    _only("within", "CheapestHours"),
    _only("power", "Fixed"),
    *_pair("Price", "at lowPrice a node gets maxSource, at highPrice minPower"),
    *_pair("Carbon", "at lowCarbon a node gets maxSource, at highCarbon minPower"),
    *_pair("Renewable", "at lowRenewable a node gets minPower, at highRenewable maxSource"),
    {
        "rule": f"(has(self.lowPercentile) ? self.lowPercentile : {DEFAULT_LOW_PERCENTILE}) <"
        f" (has(self.highPercentile) ? self.highPercentile : {DEFAULT_HIGH_PERCENTILE})",
        "message": "lowPercentile must be below highPercentile"
        f" (where not written they are {DEFAULT_LOW_PERCENTILE} and {DEFAULT_HIGH_PERCENTILE})",
        "fieldPath": ".lowPercentile",
    },
]
_SCHEDULE_RULES: Final[list[Any]] = [
    _only("windows", "Schedule"),
    _only("otherwise", "Schedule"),
    {
        # the API server tries the rules on the default {} before it fills in the type
        "rule": "!has(self.type) || self.type != 'Schedule' || has(self.windows)",
        "message": 'strategy Schedule needs windows, such as [{start: "22:00", end: "06:00", power: "40"}]',
    },
]


class _Parameters(ApiModel):
    """What every strategy but Schedule can be told."""

    reference: Reference | None = None
    """Volume only. Max (the default): the day's largest volume gets maxSource. Average: the day's mean volume does,
    and what lies above it is cut off at maxSource."""
    alpha: Annotated[int, Field(ge=1, le=64)] | None = None
    """Solar only, default 4: cap = maxSource x sin(pi/16 x (t-4))^alpha. The larger, the narrower the day."""
    low_price: PriceText | None = None
    """Price only, per MWh in the market's currency, such as "20": at this price or below it nodes get maxSource.
    Together with highPrice; without them the day's percentiles are used."""
    high_price: PriceText | None = None
    """Price only, per MWh in the market's currency, such as "90": at this price or above it nodes get minPower."""
    low_carbon: PositiveText | None = None
    """Carbon only, in g CO2eq per kWh, such as "40": at this carbon intensity or below it nodes get maxSource. Together
    with highCarbon; without them the day's percentiles are used."""
    high_carbon: PositiveText | None = None
    """Carbon only, in g CO2eq per kWh, such as "300": at this carbon intensity or above it nodes get minPower."""
    low_renewable: PositiveText | None = None
    """Renewable only, in percent, such as "20": at this share of renewable power or below it nodes get minPower.
    Together with highRenewable; without them the day's percentiles are used."""
    high_renewable: PositiveText | None = None
    """Renewable only, in percent, such as "80": at this share of renewable power or above it nodes get maxSource."""
    low_percentile: Percentile | None = None
    """Price, Carbon and Renewable, default 10: this percentile of the day's own values stands for the low one."""
    high_percentile: Percentile | None = None
    """Price, Carbon and Renewable, default 90: this percentile of the day's own values stands for the high one."""
    hours: Annotated[int, Field(ge=1, le=24)] | None = None
    """CheapestHours only, default 8: how many hours of each day get maxSource; the rest gets minPower."""
    contiguous: bool | None = None
    """CheapestHours only, default false. True: the hours are one stretch without a pause."""
    within: DayWindow | None = None
    """CheapestHours only: the hours are taken from here, such as {start: "20:00", end: "08:00"}. Default: from the
    delivery day, 00:00 to 24:00."""
    power: NodePower | None = None
    """Fixed only: power of one node all day, in watts, or as a percentage where maxSource is one. Default:
    maxSource."""


class PlainStrategySpec(_Parameters):
    """How a period becomes a cap outside the windows of a schedule."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": [*_PLAIN_RULES]})

    type: Literal[
        StrategyType.VOLUME,
        StrategyType.SOLAR,
        StrategyType.PRICE,
        StrategyType.CHEAPEST_HOURS,
        StrategyType.CARBON,
        StrategyType.RENEWABLE,
        StrategyType.FIXED,
    ] = StrategyType.VOLUME
    """Any strategy but Schedule."""


class ScheduleWindow(WeekWindow):
    """A stretch of the week with a power of its own."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [*WINDOW_RULES, *power_rules("self.power", ".power", percent=True)]
        }
    )

    power: ItemPower
    """Power of one node in the window, in watts, or as a percentage where maxSource is one."""


class StrategySpec(_Parameters):
    """How a period of the day becomes a cap."""

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [*_PLAIN_RULES, *_SCHEDULE_RULES]}
    )

    type: StrategyType = StrategyType.VOLUME
    """Volume: much trade, much power: volume of the period / reference volume of the day x maxSource.
    Price: cheap is more power. CheapestHours: so many hours of the day, the cheapest, at maxSource and the rest at
    minPower. Carbon: clean is more power. Renewable: a large share of renewable power is more power. Solar: follows the
    sun's way over the day, without market results. Fixed: the same power all day. Schedule: weekly windows with a power
    of their own, another strategy between."""
    windows: (
        Annotated[
            list[ScheduleWindow],
            Field(min_length=1, max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
        ]
        | None
    ) = None
    """Schedule only: the windows; where several hold at a time, the first in the list counts."""
    otherwise: PlainStrategySpec | None = None
    """Schedule only: the strategy between the windows. Default: Volume."""


_POWERS: Final = (
    ("strategy.power", "!has(self.strategy.power) || ", "self.strategy.power", ""),
    (
        "strategy.otherwise.power",
        "!has(self.strategy.otherwise) || !has(self.strategy.otherwise.power) || ",
        "self.strategy.otherwise.power",
        "",
    ),
    (
        "the power of a window",
        "!has(self.strategy.windows) || self.strategy.windows.all(window, ",
        "window.power",
        ")",
    ),
)
POWER_RULES: Final = tuple(
    {
        "rule": f"{before}{condition(power, 'self.maxSource')}{after}",
        "message": f"{named} must {must}",
        "fieldPath": ".strategy",
    }
    for named, before, power, after in _POWERS
    for condition, must in (
        (at_most, "not be above maxSource: lower it or raise maxSource"),
        (
            same_form,
            "be in watts where maxSource is in watts, and a percentage where maxSource is one, such as"
            ' maxSource: "80%" and power: "40%"',
        ),
    )
)
"""Rules of the policy's spec: no power that a strategy names is above maxSource, or of another form than it."""
