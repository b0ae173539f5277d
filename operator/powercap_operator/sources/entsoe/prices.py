"""ENTSO-E's day-ahead prices. Pure.

``GET /api?documentType=A44&in_Domain=<EIC>&out_Domain=<EIC>&periodStart=202510082200&periodEnd=202510092200``
(UTC) gives a Publication_MarketDocument, or an Acknowledgement_MarketDocument with reason 999 where there is
nothing (with status 200 or 400). A day may have several TimeSeries, of 15 and 60 minutes and by sequence of
the auction: 1 or none is the SDAC, others are auctions beside it (2 is EXAA's in DE-LU and AT) and are never
taken for it. Of the SDAC's, the one of the resolution asked for is taken, else one that can be resampled.
Source: the platform's RESTful API user guide, sections 4.2 and 12.1.D.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from xml.etree import ElementTree as Xml

from ...market.delivery_day import day_bounds
from ...market.errors import Malformed, NotPublished, WrongMarket
from ...market.resample import resample
from ...market.results import Period, Query
from .document import AREAS, EIC_CODES, read_document, read_points, says_nothing

SDAC: Final = "1"
"""The sequence of the coupled auction."""
_MAX_POSITIONS: Final = 200
MAX_BYTES: Final = 1_000_000
"""A day's document has about 20 KB."""


def parse_document(body: bytes, query: Query) -> tuple[Period, ...]:
    """The SDAC's periods in a document, at the query's resolution.

    Raises:
        Malformed: no such document (TooLarge says more), another currency or unit, positions outside the
        series. WrongMarket: another bidding zone's. NotPublished: it says that there is nothing, or has nothing
        of the SDAC for the day.
    """
    root = read_document(body, MAX_BYTES)
    if root.tag.endswith("Acknowledgement_MarketDocument"):
        if says_nothing(root):
            raise _not_published(query)
        raise Malformed("ENTSO-E did not accept the query: it may have changed what it expects")
    if not root.tag.endswith("Publication_MarketDocument"):
        raise Malformed(f"ENTSO-E gave a {root.tag.rpartition('}')[2][:60]!r}, a publication was expected")
    found = _day_ahead_parts(root, query)
    wanted = query.market.resolution_minutes
    minutes_taken = min((minutes for minutes, _ in found), key=lambda minutes: (minutes != wanted, minutes))
    taken: dict[datetime, Period] = {}
    for minutes, periods in found:
        if minutes == minutes_taken:
            for period in periods:
                if taken.setdefault(period.start, period) != period:
                    raise Malformed(
                        f"ENTSO-E gave two prices for one period of {query}: neither can be trusted"
                    )
    ordered = [taken[start] for start in sorted(taken)]
    return resample(ordered, minutes_taken, wanted)


@dataclass(frozen=True, slots=True)
class Series:
    """A TimeSeries of day-ahead prices of one auction."""

    element: Xml.Element
    sequence: str
    """``SDAC``, or the auction beside it."""

    def domain(self, name: str) -> str:
        """The EIC code in ``in_Domain`` or ``out_Domain``; empty where there is none."""
        return self.element.findtext(f"{{*}}{name}.mRID", "").strip()

    def parts(self, most: int) -> Iterator[tuple[int, list[Period]]]:
        """Length in minutes and the periods of each Period element, of which none has more than ``most``.

        Raises:
            Malformed: another currency or unit than EUR/MWh; as ``read_points``.
        """
        for part in self.element.iterfind("{*}Period"):
            currency = self.element.findtext("{*}currency_Unit.name", "EUR")
            unit = self.element.findtext("{*}price_Measure_Unit.name", "MWH")
            if (currency, unit.upper()) != ("EUR", "MWH"):
                raise Malformed(f"ENTSO-E gave prices in {currency[:9]}/{unit[:9]}, EUR/MWh was expected")
            minutes, points = read_points(self.element, part, "price.amount", most)
            yield minutes, [Period(start, None, price) for start, price in points]


def day_ahead_series(root: Xml.Element) -> Iterator[Series]:
    """The series of day-ahead contracts in a Publication_MarketDocument, of whatever zones and auctions."""
    for element in root.iterfind("{*}TimeSeries"):
        if element.findtext("{*}contract_MarketAgreement.type", "A01") == "A01":
            name = "{*}classificationSequence_AttributeInstanceComponent.position"
            yield Series(element, element.findtext(name, SDAC))


def _day_ahead_parts(root: Xml.Element, query: Query) -> list[tuple[int, tuple[Period, ...]]]:
    """Length in minutes and periods, inside the day, of every Period element of the SDAC's series; at least one."""
    begin, end = day_bounds(query.delivery_day, query.market.bidding_zone.zone)
    found: list[tuple[int, tuple[Period, ...]]] = []
    others: set[str] = set()
    for series in day_ahead_series(root):
        _check_domains(series, query)
        for minutes, given in series.parts(_MAX_POSITIONS):
            inside = tuple(period for period in given if begin <= period.start < end)
            if inside and series.sequence == SDAC:
                found.append((minutes, inside))
            elif inside:
                others.add(series.sequence)
    if not found:
        raise _not_published(query, others)
    return found


def _not_published(query: Query, others: Iterable[str] = ()) -> NotPublished:
    message = f"ENTSO-E has no prices for {query}: not yet, or not at all"
    if sequences := ", ".join(sorted(others))[:40]:
        message += f"; what it has are other auctions' (sequence {sequences})"
    return NotPublished(message)


def _check_domains(series: Series, query: Query) -> None:
    """Raise WrongMarket unless the series says that it is the query's bidding zone's."""
    wanted = EIC_CODES.get(query.market.area)
    for name in ("in_Domain", "out_Domain"):
        found = series.domain(name)
        if found != wanted:
            raise WrongMarket(
                f"ENTSO-E gave prices of {AREAS.get(found, 'another zone')} ({name} {found[:20]!r})"
                f" when asked for {query}",
                differs=("area",),
            )
