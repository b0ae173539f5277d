"""EPEX: the exchange's own site. Volumes and prices of every auction; see ``site.py`` for
how."""

from typing import ClassVar

from ...market.results import Query
from ..base import FetchedDay, Spend
from .site import EpexSite


class Epex:
    """The exchange's own results."""

    name: ClassVar[str] = "EPEX"
    pause_seconds: ClassVar[float] = 0

    def __init__(self, site: EpexSite) -> None:
        self._site = site

    async def fetch(self, query: Query, spend: Spend) -> FetchedDay:
        """Get the day. Raises as ``EpexSite.fetch`` does."""
        return await self._site.fetch(query, spend)
