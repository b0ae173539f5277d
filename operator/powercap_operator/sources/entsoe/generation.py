"""Carbon intensity and share of renewable power from what ENTSO-E knows of generation. Pure.

``GET /api?documentType=A75&processType=A16&in_Domain=<EIC>&periodStart=…&periodEnd=…`` gives a GL_MarketDocument with
one TimeSeries for each production type, in MW: what was generated. Series with an outBiddingZone_Domain are
consumption, of pumps for example, and are not read. ``documentType=A69&processType=A01`` gives the same for the
day-ahead forecast of wind and sun. With curve type A03 a position that is missing repeats the one before.

    carbon    = sum of power × emission factor / sum of power, of the types that have a factor
    renewable = power of the renewable types / power of all types

Measured is a period for which every type has come in: types are published apart from each other, and the latest hours
have some of them only. Forecast are the others, from wind and sun as forecast and the last measured period at the same
local time:

    rest = max(0, all power then − wind and sun as forecast), generated as the power beside wind and sun was then

So a windy day needs less of everything else, in the same proportions; that the next day is a Sunday, or that a plant
stops, is not known. Intensities are those of generation in the zone: imports and exports are not looked at. Source: the
platform's RESTful API user guide, sections 14.1.D and 16.1.B&C.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final
from zoneinfo import ZoneInfo

from powercap_api.markets import GridData

from ...market.delivery_day import period_starts
from ...market.errors import Malformed, NotPublished, WrongMarket
from ...market.resample import resample
from ...market.results import Period, Query
from .document import EIC_CODES, read_document, read_points, says_nothing
from .emission_factors import PRODUCTION_TYPES, STORAGE

Power = Mapping[datetime, Mapping[str, Decimal]]
"""MW by production type, by start of the quarter of an hour."""

MAX_BYTES: Final = 4_000_000
"""Three days of fifteen types have about 400 KB."""
LOOK_BACK: Final = timedelta(hours=48)
"""Time before the delivery day from which measured power is requested."""
_MAX_POSITIONS: Final = 500
_QUARTER: Final = timedelta(minutes=15)
_LATE: Final = timedelta(hours=6)
"""A type whose last value is older than the latest of all by this has stopped, and nothing waits for it."""
_MOST_MW: Final = 1_000_000
_HUNDREDTH: Final = Decimal("0.01")


def parse_generation(body: bytes, query: Query) -> Power:
    """MW by quarter and production type in a document; storage and consumption are left out.

    Raises:
        Malformed: no such document (TooLarge says more), another unit, or powers that cannot be.
        WrongMarket: another bidding zone's. NotPublished: it says that there is nothing.
    """
    root = read_document(body, MAX_BYTES)
    if root.tag.endswith("Acknowledgement_MarketDocument"):
        if says_nothing(root):
            raise NotPublished(f"ENTSO-E has no generation for {query}: not yet, or not at all")
        raise Malformed("ENTSO-E did not accept the query: it may have changed what it expects")
    if not root.tag.endswith("GL_MarketDocument"):
        raise Malformed(
            f"ENTSO-E gave a {root.tag.rpartition('}')[2][:60]!r}, a document of generation was expected"
        )
    found: dict[datetime, dict[str, Decimal]] = {}
    for series in root.iterfind("{*}TimeSeries"):
        kind = series.findtext("{*}MktPSRType/{*}psrType", "")
        if series.find("{*}outBiddingZone_Domain.mRID") is not None or kind in STORAGE:
            continue
        domain = series.findtext("{*}inBiddingZone_Domain.mRID", "").strip()
        if domain != EIC_CODES.get(query.market.area):
            raise WrongMarket(
                f"ENTSO-E gave power of {domain[:20]!r} when asked for {query}", differs=("area",)
            )
        if kind not in PRODUCTION_TYPES or series.findtext("{*}quantity_Measure_Unit.name", "MAW") != "MAW":
            raise Malformed(f"ENTSO-E gave production of type {kind[:9]!r}, or in another unit than MW")
        for part in series.iterfind("{*}Period"):
            minutes, points = read_points(series, part, "quantity", _MAX_POSITIONS)
            for start, megawatts in points:
                if not -_MOST_MW < megawatts < _MOST_MW:
                    raise Malformed("ENTSO-E gave powers that cannot be")
                for quarter in range(minutes // 15):
                    # stations that take power while they stand count as if they gave none
                    found.setdefault(start + _QUARTER * quarter, {})[kind] = max(megawatts, Decimal(0))
    return found


def measured_until(power: Power) -> datetime | None:
    """End of the last quarter for which every type that still comes in has come in; None without any."""
    last: dict[str, datetime] = {}
    for start in sorted(power):
        last.update(dict.fromkeys(power[start], start))
    if not last:
        return None
    latest = max(last.values())
    return min(start for start in last.values() if latest - start < _LATE) + _QUARTER


def grid_periods(measured: Power, forecast: Power, query: Query) -> tuple[Period, ...]:
    """The delivery day's periods at the query's resolution: measured as far as it goes, then forecast.

    A quarter that is neither has no period. ``forecast`` is wind and sun only.
    """
    zone, until = query.market.bidding_zone.zone, measured_until(measured)
    if until is None:
        return ()
    references = {_clock(start, zone): measured[start] for start in sorted(measured) if start < until}
    periods = []
    for start in period_starts(query.delivery_day, zone, 15):
        is_measured = start < until and start in measured
        power: Mapping[str, Decimal] | None = measured.get(start) if is_measured else None
        reference = references.get(_clock(start, zone))
        if not is_measured and start in forecast and reference is not None:
            power = _expected(forecast[start], reference)
        if power is not None:
            periods.append(_period(start, power, query, forecast=not is_measured))
    return resample(periods, 15, query.market.resolution_minutes)


def _clock(moment: datetime, zone: ZoneInfo) -> tuple[int, int]:
    local = moment.astimezone(zone)
    return local.hour, local.minute


def _expected(variable: Mapping[str, Decimal], reference: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
    """Wind and sun as forecast, and the rest as it was generated, of which so much less or more is needed."""
    rest = {kind: power for kind, power in reference.items() if not PRODUCTION_TYPES[kind].variable}
    generated = sum(rest.values())
    needed = max(Decimal(0), sum(reference.values()) - sum(variable.values()))
    scale = needed / generated if generated else Decimal(0)
    return {**{kind: power * scale for kind, power in rest.items()}, **variable}


def _period(start: datetime, power: Mapping[str, Decimal], query: Query, *, forecast: bool) -> Period:
    carbon = renewable = None
    if query.market.auction is GridData.CARBON:
        factors = {kind: PRODUCTION_TYPES[kind].grams_per_kwh for kind in power}
        known = {kind: factor for kind, factor in factors.items() if factor is not None}
        grams = sum((power[kind] * factor for kind, factor in known.items()), Decimal(0))
        carbon = _ratio(grams, sum((power[kind] for kind in known), Decimal(0)))
    else:
        green = sum((mw for kind, mw in power.items() if PRODUCTION_TYPES[kind].renewable), Decimal(0))
        renewable = _ratio(100 * green, sum(power.values(), Decimal(0)))
    return Period(start, carbon=carbon, renewable=renewable, forecast=forecast)


def _ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    """To two decimals; None where there is no power at all."""
    return (part / whole).quantize(_HUNDREDTH, ROUND_HALF_EVEN) if whole else None
