"""What the stand-in exchange publishes in the demo: a made-up day, or a saved page's table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from powercap_api.markets import BIDDING_ZONES, Auction, Market
from powercap_api.schedule import Schedule
from powercap_operator.market.delivery_day import day_bounds
from powercap_operator.market.errors import MarketError
from powercap_operator.market.fallback import stand_in
from powercap_operator.market.known_days import DayResults
from powercap_operator.market.results import Period, Query, build_market_day
from powercap_operator.sources.epex.names import site_auction
from powercap_operator.sources.epex.page import MarketPage, open_page
from powercap_operator.sources.mock import made_up_periods

DEFAULT_MARKET = Market("FR", Auction.IDA1, 15)


class PageError(Exception):
    """The saved page cannot be served; the message says why."""


@dataclass(frozen=True)
class SavedPage:
    """A real day from a saved page."""

    query: Query
    periods: Sequence[Period]


def results_of_page(path: Path) -> SavedPage:
    """Read a saved page as the market and day that its heading names.

    Raises:
        PageError: no such file, or not a whole day of auction results.
    """
    try:
        page = open_page(path.read_bytes())
        query = _query_of(page)
        data = build_market_day(page.periods(query), query)
    except OSError as error:
        raise PageError(str(error)) from error
    except MarketError as error:
        raise PageError(error.line) from error
    if not data.complete:
        raise PageError(data.why)
    return SavedPage(query, data.periods)


def _query_of(page: MarketPage) -> Query:
    heading = page.heading
    if heading.area not in BIDDING_ZONES:
        raise PageError(f"it holds {heading.text!r}: that is no bidding zone with auctions")
    for auction in Auction:
        market = Market(heading.area, auction, page.resolution_minutes)
        try:
            named = site_auction(market)
            if heading.segment == named.segment and heading.auction.lower() in named.names:
                return Query(market, heading.day)
        except MarketError:  # this area has no such auction
            continue
    raise PageError(f"it holds {heading.text!r}: that is none of {', '.join(Auction)}")


def periods_for(day: date, page: SavedPage | None) -> Sequence[Period]:
    """The results of a delivery day: the page's, moved to that day by local time, or made-up ones."""
    if page is None:
        return made_up_periods(Query(DEFAULT_MARKET, day))
    market, source = page.query.market, page.query.delivery_day
    end = day_bounds(source, market.bidding_zone.zone)[1]
    results = DayResults(source, source, Schedule(tuple(page.periods), end), (), None)
    return stand_in(results, day, market).periods
