"""The agent's reporting thread against an API server that misbehaves."""

import io
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from dev.lab.agent_process import eventually
from dev.lab.fake_api import FakeApi
from powercap_agent.kube.client import ApiClient, Endpoint
from powercap_agent.kube.reporter import Reporter, turn_seconds
from powercap_agent.logs import Log, LogFormat
from powercap_agent.status.publisher import Urgency

QUICK = 0.002


class Reporting:
    """A reporter in its thread."""

    def __init__(self, api: FakeApi) -> None:
        self.logged = io.StringIO()
        client = ApiClient(Endpoint(api.url), "test")
        self.reporter = Reporter(client, "node-1", Log(LogFormat.TEXT, self.logged), backoff_first=QUICK)
        self.thread = threading.Thread(target=self.reporter.run)
        self.thread.start()


@pytest.fixture
def reporting(api: FakeApi) -> Iterator[Reporting]:
    running = Reporting(api)
    yield running
    if running.thread.is_alive():
        running.reporter.close(5)
        running.thread.join(5)
    assert not running.thread.is_alive()


def test_a_status_is_a_merge_patch_by_the_agents_field_manager(api: FakeApi, reporting: Reporting) -> None:
    reporting.reporter.submit({"reapplied": 1})
    eventually(lambda: api.patches == [{"status": {"reapplied": 1}}], "the patch")
    (_, path) = api.requests[0]
    assert path.endswith("/powerbudgets/node-1/status?fieldManager=powercap-agent")


def test_a_failed_patch_is_tried_until_it_is_there_and_the_latest_counts(
    api: FakeApi, reporting: Reporting
) -> None:
    api.status_codes.extend([0, 503, 403, 500])
    for number in range(50):
        reporting.reporter.submit({"reapplied": number})
    eventually(
        lambda: bool(api.patches) and api.patches[-1] == {"status": {"reapplied": 49}}, "the last patch"
    )
    assert len(api.patches) < 50


@pytest.mark.parametrize("code", [404, 409])
def test_what_may_be_accepted_later_is_tried_again(api: FakeApi, reporting: Reporting, code: int) -> None:
    api.status_codes.extend([code, code])
    reporting.reporter.submit({"reapplied": 1})
    eventually(lambda: api.patches == [{"status": {"reapplied": 1}}], "the status")


@pytest.mark.parametrize("code", [400, 422])
def test_what_would_be_refused_again_is_not_tried_again(
    api: FakeApi, reporting: Reporting, code: int
) -> None:
    api.status_codes.append(code)
    reporting.reporter.submit({"reapplied": 1})
    eventually(lambda: len(api.requests) == 1, "the attempt")
    reporting.reporter.submit({"reapplied": 2})
    eventually(lambda: api.patches == [{"status": {"reapplied": 2}}], "the next one")
    assert len(api.requests) == 2


class Turns:
    """A reporter whose node's turn comes ``spread`` seconds later, or somewhat sooner."""

    def __init__(self, api: FakeApi, spread: float) -> None:
        client = ApiClient(Endpoint(api.url), "test")
        self.reporter = Reporter(client, "node-1", Log(LogFormat.TEXT, io.StringIO()), spread=spread)
        self.thread = threading.Thread(target=self.reporter.run)
        self.thread.start()

    def close(self) -> None:
        """Send what waits, and end."""
        assert self.reporter.close(5)
        self.thread.join(5)


def test_bad_news_do_not_wait_for_the_nodes_turn(api: FakeApi) -> None:
    turns = Turns(api, spread=100_000)
    turns.reporter.submit({"reapplied": 1}, Urgency.ROUTINE)
    turns.reporter.submit({"reapplied": 2}, Urgency.AT_ONCE)
    eventually(lambda: api.patches == [{"status": {"reapplied": 2}}], "the bad news")
    turns.reporter.submit({"reapplied": 3}, Urgency.ROUTINE)
    turns.reporter.submit({"reapplied": 4}, Urgency.SOON)
    eventually(lambda: api.patches[1:] == [{"status": {"reapplied": 4}}], "the news")
    turns.reporter.submit({"reapplied": 5}, Urgency.ROUTINE)
    turns.close()
    assert api.patches[2:] == [{"status": {"reapplied": 5}}], "what waits is written when the agent ends"


def test_a_routine_status_is_written_in_the_nodes_turn(api: FakeApi) -> None:
    turns = Turns(api, spread=0.2)
    for number in (1, 2):
        turns.reporter.submit({"reapplied": number}, Urgency.ROUTINE)
        eventually(lambda: api.patches[-1:] == [{"status": {"reapplied": number}}], "the status")  # noqa: B023
    turns.close()


def test_turns_are_even_and_always_the_same() -> None:
    turns = [turn_seconds(f"ip-10-20-{number // 250}-{number % 250}.internal") for number in range(5000)]
    assert turns[7] == turn_seconds("ip-10-20-0-7.internal")
    seconds = Counter(map(int, turns))
    assert set(seconds) == set(range(60))
    assert max(seconds.values()) <= 150, "writes in a second at 5,000 nodes"


def test_closing_sends_what_waits(api: FakeApi, reporting: Reporting) -> None:
    reporting.reporter.submit({"reapplied": 1})
    assert reporting.reporter.close(5)
    assert api.patches == [{"status": {"reapplied": 1}}]


def test_closing_does_not_wait_for_a_dead_server(api: FakeApi, reporting: Reporting) -> None:
    api.status_codes.extend([503] * 1000)
    reporting.reporter.submit({"reapplied": 1})
    assert not reporting.reporter.close(0.3)
    reporting.thread.join(5)
    assert api.status_codes, "it was given up while the server still refused"
    api.status_codes.clear()
