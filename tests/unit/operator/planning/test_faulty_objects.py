"""Objects that cannot be read, or that a version before or after this one wrote: each of them is alone in its fault."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from powercap_api.names import EXEMPT_LABEL, MARKET_DAY, NODE, POWER_BUDGET, POWER_OVERRIDE, POWER_POLICY
from powercap_operator.kube.cache import WorldCache
from powercap_operator.planning.decision import Decision, decide
from powercap_operator.world.snapshot import World
from tests.support.objects import make_day, make_node, make_policy, moment

HISTORY = timedelta(days=14)
TODAY = date(2025, 10, 9)
NOW = moment("2025-10-09T07:07Z")


def versioned(body: dict[str, Any], version: int) -> dict[str, Any]:
    return {**body, "metadata": {**body["metadata"], "resourceVersion": str(version)}}


class Api:
    """What an API server would tell a cache, and take from a decision."""

    def __init__(self) -> None:
        self.cache = WorldCache()
        self.version = 0
        self.bodies: dict[tuple[str, str], dict[str, Any]] = {}
        self.nodes = {"a": make_node("a"), "b": make_node("b")}

    def put(self, kind: str, body: Mapping[str, Any]) -> None:
        self.version += 1
        found = versioned(dict(body), self.version)
        self.bodies[kind, found["metadata"]["name"]] = found
        self.cache.put(kind, found)

    def restart(self) -> None:
        """A new operator, that knows what is there."""
        self.cache = WorldCache()
        for (kind, _), body in self.bodies.items():
            self.cache.put(kind, body)

    def world(self) -> World:
        return replace(self.cache.world(), nodes=self.nodes)

    def decide(self) -> Decision:
        return decide(self.world(), NOW, HISTORY)

    def carry_out(self, decision: Decision) -> None:
        for write in decision.write_budgets:
            owner = [{"kind": "Node", "uid": write.node.uid}]
            metadata = {"name": write.node.name, **write.metadata, "ownerReferences": owner}
            self.put(POWER_BUDGET, {"metadata": metadata, "spec": self.kept(dict(write.spec))})
            self.cache.learn(write.spec, self.bodies[POWER_BUDGET, write.node.name])
        for name, status in decision.policy_statuses.items():
            self.put(POWER_POLICY, {**self.bodies[POWER_POLICY, name], "status": status})
        for name, status in decision.day_statuses.items():
            self.put(MARKET_DAY, {**self.bodies[MARKET_DAY, name], "status": status})

    def kept(self, spec: dict[str, Any]) -> dict[str, Any]:
        """What the server makes of a budget's spec."""
        return spec


def policy(**spec: Any) -> dict[str, Any]:
    return {**make_policy().to_wire(), "spec": {"maxSource": "40", **spec}}


def day(**spec: Any) -> dict[str, Any]:
    body = make_day(TODAY).to_wire()
    return {**body, "spec": {**body["spec"], **spec}}


@pytest.fixture
def api() -> Api:
    """One policy with two nodes and today's results, and budgets written."""
    found = Api()
    found.put(POWER_POLICY, policy())
    found.put(MARKET_DAY, day())
    found.carry_out(found.decide())
    return found


def condition(status: Mapping[str, Any], of_type: str) -> dict[str, Any]:
    return next(one for one in status["conditions"] if one["type"] == of_type)


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"strategy": {"type": "Tides"}}, "spec.strategy.type"),
        ({"market": {"providers": ["Newspaper"]}}, "spec.market.providers.0"),
        ({"maxSource": "forty"}, "spec.maxSource"),
    ],
)
def test_the_budgets_of_a_policy_that_cannot_be_read_stay(
    api: Api, restart: bool, change: dict[str, Any], where: str
) -> None:
    api.put(POWER_POLICY, policy(**change))
    if restart:
        api.restart()
    decision = api.decide()
    assert (decision.write_budgets, decision.delete_budgets) == ((), ())
    said = condition(decision.policy_statuses["default"], "Ready")
    assert (said["status"], said["reason"]) == ("False", "Unreadable")
    assert where in said["message"]
    api.carry_out(decision)
    assert not api.decide(), "said once"


def test_another_policy_does_not_take_its_nodes(api: Api) -> None:
    api.put(POWER_POLICY, policy(strategy={"type": "Tides"}))
    api.put(POWER_POLICY, make_policy("low", priority=-5, maxSource="20").to_wire())
    decision = api.decide()
    assert (decision.write_budgets, decision.delete_budgets) == ((), ())
    assert condition(decision.policy_statuses["low"], "Ready")["reason"] == "NoNodes"


