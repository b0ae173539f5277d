"""What an agent's status says that no node can have takes nothing with it but itself."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from powercap_api.names import API_VERSION, MARKET_DAY, NODE, POWER_BUDGET, POWER_OVERRIDE, POWER_POLICY
from powercap_operator.kube.cache import WorldCache
from powercap_operator.loops.pauses import LoopPauses
from powercap_operator.metrics.collector import exposition
from powercap_operator.metrics.families import Counts
from powercap_operator.page.nodes import Choice
from powercap_operator.page.overview import Seen, overview
from powercap_operator.page.server import render
from powercap_operator.planning.decision import decide
from powercap_operator.world.snapshot import World
from tests.support.objects import make_day, make_override, make_policy, moment

NOW = moment("2025-10-09T12:03Z")
HISTORY = timedelta(days=14)
BIG = 2**63 - 1
WATT = 1_000_000
Status = dict[str, Any]


def good() -> Status:
    """What a node says in the middle of a day."""
    return {
        "observedGeneration": 1,
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "Overridden", "message": "fine"}
            | {"lastTransitionTime": "2025-10-09T12:00:00Z"}
        ],
        "current": {"end": "2025-10-09T12:15:00Z"}
        | {"capMicrowatts": 40 * WATT, "appliedMicrowatts": 40 * WATT},
        "draw": {"seconds": 900, "averageMicrowatts": 30 * WATT, "peakMicrowatts": 40 * WATT}
        | {"packages": {"averageMicrowatts": 30 * WATT, "binds": True}},
        "energy": {
            "since": "2025-10-09T00:00:00Z",
            "until": "2025-10-09T12:00:00Z",
            "packages": {"joules": 100},
            "history": [
                {
                    "policy": "default",
                    "start": "2025-10-09T11:00:00Z",
                    "packages": {"joules": "100 100 100 100"},
                }
            ],
        },
        "reapplied": 0,
    }


def history(**told: Any) -> Callable[[Status], None]:
    run = {"policy": "default", "start": "2025-10-09T11:00:00Z", "packages": {"joules": "7 7"}}
    return lambda status: status["energy"].update(history=[run | told])


def ready(**said: Any) -> Callable[[Status], None]:
    return lambda status: status["conditions"][0].update(said)


def current(**said: Any) -> Callable[[Status], None]:
    return lambda status: status["current"].update(said)


HOSTILE: dict[str, Callable[[Status], Any]] = {
    "month 13": history(start="2025-13-99T99:99:00Z"),
    "year 9999": history(start="9999-12-31T23:45:00Z"),
    "year 1": history(start="0001-01-01T00:00:00+14:00"),
    "no offset": history(start="2025-10-09T11:00:00"),
    "no start": history(start=None),
    "energy of a country": history(packages={"joules": f"{10**12 - 1} {10**12 - 1}"}),
    "seconds": history(packages={"joules": "1 1", "seconds": "901 900"}),
    "too few": history(packages={"joules": "1 1", "seconds": "900"}),
    "lifts of others": history(lifts="1 1 1 1 1 1"),
    "lifts": history(lifts=f"{10**12 - 1} 0"),
    "no run": lambda status: status["energy"].update(history=["x", 7, None, []]),
    "no list": lambda status: status["energy"].update(history=7),
    "no energy": lambda status: status.update(energy="much"),
    "joules": lambda status: status["energy"]["packages"].update(joules=9 * 10**18),
    "float joules": lambda status: status["energy"]["packages"].update(joules=1e300),
    "no part": lambda status: status["energy"].update(packages=7),
    "applied": current(appliedMicrowatts=BIG, capMicrowatts=BIG),
    "negative": current(appliedMicrowatts=-BIG, capMicrowatts=-1),
    "float": current(appliedMicrowatts=1e300, capMicrowatts=float("nan")),
    "truth": current(appliedMicrowatts=True, capMicrowatts="40"),
    "end 9999": current(end="9999-12-31T23:59:59-14:00"),
    "end 1": current(end="0001-01-01T00:00:00+14:00"),
    "end 1970": current(end="1970-01-01T00:00:00Z"),
    "no end": current(end="2025-10-09T12:15:00"),
    "no current": lambda status: status.update(current=[1]),
    "draw": lambda status: status["draw"].update(averageMicrowatts=BIG),
    "no draw": lambda status: status.update(draw={"seconds": 1}),
    "odd draw": lambda status: status.update(draw="none", reapplied=1e300),
    "odd part": lambda status: status["draw"].update(packages=["x"], accelerators={"binds": 7}),
    "generation": lambda status: status.update(observedGeneration=1e300),
    "reason": ready(status="False", reason="A" * 1024),
    "odd reason": ready(status="False", reason=["x"]),
    "message": ready(status="False", message="\x1b[2J<script>\u202e" + "x" * 32_000),
    "odd message": ready(message={"x": 1}),
    "conditions": lambda status: status.update(conditions=["Ready", 7, None, {}]),
    "no conditions": lambda status: status.update(conditions="Ready"),
    "no status": lambda status: [status.pop(name) for name in list(status)],
}


def cluster(harm: Callable[[Status], Any]) -> World:
    """Two nodes with their budgets, the first of which says something odd."""
    cache = WorldCache()
    policy = make_policy(maxSource="140", minPower="40")
    override = make_override(start="2025-10-09T11:00:00Z", end="2025-10-09T19:00:00Z")
    days = [make_day(date(2025, 10, day)) for day in (8, 9, 10)]
    kinds = [(POWER_POLICY, policy), (POWER_OVERRIDE, override), *((MARKET_DAY, day) for day in days)]
    for kind, found in kinds:
        body = found.to_wire()
        cache.put(kind, {**body, "metadata": {**body["metadata"], "resourceVersion": "1"}})
    for name in ("odd", "other"):
        cache.put(
            NODE, {"metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": "1", "labels": {}}}
        )
    for write in decide(cache.world(), NOW, HISTORY).write_budgets:
        status = good()
        if write.node.name == "odd":
            harm(status)
        own = {"name": write.node.name, "uid": "b", "resourceVersion": "2", "generation": 1}
        body = {"apiVersion": API_VERSION, "kind": POWER_BUDGET, "metadata": {**own, **write.metadata}}
        cache.put(POWER_BUDGET, {**body, "spec": json.loads(json.dumps(write.spec)), "status": status})
    return cache.world()


@pytest.mark.parametrize("harm", HOSTILE.values(), ids=HOSTILE)
def test_an_agent_hurts_itself_alone(harm: Callable[[Status], Any]) -> None:
    world = cluster(harm)
    assert not world.unreadable
    decision = decide(world, NOW, HISTORY, NOW - timedelta(hours=5))
    assert {write.node.name for write in decision.write_budgets} <= {"odd"}, "and that only if it is silent"
    for report in decision.write_reports:
        assert max(report.spec["quarters"]["joules"]) <= 200
    override = decision.override_statuses["evening"]
    assert 40 * WATT <= override["achievedMicrowatts"] <= 80 * WATT
    counts = Counts(1, 0, 0, LoopPauses(), leading=True)
    told = exposition(world, counts, "0", NOW, []).decode()
    assert 'powercap_node_applied_watts{node="other",policy="default"} 40.0' in told
    assert "A" * 64 not in told
    page = render(overview(Seen(world, True, True, [], "0", "n"), Choice(), NOW, []))
    assert "other" in page
    assert not {"\x1b", "\u202e"} & set(page)
    assert len(page) < 100_000


@pytest.mark.parametrize(
    ("harm", "fields"),
    [
        (lambda _: None, ()),
        (HOSTILE["applied"], ("current.capMicrowatts", "current.appliedMicrowatts")),
        (HOSTILE["end 9999"], ("current.end",)),
        (HOSTILE["draw"], ("draw.averageMicrowatts",)),
        (HOSTILE["joules"], ("energy.packages.joules",)),
        (HOSTILE["energy of a country"], ("energy.history",)),
        (HOSTILE["no run"], ("energy.history",)),
    ],
)
def test_what_is_left_out_is_told(
    harm: Callable[[Status], Any], fields: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    world = cluster(harm)
    assert world.budgets["odd"].left_out == fields
    assert world.budgets["other"].left_out == ()
    assert [record.getMessage() for record in caplog.records] == (
        [f"what node odd reports is impossible, and left out: {', '.join(fields)}"] if fields else []
    )
    told = exposition(world, Counts(1, 0, 0, LoopPauses(), leading=True), "0", NOW, []).decode()
    assert f'powercap_unreadable_objects{{kind="PowerBudget status"}} {float(bool(fields))}' in told


def test_another_reason_is_told_as_such() -> None:
    assert cluster(ready(status="False", reason="Melting")).budgets["odd"].reason == "Other"
    assert cluster(ready(status="False", reason="WriteFailed")).budgets["odd"].reason == "WriteFailed"
