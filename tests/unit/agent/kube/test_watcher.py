"""The agent's watching thread against an API server that misbehaves."""

import io
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs

import pytest

from dev.lab.agent_process import eventually
from dev.lab.fake_api import Connection, FakeApi, stay
from powercap_agent.kube.client import ApiClient, Endpoint
from powercap_agent.kube.watcher import GONE_AFTER, WATCH_SECONDS, Watcher
from powercap_agent.logs import Log, LogFormat

QUICK = 0.002


class Following:
    """A watcher in its thread, and what it told."""

    def __init__(
        self,
        api: FakeApi,
        token_file: str | None = None,
        idle_seconds: float = 30.0,
        early_seconds: float = float("inf"),
    ) -> None:
        self.told: list[dict[str, Any] | None] = []
        self.logged = io.StringIO()
        client = ApiClient(Endpoint(api.url, token_file), "test")
        log = Log(LogFormat.TEXT, self.logged)
        self.watcher = Watcher(
            client,
            "node-1",
            self.told.append,
            log,
            idle_seconds=idle_seconds,
            backoff_first=QUICK,
            early_seconds=early_seconds,
        )
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.follow)
        self.thread.start()

    def follow(self) -> None:
        """As ``Watcher.run``, until the test ends."""
        while not self.ended.is_set():
            self.watcher.attempt()

    def policies(self) -> list[str | None]:
        """Policy of each budget told, None where none was told."""
        return [None if body is None else body.get("spec", {}).get("policy") for body in self.told]


Follow = Callable[..., Following]


@pytest.fixture
def follow(api: FakeApi) -> Iterator[Follow]:
    started: list[Following] = []

    def begin(**options: Any) -> Following:
        started.append(Following(api, **options))
        return started[-1]

    yield begin
    for following in started:
        following.ended.set()
    api._closing.set()
    for following in started:
        following.thread.join(10)
        assert not following.thread.is_alive()


def modified(version: str, policy: str) -> Callable[[Connection], None]:
    def plan(connection: Connection) -> None:
        connection.event("MODIFIED", version, spec={"policy": policy})
        connection.end()

    return plan


def lasting(kind: str, version: str) -> Callable[[Connection], None]:
    """One event, and then the end of the watch in its time."""

    def plan(connection: Connection) -> None:
        connection.event(kind, version)
        connection.end()

    return plan


def test_lists_then_watches_from_there(api: FakeApi, follow: Follow) -> None:
    api.watches = deque([modified("11", "changed"), stay])
    following = follow()
    eventually(lambda: api.count("resourceVersion=11") == 1, "a resumed watch")
    assert following.policies() == ["listed", "changed"]
    assert api.count("resourceVersion=10") == 1
    assert api.lists() == 1
    assert all("fieldSelector=metadata.name%3Dnode-1" in path for _, path in api.requests)


def test_agents_do_not_end_their_watches_together(api: FakeApi, follow: Follow) -> None:
    api.watches = deque([modified(str(version), "changed") for version in range(11, 19)])
    follow()
    eventually(lambda: api.count("watch=true") >= 8, "eight watches")
    asked = {int(parse_qs(path)["timeoutSeconds"][0]) for _, path in api.requests if "watch=true" in path}
    assert len(asked) > 1
    assert all(WATCH_SECONDS <= seconds < 2 * WATCH_SECONDS for seconds in asked)


def test_bookmarks_move_the_version_on_and_are_not_told(api: FakeApi, follow: Follow) -> None:
    api.watches = deque([lasting("BOOKMARK", "50"), stay])
    following = follow()
    eventually(lambda: api.count("resourceVersion=50") == 1, "a watch from the bookmark")
    assert following.policies() == ["listed"]


def test_deletion_is_told(api: FakeApi, follow: Follow) -> None:
    api.watches = deque([lasting("DELETED", "12"), stay])
    following = follow()
    eventually(lambda: following.policies() == ["listed", None], "deletion")


@pytest.mark.parametrize(
    "plan",
    [
        lambda connection: connection.bytes(
            b'{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}\n'
        ),
        lambda connection: connection.bytes(b'{"type":"ERROR","object":{"kind":"Status","code":500}}\n'),
        lambda connection: connection.bytes(b'{"type":"MODIFIED"}\n'),
        lambda connection: connection.bytes(b'{"type":"MODIFIED","object":{}}\n'),
        lambda connection: connection.bytes(
            b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"\\ud800"}}}\n'
        ),
    ],
)
def test_an_error_event_means_listing_anew(
    api: FakeApi, follow: Follow, plan: Callable[[Connection], None]
) -> None:
    api.watches = deque([plan, stay])
    following = follow()
    eventually(lambda: api.lists() == 2, "a second list")
    assert following.policies()[0] == "listed"


def test_410_as_an_answer_means_listing_anew(api: FakeApi, follow: Follow) -> None:
    def gone(connection: Connection) -> None:
        api.status_codes.append(410)
        connection.end()

    api.watches = deque([gone, stay])
    follow()
    eventually(lambda: api.lists() == 2, "a second list")


