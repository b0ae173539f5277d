"""One cluster as status, metrics, page and command tell it: every count and every watt is the same."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from powercap_api.clock import format_time
from powercap_api.names import SILENT_SINCE, WRITTEN_AT
from powercap_api.powerpolicy import PowerPolicy
from powercap_cli.cluster.node_view import node_view
from powercap_cli.cluster.overview import overview as command_overview
from powercap_operator.loops.pauses import LoopPauses
from powercap_operator.metrics.collector import exposition
from powercap_operator.metrics.families import Counts
from powercap_operator.page.nodes import Choice
from powercap_operator.page.overview import Seen, overview
from powercap_operator.planning.decision import decide
from powercap_operator.world.snapshot import KnownSpecs, World, view_budget
from tests.support.objects import make_node, make_policy, make_world, moment

NOW = moment("2025-11-26T12:00Z")
HISTORY = timedelta(days=30)
LONG_AGO = NOW - timedelta(days=1)
MINUTE = timedelta(minutes=1)
Body = dict[str, Any]

SAID: dict[str, tuple[str, str] | None] = {
    "applied-1": ("True", "Applied"),
    "applied-2": ("True", "Clamped"),
    "failed": ("False", "WriteFailed"),
    "lifted": ("False", "Lifted"),
    "nothing": ("False", "Unsupported"),
    "other": ("False", "Unsupported"),
    "older": ("True", "Applied"),
    "mute": ("True", "Applied"),
    "new": None,
}
"""Status and reason of the condition Ready that each node's agent wrote. All say 28.9 W allowed, 27 W read back and
25 W drawn, also those that have nothing to cap; ``older`` is behind its spec, ``mute`` was found silent."""
STATES = {
    "applied-1": "Applied",
    "applied-2": "Clamped",
    "failed": "WriteFailed",
    "lifted": "Lifted",
    "nothing": "Unsupported",
    "other": "Unsupported",
    "older": "NotTakenUp",
    "mute": "AgentSilent",
    "new": "NoReport",
}
FOLLOWING, UNSUPPORTED, SILENT = 2, 2, 1
CAPPED, DREW = 5, 7
"""Nodes with a cap: all but the silent one, those with nothing to cap, and the one without a report."""


def status_of(name: str, end: str) -> Body:
    said = SAID[name]
    if said is None:
        return {}
    ready = {"type": "Ready", "status": said[0], "reason": said[1], "message": f"of {name}"}
    return {
        "observedGeneration": 1 if name == "older" else 2,
        "conditions": [{**ready, "lastTransitionTime": format_time(NOW)}],
        "current": {"end": end, "capMicrowatts": 28_900_000, "appliedMicrowatts": 27_000_000},
        "draw": {
            "averageMicrowatts": 25_000_000,
            "seconds": 900,
            "packages": {"averageMicrowatts": 25_000_000, "binds": name != "lifted"},
        },
    }


def bodies_of(world: World) -> list[Body]:
    """The budgets that the operator writes, with what agents say of them."""
    found = []
    for write in decide(world, NOW, HISTORY, LONG_AGO).write_budgets:
        name = write.node.name
        annotations = {WRITTEN_AT: format_time(NOW - 5 * MINUTE)}
        if name == "mute":
            annotations[SILENT_SINCE] = format_time(NOW - 20 * MINUTE)
        metadata = {**write.metadata, "name": name, "uid": "u", "generation": 2, "annotations": annotations}
        end = NOW - 20 * MINUTE if name == "mute" else NOW + 10 * MINUTE
        found.append(
            {"metadata": metadata, "spec": dict(write.spec), "status": status_of(name, format_time(end))}
        )
    return found


class Told:
    """What the four say."""

    def __init__(self) -> None:
        policy = make_policy(maxSource="40", strategy={"type": "Fixed", "power": "28.9"})
        empty = make_world([policy], nodes=[make_node(name) for name in SAID])
        bodies, specs = bodies_of(empty), KnownSpecs()
        world = replace(empty, budgets={one["metadata"]["name"]: view_budget(one, specs) for one in bodies})
        self.status = decide(world, NOW, HISTORY, LONG_AGO).policy_statuses["default"]
        body = {**policy.to_wire(), "status": self.status}
        world = replace(world, policies={"default": PowerPolicy.from_wire(body)})
        text = exposition(world, Counts(1, 0, 1, LoopPauses(), leading=True), "0", NOW, []).decode()
        self.metrics = {
            series: float(value)
            for series, _, value in (line.rpartition(" ") for line in text.splitlines() if line[0] != "#")
        }
        seen = Seen(world, listed=True, leading=True, stuck=(), version="0", name="operator")
        self.page = overview(seen, Choice(), NOW, ())
        self.command = command_overview([body], [], bodies, NOW)
        self.nodes = {one["metadata"]["name"]: node_view(one, NOW) for one in bodies}

    def of_policy(self, what: str) -> float:
        """A metric of the policy."""
        return self.metrics[f'powercap_policy_nodes{what}{{policy="default"}}']


@pytest.fixture(scope="module")
def told() -> Told:
    return Told()


def test_every_node_is_in_one_state(told: Told) -> None:
    assert {row.name: row.state for row in told.page.nodes.rows} == STATES
    assert {name: view["reason"] for name, view in told.nodes.items()} == STATES
    prefix = "powercap_node_reason{"
    reasons = [series for series in told.metrics if series.startswith(prefix)]
    assert reasons == [
        f'{prefix}node="{name}",policy="default",reason="{STATES[name]}"}}' for name in sorted(STATES)
    ]
    late = {one["name"]: one["reason"] for one in told.command["nodes"]["notFollowing"]}
    assert late == {name: STATES[name] for name in ("failed", "lifted", "mute", "new", "older")}


def test_every_count_is_the_same(told: Told) -> None:
    (policy,) = told.command["policies"]
    nodes = told.command["nodes"]
    assert told.status["nodes"] == policy["nodes"] == nodes["total"] == told.of_policy("") == len(SAID)
    assert told.status["nodesReady"] == policy["nodesReady"] == nodes["following"] == FOLLOWING
    assert told.of_policy("_ready") == FOLLOWING
    assert told.page.policies[0].followed == f"{FOLLOWING} of {len(SAID)} nodes follow"
    assert (
        sum(value for series, value in told.metrics.items() if "powercap_node_ready{" in series) == FOLLOWING
    )
    assert nodes["unsupported"] == told.of_policy("_unsupported") == UNSUPPORTED
    assert nodes["silent"] == told.of_policy("_silent") == SILENT
    ready = next(one for one in told.status["conditions"] if one["type"] == "Ready")
    assert ready["message"].startswith(
        f"{FOLLOWING} of {len(SAID) - UNSUPPORTED} nodes follow their budget; not: "
    )
    assert ready["message"].endswith(f"{UNSUPPORTED} more have nothing to cap.")
    assert {one.state: one.count for one in told.page.nodes.states} == {
        **dict.fromkeys(STATES.values(), 1),
        "Unsupported": UNSUPPORTED,
    }


def test_every_watt_is_the_same(told: Told) -> None:
    nodes = told.command["nodes"]
    cap_uw, applied_uw, draw_uw = CAPPED * 28_900_000, CAPPED * 27_000_000, DREW * 25_000_000
    assert nodes["capMicrowatts"] == cap_uw
    assert nodes["appliedMicrowatts"] == applied_uw
    assert nodes["drawMicrowatts"] == draw_uw
    assert told.of_policy("_cap_watts") == pytest.approx(cap_uw / 1e6)
    assert told.of_policy("_applied_watts") == pytest.approx(applied_uw / 1e6)
    assert told.of_policy("_draw_watts") == pytest.approx(draw_uw / 1e6)
    assert told.of_policy("_binding") == DREW - 1
    assert [(figure.value, figure.what) for figure in told.page.figures] == [
        ("9", "nodes with a budget"),
        ("144 W", "allowed now"),
        ("175 W", "drawn in the slot before"),
        ("6", "nodes held back by the cap"),
    ]
    for family, share in (("cap", CAPPED), ("applied", CAPPED), ("draw", DREW)):
        series = [one for one in told.metrics if one.startswith(f"powercap_node_{family}_watts{{")]
        assert len(series) == share, family
    shown = {row.name for row in told.page.nodes.rows if row.cap != "–"}
    assert shown == {"applied-1", "applied-2", "failed", "lifted", "older"}
