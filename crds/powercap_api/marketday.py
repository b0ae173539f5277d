"""MarketDay: one auction's results for one delivery day, once for the whole cluster."""

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from .markets import BIDDING_ZONES, RESOLUTIONS_MINUTES, Auction, GridData, market_rules
from .names import MARKET_DAY, PLURALS
from .powerpolicy import Provider
from .schema.crd import Column, KindSpec
from .schema.model import ApiModel, Conditions, DecimalText, KubeObject, Time

_FIRST_YEAR, _LAST_YEAR = 2000, 2099
_DAY_PATTERN = "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"


def _deliverable(day: date) -> date:
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ValueError(f"{day} is not between {_FIRST_YEAR} and {_LAST_YEAR}")
    return day


_IDENTITY = ("provider", "area", "auction", "deliveryDate")


class MarketDaySpec(ApiModel):
    """Which results are wanted."""

    provider: Provider = Provider.EPEX
    """Where the results come from."""
    area: Literal[tuple(BIDDING_ZONES)] = "FR"  # type: ignore[valid-type]
    """Bidding zone, as the exchange names it."""
    auction: Literal[(*Auction, *GridData)] = Auction.IDA1  # type: ignore[valid-type]
    """SDAC is the day-ahead auction; IDA1, IDA2 and IDA3 are the intraday auctions. Carbon and Renewable are none:
    such a day has the carbon intensity of the zone's power, or its share of renewable power."""
    resolution_minutes: Literal[RESOLUTIONS_MINUTES] | None = None  # type: ignore[valid-type]
    """Length of the market time unit in minutes. Default: what the auction has on that day: 15, in CH 60, in GB 30
    (SDAC 60, as everywhere before 1 October 2025)."""
    delivery_date: Annotated[
        date,
        AfterValidator(_deliverable),
        Field(
            json_schema_extra={
                "maxLength": 32,
                "x-kubernetes-validations": [
                    {
                        "rule": f"self.matches('{_DAY_PATTERN}')",
                        "message": "must be a day such as 2025-10-09, from 2000 to 2099",
                    }
                ],
            }
        ),
    ]
    """Day on which the power is delivered, in market time (CET), in every bidding zone."""
    csv: Annotated[str, Field(max_length=20_000)] | None = None
    """Provider Static only: the day's results as CSV, a first line Period,Volume (MWh),Price (€/MWh) and then a line
    such as 00:00-00:15,68.2,95.69 for every period of the day; - where there is no value. It may be edited: the
    operator reads it again."""


class MarketPeriod(ApiModel):
    """One market time unit."""

    start: Time
    """Begin of the period."""
    volume: DecimalText | None = None
    """Volume traded in the period, in MWh. Absent where the source gives none."""
    price: DecimalText | None = None
    """Price of the period in the market day's currency per MWh. Absent where the source gives none."""
    carbon: DecimalText | None = None
    """Carbon intensity of the power generated, in g CO2eq per kWh. Absent where the source gives none."""
    renewable: DecimalText | None = None
    """Share of renewable power in the period, in percent. Absent where the source gives none."""
    forecast: bool | None = None
    """True: carbon and renewable are a forecast. Absent: they are measured, or there are none."""


class MarketSummary(ApiModel):
    """The day at a glance."""

    periods: int
    """Number of periods with data."""
    expected_periods: int
    """Number of periods that the delivery day has (fewer or more than 96 quarters when clocks change)."""
    max_volume: DecimalText | None = None
    """Largest volume of a period, in MWh: what strategy Volume divides by."""
    total_volume: DecimalText | None = None
    """Sum of all periods' volumes, in MWh."""
    mean_price: DecimalText | None = None
    """Mean price, in the currency per MWh."""
    volume_range: str | None = None
    """Smallest and largest volume, for the eye: "33.8..108.1"."""
    price_range: str | None = None
    """Lowest and highest price, for the eye: "-5.02..95.69"."""
    carbon_range: str | None = None
    """Lowest and highest carbon intensity in g CO2eq per kWh, for the eye: "21.4..48.0"."""
    renewable_range: str | None = None
    """Smallest and largest share of renewable power in percent, for the eye: "18.2..61.9"."""
    mean_over_max: DecimalText | None = None
    """Mean volume over the largest: what share of maxSource strategy Volume gives over the day, about."""
    correlation: DecimalText | None = None
    """Correlation of volume and price over the day's periods, from -1 to 1. Absent where one of them does not vary."""
    median_correlation: DecimalText | None = None
    """Median of the correlations of this day and of the 13 days before it that are known."""
    forecasts: int | None = None
    """Number of periods whose carbon intensity or renewable share is a forecast. Absent where there are none."""


