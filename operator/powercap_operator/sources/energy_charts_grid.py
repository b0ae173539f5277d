"""Energy-Charts' answers on a country's grid: carbon intensity and share of renewable power. Pure.

``GET /co2eq?country=fr`` gives ``{"unix_seconds": [...], "co2eq": [21.4, ..., null], "co2eq_forecast": [null, ...,
22.9], "deprecated": false}``: g CO2eq/kWh in steps of 15 minutes, measured until now and forecast from then on, from
today's midnight to tomorrow's end; the end may be null. ``GET /ren_share_forecast?country=fr`` gives ``{"unix_seconds":
[...], "ren_share": [...], ...}``: renewable power in percent of the load, which may be above 100, all of it forecast.
Both know today and tomorrow only. Values are kept to two decimals: what is more is no information. Zones of one country
(DK1 and DK2, NO1 to NO5, SE1 to SE4) have the country's values. Source: https://api.energy-charts.info (OpenAPI).
"""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from powercap_api.markets import GridData

from ..market.delivery_day import day_bounds
from ..market.errors import Malformed, NotPublished
from ..market.resample import resample
from ..market.results import Period, Query
from .json_series import at_second, number, read_series, step_minutes

COUNTRIES: Final = {
    "AT": "at", "BE": "be", "CH": "ch", "DE-LU": "de", "DK1": "dk", "DK2": "dk", "FI": "fi", "FR": "fr", "NL": "nl",
    "NO1": "no", "NO2": "no", "NO3": "no", "NO4": "no", "NO5": "no", "PL": "pl",
    "SE1": "se", "SE2": "se", "SE3": "se", "SE4": "se",
}  # fmt: skip
"""The country that a bidding zone's grid data is asked for. Great Britain is not among them."""
PATHS: Final = {GridData.CARBON: "co2eq", GridData.RENEWABLE: "ren_share_forecast"}
_SOURCE: Final = "Energy-Charts"
_MOST: Final = {GridData.CARBON: 2_000, GridData.RENEWABLE: 1_000}
"""Above these no value is believed: g CO2eq/kWh, percent."""
_MAX_POINTS: Final = 1_000
_HUNDREDTH: Final = Decimal("0.01")


def parse_grid(body: bytes, query: Query) -> tuple[Period, ...]:
    """The delivery day's values in an answer, at the query's resolution, measured before forecast.

    Raises:
        Malformed: no such JSON (TooLarge says more), values that cannot be, or times in no even steps.
        NotPublished: no value of the day in it.
    """
    data = query.market.auction
    if not isinstance(data, GridData):
        raise TypeError(f"{query.market} is no grid data")
    series = read_series(body, _SOURCE, _carbon if data is GridData.CARBON else _renewable)
    if len(series) > _MAX_POINTS or not all(_plausible(period, _MOST[data]) for period in series):
        raise Malformed(f"{_SOURCE} gave more values than two days have, or some that cannot be")
    begin, end = day_bounds(query.delivery_day, query.market.bidding_zone.zone)
    inside = [period for period in series if begin <= period.start < end]
    if all(period.carbon is None and period.renewable is None for period in inside):
        raise NotPublished(
            f"{_SOURCE} has nothing for {query}: it knows today and tomorrow, from the evening on"
        )
    minutes = step_minutes([period.start for period in inside], _SOURCE)
    return resample(inside, minutes, query.market.resolution_minutes)


def _carbon(answer: Any) -> list[Period]:
    measured, forecast = answer["co2eq"] or (), answer["co2eq_forecast"] or ()
    times = answer["unix_seconds"] or ()
    periods = []
    for second, value, expected in zip(
        times, measured or [None] * len(times), forecast or [None] * len(times), strict=True
    ):
        is_forecast = value is None and expected is not None
        periods.append(
            Period(
                at_second(second), carbon=_rounded(expected if is_forecast else value), forecast=is_forecast
            )
        )
    return periods


def _renewable(answer: Any) -> list[Period]:
    return [
        Period(at_second(second), renewable=_rounded(value), forecast=value is not None)
        for second, value in zip(answer["unix_seconds"] or (), answer["ren_share"] or (), strict=True)
    ]


def _rounded(value: Any) -> Decimal | None:
    found = number(value)
    if found is None:
        return None
    return found.quantize(_HUNDREDTH, ROUND_HALF_EVEN).normalize() + 0


def _plausible(period: Period, most: int) -> bool:
    return all(value is None or 0 <= value <= most for value in (period.carbon, period.renewable))
