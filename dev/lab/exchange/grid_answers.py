"""Answers of Energy-Charts and Great Britain's Carbon Intensity API on the grid, of the structure of the real ones."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from dev.lab.exchange.facts import COUNTRIES
from powercap_api.markets import GridData
from powercap_operator.market.results import Period

Grid = dict[tuple[str, GridData, date], tuple[Period, ...]]
Reply = tuple[int, dict[str, str], str]

_JSON = {"Content-Type": "application/json"}


def energy_charts(path: str, parameters: Mapping[str, str], grid: Grid) -> Reply:
    """``/co2eq?country=…`` and ``/ren_share_forecast?country=…``: all days there are, as one list."""
    country = parameters.get("country")
    if country not in COUNTRIES.values():
        return 400, {"Content-Type": "text/plain"}, "Bad request: country"
    data = GridData.CARBON if path.endswith("/co2eq") else GridData.RENEWABLE
    days = {
        day: periods
        for (area, of, day), periods in grid.items()
        if of is data and COUNTRIES.get(area) == country
    }
    periods = [period for _, found in sorted(days.items()) for period in found]
    return 200, _JSON, co2eq(periods) if data is GridData.CARBON else ren_share(periods)


def co2eq(periods: Sequence[Period], **more: Any) -> str:
    """The document of ``/co2eq``."""
    document = {
        "unix_seconds": [int(period.start.timestamp()) for period in periods],
        "co2eq": [None if period.forecast else _float(period.carbon) for period in periods],
        "co2eq_forecast": [_float(period.carbon) if period.forecast else None for period in periods],
        "deprecated": False,
    }
    return json.dumps({**document, **more})


def ren_share(periods: Sequence[Period], **more: Any) -> str:
    """The document of ``/ren_share_forecast``."""
    document = {
        "unix_seconds": [int(period.start.timestamp()) for period in periods],
        "ren_share": [_float(period.renewable) for period in periods],
        "solar_share": None,
        "wind_onshore_share": None,
        "wind_offshore_share": None,
        "substitute": False,
        "deprecated": False,
    }
    return json.dumps({**document, **more})


def carbon_intensity(path: str, grid: Grid) -> Reply:
    """``/intensity/FROM/TO``: half hours, the first of them one before the time asked for."""
    *_, begin, end = path.split("/")
    since, until = datetime.fromisoformat(begin), datetime.fromisoformat(end)
    known = [
        period
        for (area, of, _), periods in sorted(grid.items())
        if (area, of) == ("GB", GridData.CARBON)
        for period in periods
    ]
    before = Period(since - timedelta(minutes=30), carbon=Decimal(100))
    asked = [period for period in known if since <= period.start < until]
    return 200, _JSON, intensities([before, *asked] if asked else [])


def intensities(periods: Sequence[Period]) -> str:
    """The document of the Carbon Intensity API."""
    return json.dumps(
        {
            "data": [
                {
                    "from": f"{period.start:%Y-%m-%dT%H:%MZ}",
                    "to": f"{period.start + timedelta(minutes=30):%Y-%m-%dT%H:%MZ}",
                    "intensity": {
                        "forecast": None if period.carbon is None else int(period.carbon),
                        "actual": None if period.forecast or period.carbon is None else int(period.carbon),
                        "index": "low",
                    },
                }
                for period in periods
            ]
        }
    )


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
