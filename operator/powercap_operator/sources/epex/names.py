"""How the EPEX SPOT site spells markets: in its addresses, in its forms and in the headings of its tables.
Pure.

Source: the filters of the market-results page itself (``name="filters[auction]"`` and the others, their
values and labels, October 2025 to June 2026). Great Britain and Switzerland are outside the single coupling
and have auctions of their own, which stand here for the same names: the day-ahead auction for SDAC (in Great
Britain the hourly one at 60 minutes, the half-hourly one at 30) and their two intraday auctions for IDA1 and
IDA2.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from powercap_api.markets import BIDDING_ZONES, Auction, GridData, Market, offer_of

from ...market.errors import NotOffered
from ...market.results import Query, is_half_day

PATH: Final = "/en/market-results"


@dataclass(frozen=True, slots=True)
class SiteAuction:
    """One auction as the site names it."""

    code: str
    """Value of ``auction`` in addresses and forms."""
    sub_modality: str
    """Value of ``sub_modality`` in addresses and forms."""
    segment: str
    """The market segment in headings."""
    names: frozenset[str]
    """The auction's names in headings, in lower case; older ones too."""


def site_auction(market: Market) -> SiteAuction:
    """The site's auction for a market.

    Raises:
        NotOffered: the area has no such auction.
    """
    if isinstance(market.auction, GridData):
        raise NotOffered(
            "the exchange has auctions only, no carbon intensity and no shares of renewable power"
        )
    if market.auction is Auction.SDAC:
        code, names = _day_ahead(market)
        # before 2023 headings named no auction: of a length, an area has one day-ahead auction
        return SiteAuction(code, "DayAhead", "Day-Ahead", frozenset(name.lower() for name in ("", *names)))
    if offer_of(market.area, market.auction) is None:
        raise NotOffered(f"{market.area} has no third intraday auction: ask for IDA1 or IDA2")
    code = f"{market.area}-{market.auction}" if market.area in ("CH", "GB") else str(market.auction)
    names = (code, str(market.auction), f"SIDC {market.auction}", f"{market.area} {market.auction}")
    return SiteAuction(code, "Intraday", "Intraday", frozenset(name.lower() for name in names))


def _day_ahead(market: Market) -> tuple[str, tuple[str, ...]]:
    match market.area, market.resolution_minutes:
        case "CH", _:
            return "CH", ("CH",)
        case "GB", 60:
            return "GB", ("GB DAA 1 (60')", "GB DAA 1", "GB")
        case "GB", 30:
            return "30-call-GB", ("GB DAA 2 (30')", "GB DAA 2", "30-call-GB")
        case "GB", _:
            raise NotOffered("GB has day-ahead auctions of 60 and 30 minutes: ask for one of those")
        case _:
            return "MRC", ("SDAC", "MRC")


def market_named(segment: str, auction: str, area: str, resolution_minutes: int) -> Market | None:
    """The market that a heading's words mean; None where we have none of that name."""
    if area not in BIDDING_ZONES:
        return None
    for candidate in Auction:
        market = Market(area, candidate, resolution_minutes)
        try:
            named = site_auction(market)
        except NotOffered:
            continue
        if segment.lower() == named.segment.lower() and auction.lower() in named.names:
            return market
    return None


def _values(query: Query) -> dict[str, str]:
    auction = site_auction(query.market)
    ahead = timedelta(days=0 if is_half_day(query.market) else 1)
    return {
        "market_area": query.market.area,
        "auction": auction.code,
        "trading_date": (query.delivery_day - ahead).isoformat(),
        "delivery_date": query.delivery_day.isoformat(),
        "modality": "Auction",
        "sub_modality": auction.sub_modality,
        "product": str(query.market.resolution_minutes),
        "data_mode": "table",
    }


def page_parameters(query: Query) -> dict[str, str]:
    """The page's address parameters for a query, in the order the site itself writes them."""
    return _values(query)


def filter_fields(query: Query) -> dict[str, str]:
    """Fields of the filter form, as the page's own script posts them.

    Source: ``ajax.edit-submit-js`` in the page's ``drupal-settings-json`` and the form's inputs.
    """
    return {
        **{f"filters[{name}]": value for name, value in _values(query).items()},
        "form_id": "market_data_filters_form",
        "_triggering_element_name": "submit_js",
        "_triggering_element_value": "",
        "_drupal_ajax": "1",
    }
