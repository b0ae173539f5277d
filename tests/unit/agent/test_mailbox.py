"""The main loop's events."""

import os
import signal
import threading

from powercap_agent.mailbox import BudgetSeen, Inbox, Stop


def test_of_budgets_only_the_latest_is_taken() -> None:
    inbox = Inbox()
    for number in range(100_000):
        inbox.see({"number": number})
    assert inbox.take(1) == BudgetSeen({"number": 99_999})
    assert inbox.take(0) is None
    inbox.see(None)
    assert inbox.take(1) == BudgetSeen(None)


def test_a_stop_comes_after_the_budget_before_it_and_is_not_lost() -> None:
    inbox = Inbox()
    inbox.see(None)
    inbox.stop("SIGTERM")
    inbox.see({})
    assert inbox.take(0) == BudgetSeen({})
    assert inbox.take(0) == Stop("SIGTERM")


def test_no_news_is_none() -> None:
    assert Inbox().take(0.001) is None


def test_a_signal_wakes_a_waiting_loop() -> None:
    inbox = Inbox()
    before = signal.signal(signal.SIGUSR1, lambda *_: inbox.stop("SIGUSR1"))
    try:
        threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
        assert inbox.take(10) == Stop("SIGUSR1")
    finally:
        signal.signal(signal.SIGUSR1, before)
