"""Every field of every kind with values that nobody should write: each hurts its own object and no other.

As they come from an API server whose schemas refuse none of them, such as that of another version.
"""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from dev.lab.hostile_values import NUMBERS, OTHER, PARTS, TEXTS, TIMES, every, spoiled
from dev.lab.waiting_jobs import wait_policy, waiting_job
from powercap_api.names import (
    API_VERSION,
    MARKET_DAY,
    NODE,
    PLURALS,
    POWER_BUDGET,
    POWER_OVERRIDE,
    POWER_POLICY,
    POWER_REPORT,
    WAIT_POLICY,
)
from powercap_operator.kube.cache import FLOOR_POD, JOB, WorldCache
from powercap_operator.loops.pauses import LoopPauses
from powercap_operator.metrics.collector import exposition
from powercap_operator.metrics.families import Counts
from powercap_operator.page.nodes import Choice
from powercap_operator.page.overview import Seen, overview
from powercap_operator.page.server import render
from powercap_operator.planning.decision import decide
from powercap_operator.planning.due_days import next_groups
from powercap_operator.planning.jobs.plan import JobPlanner
from powercap_operator.planning.jobs.release import decide_jobs
from powercap_operator.planning.jobs.status import release_sentence, wait_policy_status, wait_sentence
from powercap_operator.planning.node_label.power_label import label_changes
from powercap_operator.planning.reading import followed, read_wait_policies
from powercap_operator.planning.wanted_days import needs_of_markets
from powercap_operator.world.containment import Containment
from powercap_operator.world.snapshot import World
from powercap_operator.worth.reported_day import ReportedDays
from tests.support.objects import make_day, make_override, make_policy, moment
from tests.unit.operator.metrics.test_exposition import MACHINE

pytestmark = pytest.mark.long
NOW = moment("2025-10-09T12:03Z")
COUNTS = Counts(1, 0, 0, LoopPauses(), True, {}, 0)


def wire(found: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(json.dumps(found.to_wire()))
    body["metadata"].setdefault("creationTimestamp", "2025-10-09T11:00:00Z")
    return body


GOOD: dict[str, Any] = {
    "observedGeneration": 1,
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Overridden",
            "message": "",
            "lastTransitionTime": "2025-10-09T12:00:00Z",
        }
    ],
    "current": {
        "start": "2025-10-09T12:00:00Z",
        "end": "2025-10-09T12:15:00Z",
        "capMicrowatts": 40_000_000,
        "appliedMicrowatts": 40_000_000,
    },
    "draw": {
        "seconds": 900,
        "averageMicrowatts": 30_000_000,
        "peakMicrowatts": 40_000_000,
        "packages": {"averageMicrowatts": 30_000_000, "capMicrowatts": 40_000_000, "binds": True},
    },
    "energy": {
        "since": "2025-10-09T00:00:00Z",
        "until": "2025-10-09T12:00:00Z",
        "packages": {"joules": 100, "seconds": 100},
        "history": [
            {
                "policy": "default",
                "start": "2025-10-09T09:00:00Z",
                "packages": {
                    "joules": "9 9",
                    "seconds": "900 900",
                    "boundSeconds": "9 9",
                    "boundJoules": "9 9",
                },
            }
        ],
    },
    "reapplied": 0,
}


def node(name: str, pool: str) -> dict[str, Any]:
    ready = {"type": "Ready", "status": "False", "lastTransitionTime": "2025-10-09T11:00:00Z"}
    taints = [{"key": "a", "value": "b", "effect": "NoSchedule"}]
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", "labels": {"pool": pool}, "annotations": {}},
        "spec": {"taints": taints, "unschedulable": False},
        "status": {"conditions": [ready]},
    }


