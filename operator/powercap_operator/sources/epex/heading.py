"""The heading over a table of the exchange: what the page really holds. Pure.

Form: ``Auction > Day-Ahead > SDAC > 15min > FR > 02 October 2025``; the length is missing on older pages, and
is ``60min index`` where hours were made from quarters; ``Continuous > 60min > LV > 19 June 2026`` is another
market. The site answers some queries with another area or segment, so the heading decides, not the address.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from ...market.errors import Malformed, WrongMarket
from ...market.results import Query
from .names import site_auction

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE: Final = re.compile(r"(?P<day>[0-9]{1,2}) (?P<month>[A-Za-z]{3,9})\.? (?P<year>[0-9]{4})")
_LENGTH: Final = re.compile(r"(?P<minutes>15|30|60) ?min(?:utes?)?\b.*", re.IGNORECASE)
_MOST: Final = 200
"""Characters; real headings have about 60."""


@dataclass(frozen=True, slots=True)
class Heading:
    """What the page says it holds."""

    text: str
    modality: str
    segment: str
    """Empty for continuous trading."""
    auction: str
    """Empty for continuous trading."""
    resolution_minutes: int | None
    """None where the heading does not say."""
    area: str
    day: date


def parse_date(text: str) -> date | None:
    """An English date such as ``02 October 2025``, whatever the process's locale; None where it is none."""
    match = _DATE.fullmatch(text.strip())
    if match is None or match["month"][:3].lower() not in _MONTHS:
        return None
    try:
        return date(int(match["year"]), _MONTHS.index(match["month"][:3].lower()) + 1, int(match["day"]))
    except ValueError:
        return None


def parse_heading(text: str) -> Heading:
    """Read a heading.

    Raises:
        Malformed: not of that form.
    """
    text = " ".join(text[:5000].split())[:_MOST]
    parts = [part.strip() for part in text.split(">")]
    day = parse_date(parts[-1])
    if len(parts) < 4 or day is None or not parts[-2]:
        raise Malformed(f"the heading {text!r} does not say market, area and day")
    modality, middle, area = parts[0], parts[1:-2], parts[-2]
    lengths = [int(match["minutes"]) for part in middle if (match := _LENGTH.fullmatch(part))]
    names = [part for part in middle if not _LENGTH.fullmatch(part)]
    if len(lengths) > 1 or len(names) > 2:
        raise Malformed(f"the heading {text!r} has parts that are not understood")
    segment, auction = [*names, "", ""][:2]
    return Heading(text, modality, segment, auction, lengths[0] if lengths else None, area, day)


def check_heading(heading: Heading, query: Query) -> None:
    """See that the page holds what was asked for.

    Raises:
        WrongMarket: it holds something else; the message says what.
        NotOffered: the area has no such auction.
    """
    auction = site_auction(query.market)
    differs = []
    if heading.modality.lower() != "auction":
        differs.append("modality")
    elif heading.segment.lower() != auction.segment.lower():
        differs.append("segment")
    elif heading.auction.lower() not in auction.names:
        differs.append("auction")
    if heading.resolution_minutes not in (None, query.market.resolution_minutes):
        differs.append("resolution")
    if heading.area != query.market.area:
        differs.append("area")
    if heading.day != query.delivery_day:
        differs.append("day")
    if differs == ["auction"] and not heading.auction:
        raise WrongMarket(
            f"the heading {heading.text!r} does not name its auction, and {query} was asked for: it is a page of before"
            " the auctions of today",
            differs=("auction",),
        )
    if differs:
        raise WrongMarket(
            f"the page holds {heading.text!r} and {query} was asked for"
            f" (differs in {', '.join(differs)}): fetch it again, or ask for what it holds",
            differs=tuple(differs),
        )