def test_a_person_can_still_stop_it(api: Api) -> None:
    api.put(POWER_POLICY, policy(strategy={"type": "Tides"}, suspend=True))
    decision = api.decide()
    assert [(write.node.name, write.spec["suspend"]) for write in decision.write_budgets] == [
        ("a", True),
        ("b", True),
    ]
    api.carry_out(decision)
    assert not api.decide().write_budgets
    api.nodes["b"] = make_node("b", **{EXEMPT_LABEL: "true"})
    assert api.decide().delete_budgets == ("b",)
    del api.nodes["b"]
    assert api.decide().delete_budgets == ("b",)


def test_overrides_hold_for_its_nodes_too(api: Api) -> None:
    api.put(POWER_POLICY, policy(strategy={"type": "Tides"}))
    spec = {"nodes": ["a"], "limit": "20", "duration": "1h", "reason": "a test"}
    metadata = {"name": "less", "creationTimestamp": "2025-10-09T07:00:00Z"}
    api.put(POWER_OVERRIDE, {"kind": POWER_OVERRIDE, "metadata": metadata, "spec": spec})
    decision = api.decide()
    (write,) = decision.write_budgets
    assert (write.node.name, len(write.spec["overrides"])) == ("a", 1)
    api.carry_out(decision)
    assert not api.decide().write_budgets


def test_what_can_be_read_again_is_followed_again(api: Api) -> None:
    api.put(POWER_POLICY, policy(strategy={"type": "Tides"}))
    api.carry_out(api.decide())
    api.put(POWER_POLICY, {**policy(maxSource="80"), "status": api.bodies[POWER_POLICY, "default"]["status"]})
    assert {write.spec["maxSourceMicrowatts"] for write in api.decide().write_budgets} == {80_000_000}


def test_a_policy_with_a_status_that_nobody_can_read_is_followed(api: Api) -> None:
    status = {"current": {"cap": 7}, "fallbacks": {"days": 3}, "observedGeneration": 1}
    api.put(POWER_POLICY, {**policy(), "status": status})
    assert not api.decide().write_budgets
    assert api.decide().policy_statuses["default"]["fallbacks"] == {"days": 3}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"deliveryDate": "2025-02-31"}, "day value is outside expected range"),
        ({"deliveryDate": "0001-01-01"}, "0001-01-01 is not between 2000 and 2099"),
        ({"deliveryDate": "9999-12-31"}, "9999-12-31 is not between 2000 and 2099"),
        ({"provider": "Newspaper"}, "spec.provider"),
        ({"area": "XX"}, "spec.area"),
    ],
)
def test_an_impossible_day_is_told_so_and_stops_nothing(api: Api, spec: dict[str, Any], words: str) -> None:
    body = day(**spec)
    del body["status"]
    api.put(MARKET_DAY, {**body, "metadata": {"name": "odd", "uid": "u", "generation": 1}})
    api.put(POWER_POLICY, policy(maxSource="80"))
    decision = api.decide()
    assert {write.spec["maxSourceMicrowatts"] for write in decision.write_budgets} == {80_000_000}
    for kind in ("Complete", "Ready"):
        said = condition(decision.day_statuses["odd"], kind)
        assert (said["status"], said["reason"]) == ("False", "Unreadable")
        assert words in said["message"]
    api.carry_out(decision)
    assert "odd" not in api.decide().day_statuses


def test_a_day_under_the_operators_name_that_cannot_be_read_is_not_made_again(api: Api) -> None:
    api.put(MARKET_DAY, day(provider="Newspaper"))
    assert not api.decide().create_days


def test_results_that_are_no_numbers_are_fetched_anew(api: Api) -> None:
    body = day()
    body["status"]["periods"][3]["volume"] = "many"
    body["status"]["fetch"] = {"requests": 2}
    api.put(MARKET_DAY, body)
    (found,) = api.world().days.values()
    assert (found.status.periods, found.status.conditions) == ([], [])
    assert found.status.fetch is not None
    assert found.status.fetch.requests == 2
    assert not api.decide().write_budgets, "today's may still come"


def test_a_budget_of_a_newer_version_is_written_anew_and_stops_nothing(api: Api) -> None:
    for name in ("a", "b"):
        body = api.bodies[POWER_BUDGET, name]
        spec = {**body["spec"], "onExpiry": "Explode", "overrides": [{"start": 7}]}
        api.put(POWER_BUDGET, {**body, "spec": spec})
    api.restart()
    decision = api.decide()
    assert [write.spec["onExpiry"] for write in decision.write_budgets] == ["MinPower"] * 2


