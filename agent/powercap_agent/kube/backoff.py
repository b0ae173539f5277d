"""Pauses between attempts at the API server: the bound doubles with every failure in a row."""

import random
from typing import Final

FIRST_SECONDS: Final = 0.5
WATCH_LAST_SECONDS: Final = 30.0
STATUS_LAST_SECONDS: Final = 60.0


def pause_seconds(failures: int, first: float, last: float) -> float:
    """Seconds to wait after ``failures`` attempts in a row failed.

    At random between half the bound and the bound, which is ``first`` doubled for every failure and at most
    ``last``, so that the agents of a cluster do not come back in the same instant. Without a failure: at random
    up to ``first``.
    """
    bound = min(last, first * 2 ** min(failures, 10))
    return random.uniform(bound / 2 if failures else 0.0, bound)  # noqa: S311 - jitter is no secret
