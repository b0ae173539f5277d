"""The main loop's events."""

import os
import signal
import threading

from powercap_agent.mailbox import BudgetSeen, Mailbox, Stop


def test_of_budgets_only_the_latest_is_taken() -> None:
    mailbox = Mailbox()
    for number in range(100_000):
        mailbox.see({"number": number})
    assert mailbox.take(1) == BudgetSeen({"number": 99_999})
    assert mailbox.take(0) is None
    mailbox.see(None)
    assert mailbox.take(1) == BudgetSeen(None)


def test_a_stop_comes_after_the_budget_before_it_and_is_not_lost() -> None:
    mailbox = Mailbox()
    mailbox.see(None)
    mailbox.stop("SIGTERM")
    mailbox.see({})
    assert mailbox.take(0) == BudgetSeen({})
    assert mailbox.take(0) == Stop("SIGTERM")


def test_no_news_is_none() -> None:
    assert Mailbox().take(0.001) is None


def test_a_signal_wakes_a_waiting_loop() -> None:
    mailbox = Mailbox()
    before = signal.signal(signal.SIGUSR1, lambda *_: mailbox.stop("SIGUSR1"))
    try:
        threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
        assert mailbox.take(10) == Stop("SIGUSR1")
    finally:
        signal.signal(signal.SIGUSR1, before)
