"""What comes in bulk is listed once and then followed, whatever the API server does with the watch."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dev.lab.fake_api import Connection, FakeApi, stay
from powercap_api.names import NODE
from powercap_operator.kube.cache import EXEMPT_POD, FLOOR_POD, WorldCache
from powercap_operator.kube.client import WatchLimits
from powercap_operator.kube.follow import NODES_AND_BUDGETS, PODS_THAT_ASK, Collection, Follower
from tests.support.cluster_client import cluster_at

NODES = next(one for one in NODES_AND_BUDGETS if one.kind == NODE)
SECONDS = 30.0
SHORT = WatchLimits(idle_seconds=SECONDS, seconds=0, spread_seconds=1)
"""A watch that the server ends has lasted its time."""


def node(name: str, version: int, **labels: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": str(version), "labels": labels}
    }


class Following:
    """A follower of an API, and what it has done so far."""

    def __init__(self, api: FakeApi, folder: Path, collection: Collection = NODES) -> None:
        self.api = api
        self.cache = WorldCache()
        self.reasons: list[str] = []
        self.beats = 0
        self._folder = folder
        self._collection = collection

    def until(self, holds: Callable[["Following"], bool], limits: WatchLimits = SHORT) -> Follower:
        """Follow until that holds; the follower as it is then."""

        async def story() -> Follower:
            async with cluster_at(self.api.url, self._folder, limits) as cluster:
                follower = Follower(cluster, self.cache, self._collection, self.reasons.append)
                task = asyncio.create_task(follower.run(self._beat))
                async with asyncio.timeout(SECONDS):
                    while not holds(self):
                        assert not task.done(), task.exception()
                        await asyncio.sleep(0.01)
                task.cancel()
                return follower

        return asyncio.run(story())

    def _beat(self) -> None:
        self.beats += 1

    @property
    def nodes(self) -> set[str]:
        return set(self.cache.world().nodes)

    def watched_from(self) -> list[str]:
        """The versions that watches were begun with."""
        queries = [parse_qs(urlsplit(path).query) for _, path in self.api.requests]
        return [query["resourceVersion"][0] for query in queries if query.get("watch") == ["true"]]


def sends(*events: tuple[str, str, str]) -> Callable[[Connection], None]:
    """A watch that sends events of nodes, each with its type, version and name, and ends as it should."""

    def plan(connection: Connection) -> None:
        for kind, version, name in events:
            connection.event(kind, version, metadata={"name": name, "resourceVersion": version})
        connection.end()

    return plan


def refuses(code: int) -> Callable[[Connection], None]:
    """A watch that sends an error and ends."""

    def plan(connection: Connection) -> None:
        connection.event("ERROR", "", code=code, message="too old resource version")
        connection.end()

    return plan


def cut(connection: Connection) -> None:
    """Half an event, and the connection is closed."""
    connection.bytes(b'{"type": "ADDED", "obj')


def test_it_lists_once_and_goes_on_from_the_last_bookmark(tmp_path: Path) -> None:
    with FakeApi(node=None, others=[node("a", 5)], version="10") as api:
        api.watches += [
            sends(("ADDED", "12", "b"), ("BOOKMARK", "40", "")),
            sends(("DELETED", "41", "a")),
            stay,
        ]
        following = Following(api, tmp_path)
        follower = following.until(lambda now: len(now.watched_from()) == 3)
        assert following.nodes == {"b"}
        assert following.watched_from() == ["10", "40", "41"]
        assert api.lists() == 1
        assert following.reasons == ["a list of Nodes", "Node b", "Node a"]
        assert follower.in_touch
        assert not follower.waited_for
        assert "allowWatchBookmarks=true" in api.requests[1][1]


@pytest.mark.parametrize("as_event", [True, False])
def test_a_version_that_is_gone_makes_it_list_anew(tmp_path: Path, as_event: bool) -> None:
    """What was deleted meanwhile goes; what was made is there."""

    def expires(connection: Connection) -> None:
        api.others, api.version = [node("b", 90)], "99"
        if as_event:
            refuses(410)(connection)
        else:
            api.status_codes.append(410)
            sends(("BOOKMARK", "20", ""))(connection)

    with FakeApi(node=None, others=[node("a", 5)], version="10") as api:
        api.watches += [expires, stay]
        following = Following(api, tmp_path)
        following.until(lambda now: len(now.watched_from()) == (2 if as_event else 3))
        assert following.nodes == {"b"}
        assert following.watched_from()[-1] == "99"
        assert api.lists() == 2


def early(connection: Connection) -> None:
    """The stream ends at once, as where an API server ends."""
    connection.event("BOOKMARK", "20")
    connection.end()


def half_open(connection: Connection) -> None:
    """Nothing comes any more, not even a bookmark, and no end of it."""
    stay(connection)


@pytest.mark.parametrize(
    ("fault", "limits"),
    [(cut, SHORT), (early, WatchLimits()), (half_open, WatchLimits(idle_seconds=0.2))],
)
def test_a_watch_that_does_not_last_its_time_is_not_trusted(
    tmp_path: Path, fault: Callable[[Connection], None], limits: WatchLimits
) -> None:
    """It may be that of an API server whose data went back: everything is listed anew, after a pause."""

    def begins(connection: Connection) -> None:
        api.others, api.version = [node("b", 12)], "30"
        fault(connection)

    with FakeApi(node=None, others=[node("a", 5)], version="10") as api:
        api.watches += [begins, stay]
        following = Following(api, tmp_path)
        following.until(lambda now: len(now.watched_from()) == 2, limits)
        assert following.nodes == {"b"}
        assert following.watched_from() == ["10", "30"]


def test_a_watch_lasts_four_to_five_minutes(tmp_path: Path) -> None:
    with FakeApi(node=None) as api:
        api.watches += [early, early, stay]
        following = Following(api, tmp_path)
        following.until(lambda now: len(now.watched_from()) == 3, WatchLimits())
        queries = [parse_qs(urlsplit(path).query) for _, path in api.requests]
        seconds = [int(query["timeoutSeconds"][0]) for query in queries if "watch" in query]
        assert all(240 <= one < 300 for one in seconds)


def test_an_event_that_cannot_be_read_makes_it_list_anew(tmp_path: Path) -> None:
    def garbles(connection: Connection) -> None:
        api.others, api.version = [node("a", 5), node("b", 12)], "12"
        connection.bytes(b'{"type": "ADDED", "object": {"metadata": {}}}\n')
        connection.silence(SECONDS)

    with FakeApi(node=None, others=[node("a", 5)], version="10") as api:
        api.watches += [garbles, stay]
        following = Following(api, tmp_path)
        following.until(lambda now: len(now.watched_from()) == 2)
        assert following.nodes == {"a", "b"}


def test_events_that_are_late_change_nothing(tmp_path: Path) -> None:
    with FakeApi(node=None, others=[node("a", 20, pool="new"), node("b", 21)], version="30") as api:
        api.watches += [
            sends(
                ("MODIFIED", "12", "a"), ("DELETED", "13", "b"), ("ADDED", "20", "a"), ("ADDED", "40", "c")
            ),
            stay,
        ]
        following = Following(api, tmp_path)
        following.until(lambda now: "c" in now.nodes)
        world = following.cache.world()
        assert world.nodes["a"].labels == {"pool": "new"}
        assert set(world.nodes) == {"a", "b", "c"}
        assert following.reasons == ["a list of Nodes", "Node c"], "what decisions see has not changed"


def test_a_server_that_always_refuses_is_asked_seldom_and_is_told_of(tmp_path: Path) -> None:
    with FakeApi(node=None, others=[node("a", 5)], version="10") as api:
        api.watches += [refuses(500) for _ in range(9)]
        following = Following(api, tmp_path)
        follower = following.until(lambda now: len(now.watched_from()) == 3)
        assert not follower.in_touch
        assert following.nodes == {"a"}, "what is known stands"
        assert api.lists() <= 3


def test_pods_are_waited_for_no_longer_than_the_first_refusal(tmp_path: Path) -> None:
    with FakeApi(node=None) as api:
        api.status_codes += [403, 403]
        following = Following(api, tmp_path, PODS_THAT_ASK[0])
        follower = following.until(lambda now: len(now.api.requests) == 2)
        assert not follower.waited_for
        assert follower.in_touch, "nothing else waits for them"
        assert parse_qs(urlsplit(api.requests[0][1]).query)["labelSelector"] == ["powercap.dev/floor"]


def test_a_pod_that_loses_one_label_is_followed_by_the_other() -> None:
    cache = WorldCache()

    def pod(version: int, **labels: str) -> dict[str, Any]:
        metadata = {"namespace": "n", "name": "p", "resourceVersion": str(version)}
        named = {f"powercap.dev/{name}": value for name, value in labels.items()}
        return {
            "metadata": {**metadata, "labels": named},
            "spec": {"nodeName": "a"},
            "status": {"phase": "Running"},
        }

    for kind in (FLOOR_POD, EXEMPT_POD):
        assert cache.put(kind, pod(5, floor="50", exempt="true"))
    assert cache.world().pods["n/p"].exempt
    assert cache.take(EXEMPT_POD, {"type": "DELETED", "object": pod(6, floor="50")})
    assert cache.take(FLOOR_POD, {"type": "MODIFIED", "object": pod(6, floor="50")})
    view = cache.world().pods["n/p"]
    assert (view.exempt, view.floor_uw) == (False, 50_000_000)
    assert cache.take(FLOOR_POD, {"type": "DELETED", "object": pod(9, floor="50")})
    assert cache.world().pods == {}
