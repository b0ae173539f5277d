"""What a budget says of its node's hardware."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from powercap_operator.market.known_days import KnownDays
from powercap_operator.planning.budget_spec import budget_spec, plan
from powercap_operator.planning.decision import decide
from powercap_operator.planning.hardware import lift_until
from powercap_operator.planning.resolved_policy import resolve
from powercap_operator.world.snapshot import view_node
from tests.support.objects import make_day, make_node, make_policy, make_world, moment

NOW = moment("2025-10-09T10:07Z")


def spec_of(**hardware: Any) -> dict[str, Any]:
    policy = make_policy(hardware=hardware)
    return budget_spec(resolve(policy), plan(resolve(policy), KnownDays([]), NOW), None, NOW)


def test_defaults_lower_gently_and_watch_over_the_node() -> None:
    spec = spec_of()
    assert spec["rampMicrowattsPerSecond"] == 50_000_000
    assert not {"split", "dwellSeconds", "zones", "devices"} & set(spec), "what is absent costs no bytes"
    assert spec["pressure"] == {"somePercent": 98, "forSeconds": 900, "liftSeconds": 300}
    assert "liftUntil" not in spec


def test_rules_are_turned_into_microwatts() -> None:
    spec = spec_of(
        split="Even",
        rampWattsPerSecond=0,
        zones=[{"zone": "dram", "sharePercent": 15}, {"zone": "psys", "cap": "300"}],
        devices=[{"driver": "nvidia", "cap": "250000000u"}],
        safety={"pressure": {"enabled": False}},
    )
    assert spec["split"] == "Even"
    assert spec["zones"] == [
        {"zone": "dram", "sharePercent": 15},
        {"zone": "psys", "capMicrowatts": 300_000_000},
    ]
    assert spec["devices"] == [{"driver": "nvidia", "capMicrowatts": 250_000_000}]
    assert "rampMicrowattsPerSecond" not in spec
    assert "pressure" not in spec


def node_body(status: str, since: str) -> dict[str, Any]:
    condition = {"type": "Ready", "status": status, "lastTransitionTime": since}
    return {"metadata": {"name": "n", "uid": "u"}, "status": {"conditions": [condition]}}


@pytest.mark.parametrize(
    ("status", "since"),
    [("True", None), ("False", "2025-10-09T10:00:00+00:00"), ("Unknown", "2025-10-09T10:00:00+00:00")],
)
def test_a_node_tells_since_when_it_is_not_ready(status: str, since: str | None) -> None:
    view = view_node(node_body(status, "2025-10-09T10:00:00Z"))
    assert view.not_ready_since == (None if since is None else datetime.fromisoformat(since))
    assert view_node({"metadata": {"name": "n"}}).not_ready_since is None


@pytest.mark.parametrize(
    ("minutes", "lifted"), [(0, False), (4, False), (5, True), (19, True), (20, False), (600, False)]
)
def test_a_node_that_is_not_ready_for_long_is_lifted_once(minutes: int, lifted: bool) -> None:
    node = replace(make_node("n"), not_ready_since=NOW)
    until = lift_until(make_policy(), node, NOW + timedelta(minutes=minutes))
    assert until == (NOW + timedelta(minutes=20) if lifted else None)


def test_the_valve_can_be_closed() -> None:
    policy = make_policy(hardware={"safety": {"notReady": {"enabled": False}}})
    node = replace(make_node("n"), not_ready_since=NOW)
    assert lift_until(policy, node, NOW + timedelta(minutes=6)) is None


def test_only_the_ailing_nodes_budget_is_lifted() -> None:
    ailing = replace(make_node("ailing"), not_ready_since=NOW - timedelta(minutes=6))
    world = make_world([make_policy()], [make_day(NOW.date())], [ailing, make_node("well")])
    writes = {write.node.name: write.spec for write in decide(world, NOW, timedelta(days=14)).write_budgets}
    assert writes["ailing"]["liftUntil"] == "2025-10-09T10:21:00Z"
    assert "liftUntil" not in writes["well"]
