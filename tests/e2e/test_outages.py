"""What goes wrong in a cluster: slots go on, and nothing is lost."""

from datetime import timedelta

import pytest

from dev.cluster.progress import say
from dev.e2e.node import NAME
from dev.e2e.world import NAMESPACE, World
from dev.lab.caps import caps_of


def _to_the_next_other_cap(world: World) -> timedelta:
    """How far ahead the agent's clock must be set for the cap to change, with a second to spare."""
    now, current = world.clock.now(), world.scheduled_uw()
    for cap in caps_of(world.get("powerbudget", NAME)["spec"]):
        # Half a watt: well over what is lost by rounding.
        if cap.start > now and abs(cap.power_uw - current) > 500_000:
            return cap.start - now + timedelta(seconds=1)
    pytest.fail("the budget has no other cap ahead")


def _next_slot_is_applied(world: World, what: str) -> None:
    """Set the clock to the next other cap; the files follow, whoever is away."""
    ahead, before = _to_the_next_other_cap(world), world.cap()
    world.advance(ahead)
    seconds = world.until(lambda: world.cap() != before, f"the next slot is applied {what}", 20)
    say(f"next slot {what}: on the node {seconds * 1000:.0f} ms after the clock was set")


def test_a_leader_that_is_deleted_is_followed_by_another(world: World) -> None:
    leader = world.leader()
    assert leader in {pod["metadata"]["name"] for pod in world.staying("operator")}
    asked = len(world.exchange.requests)
    budget = world.get("powerbudget", NAME)["spec"]
    world.plane.kubectl("delete", "pod", "-n", NAMESPACE, leader, "--wait=false")
    _next_slot_is_applied(world, "while the operator's pod is replaced")
    seconds = world.until(lambda: world.leader() not in {"", leader}, "another operator leads", 20)
    say(f"another operator leads {seconds:.1f} s after that")

    def two_are_ready() -> bool:
        pods = world.staying("operator")
        ready = [all(status["ready"] for status in _containers(pod)) and _containers(pod) for pod in pods]
        return len(pods) == 2 and all(ready) and leader not in {pod["metadata"]["name"] for pod in pods}

    world.until(two_are_ready, "two operators are ready again")
    assert world.get("powerbudget", NAME)["spec"]["schedule"] == budget["schedule"]
    assert len(world.exchange.requests) == asked, "the new leader asked the exchange for a day that is known"


def test_an_agent_that_is_killed_goes_on_by_what_it_knew(world: World) -> None:
    world.until(world.follows, "the node follows its budget")
    capped = world.cap()
    world.node.kill_container("agent")
    world.until(lambda: _restarts(world) > 0, "the kubelet starts the agent again")
    assert world.cap() == capped, "the limits changed while no agent ran"
    world.until(world.follows, "the new agent follows the budget")
    _next_slot_is_applied(world, "by an agent that was killed and started again")
    # What it takes for originals is what was there at first, not what its predecessor had written.
    zones = world.get("powerbudget", NAME)["status"]["zones"]
    originals = {
        f"{zone['zone']}/{limit['constraint']}": limit.get("originalMicrowatts")
        for zone in zones
        for limit in zone["limits"]
    }
    for name, original in originals.items():
        assert original in {None, world.originals[name]}, name


def test_slots_go_on_without_the_api_server(world: World) -> None:
    world.until(world.follows, "the node follows its budget")
    ahead, before = _to_the_next_other_cap(world), world.cap()
    world.plane.stop_api_server()
    try:
        world.advance(ahead)
        world.until(lambda: world.cap() != before, "the next slot is applied without an API server", 20)
    finally:
        world.plane.start_api_server()
    world.until(world.follows, "the agent reports again")
    assert all(
        status["restartCount"] == 0 for pod in world.staying("operator") for status in _containers(pod)
    )


def test_nothing_is_lost_when_etcd_is_restarted(world: World) -> None:
    world.until(world.follows, "the node follows its budget")
    names = {kind: _names(world, kind) for kind in ("powerpolicies", "marketdays", "powerbudgets")}
    world.plane.stop_etcd()
    capped = world.cap()
    world.plane.start_etcd()
    assert {kind: _names(world, kind) for kind in names} == names
    assert world.cap() == capped
    _next_slot_is_applied(world, "after etcd was restarted")
    world.until(world.follows, "the agent reports the new slot")


def test_limits_that_somebody_changes_are_set_again(world: World) -> None:
    world.until(world.follows, "the node follows its budget")
    world.plane.kubectl(
        "patch", "powerpolicy", "default", "--type", "merge", "-p", '{"spec":{"stabilisationSeconds":5}}'
    )
    world.until(
        lambda: world.get("powerbudget", NAME)["spec"].get("stabilisationSeconds") == 5, "the budget says 5 s"
    )
    (file,) = [
        path.with_name(path.name.replace("_name", "_power_limit_uw"))
        for path in (world.tree / "intel-rapl" / "intel-rapl:0").glob("constraint_*_name")
        if path.read_text().strip() == "long_term"
    ]
    wanted = file.read_text()
    file.write_text("77000000\n")
    world.until(lambda: file.read_text() == wanted, "the agent sets the limit again")


def _restarts(world: World) -> int:
    return sum(status["restartCount"] for pod in world.pods("agent") for status in _containers(pod))


def _containers(pod: dict[str, dict[str, list[dict[str, int]]]]) -> list[dict[str, int]]:
    return pod["status"].get("containerStatuses", [])


def _names(world: World, kind: str) -> set[str]:
    return {item["metadata"]["name"] for item in world.get(kind)["items"]}
