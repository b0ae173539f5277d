# ruff: noqa: N818 - the names say what happened, as in httpx; "Error" ends only the names of whole families
"""What can go wrong with the market, in the words of the domain.

Nothing here knows httpx, kopf or selectolax: whoever uses those translates at the boundary (``raise … from
error``), so that callers decide by meaning and never by a library's exceptions.

MarketError                   one line for a person: what happened, where, what to do
├── PageError                 an answer came, and it is not the day that was asked for
│   ├── WrongMarket           it holds another segment, auction, resolution, area or day
│   ├── NoTable               it is the site's page, without a table
│   │   ├── DisclaimerShown   the site wants its conditions accepted first
│   │   └── NotPublished      the source says that it has no such results (yet)
│   ├── Blocked               a refusal, a challenge or an error page in place of the page
│   └── Malformed             it has a table that cannot be read with certainty
│       └── TooLarge          it is larger than any such page is
├── DayIncomplete             the day was read, and periods are missing
├── CsvError                  a CSV file cannot be read (``line`` says where)
├── NotOffered                the provider does not have such markets at all
├── SettingMissing            the provider needs something that was not configured
└── FetchError                no usable answer came
    ├── Forbidden             the source refuses us (401, 403)
    ├── Deferred              the source puts us off (202 instead of a page)
    ├── RateLimited           the source asks for fewer requests (429)
    ├── Unavailable           the source is down or its answer is broken (5xx, connection, redirects)
    ├── TimedOut              no whole answer in time
    └── RequestBudgetSpent    our own daily limit of requests for this market is reached
"""

from datetime import timedelta
from typing import ClassVar

from powercap_api.foreign_text import shown
from powercap_api.reasons import MarketDayReason


class MarketError(Exception):
    """Something about the market. ``str()`` is one line for a person, without secrets."""

    title: ClassVar[str] = "market error"
    """Two words that name the kind, for a message's beginning."""
    patience: ClassVar[timedelta] = timedelta(minutes=10)
    """How long to wait at least before the source is asked again, where nothing else is known."""
    told_as: ClassVar[MarketDayReason] = MarketDayReason.INVALID
    """The reason that a MarketDay's conditions give."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """How long the source itself asked us to wait; None where it did not say."""

    def mask(self, secret: str) -> None:
        """Have the message say ``***`` where it repeats the secret."""
        self.args = (shown(self, secrets=[secret]),)

    @property
    def reason(self) -> str:
        """CamelCase name of the kind, for the log."""
        return type(self).__name__

    @property
    def line(self) -> str:
        """Kind and message in one line, which may quote a source: of bounded length, and nothing in it acts."""
        return f"{self.title}: {shown(self)}"


class PageError(MarketError):
    """An answer came, and it is not the day that was asked for."""

    title = "bad page"


class WrongMarket(PageError):
    """The page holds another segment, auction, resolution, area or day than was asked for."""

    title = "wrong market"

    def __init__(self, message: str, *, differs: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.differs = differs
        """In what: ``modality``, ``segment``, ``auction``, ``resolution``, ``area``, ``day``."""


class NoTable(PageError):
    """The page is the site's, without a table of results."""

    title = "no table"


class DisclaimerShown(NoTable):
    """The page shows the conditions of use and the filters; its table would be loaded by a script."""


class NotPublished(NoTable):
    """The source says that it has no results for the day: not yet, or not at all."""

    title = "not published"
    told_as = MarketDayReason.NOT_PUBLISHED
    patience = timedelta(minutes=15)


class Blocked(PageError):
    """A refusal, a challenge or an error page came in place of the page."""

    title = "blocked"
    told_as = MarketDayReason.REFUSED
    patience = timedelta(hours=1)


class Malformed(PageError):
    """There is a table, and it cannot be read with certainty."""

    title = "malformed page"
    patience = timedelta(minutes=30)


class TooLarge(Malformed):
    """The answer is larger than any such page is, and was not looked at."""


class DayIncomplete(MarketError):
    """The day was read and lacks periods or values; the message names the first of them."""

    title = "incomplete day"
    told_as = MarketDayReason.INCOMPLETE
    patience = timedelta(minutes=15)


class CsvError(MarketError):
    """A CSV file cannot be read."""

    title = "bad CSV"

    def __init__(self, message: str, *, line_number: int | None = None) -> None:
        super().__init__(message if line_number is None else f"line {line_number}: {message}")
        self.line_number = line_number
        """Line of the file, counted from 1; None where it is the file as a whole."""


class NotOffered(MarketError):
    """The provider does not have such markets at all: asking again is useless."""

    title = "not offered"
    patience = timedelta(days=1)


class SettingMissing(MarketError):
    """The provider needs something that was not configured, such as a token."""

    title = "not configured"
    patience = timedelta(hours=1)


class FetchError(MarketError):
    """No usable answer came."""

    title = "fetch failed"
    told_as = MarketDayReason.UNREACHABLE
    patience = timedelta(minutes=5)


class Forbidden(FetchError):
    """The source refuses us. The only answer is to ask seldom, or another source: never to evade."""

    title = "forbidden"
    told_as = MarketDayReason.REFUSED
    patience = timedelta(hours=1)


class Deferred(FetchError):
    """The source put us off with an answer that is no page."""

    title = "put off"
    patience = timedelta(hours=1)


class RateLimited(FetchError):
    """The source asks for fewer requests."""

    title = "rate limited"
    patience = timedelta(hours=1)


class Unavailable(FetchError):
    """The source cannot be reached, is down, or its answer is broken."""

    title = "unavailable"


class TimedOut(FetchError):
    """No whole answer came in time."""

    title = "timed out"


class RequestBudgetSpent(FetchError):
    """Our own limit of requests for this market and day is reached: nothing was sent."""

    title = "requests spent"
    told_as = MarketDayReason.REQUESTS_SPENT
    patience = timedelta(hours=6)
