"""What the sources of results call things, as literals: the stand-ins answer by these tables and not by the operator's.

A table that the operator shared with its judge could be wrong without anyone's notice.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from powercap_operator.market.results import Query

EIC_CODES: Final = {
    "AT": "10YAT-APG------L", "BE": "10YBE----------2", "CH": "10YCH-SWISSGRIDZ", "DE-LU": "10Y1001A1001A82H",
    "DK1": "10YDK-1--------W", "DK2": "10YDK-2--------M", "FI": "10YFI-1--------U", "FR": "10YFR-RTE------C",
    "GB": "10YGB----------A", "NL": "10YNL----------L", "NO1": "10YNO-1--------2", "NO2": "10YNO-2--------T",
    "NO3": "10YNO-3--------J", "NO4": "10YNO-4--------9", "NO5": "10Y1001A1001A48H", "PL": "10YPL-AREA-----S",
    "SE1": "10Y1001A1001A44P", "SE2": "10Y1001A1001A45N", "SE3": "10Y1001A1001A46L", "SE4": "10Y1001A1001A47J",
}  # fmt: skip
"""Bidding zones by ENTSO-E's codes. Source: Transparency Platform, RESTful API user guide, appendix A.15 (areas)."""
COUNTRIES: Final = {
    "AT": "at", "BE": "be", "CH": "ch", "DE-LU": "de", "DK1": "dk", "DK2": "dk", "FI": "fi", "FR": "fr", "NL": "nl",
    "NO1": "no", "NO2": "no", "NO3": "no", "NO4": "no", "NO5": "no", "PL": "pl",
    "SE1": "se", "SE2": "se", "SE3": "se", "SE4": "se",
}  # fmt: skip
"""Energy-Charts' ``country``. Source: its API's documentation (api.energy-charts.info)."""
PATH: Final = "/en/market-results"
MARKET_TIME: Final = ZoneInfo("Europe/Paris")
"""The clock of every area's delivery days and of the labels on every page, Finland's and Great Britain's too. Source:
the exchange's rules (CET and CEST), and the printed peak loads of each area, which docs/markets.md lists.
"""


class SiteWords(NamedTuple):
    """How the exchange's site names one auction."""

    code: str
    """``auction`` in addresses."""
    sub_modality: str
    """The same of ``sub_modality``."""
    segment: str
    """In headings."""
    name: str
    """In headings, after the segment."""


_COUPLED: Final = {
    "SDAC": SiteWords("MRC", "DayAhead", "Day-Ahead", "SDAC"),
    "IDA1": SiteWords("IDA1", "Intraday", "Intraday", "IDA1"),
    "IDA2": SiteWords("IDA2", "Intraday", "Intraday", "IDA2"),
    "IDA3": SiteWords("IDA3", "Intraday", "Intraday", "IDA3"),
}
_OWN: Final = {
    ("CH", "SDAC", 60): SiteWords("CH", "DayAhead", "Day-Ahead", "CH"),
    ("GB", "SDAC", 60): SiteWords("GB", "DayAhead", "Day-Ahead", "GB DAA 1 (60')"),
    ("GB", "SDAC", 30): SiteWords("30-call-GB", "DayAhead", "Day-Ahead", "GB DAA 2 (30')"),
    **{
        (area, auction, minutes): SiteWords(f"{area}-{auction}", "Intraday", "Intraday", f"{area}-{auction}")
        for area in ("CH", "GB")
        for auction in ("IDA1", "IDA2")
        for minutes in (15, 30, 60)
    },
    ("CH", "SDAC", 15): SiteWords("CH", "DayAhead", "Day-Ahead", "CH"),
    ("CH", "SDAC", 30): SiteWords("CH", "DayAhead", "Day-Ahead", "CH"),
}
"""Great Britain and Switzerland are outside the coupling. Source: the filters of the market-results page, October 2025
to June 2026."""


_ON_THE_DAY: Final = {"IDA3", "CH-IDA2", "GB-IDA2"}
"""Auctions of the second half of a delivery day, held in its morning. Source: the exchange's trading calendar of the
intraday auctions."""


@lru_cache
def day_bounds(day: date) -> tuple[datetime, datetime]:
    """Begin and end of a delivery day in UTC."""
    begin, end = (
        datetime.combine(day + timedelta(days=ahead), time(), MARKET_TIME).astimezone(UTC) for ahead in (0, 1)
    )
    return begin, end


@lru_cache
def period_starts(day: date, minutes: int) -> tuple[datetime, ...]:
    """Starts in UTC of all periods of the day."""
    (begin, end), step = day_bounds(day), timedelta(minutes=minutes)
    return tuple(begin + step * place for place in range((end - begin) // step))


def covered_starts(query: Query) -> tuple[datetime, ...]:
    """The same of the periods that the auction has: those held on the day have its second half."""
    starts = period_starts(query.delivery_day, query.market.resolution_minutes)
    half = site_words(query).code in _ON_THE_DAY
    return tuple(start for start in starts if not half or start.astimezone(MARKET_TIME).hour >= 12)


def site_words(query: Query) -> SiteWords:
    """The site's words for the query's auction.

    Raises:
        LookupError: the area has no such auction.
    """
    market = query.market
    if market.area in ("CH", "GB"):
        return _OWN[market.area, str(market.auction), market.resolution_minutes]
    return _COUPLED[str(market.auction)]


def page_parameters(query: Query) -> dict[str, str]:
    """The parameters of the results page's address."""
    words = site_words(query)
    traded = query.delivery_day - timedelta(days=0 if words.code in _ON_THE_DAY else 1)
    return {
        "market_area": query.market.area,
        "auction": words.code,
        "trading_date": f"{traded:%Y-%m-%d}",
        "delivery_date": f"{query.delivery_day:%Y-%m-%d}",
        "modality": "Auction",
        "sub_modality": words.sub_modality,
        "product": str(query.market.resolution_minutes),
        "data_mode": "table",
    }