POD: dict[str, Any] = {
    "metadata": {
        "namespace": "batch",
        "name": "pod",
        "labels": {"powercap.dev/floor": "60", "powercap.dev/exempt": "true"},
    },
    "spec": {"nodeName": "other"},
    "status": {"phase": "Running"},
}
AN_HOUR_AGO = "2025-10-09T11:03:00Z"
OF_JOB: dict[str, Any] = waiting_job("job", wait="2h", finish_by="18:00", duration="1h")
OF_JOB["metadata"].update(
    namespace="batch", creationTimestamp=AN_HOUR_AGO, ownerReferences=[{"kind": "CronJob", "name": "nightly"}]
)
OF_JOB["status"] = {
    "startTime": AN_HOUR_AGO,
    "completionTime": AN_HOUR_AGO,
    "active": 0,
    "conditions": [{"type": "Complete", "status": "False"}],
}
OF_WAITING = wait_policy("bad")
OF_WAITING["metadata"].update(creationTimestamp=AN_HOUR_AGO, generation=1)
OF_POLICY = wire(make_policy("default", maxSource="140", minPower="40"))
OF_DAY = wire(make_day(date(2025, 10, 9)))


class Api:
    """Objects in, as the API server sends them."""

    def __init__(self, nodes: int) -> None:
        self.cache = WorldCache(follows_jobs=True)
        self.version = 0
        floors = {"floors": {"namespaces": ["batch"], "most": "80", "exempt": True}}
        self.put(POWER_POLICY, spoiled(OF_POLICY, ("spec", "workloads"), floors))
        for day in (8, 9, 10):
            self.put(MARKET_DAY, wire(make_day(date(2025, 10, day))))
        self.put(NODE, node("other", "other"))
        for number in range(nodes):
            self.put(NODE, node(f"victim-{number}", "victim"))
        self.budgets = {}
        for write in decide(self.cache.world(), NOW, timedelta(days=14)).write_budgets:
            body = json.loads(json.dumps({"metadata": write.metadata, "spec": write.spec, "status": GOOD}))
            body["metadata"].update(name=write.node.name, generation=1)
            self.budgets[write.node.name] = body
            self.put(POWER_BUDGET, body)
        self.put(WAIT_POLICY, OF_WAITING, "good")
        self.put(JOB, OF_JOB, "good")

    def put(self, kind: str, body: dict[str, Any], name: str | None = None) -> None:
        self.version += 1
        metadata = {**body["metadata"], "name": name or body["metadata"]["name"]}
        metadata["uid"] = f"uid-{metadata['name']}"
        self.cache.put(kind, {**body, "metadata": {**metadata, "resourceVersion": str(self.version)}})


def works(world: World) -> None:
    """What the operator makes of the cluster, everywhere."""
    decision = decide(world, NOW, timedelta(days=14), NOW - timedelta(hours=5))
    statuses = (decision.policy_statuses, decision.day_statuses, decision.override_statuses)
    json.dumps([{name: dict(one) for name, one in found.items()} for found in statuses]).encode()
    reported = ReportedDays(MACHINE).at(world.reports, NOW)
    exposition(world, COUNTS, "0", NOW, reported)
    render(overview(Seen(world, True, True, [], "0", "operator"), Choice(), NOW, reported))
    label_changes(world, NOW)
    next_groups(world.days.values(), NOW, lambda _: True, needs_of_markets(followed(world)))
    jobs = decide_jobs(world, (planner := JobPlanner()).plan(world, NOW, {}), NOW)
    assert [one.fault for one in (*jobs.waiting, *jobs.release) if one.job.name == "good"] == [""]
    told: list[Any] = [*map(wait_sentence, jobs.waiting), *map(release_sentence, jobs.release)]
    for name, rule in read_wait_policies(world)[0].items():
        policy, until = world.wait_policies[name], planner.known_until(name)
        told.append(wait_policy_status(policy, rule, jobs.waiting, jobs.release, until, NOW))
    json.dumps(told).encode()


def report() -> dict[str, Any]:
    (write,) = decide(Api(1).cache.world(), NOW, timedelta(days=14)).write_reports
    body: dict[str, Any] = json.loads(json.dumps({"metadata": write.metadata, "spec": write.spec}))
    body["metadata"]["name"] = write.name
    return {"apiVersion": API_VERSION, "kind": POWER_REPORT, **body}


