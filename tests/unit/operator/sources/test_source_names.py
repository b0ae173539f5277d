"""Areas, countries and auctions are called as the sources call them: the operator's tables beside recorded ones."""

from datetime import date

import pytest

from dev.lab.exchange import facts
from powercap_api.markets import BIDDING_ZONES, Auction, Market
from powercap_operator.market.errors import NotOffered
from powercap_operator.market.results import Query
from powercap_operator.sources.energy_charts_grid import COUNTRIES
from powercap_operator.sources.entsoe.document import EIC_CODES
from powercap_operator.sources.epex.names import page_parameters


def test_entso_e_is_asked_for_each_area_by_its_code() -> None:
    assert {area: code for area, code in facts.EIC_CODES.items() if area != "GB"} == EIC_CODES


def test_energy_charts_is_asked_for_each_areas_country() -> None:
    assert COUNTRIES == facts.COUNTRIES


@pytest.mark.parametrize("area", BIDDING_ZONES)
def test_the_exchange_is_asked_for_each_auction_in_the_sites_words(area: str) -> None:
    for auction in Auction:
        for minutes in (15, 30, 60):
            query = Query(Market(area, auction, minutes), date(2025, 10, 9))
            try:
                expected = facts.page_parameters(query)
            except LookupError:
                with pytest.raises(NotOffered):
                    page_parameters(query)
                continue
            assert page_parameters(query) == expected
