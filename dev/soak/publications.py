"""What the stand-in exchange has, and when: results that come in time, late, in part or never, and wrong answers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Final

from dev.lab.exchange import pages
from dev.lab.exchange.site import Behaviour, ExchangeSite
from powercap_api.markets import Auction, Market
from powercap_operator.market.publication import results_expected_at
from powercap_operator.market.results import Query
from powercap_operator.sources.mock import made_up_periods

_SOON: Final = timedelta(minutes=10)
"""The site has results so long before they are asked for."""
_WRONG: Final = Query(Market("AT", Auction.SDAC, 15), date(2025, 10, 2))
_PAGE: Final = pages.market_page(_WRONG, made_up_periods(_WRONG))
_TROUBLES: Final[dict[str, Behaviour]] = {
    "wrong page": Behaviour(body=_PAGE, times=4),
    "damaged page": Behaviour(body=_PAGE[: len(_PAGE) // 2], times=4),
    "page cut off": Behaviour(cut_body=True, times=4),
    "refused": Behaviour(status=403, times=4),
    "told to wait": Behaviour(status=429, retry_after="3600", times=2),
    "in trouble": Behaviour(status=503, times=4),
    "connection reset": Behaviour(reset=True, times=2),
}
"""For one look; ``times`` is more than one way in asks."""
_KEPT_DAYS: Final = 3


@dataclass
class Publications:
    """Calls ``publish`` of the site by the clock of the run."""

    site: ExchangeSite
    markets: Sequence[Market]
    chance: Random
    done: Counter[str] = field(default_factory=Counter)
    """What was late, missing, half or wrong."""
    published: int = 0
    """Market days with results, in time or late."""
    _times: dict[Query, datetime | None] = field(default_factory=dict)
    """When each is published; None: never."""
    _whole: set[Query] = field(default_factory=set)

    def begin(self, day: date) -> None:
        """The results of the day before the first one, in time."""
        for market in self.markets:
            self._publish(Query(market, day))

    def at(self, now: datetime, day: date) -> None:
        """Publish what is due by ``now``, today's and tomorrow's; take away what is old."""
        for market in self.markets:
            for ahead in (0, 1):
                query = Query(market, day + timedelta(days=ahead))
                at = self._time(query)
                if at is not None and at <= now and query not in self._whole:
                    self._publish(query)
        for query in [one for one in self._times if (day - one.delivery_day).days > _KEPT_DAYS]:
            self.site.withdraw(query)
            del self._times[query]
            self._whole.discard(query)

    def misbehave(self) -> None:
        """For the next look: mostly not at all."""
        if self.chance.random() < 0.12:
            trouble = self.chance.choice(sorted(_TROUBLES))
            self.done[trouble] += 1
            self.site.behave(_TROUBLES[trouble])
        else:
            self.site.behave()

    def _publish(self, query: Query) -> None:
        periods = made_up_periods(query)
        if self.chance.random() < 0.03 and query not in self._whole:  # the next look brings the rest
            self.done["half a day"] += 1
            self.site.publish(query, periods[: self.chance.randrange(1, len(periods))])
            return
        self.site.publish(query, periods)
        self._whole.add(query)
        self.published += 1

    def _time(self, query: Query) -> datetime | None:
        if query not in self._times:
            expected, mood = results_expected_at(query), self.chance.random()
            yesterday = Query(query.market, query.delivery_day - timedelta(days=1))
            if mood < 0.04 and self._times.get(yesterday, expected) is not None:
                self.done["missing"] += 1
                self._times[query] = None
            elif mood < 0.2:
                self.done["late"] += 1
                self._times[query] = expected + timedelta(hours=self.chance.uniform(0, 16))
            else:
                self._times[query] = expected - _SOON
        return self._times[query]
