"""Documents of the ENTSO-E Transparency Platform: XML within bounds, and the zones' codes. Pure.

EIC codes are from the platform's list of bidding zones.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from xml.etree import ElementTree as Xml

from ...market.cell import read_cell
from ...market.errors import Malformed, MarketError, NotPublished, TooLarge, Unavailable
from ...market.results import Query

EIC_CODES: Final = {
    "AT": "10YAT-APG------L",
    "BE": "10YBE----------2",
    "CH": "10YCH-SWISSGRIDZ",
    "DE-LU": "10Y1001A1001A82H",
    "DK1": "10YDK-1--------W",
    "DK2": "10YDK-2--------M",
    "FI": "10YFI-1--------U",
    "FR": "10YFR-RTE------C",
    "NL": "10YNL----------L",
    "NO1": "10YNO-1--------2",
    "NO2": "10YNO-2--------T",
    "NO3": "10YNO-3--------J",
    "NO4": "10YNO-4--------9",
    "NO5": "10Y1001A1001A48H",
    "PL": "10YPL-AREA-----S",
    "SE1": "10Y1001A1001A44P",
    "SE2": "10Y1001A1001A45N",
    "SE3": "10Y1001A1001A46L",
    "SE4": "10Y1001A1001A47J",
}
AREAS: Final = {code: area for area, code in EIC_CODES.items()}
STEPS: Final = {"PT15M": 15, "PT30M": 30, "PT60M": 60, "PT1H": 60}
_STAMP: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?Z")


class _NoDoctype(Xml.TreeBuilder):
    """Builds the tree of a document that declares nothing: the parser itself tells of a DOCTYPE, however it is written,
    before it looks at what is in it."""

    def doctype(self, *_: str | None) -> None:
        """A DOCTYPE begins."""
        raise Malformed("ENTSO-E gave a document with a DOCTYPE, which none of its has")


def read_document(body: bytes, max_bytes: int) -> Xml.Element:
    """The root of a document.

    Raises:
        Malformed: no XML in UTF-8, or some with a DOCTYPE; TooLarge: more than ``max_bytes``.
    """
    if len(body) > max_bytes:
        raise TooLarge(f"ENTSO-E gave {len(body) / 1e6:.1f} MB for one day")
    parser = Xml.XMLParser(target=_NoDoctype(), encoding="utf-8")  # noqa: S314 - no DOCTYPE; the size is bounded
    try:
        text = body.decode("utf-8")
        parser.feed("" if "\0" in text else text)  # the parser would take it for UTF-16
        root: Xml.Element = parser.close()
    except (Xml.ParseError, ValueError, LookupError) as error:
        raise Malformed("ENTSO-E gave something else than XML") from error
    return root


def read_points(
    series: Xml.Element, part: Xml.Element, value: str, most: int
) -> tuple[int, list[tuple[datetime, Decimal]]]:
    """Length in minutes of the periods of one Period element, with the starts and values of those that have one.

    With curve type A03 a position that is missing repeats the one before.

    Raises:
        Malformed: no resolution or interval that is understood, or positions outside of it; more than ``most``.
    """
    minutes = STEPS.get(part.findtext("{*}resolution", ""))
    texts = [part.findtext(f"{{*}}timeInterval/{{*}}{name}", "") for name in ("start", "end")]
    if minutes is None or not all(_STAMP.fullmatch(text) for text in texts):
        raise Malformed("ENTSO-E gave a period without a resolution and an interval that are understood")
    try:
        start, end = (datetime.fromisoformat(text).astimezone(UTC) for text in texts)
        given = {
            int(point.findtext("{*}position", "")): read_cell(point.findtext(f"{{*}}{value}", ""))
            for point in part.iterfind("{*}Point")
        }
    except ValueError as error:
        raise Malformed("ENTSO-E gave a time or a position that is none") from error
    step = timedelta(minutes=minutes)
    count = (end - start) // step
    if not 0 < count <= most or not all(1 <= position <= count for position in given):
        raise Malformed("ENTSO-E gave positions outside the interval that they are for")
    repeats = series.findtext("{*}curveType", "A01") == "A03"
    points: list[tuple[datetime, Decimal]] = []
    last: Decimal | None = None
    for position in range(1, count + 1):
        if position in given:
            last = given[position]
        elif not repeats:
            last = None
        if last is not None:
            points.append((start + step * (position - 1), last))
    return minutes, points


def says_nothing(acknowledgement: Xml.Element) -> bool:
    """Whether an acknowledgement says that there are no such data."""
    return "no matching data" in "".join(acknowledgement.itertext()).lower()


def refused_query(body: bytes, query: Query, max_bytes: int) -> MarketError:
    """What status 400 means: that there is nothing, or that the query is not understood."""
    try:
        nothing = says_nothing(read_document(body, max_bytes))
    except Malformed:
        nothing = False
    if nothing:
        return NotPublished(f"ENTSO-E has nothing for {query}: not yet, or not at all")
    return Unavailable(
        "ENTSO-E answered 400: it did not accept the query, it may have changed what it expects"
    )
