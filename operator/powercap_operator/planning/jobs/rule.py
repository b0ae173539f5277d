"""A WaitPolicy with everything that its spec implies, worked out once and handed on. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Self
from zoneinfo import ZoneInfo

from powercap_api.markets import Market
from powercap_api.poweroverride import parse_duration
from powercap_api.waitpolicy import Signal, WaitPolicySpec

from ...market.known_days import ResultsRequest
from ...market.needs import Needs
from ...market.results import Period
from ...market.tariff import Tariff
from ..job_start import CostPeriod
from ..resolved_policy import results_request

_NEEDS: Final = {
    Signal.PRICE: Needs(price=True),
    Signal.CARBON: Needs(carbon=True),
    Signal.RENEWABLE: Needs(renewable=True),
}
_SAVED: Final = {Signal.PRICE: 1000, Signal.CARBON: 1000, Signal.RENEWABLE: 100}
"""Cost times hours for each kilowatt, over this: EUR, kg CO2eq and kWh."""
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Rule:
    """A WaitPolicy in numbers."""

    request: ResultsRequest
    """The results that the jobs wait by."""
    signal: Signal
    tariff: Tariff
    max_wait: timedelta
    default_duration: timedelta
    least_saving: Decimal
    """As a part of the cost, 0 to 1."""
    most_at_once: int

    @classmethod
    def of(cls, spec: WaitPolicySpec) -> Self:
        """The rule that a WaitPolicy describes."""
        signal = Signal(spec.signal)
        return cls(
            results_request(spec.market, _NEEDS[signal], signal)[0],
            signal,
            Tariff.of(spec.tariff),
            parse_duration(spec.max_wait),
            parse_duration(spec.default_duration),
            Decimal(spec.least_saving_percent) / 100,
            spec.most_at_once,
        )

    previous_days: int = 0
    """Only the time to come is waited for: no earlier day stands in."""
    suspended: bool = False

    @property
    def market(self) -> Market:
        """The auction, or the area's grid data, whose days the jobs wait by."""
        return self.request.market

    @property
    def wall_clock(self) -> ZoneInfo:
        """The clock that times of day are meant on."""
        return self.market.bidding_zone.wall_clock

    def latest_start(self, submitted: datetime, wait: timedelta) -> datetime:
        """The latest that a job is started that may wait so long."""
        return submitted + min(wait, self.max_wait)

    @property
    def unit(self) -> str:
        """The unit of the signal."""
        if self.signal is Signal.PRICE:
            return f"{self.market.bidding_zone.currency}/MWh"
        return "g CO2eq/kWh" if self.signal is Signal.CARBON else "% renewable"

    @property
    def saved_unit(self) -> str:
        """The unit of what is saved for each kilowatt."""
        if self.signal is Signal.PRICE:
            return f"{self.market.bidding_zone.currency}/kW"
        return "kg CO2eq/kW" if self.signal is Signal.CARBON else "kWh renewable/kW"

    def saved(self, at_once: Decimal, waiting: Decimal, duration: timedelta) -> Decimal:
        """What a job saves for each kilowatt that it draws, from the costs of two starts."""
        return (at_once - waiting) * (duration // timedelta(seconds=1)) / 3600 / _SAVED[self.signal]

    def shown(self, cost: Decimal) -> Decimal:
        """The mean of the signal that a cost stands for."""
        return -cost if self.signal is Signal.RENEWABLE else cost

    def periods(self, day: Iterable[Period]) -> list[CostPeriod]:
        """The periods of a day of results with their costs; those without a value left out."""
        length = timedelta(minutes=self.market.resolution_minutes)
        found = []
        for period in day:
            value: Decimal | None = getattr(period, self.signal.lower())
            if value is None:
                continue
            if self.signal is Signal.PRICE:
                value = self.tariff.price_paid(value, period.start, self.wall_clock)
            found.append(CostPeriod(period.start, period.start + length, self.shown(value)))
        return found
