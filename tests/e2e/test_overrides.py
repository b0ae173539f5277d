"""PowerOverrides on the real kubelet, with the chart's own rights: limits begin and end by the node's clock alone."""

import json
from datetime import timedelta
from typing import Any

from dev.cluster.progress import say
from dev.e2e.node import NAME
from dev.e2e.world import World
from powercap_api.clock import format_time
from powercap_api.conditions import find_condition
from powercap_api.names import API_VERSION

WATT = 1_000_000


def _at_the_operator_s_time(world: World) -> None:
    """Earlier tests have set the agent's clock ahead: for the operator an override begins when it is made."""
    world.advance(-world.clock.offset())
    world.until(world.follows, "the node follows its budget")


def _apply(world: World, name: str, **spec: Any) -> None:
    body = {
        "apiVersion": API_VERSION,
        "kind": "PowerOverride",
        "metadata": {"name": name},
        "spec": {"nodes": [NAME], "reason": "a test", **spec},
    }
    world.plane.kubectl("apply", "-f", "-", input=json.dumps(body))


def _reason(world: World, name: str, type_: str) -> str:
    conditions = world.get("poweroverride", name).get("status", {}).get("conditions", [])
    found = find_condition(conditions, type_)
    return "" if found is None else str(found["reason"])


def _bases(world: World) -> str:
    """What the budget's overrides come from, those that are over too."""
    return "; ".join(one["basis"] for one in world.get("powerbudget", NAME)["spec"].get("overrides", []))


def test_a_limit_from_now_on_is_told_as_achieved_and_ends_with_its_object(world: World) -> None:
    _at_the_operator_s_time(world)
    _apply(world, "now", limit="45", duration="1h")
    seconds = world.until(lambda: 0 <= 45 * WATT - world.cap() <= WATT, "45 W at most", 30)
    say(f"a limit from now on was on the node {seconds * 1000:.0f} ms after kubectl apply")
    world.until(lambda: _reason(world, "now", "Achieved") == "Achieved", "achieved", 90)
    world.plane.kubectl("delete", "poweroverride", "now")
    world.until(world.follows, "the node follows its budget again")


def test_it_begins_and_ends_without_operator_and_api_server(world: World) -> None:
    _at_the_operator_s_time(world)
    start = world.clock.now().replace(microsecond=0) + timedelta(hours=2)
    end = start + timedelta(minutes=4, seconds=30)
    _apply(world, "ahead", limit="41", source="grid", start=format_time(start), end=format_time(end))
    world.until(lambda: "PowerOverride ahead" in _bases(world), "it is in the budget")
    world.plane.stop_api_server()
    try:
        world.advance(start - timedelta(seconds=2) - world.clock.now())
        world.until(lambda: 0 <= 41 * WATT - world.cap() <= WATT, "41 W at most", 20)
        assert world.clock.now() >= start, "not before its begin"
        world.advance(end - timedelta(seconds=2) - world.clock.now())
        world.until(lambda: world.cap() > 42 * WATT or world.clock.now() > end, "its end", 20)
        assert world.clock.now() >= end, "not before its end"
    finally:
        world.plane.start_api_server()
    world.until(world.follows, "the agent reports again")
    world.plane.kubectl("delete", "poweroverride", "ahead")
    # The Service's address takes connections again only when kube-proxy has watched anew, up to 30 s later.
    world.until(
        lambda: "PowerOverride ahead" not in _bases(world), "the operator is back and has taken it out", 90
    )


def test_a_release_gives_the_original_limits(world: World) -> None:
    _at_the_operator_s_time(world)
    _apply(world, "run", release=True, duration="1h")
    world.until(lambda: world.limits() == world.originals, "the original limits", 30)
    _apply(world, "grid", limit="45", source="grid", duration="1h")
    world.until(lambda: 0 <= 45 * WATT - world.cap() <= WATT, "the grid's limit holds", 30)
    world.plane.kubectl("delete", "poweroverride", "run", "grid")
    world.until(world.follows, "the node follows its budget again")