@pytest.mark.parametrize("garbage", [b"<html>\n", b"[]\n", b'{"type":"MOD', b"[" * 100_000 + b"\n"])
def test_garbage_and_broken_streams_mean_listing_anew(api: FakeApi, follow: Follow, garbage: bytes) -> None:
    api.watches = deque([lambda connection: connection.bytes(garbage), modified("12", "after"), stay])
    following = follow()
    eventually(lambda: following.policies() == ["listed", "listed", "after"], following.policies)
    assert api.lists() == 2


def test_a_watch_that_ended_before_its_time_means_listing_anew(api: FakeApi, follow: Follow) -> None:
    """The server may be back with older data, on which a watch from the version last seen would hear nothing."""

    def restore(connection: Connection) -> None:
        connection.event("MODIFIED", "5000", spec={"policy": "lost"})
        api.version = "20"
        connection.end()

    api.watches = deque([restore, stay])
    following = follow(early_seconds=60.0)
    eventually(lambda: api.count("resourceVersion=20") == 1, "a watch from the older version")
    assert following.policies() == ["listed", "lost", "listed"]


def test_a_list_of_something_else_is_asked_for_again(api: FakeApi, follow: Follow) -> None:
    budget = api.budget
    api.budget = cast("Any", [budget])
    following = follow()
    eventually(lambda: api.lists() >= 2, "a second list")
    api.budget = budget
    eventually(lambda: following.policies() == ["listed"], following.policies)


def test_a_silent_watch_is_given_up(api: FakeApi, follow: Follow) -> None:
    api.watches = deque([stay, modified("12", "after"), stay])
    following = follow(idle_seconds=0.2)
    eventually(lambda: following.policies()[:3] == ["listed", "listed", "after"], following.policies)


def test_so_is_one_that_only_drips(api: FakeApi, follow: Follow) -> None:
    def drip(connection: Connection) -> None:
        while connection.silence(0.05):
            connection.bytes(b" ")

    api.watches = deque([drip, modified("12", "after"), stay])
    following = follow(idle_seconds=0.2)
    eventually(lambda: following.policies()[:3] == ["listed", "listed", "after"], following.policies)


def test_events_in_pieces_are_put_together(api: FakeApi, follow: Follow) -> None:
    def pieces(connection: Connection) -> None:
        line = (
            b'{"type":"MODIFIED","object":{"metadata":{"resourceVersion":"12"},"spec":{"policy":"whole"}}}\n'
        )
        for start in range(0, len(2 * line), 7):
            connection.bytes((2 * line)[start : start + 7])
        connection.end()

    api.watches = deque([pieces, stay])
    following = follow()
    eventually(lambda: following.policies() == ["listed", "whole", "whole"], following.policies)


def test_watches_that_end_at_once_are_not_repeated_at_once(api: FakeApi, follow: Follow) -> None:
    api.watches = deque([lambda connection: connection.end()] * 1000)
    follow()
    time.sleep(0.5)
    assert api.count("watch=true") < 20


@pytest.mark.parametrize("code", [0, 401, 403, 429, 500, 503])
def test_refusals_are_told_once_and_tried_again(api: FakeApi, follow: Follow, code: int) -> None:
    api.status_codes.extend([code] * 4)
    following = follow()
    eventually(lambda: following.policies() == ["listed"], following.logged.getvalue)
    assert following.logged.getvalue().count("WARNING") == 1
    assert "answers again" in following.logged.getvalue()


def test_a_kind_that_stays_unknown_is_a_budget_that_is_gone(api: FakeApi, follow: Follow) -> None:
    api.status_codes.extend([404] * GONE_AFTER)
    following = follow()
    eventually(lambda: following.policies() == [None, "listed"], following.policies)


def test_a_kind_that_is_unknown_for_a_moment_changes_nothing(api: FakeApi, follow: Follow) -> None:
    api.status_codes.extend([404] * (GONE_AFTER - 1))
    following = follow()
    eventually(lambda: following.policies() == ["listed"], following.policies)


def test_a_rotated_token_is_used_without_a_restart(api: FakeApi, follow: Follow, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old\n", encoding="ascii")
    api.accepted_token = "new"
    following = follow(token_file=str(token))
    eventually(lambda: api.lists() >= 2, "attempts")
    assert following.told == []
    token.write_text("new\n", encoding="ascii")
    eventually(lambda: following.policies() == ["listed"], "the list")


@pytest.mark.parametrize("text", ["to\nken\n", "", "two words", "to\x00ken"])
def test_a_token_that_is_none_is_said_and_read_again(follow: Follow, tmp_path: Path, text: str) -> None:
    token = tmp_path / "token"
    token.write_text(text, encoding="ascii")
    following = follow(token_file=str(token))
    eventually(lambda: "holds no token" in following.logged.getvalue(), "a message")
    token.write_text("t\n", encoding="ascii")
    eventually(lambda: following.policies() == ["listed"], "the list")


def test_a_token_file_that_is_not_there_is_tried_again(follow: Follow, tmp_path: Path) -> None:
    following = follow(token_file=str(tmp_path / "token"))
    eventually(lambda: "credentials cannot be read" in following.logged.getvalue(), "a message")
    (tmp_path / "token").write_text("t", encoding="ascii")
    eventually(lambda: following.policies() == ["listed"], "the list")
