"""What fetching a market day gives. Pure."""

from dataclasses import dataclass
from datetime import datetime

from ..market.results import DayData, Period, Query


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
    notice: str | None = None
    """A sentence that whoever runs this should read, such as that the way it was asked will go away."""

    @property
    def periods(self) -> tuple[Period, ...]:
        return self.day.periods