def test_a_fault_in_one_policys_plan_leaves_the_others_alone(api: Api) -> None:
    """Values that reading let through and planning cannot work with."""
    api.put(POWER_POLICY, policy(maxSource="80"))
    sun = make_policy("sun", priority=5, strategy={"type": "Solar"})
    sun = sun.model_copy(update={"spec": sun.spec.model_copy(update={"max_source": "forty"})})
    world = api.world()
    decision = decide(replace(world, policies={**world.policies, "sun": sun}), NOW, HISTORY)
    assert {write.spec["maxSourceMicrowatts"] for write in decision.write_budgets} == {80_000_000}
    assert "'forty' is no power" in condition(decision.policy_statuses["sun"], "Ready")["message"]


class OtherSchema(Api):
    """An API server whose PowerBudget has a field more, and one less, than this operator knows."""

    def kept(self, spec: dict[str, Any]) -> dict[str, Any]:
        spec = {**spec, "mode": "Auto", "pressure": {**spec["pressure"], "tasks": 7}}
        del spec["rampMicrowattsPerSecond"]
        return spec


def test_another_schema_does_not_make_every_pass_write_every_budget() -> None:
    api = OtherSchema()
    api.put(POWER_POLICY, policy())
    api.put(MARKET_DAY, day())
    decision = api.decide()
    assert len(decision.write_budgets) == 2
    api.carry_out(decision)
    assert not api.decide().write_budgets
    api.put(POWER_POLICY, policy(maxSource="80"))
    decision = api.decide()
    assert len(decision.write_budgets) == 2, "what changes is written"
    api.carry_out(decision)
    assert not api.decide().write_budgets


def test_a_field_more_is_no_difference_after_a_restart_either(api: Api) -> None:
    for name in ("a", "b"):
        body = api.bodies[POWER_BUDGET, name]
        api.put(POWER_BUDGET, {**body, "spec": {**body["spec"], "mode": "Auto"}})
    api.restart()
    assert not api.decide().write_budgets


def test_a_field_that_is_no_longer_wanted_is_taken_away(api: Api) -> None:
    body = api.bodies[POWER_BUDGET, "a"]
    api.put(POWER_BUDGET, {**body, "spec": {**body["spec"], "liftUntil": "2025-10-09T09:00:00Z"}})
    (write,) = api.decide().write_budgets
    assert (write.node.name, "liftUntil" in write.spec) == ("a", False)


EXTREME = (
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "1970-01-01T00:00:00Z",
    "2200-01-01T00:00:01Z",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-12:00",
)


@pytest.mark.parametrize("moment_text", EXTREME)
@pytest.mark.parametrize("field", ["start", "end"])
@pytest.mark.parametrize("length", [{"end": "2025-10-09T19:00:00Z"}, {"duration": "744h"}])
def test_an_override_at_the_edge_of_time_is_told_so_and_stops_nothing(
    api: Api, field: str, moment_text: str, length: dict[str, str]
) -> None:
    if field == "end":
        length = {}
    spec = {"nodeSelector": {}, "limit": "20", "reason": "a test", **length, field: moment_text}
    metadata = {"name": "edge", "uid": "u", "generation": 1, "creationTimestamp": "2025-10-09T07:00:00Z"}
    api.put(POWER_OVERRIDE, {"kind": POWER_OVERRIDE, "metadata": metadata, "spec": spec})
    api.put(POWER_POLICY, policy(maxSource="80"))
    decision = api.decide()
    assert {write.spec["maxSourceMicrowatts"] for write in decision.write_budgets} == {80_000_000}
    assert not any("overrides" in write.spec for write in decision.write_budgets)
    said = condition(decision.override_statuses["edge"], "Active")
    assert (said["status"], said["reason"]) == ("False", "Unreadable")
    assert "from 2000 to 2200" in said["message"]
    assert decision.next_look is None


def test_an_override_that_would_end_after_all_time_is_told_so(api: Api) -> None:
    spec = {"nodeSelector": {}, "limit": "20", "reason": "a test"}
    spec |= {"start": "2199-12-31T00:00:00Z", "duration": "744h"}
    api.put(POWER_OVERRIDE, {"kind": POWER_OVERRIDE, "metadata": {"name": "edge"}, "spec": spec})
    said = condition(api.decide().override_statuses["edge"], "Active")
    assert "it would end after 2200" in said["message"]


@pytest.mark.parametrize("moment_text", [*EXTREME, "2025-10-09T07:00:00", "soon", "", 7, None, {}])
def test_a_node_that_is_not_ready_since_no_sensible_time_stops_nothing(api: Api, moment_text: Any) -> None:
    ready = {"type": "Ready", "status": "False", "lastTransitionTime": moment_text}
    api.put(NODE, {"metadata": {"name": "a", "uid": "uid-a"}, "status": {"conditions": [ready]}})
    api.nodes["a"] = api.cache.world().nodes["a"]
    api.put(POWER_POLICY, policy(maxSource="80"))
    assert [write.node.name for write in api.decide().write_budgets] == ["a", "b"]
