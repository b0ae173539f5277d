"""ENTSO-E's documents of generation, made up for any powers, with the structure of the real ones."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from dev.lab.exchange.facts import EIC_CODES
from dev.lab.exchange.price_answers import ACKNOWLEDGEMENT
from powercap_operator.sources.entsoe.generation import Power

Generation = dict[tuple[str, str], Power]
"""By area and document type: A75 measured, A69 wind and sun as forecast."""
Reply = tuple[int, dict[str, str], str]

_NAMESPACE = "urn:iec62325.351:tc57wg16:451-6:generationloaddocument:3:0"
_QUARTER = timedelta(minutes=15)


def generation(parameters: Mapping[str, str], known: Generation) -> Reply:
    """``/api?documentType=A75&…``: what there is of the time asked for, an acknowledgement where there is nothing."""
    headers = {"Content-Type": "text/xml"}
    if not parameters.get("securityToken"):
        return 401, headers, "<html><head><title>Unauthorized</title></head></html>"
    kind = parameters["documentType"]
    area = {code: name for name, code in EIC_CODES.items()}.get(parameters.get("in_Domain", ""), "")
    begin, end = (
        datetime.strptime(parameters[name], "%Y%m%d%H%M").replace(tzinfo=UTC)
        for name in ("periodStart", "periodEnd")
    )
    power = {start: mix for start, mix in known.get((area, kind), {}).items() if begin <= start < end}
    if not power:
        return 200, headers, ACKNOWLEDGEMENT
    return 200, headers, document(kind, *_series(area, power))


def _series(area: str, power: Power) -> list[str]:
    series = []
    for psr in sorted({psr for mix in power.values() for psr in mix}):
        starts = sorted(start for start, mix in power.items() if psr in mix)
        points = {1 + (start - starts[0]) // _QUARTER: power[start][psr] for start in starts}
        series.append(production(area, psr, starts[0], starts[-1] + _QUARTER, points, curve="A01"))
    return series


def document(kind: str, *series: str) -> str:
    """A document around its TimeSeries."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<GL_MarketDocument xmlns="{_NAMESPACE}">'
        f"<type>{kind}</type>{''.join(series)}</GL_MarketDocument>"
    )


def production(
    area: str,
    psr: str,
    begin: datetime,
    end: datetime,
    points: Mapping[int, int | Decimal] | Sequence[int],
    *,
    minutes: int = 15,
    curve: str = "A03",
    consumption: bool = False,
    unit: str = "MAW",
) -> str:
    """One TimeSeries of a production type; ``points`` are MW by position."""
    side = "out" if consumption else "in"
    given = dict(points) if isinstance(points, Mapping) else dict(enumerate(points, 1))
    inner = "".join(
        f"<Point><position>{position}</position><quantity>{mw}</quantity></Point>"
        for position, mw in given.items()
    )
    return (
        f"<TimeSeries><mRID>1</mRID><businessType>A01</businessType><objectAggregation>A08</objectAggregation>"
        f'<{side}BiddingZone_Domain.mRID codingScheme="A01">{EIC_CODES[area]}</{side}BiddingZone_Domain.mRID>'
        f"<quantity_Measure_Unit.name>{unit}</quantity_Measure_Unit.name><curveType>{curve}</curveType>"
        f"<MktPSRType><psrType>{psr}</psrType></MktPSRType>"
        f"<Period><timeInterval><start>{begin:%Y-%m-%dT%H:%MZ}</start><end>{end:%Y-%m-%dT%H:%MZ}</end></timeInterval>"
        f"<resolution>PT{minutes}M</resolution>{inner}</Period></TimeSeries>"
    )
