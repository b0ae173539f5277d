"""What people are promised in numbers, as numbers: a limit that somebody changes is changed here too, or not at all.

Everywhere else tests read these limits from the code that keeps them, which tells nothing of their size.
"""

from datetime import timedelta
from importlib import import_module

import pytest

AGENT, OPERATOR = "powercap_agent", "powercap_operator"
MINUTES, HOURS = 60, 3600
PROMISED = {
    # Politeness: requests to sources.
    f"{OPERATOR}.market.publication.DAILY_LIMIT": 12,
    f"{OPERATOR}.market.publication.PAST_DAY_LIMIT": 4,
    f"{OPERATOR}.market.publication.LONGEST_WAIT": timedelta(hours=4),
    f"{OPERATOR}.sources.http_client.DEADLINE": timedelta(seconds=30),
    f"{OPERATOR}.market.errors.MarketError.patience": timedelta(minutes=10),
    f"{OPERATOR}.market.errors.Forbidden.patience": timedelta(hours=1),
    f"{OPERATOR}.market.errors.RateLimited.patience": timedelta(hours=1),
    # What may come from a source at most.
    f"{OPERATOR}.sources.epex.page.MAX_PAGE_BYTES": 4 * 1024 * 1024,
    f"{OPERATOR}.sources.json_series.MAX_BYTES": 1_000_000,
    f"{OPERATOR}.sources.entsoe.prices.MAX_BYTES": 1_000_000,
    # The lease: the other operator takes over within its 12 s, and the old one stops 2 s before.
    f"{OPERATOR}.kube.leadership.LEASE_SECONDS": 12,
    f"{OPERATOR}.kube.leadership.RENEW_SECONDS": 8.0,
    f"{OPERATOR}.kube.leadership.RETRY_SECONDS": 2.0,
    f"{OPERATOR}.kube.leadership.REQUEST_SECONDS": 3.0,
    f"{OPERATOR}.kube.leadership.MARGIN_SECONDS": 2.0,
    # Watchdogs of the operator: a dead connection, a pass that never ends.
    f"{OPERATOR}.kube.watches.IDLE_SECONDS": 70.0,
    f"{OPERATOR}.loops.reconcile.RESYNC_SECONDS": 5.0 * MINUTES,
    f"{OPERATOR}.loops.health.STALE_SECONDS": 3.0 * MINUTES,
    # Floors of the agent.
    f"{AGENT}.options.DEFAULT_FLOOR_UW": 5_000_000,
    f"{AGENT}.options.DEFAULT_FLOOR_PERCENT": 5,
    # Watchdogs of the agent, and how it treats the API server.
    f"{AGENT}.supervisor.STALL_SECONDS": 60.0,
    f"{AGENT}.loop.IDLE_CHECK_SECONDS": 5 * MINUTES,
    f"{AGENT}.loop.FAULT_CHECK_SECONDS": 10,
    f"{AGENT}.loop.START_GRACE_SECONDS": 5.0,
    f"{AGENT}.kube.watcher.IDLE_SECONDS": 70.0,
    f"{AGENT}.kube.backoff.FIRST_SECONDS": 0.5,
    f"{AGENT}.kube.backoff.WATCH_LAST_SECONDS": 30.0,
    f"{AGENT}.kube.backoff.STATUS_LAST_SECONDS": 60.0,
    f"{AGENT}.kube.reporter.SPREAD_SECONDS": 60.0,
    # Limits that are refused, or that something else writes.
    f"{AGENT}.enforce.limit_state.FIRST_PAUSE_SECONDS": 1.0 * MINUTES,
    f"{AGENT}.enforce.limit_state.LAST_PAUSE_SECONDS": 1.0 * HOURS,
    # Energy: often enough that no counter wraps unseen, and seldom enough to cost nothing.
    f"{AGENT}.status.ledger.SAMPLE_SECONDS": 10.0,
}


def value(name: str) -> object:
    """A constant of a module, or of a class in one."""
    path, _, attribute = name.rpartition(".")
    try:
        return getattr(import_module(path), attribute)
    except ModuleNotFoundError:
        module, _, kind = path.rpartition(".")
        return getattr(getattr(import_module(module), kind), attribute)


@pytest.mark.parametrize("name", PROMISED)
def test_a_limit_is_what_was_promised(name: str) -> None:
    assert value(name) == PROMISED[name]
