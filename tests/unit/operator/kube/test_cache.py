"""The cache takes the newest of what events, lists and answers to writes say, in whatever order they come."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powercap_api.names import API_VERSION, NODE, POWER_BUDGET, POWER_POLICY
from powercap_operator.kube.cache import WorldCache


def node(name: str, version: int, **labels: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": str(version), "labels": labels}
    }


def budget(
    name: str, version: int, ready: str = "True", cap: int = 1_000_000, says: str = "m"
) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "uid": "uid",
            "resourceVersion": str(version),
            "ownerReferences": [{"kind": "Node", "uid": "uid-node"}],
        },
        "spec": {"policy": "default", "maxSourceMicrowatts": cap},
        "status": {"conditions": [{"type": "Ready", "status": ready, "reason": "Applied", "message": says}]},
    }


def policy(version: int, **spec: Any) -> dict[str, Any]:
    metadata = {"name": "default", "resourceVersion": str(version)}
    return {"apiVersion": API_VERSION, "kind": "PowerPolicy", "metadata": metadata, "spec": spec}


def test_an_older_state_never_replaces_a_newer_one() -> None:
    cache = WorldCache()
    assert cache.put(NODE, node("a", 7, pool="new"))
    assert not cache.put(NODE, node("a", 5, pool="old"))
    assert cache.world().nodes["a"].labels == {"pool": "new"}


@given(
    order=st.permutations(range(6)),
    twice=st.lists(st.integers(0, 5), max_size=6),
    ends_with=st.integers(1, 6),
)
def test_in_whatever_order_events_come_the_newest_state_stands(
    order: list[int], twice: list[int], ends_with: int
) -> None:
    """A node is made, labelled, deleted, made anew, labelled, deleted; any of it may be told again."""
    story = [("ADDED", 3), ("MODIFIED", 5), ("DELETED", 7), ("ADDED", 9), ("MODIFIED", 10), ("DELETED", 15)]
    told, cache = story[:ends_with], WorldCache()
    for index in [*order, *twice]:
        if index < ends_with:
            what, version = told[index]
            cache.take(NODE, {"type": what, "object": node("a", version, at=str(version))})
    last, newest = told[-1]
    nodes = cache.world().nodes
    assert [view.labels for view in nodes.values()] == ([] if last == "DELETED" else [{"at": str(newest)}])
    assert cache.version(NODE, "a") == (None if last == "DELETED" else newest)


def test_a_list_is_right_where_the_data_went_back() -> None:
    """etcd was restored, and its count has caught up with what had been seen."""
    cache = WorldCache()
    cache.put(NODE, node("a", 50, pool="new"))
    cache.put(NODE, node("b", 60))
    cache.drop(NODE, "b", "61")
    assert not cache.put(NODE, node("a", 8, pool="old"), "49"), "seen after the list was taken"
    assert cache.put(NODE, node("a", 8, pool="old"), "99")
    assert cache.put(NODE, node("b", 9), "99"), "its deletion was undone, too"
    assert cache.world().nodes["a"].labels == {"pool": "old"}
    assert cache.version(NODE, "a") == 8


def test_what_is_known_already_is_not_read_again() -> None:
    """The echo of an own write, and what a list names again."""
    cache = WorldCache()
    cache.put(NODE, node("a", 4, pool="x"))
    unreadable = {"metadata": {"name": "a", "resourceVersion": "4", "labels": 7}}
    assert not cache.put(NODE, unreadable)
    assert not cache.world().unreadable


def test_what_decisions_do_not_see_is_no_change() -> None:
    cache = WorldCache()
    cache.put(NODE, node("a", 1))
    assert not cache.put(NODE, node("a", 2)), "a node's heartbeat"
    cache.put(POWER_BUDGET, budget("a", 3, says="The cap of 90 W is in force."))
    later = budget("a", 4, says="The cap of 117.7 W is in force.")
    assert not cache.put(POWER_BUDGET, later), "a cap's watts, in each market period"
    assert cache.world().budgets["a"].message == "The cap of 117.7 W is in force."
    assert cache.put(POWER_BUDGET, budget("a", 5, ready="False"))


def test_what_is_applied_under_an_override_is_a_change() -> None:
    cache = WorldCache()
    first, second = budget("a", 1), budget("a", 2)
    for body, applied_uw in ((first, 30_000_000), (second, 20_000_000)):
        body["status"]["conditions"][0]["reason"] = "Overridden"
        body["status"]["current"] = {"appliedMicrowatts": applied_uw}
    cache.put(POWER_BUDGET, first)
    assert cache.put(POWER_BUDGET, second), "whether the override is achieved is told at once"


def test_a_list_tells_what_was_deleted_unseen() -> None:
    cache = WorldCache()
    for name, version in (("kept", 1), ("gone", 2), ("newer", 9)):
        cache.put(NODE, node(name, version))
    cache.put(NODE, node("kept", 1))
    cache.drop_unlisted(NODE, {"kept"}, "5")
    assert set(cache.world().nodes) == {"kept", "newer"}, "newer was made after the list was taken"


def test_a_world_does_not_change_under_the_one_who_decides() -> None:
    cache = WorldCache()
    cache.put(NODE, node("a", 1))
    world = cache.world()
    cache.drop(NODE, "a")
    assert set(world.nodes) == {"a"}
    assert not cache.world().nodes


def test_equal_specs_are_one_object() -> None:
    cache = WorldCache()
    for index in range(50):
        cache.put(POWER_BUDGET, budget(f"node-{index}", index))
    assert len({id(view.spec) for view in cache.world().budgets.values()}) == 1


def test_specs_that_nobody_has_any_more_are_forgotten() -> None:
    cache = WorldCache()
    cache.put(POWER_BUDGET, budget("a", 1, cap=1))
    cache.put(POWER_BUDGET, budget("a", 2, cap=2))
    assert len(cache._specs) == 1


def test_a_spec_with_a_lift_knows_the_same_without_it() -> None:
    cache = WorldCache()
    lifted = budget("a", 1)
    lifted["spec"]["liftUntil"] = "2025-10-09T09:00:00Z"
    cache.put(POWER_BUDGET, lifted)
    cache.put(POWER_BUDGET, budget("b", 1))
    views = cache.world().budgets
    assert views["a"].spec != views["b"].spec
    assert views["a"].spec.without_lift is views["b"].spec


def test_a_budget_is_seen_with_owner_and_readiness() -> None:
    cache = WorldCache()
    cache.put(POWER_BUDGET, budget("a", 1, ready="False"))
    view = cache.world().budgets["a"]
    assert (view.owner_uid, view.ready, view.reason) == ("uid-node", False, "Applied")


def test_an_unreadable_policy_is_known_as_such_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    cache = WorldCache()
    cache.put(POWER_POLICY, policy(1, maxSource="40"))
    assert cache.put(POWER_POLICY, policy(2, maxSource="forty"))
    assert not cache.put(POWER_POLICY, policy(3, maxSource="forty"))
    world = cache.world()
    assert not world.policies
    assert "maxSource" in world.unreadable[POWER_POLICY, "default"].why
    assert caplog.text.count("maxSource") == 1
    assert cache.version(POWER_POLICY, "default") == 3
    assert cache.put(POWER_POLICY, policy(4, maxSource="80"))
    world = cache.world()
    assert (set(world.policies), world.unreadable) == ({"default"}, {})
    cache.put(POWER_POLICY, policy(5, maxSource="forty"))
    assert cache.drop(POWER_POLICY, "default", "6")
    assert not cache.world().unreadable


def test_a_late_event_does_not_bring_a_deleted_object_back() -> None:
    cache = WorldCache()
    cache.put(NODE, node("a", 5))
    assert cache.drop(NODE, "a", "8")
    assert not cache.put(NODE, node("a", 6)), "the answer to a write from before the deletion"
    assert cache.put(NODE, node("a", 9)), "a node made anew"
    assert not cache.drop(NODE, "a", "8"), "the deletion of the one before it"
    assert set(cache.world().nodes) == {"a"}
    cache.drop(NODE, "a", "10")
    cache.drop_unlisted(NODE, set(), "12")
    assert not cache.put(NODE, node("a", 9)), "late, but not later than the list before"
    cache.take(NODE, {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "15"}}})
    assert not cache._kinds[NODE].gone, "nothing is kept of what is gone for long"
