"""Caps that are lifted where the node is not well, turn by turn in the main loop."""

from collections.abc import Callable

from powercap_agent.mailbox import Event
from tests.support.agent_parts import Machine, Rehearsal
from tests.support.turns import condition, draws, nothing, package_watts, seconds_pass, seen

PRESSURE = {"somePercent": 90, "forSeconds": 60, "liftSeconds": 120}


def test_a_node_found_not_ready_is_lifted_until_then(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    lift = "2025-10-09T12:05:00Z"
    rehearsal.run(
        [seen([40]), seen([40], liftUntil=lift), nothing, seconds_pass(node, 299), seconds_pass(node, 1)]
    )
    assert package_watts(rehearsal) == [65, 40, 65, 65, 40]
    assert [condition(status) for status in rehearsal.sink.statuses][:3] == [
        ("True", "Applied"),
        ("False", "Lifted"),
        ("True", "Applied"),
    ]


def test_a_node_under_pressure_for_long_is_lifted_for_a_while(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    node.pressure = 97.0
    rehearsal.run([seen([40], pressure=PRESSURE), nothing, *[draws(node, 39, 10)] * 20])
    assert package_watts(rehearsal) == [65, *[40] * 8, *[65] * 12, 40]
    assert condition(rehearsal.sink.statuses[1]) == ("False", "Lifted")


def test_a_busy_node_whose_limit_does_not_bind_stays_capped(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    node.pressure = 99.0
    rehearsal.run([seen([40], pressure=PRESSURE), nothing, *[draws(node, 20, 10)] * 30])
    assert package_watts(rehearsal) == [65, *[40] * 31]


def test_pressure_from_before_a_suspend_does_not_count(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    node.pressure = 99.0
    bound = [draws(node, 39, 10)] * 6
    suspended = seen([40], pressure=PRESSURE, suspend=True)
    again: list[Callable[[], None] | Event] = [seen([40], pressure=PRESSURE), nothing, *bound]
    before: list[Callable[[], None] | Event] = [seen([40], pressure=PRESSURE), nothing, *bound, suspended]
    rehearsal.run([*before, draws(node, 39, 10), *again])
    assert package_watts(rehearsal)[-6:] == [40] * 6


def test_a_kernel_without_pressure_information_is_told(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    rehearsal.run([seen([40], pressure=PRESSURE), nothing])
    ready = next(c for c in rehearsal.sink.statuses[0]["conditions"] if c["type"] == "Ready")
    assert "no pressure stall information (PSI)" in ready["message"]


def test_pressure_without_a_rule_lifts_nothing(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    node.pressure = 100.0
    rehearsal.run([seen([40]), nothing, *[seconds_pass(node, 100)] * 8])
    assert package_watts(rehearsal) == [65, *[40] * 9]