class MarketSource(ApiModel):
    """Where the periods come from."""

    fetched_at: Time
    """When they were fetched."""
    published_at: Time | None = None
    """When the source says that it published them."""
    route: str
    """Which way in worked, such as page, ajax or disclaimer; csv where a person gave the data."""
    notice: str | None = None
    """What to know of the source, such as that the way it was asked will go away."""


class MarketFetch(ApiModel):
    """What was asked of the source for this day; kept here so that no restart forgets it."""

    requests: int = 0
    """Number of requests made for this day."""
    failures: int = 0
    """Number of attempts in a row that did not give the day."""
    last_request_at: Time | None = None
    """When the last request was made."""
    next_attempt_at: Time | None = None
    """Not before this will the operator ask again."""
    last_error: str | None = None
    """What the last attempt came to, where it did not give the day."""


class MarketDayStatus(ApiModel):
    """What is known of the day."""

    observed_generation: int | None = None
    """The spec generation that this status was made from."""
    conditions: Conditions = Field(default_factory=list)
    """Complete: every period of the day is there. Ready: the same, summed up. Plausible: False
    where the results cannot be right, such as one price all day; not there where nothing speaks against them.
    PricesAgree: whether another source's
    prices for this market and day are the same; only where there are some."""
    resolution_minutes: int | None = None
    """Length of the periods in minutes."""
    time_zone: str | None = None
    """Time zone of the delivery day."""
    currency: str | None = None
    """Currency of the prices."""
    periods: Annotated[
        list[MarketPeriod], Field(max_length=128, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = Field(default_factory=list)
    """The day's periods in order of time."""
    summary: MarketSummary | None = None
    """The day at a glance."""
    source: MarketSource | None = None
    """Where the periods come from."""
    fetch: MarketFetch | None = None
    """What was asked of the source."""


class MarketDay(KubeObject):
    """A MarketDay holds one auction's results for one delivery day. The operator makes those it needs; a person
    can make one to have a day fetched, or (provider Static) with the data in it. It is kept for some days, as the
    fallback and the record."""

    kind_spec: ClassVar[KindSpec] = KindSpec(
        kind=MARKET_DAY,
        plural=PLURALS[MARKET_DAY],
        short_name="mktd",
        columns=(
            Column("Area", "string", ".spec.area", "Bidding zone"),
            Column("Auction", "string", ".spec.auction", "Auction"),
            Column("Date", "string", ".spec.deliveryDate", "Delivery day"),
            Column("Periods", "integer", ".status.summary.periods", "Periods with data"),
            Column("Price", "string", ".status.summary.priceRange", "Lowest and highest price per MWh"),
            Column("Volume", "string", ".status.summary.volumeRange", "Smallest and largest volume in MWh"),
            Column("Carbon", "string", ".status.summary.carbonRange", "Lowest and highest g CO2eq per kWh"),
            Column(
                "Renewable",
                "string",
                ".status.summary.renewableRange",
                "Smallest and largest share of renewable power in percent",
                wide=True,
            ),
            Column("Source", "string", ".spec.provider", "Where the results come from"),
            Column("Route", "string", ".status.source.route", "Which way in worked", wide=True),
            Column("Currency", "string", ".status.currency", "Currency of the prices", wide=True),
            Column(
                "Fetched",
                "date",
                ".status.source.fetchedAt",
                "Time since the results were fetched",
                wide=True,
            ),
            Column("Requests", "integer", ".status.fetch.requests", "Requests made for this day", wide=True),
            Column(
                "Complete",
                "string",
                '.status.conditions[?(@.type=="Complete")].status',
                "All periods are there",
            ),
            Column(
                "Reason", "string", '.status.conditions[?(@.type=="Complete")].reason', "Why (not)", wide=True
            ),
            Column("Age", "date", ".metadata.creationTimestamp", "Time since creation"),
        ),
        spec_rules=(
            *market_rules("self"),
            {
                "rule": " && ".join(f"self.{name} == oldSelf.{name}" for name in _IDENTITY)
                + " && has(self.resolutionMinutes) == has(oldSelf.resolutionMinutes)"
                " && (!has(self.resolutionMinutes) || self.resolutionMinutes == oldSelf.resolutionMinutes)",
                "message": "a MarketDay stands for one market and day: make another object for another",
            },
            {
                "rule": "self.provider != 'Static' || has(self.csv)",
                "message": "provider Static needs the day's results: write csv: | and below it the lines of the file,"
                " the first of them Period,Volume (MWh),Price (€/MWh)",
            },
            {
                "rule": "self.provider == 'Static' || !has(self.csv)",
                "message": "csv belongs to provider Static: remove csv, or write provider: Static",
                "fieldPath": ".csv",
            },
        ),
    )

    kind: Literal["MarketDay"] = MARKET_DAY
    spec: MarketDaySpec
    """Which results are wanted."""
    status: MarketDayStatus = Field(default_factory=MarketDayStatus)
    """What is known of the day."""
