"""What a source of market results is: one small class behind one interface."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import ClassVar, Protocol, runtime_checkable

from ..market.results import Query
from .fetched_day import FetchedDay
from .http_client import Spend

__all__ = ["FetchedDay", "Provider", "RangeProvider", "Spend"]


class Provider(Protocol):
    """A source of market results.

    ``fetch`` makes as few requests as it can, awaits ``spend()`` before each, raises ``errors.MarketError``
    and nothing else for what a source can do, and never gives another day, market or currency than asked for.
    """

    name: ClassVar[str]
    """As policies name it."""
    pause_seconds: ClassVar[float]
    """Time between two days' requests that the source's own limit asks for."""

    async def fetch(self, query: Query, spend: Callable[[], Awaitable[None]]) -> FetchedDay:
        """Get the day, complete or not."""
        ...


@runtime_checkable
class RangeProvider(Protocol):
    """A source whose terms let many days be asked for at once."""

    pause_seconds: ClassVar[float]

    async def fetch_range(self, query: Query, last: date, spend: Callable[[], Awaitable[None]]) -> bytes:
        """The answer with the query's day and every day up to the last, as the source gives it: one request."""
        ...
