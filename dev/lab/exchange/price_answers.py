"""Answers of Energy-Charts and ENTSO-E, made up for any prices, with the structure of the real ones."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from dev.lab.exchange.facts import EIC_CODES, MARKET_TIME, day_bounds
from powercap_operator.market.results import Period, Query

Prices = Mapping[tuple[str, date], tuple[Query, tuple[Period, ...]]]
Reply = tuple[int, dict[str, str], str]

_NAMESPACE = "urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3"


def prices_of(periods: tuple[Period, ...]) -> list[tuple[datetime, Decimal | None]]:
    """Starts and prices alone: what these sources can give of a day."""
    return [(period.start, period.price) for period in periods]


def energy_charts(path: str, parameters: Mapping[str, str], prices: Prices) -> Reply:
    """``/v2/price?bzn=…&start=…&end=…`` and ``/price?…``, both days with: 404 where there is nothing."""
    headers = {"Content-Type": "application/json"}
    first, last = (date.fromisoformat(parameters.get(name, "1970-01-01")) for name in ("start", "end"))
    found = [
        one
        for (area, day), one in sorted(prices.items())
        if area == parameters.get("bzn") and first <= day <= last
    ]
    if not found:
        return 404, headers, '{"detail": "No content available"}'
    periods = tuple(period for _, of_day in found for period in of_day)
    return (
        200,
        headers,
        energy_charts_v2(found[0][0], periods) if "/v2/" in path else energy_charts_answer(periods),
    )


NO_SUCH_ADDRESS = '{"detail":"Not Found"}'
"""What Energy-Charts says with status 404 of an address that it does not have."""


def energy_charts_v2(query: Query, periods: tuple[Period, ...]) -> str:
    """The JSON document of ``/v2/price``."""
    minutes = query.market.resolution_minutes
    document = {
        "schema_version": "2.0",
        "endpoint": "price",
        "bidding_zone": query.market.area,
        "timezone": str(MARKET_TIME),
        "resolution": "PT1H" if minutes == 60 else f"PT{minutes}M",
        "interval_minutes": minutes,
        "unit": "EUR / MWh",
        "series": [{"id": "day_ahead_price", "name": "Day-ahead spot market price"}],
        "data": [
            {
                "timestamp": period.start.astimezone(MARKET_TIME).isoformat(),
                "values": {"day_ahead_price": None if period.price is None else float(period.price)},
            }
            for period in periods
        ],
        "attributes": {},
        "license": "words",
        "deprecated": False,
    }
    return json.dumps(document)


def energy_charts_answer(periods: tuple[Period, ...], unit: str = "EUR / MWh") -> str:
    """The JSON document of ``/price``."""
    document = {
        "license_info": "words",
        "unix_seconds": [int(period.start.timestamp()) for period in periods],
        "price": [None if period.price is None else float(period.price) for period in periods],
        "unit": unit,
        "deprecated": False,
    }
    return json.dumps(document)


def entsoe(parameters: Mapping[str, str], prices: Prices) -> Reply:
    """``/api?documentType=A44&…``: an acknowledgement where there is nothing, 401 without a token."""
    headers = {"Content-Type": "text/xml"}
    if not parameters.get("securityToken"):
        return 401, headers, "<html><head><title>Unauthorized</title></head></html>"
    area = {code: name for name, code in EIC_CODES.items()}.get(parameters.get("in_Domain", ""))
    series = []
    for (published, day), (query, periods) in sorted(prices.items()):
        begin, end = day_bounds(day)
        inside = (
            f"{begin:%Y%m%d%H%M}" >= parameters["periodStart"]
            and f"{end:%Y%m%d%H%M}" <= parameters["periodEnd"]
        )
        if published == area and inside:
            series.append(time_series(query, periods))
    return 200, headers, publication(*series) if series else ACKNOWLEDGEMENT


ACKNOWLEDGEMENT = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Acknowledgement_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-1:acknowledgementdocument:7:0">'
    "<Reason><code>999</code><text>No matching data found</text></Reason></Acknowledgement_MarketDocument>"
)


def publication(*series: str) -> str:
    """A document around its TimeSeries."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<Publication_MarketDocument xmlns="{_NAMESPACE}">'
        f"<type>A44</type>{''.join(series)}</Publication_MarketDocument>"
    )


def time_series(
    query: Query,
    periods: tuple[Period, ...],
    *,
    minutes: int | None = None,
    sequence: int | None = 1,
    curve: str = "A03",
    contract: str = "A01",
    currency: str = "EUR",
) -> str:
    """One TimeSeries for the whole delivery day; with curve A03 equal neighbours are left out, as the
    platform does."""
    minutes = minutes or query.market.resolution_minutes
    domain = EIC_CODES.get(query.market.area, "x")
    begin, end = day_bounds(query.delivery_day)
    points = []
    last: Decimal | None = None
    for period in periods:
        if curve == "A03" and period.price == last:
            continue
        last = period.price
        position = 1 + int((period.start - begin).total_seconds()) // (60 * minutes)
        points.append(
            f"<Point><position>{position}</position><price.amount>{period.price}</price.amount></Point>"
        )
    place = "classificationSequence_AttributeInstanceComponent.position"
    return (
        f"<TimeSeries><mRID>1</mRID><auction.type>A01</auction.type><businessType>A62</businessType>"
        f'<in_Domain.mRID codingScheme="A01">{domain}</in_Domain.mRID>'
        f'<out_Domain.mRID codingScheme="A01">{domain}</out_Domain.mRID>'
        f"<contract_MarketAgreement.type>{contract}</contract_MarketAgreement.type>"
        f"<currency_Unit.name>{currency}</currency_Unit.name>"
        f"<price_Measure_Unit.name>MWH</price_Measure_Unit.name>"
        + (f"<{place}>{sequence}</{place}>" if sequence is not None else "")
        + f"<curveType>{curve}</curveType><Period><timeInterval><start>{_stamp(begin)}</start>"
        f"<end>{_stamp(end)}</end></timeInterval><resolution>PT{minutes}M</resolution>"
        f"{''.join(points)}</Period></TimeSeries>"
    )


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%MZ}"
