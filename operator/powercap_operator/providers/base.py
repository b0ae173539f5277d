"""What a source of market results is: one small class behind one interface."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from ..market import DayData, Period, Query
from ..polite_http import Spend

__all__ = ["FetchedDay", "Provider", "Spend"]


@dataclass(frozen=True, slots=True)
class FetchedDay:
    """A day as a source gave it, whole or not."""

    query: Query
    day: DayData
    """The periods, judged: ``day.complete``, ``day.problems``."""
    route: str
    """Which way in worked, such as ``page``, ``ajax``, ``disclaimer`` or ``api``."""
    fetched_at: datetime
    """When, in UTC."""
    published_at: datetime | None
    """When the source says that it published or last changed the results."""
    currency: str
    """Of the prices, per MWh."""

    @property
    def periods(self) -> tuple[Period, ...]:
        """The day's periods in order of time."""
        return self.day.periods


class Provider(Protocol):
    """A source of market results.

    ``fetch`` makes as few requests as it can, awaits ``spend()`` before each, raises ``errors.MarketError``
    and nothing else for what a source can do, and never gives another day, market or currency than asked for.
    """

    name: ClassVar[str]
    """As policies name it."""
    gives_volume: ClassVar[bool]
    """Whether its days have volumes; prices they all have."""

    async def fetch(self, query: Query, spend: Callable[[], Awaitable[None]]) -> FetchedDay:
        """Get the day, complete or not."""
        ...