def spoils(kind: str, part: str, *, of_other_types: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    victims: dict[str, Any] = {"nodeSelector": {"pool": "victim"}}
    usual: dict[str, Any] = {"start": "2025-10-09T11:00:00Z", **victims}
    body = {
        POWER_POLICY: wire(make_policy("bad", maxSource="140", minPower="40", **victims)),
        POWER_OVERRIDE: wire(make_override("bad", **usual)),
        MARKET_DAY: OF_DAY,
        POWER_BUDGET: Api(1).budgets["victim-0"],
        POWER_REPORT: report(),
        WAIT_POLICY: OF_WAITING,
    }[kind]
    return every(PLURALS[kind], part, body, of_other_types=of_other_types)


@pytest.mark.parametrize("of_other_types", [False, True], ids=["extreme", "of another type"])
@pytest.mark.parametrize(("kind", "part"), PARTS)
def test_no_value_of_a_field_makes_work_fail(kind: str, part: str, of_other_types: bool) -> None:
    spoiled_ones = list(spoils(kind, part, of_other_types=of_other_types))
    api = Api(len(spoiled_ones) if kind == POWER_BUDGET else 1)
    named = {
        f"victim-{number}" if kind == POWER_BUDGET else f"bad-{number}": found
        for number, found in enumerate(spoiled_ones)
    }
    for name, (_, body) in named.items():
        api.put(kind, body, name)
    assert left_out(api, {name: where for name, (where, _) in named.items()}) == {}


def left_out(api: Api, what: dict[str, str]) -> dict[str, str]:
    """What work fails with, and why."""
    containment = Containment("what is tried")
    containment.run(api.cache.world(), works)
    return {what.get(name, name): one.why for (_, name), one in containment.left_out.items()}


READ = {
    NODE: (
        *(("metadata", "labels", label) for label in ("pool", "powercap.dev/exempt", "powercap.dev/power")),
        *(("spec", "taints", 0, field) for field in ("key", "value", "effect")),
        *(("status", "conditions", 0, field) for field in ("type", "status", "lastTransitionTime")),
        *(
            (part, field)
            for part, field in (("spec", "taints"), ("status", "conditions"), ("metadata", "labels"))
        ),
        ("spec",),
        ("status",),
    ),
    FLOOR_POD: (
        *(("metadata", "labels", f"powercap.dev/{label}") for label in ("floor", "exempt")),
        ("metadata", "labels"),
        ("spec", "nodeName"),
        ("status", "phase"),
        ("status",),
    ),
    JOB: (
        *(
            ("metadata", "annotations", f"powercap.dev/{one}")
            for one in ("wait", "finish-by", "duration", "released-at")
        ),
        *(("metadata", one) for one in ("labels", "annotations", "ownerReferences", "creationTimestamp")),
        *(("metadata", "ownerReferences", 0, one) for one in ("kind", "name")),
        *(("spec", one) for one in ("suspend", "managedBy")),
        *(("status", one) for one in ("startTime", "completionTime", "active", "conditions")),
        *(("status", "conditions", 0, one) for one in ("type", "status")),
        ("status",),
    ),
}
"""Of objects whose schemas are Kubernetes' own."""


@pytest.mark.parametrize("kind", READ)
def test_no_value_that_is_read_of_kubernetes_own_kinds_makes_work_fail(kind: str) -> None:
    found = [(place, value) for place in READ[kind] for value in (*TEXTS, *TIMES, *NUMBERS, *OTHER)]
    api, what = Api(len(found)), {}
    for number, (place, value) in enumerate(found):
        name = f"victim-{number}"
        body = {
            NODE: node(name, "victim"),
            FLOOR_POD: spoiled(POD, ("spec", "nodeName"), name),
            JOB: OF_JOB,
        }[kind]
        api.put(kind, spoiled(body, place, value), name)
        what[name] = f"{place}={value!r:.30}"
    assert left_out(api, what) == {}
