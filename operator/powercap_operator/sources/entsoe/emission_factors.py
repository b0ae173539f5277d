"""What a kWh emits over the whole life of the plants, by what it is generated from. Pure data.

Medians of life-cycle emissions in g CO2eq/kWh, from S. Schlömer et al., "Annex III: Technology-specific cost and
performance parameters", table A.III.2, in IPCC, Climate Change 2014: Mitigation of Climate Change (AR5, Working Group
III). It has none for oil: that is the median of table A.II.4 in IPCC, Renewable Energy Sources and Climate Change
Mitigation (SRREN, 2011). Keys are ENTSO-E's production types (codes PsrType of its code list).

Lignite, peat, oil shale and gas made of coal have no value there and count as hard coal, which is too little for all of
them. Waste and "other" have none either: they are left out of the carbon intensity, which then is that of the rest.
Power from storage was generated before, and counted then: it is left out altogether.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final


@dataclass(frozen=True, slots=True)
class Production:
    """What is known of a production type."""

    grams_per_kwh: Decimal | None
    """g CO2eq/kWh; None where there is no published median."""
    renewable: bool = False
    variable: bool = False
    """Wind and sun: what is forecast for itself."""


_COAL: Final = Production(Decimal(820))

PRODUCTION_TYPES: Final = {
    "B01": Production(Decimal(230), renewable=True),  # biomass
    "B02": _COAL,  # lignite
    "B03": _COAL,  # gas made of coal
    "B04": Production(Decimal(490)),  # fossil gas
    "B05": _COAL,  # hard coal
    "B06": Production(Decimal(840)),  # oil
    "B07": _COAL,  # oil shale
    "B08": _COAL,  # peat
    "B09": Production(Decimal(38), renewable=True),  # geothermal
    "B11": Production(Decimal(24), renewable=True),  # run-of-river
    "B12": Production(Decimal(24), renewable=True),  # water reservoir
    "B13": Production(Decimal(17), renewable=True),  # marine
    "B14": Production(Decimal(12)),  # nuclear
    "B15": Production(None, renewable=True),  # other renewable
    "B16": Production(Decimal(48), renewable=True, variable=True),  # solar
    "B17": Production(None),  # waste
    "B18": Production(Decimal(12), renewable=True, variable=True),  # wind offshore
    "B19": Production(Decimal(11), renewable=True, variable=True),  # wind onshore
    "B20": Production(None),  # other
}

STORAGE: Final = frozenset({"B10", "B25"})
"""Pumped water and other storage."""
