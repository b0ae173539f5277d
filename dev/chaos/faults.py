"""What a faulty network or API server does with a request: kinds, and how one is drawn. Pure.

Each fault has a chance of its own in a round, so that rounds differ: one is mostly refusals, another mostly silence.
"""

from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final


class Fault(StrEnum):
    """What becomes of one request."""

    NONE = "none"
    CONFLICT = "409"
    TOO_MANY = "429 with Retry-After"
    INTERNAL = "500"
    UNAVAILABLE = "503"
    TIMEOUT = "504"
    CUT = "cut before it arrives"
    LOST_ANSWER = "done, its answer lost"
    SILENCE = "no answer at all"
    SLOW = "slow answer"
    STALE_LIST = "stale list"
    GONE = "watch: 410"
    GONE_EVENT = "watch: ERROR event 410"
    ERROR_EVENT = "watch: ERROR event 500"
    CUT_STREAM = "watch: cut within an event"
    HALF_OPEN = "watch: half-open"


STATUS: Final = {
    Fault.CONFLICT: 409,
    Fault.TOO_MANY: 429,
    Fault.INTERNAL: 500,
    Fault.UNAVAILABLE: 503,
    Fault.TIMEOUT: 504,
    Fault.GONE: 410,
}
"""The faults that are an answer of the API server, by its code."""
_ANY: Final = (Fault.TOO_MANY, Fault.INTERNAL, Fault.UNAVAILABLE, Fault.CUT, Fault.SILENCE, Fault.SLOW)
_WRITES: Final = (*_ANY, Fault.CONFLICT, Fault.TIMEOUT, Fault.LOST_ANSWER)
_LISTS: Final = (*_ANY, Fault.TIMEOUT, Fault.STALE_LIST)
# An API server says in an event that a version is too old; other servers in between may say so by 410.
_WATCHES: Final = (
    *_ANY,
    Fault.GONE_EVENT,
    Fault.ERROR_EVENT,
    Fault.CUT_STREAM,
    Fault.HALF_OPEN,
)


@dataclass(frozen=True, slots=True)
class Request:
    """What a fault is drawn for."""

    method: str
    path: str
    is_watch: bool
    by_agent: bool

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Those that can happen to it."""
        if self.is_watch:
            return (*_WATCHES, Fault.GONE) if self.by_agent else _WATCHES
        return _LISTS if self.method == "GET" else _WRITES


class Weather:
    """How often what happens, from now until it is changed. ``calm`` at first."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._weights: dict[Fault, float] = {}
        self._share = 0.0

    def calm(self) -> None:
        """Nothing happens any more."""
        self._share = 0.0

    @property
    def is_calm(self) -> bool:
        """Whether nothing happens; what was drawn for a watch before does not happen any more then either."""
        return self._share == 0.0

    def rough(self) -> None:
        """Draw how often anything happens, and what is likely."""
        self._share = self._chance.choice((0.05, 0.2, 0.5))
        self._weights = {fault: self._chance.random() ** 3 for fault in Fault}

    def draw(self, request: Request) -> Fault:
        """What becomes of the request."""
        if self._chance.random() >= self._share:
            return Fault.NONE
        faults = request.faults
        return self._chance.choices(faults, [self._weights[fault] + 0.01 for fault in faults])[0]

    def uniform(self, low: float, high: float) -> float:
        """A number, for how long or how far."""
        return self._chance.uniform(low, high)
