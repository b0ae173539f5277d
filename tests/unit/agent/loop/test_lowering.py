"""Ramp and dwell, turn by turn in the main loop."""

from tests.support.agent_parts import BOUNDS, QUARTER, Machine, Rehearsal
from tests.support.turns import WATT, at, condition, nothing, package_watts, seconds_pass, seen


def test_a_ramp_lowers_step_by_step_and_raises_at_once(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    steps = [seconds_pass(node, 1)] * 4
    rehearsal.run([seen([40, 65], rampMicrowattsPerSecond=10 * WATT), nothing, *steps, at(node, QUARTER)])
    assert package_watts(rehearsal) == [65, 55, 45, 40, 40, 40, 65]
    told = [(condition(status)[1], status["current"]["applied"]) for status in rehearsal.sink.statuses]
    assert told == [("Lowering", "55 W"), ("Applied", "40 W"), ("Applied", "65 W"), ("Stopped", None)]


def test_a_dwell_holds_a_lower_cap_back(node: Machine) -> None:
    rehearsal = Rehearsal(node)
    rehearsal.run(
        [
            seen([40, 30, 20], dwellSeconds=1000),
            nothing,
            seconds_pass(node, 900),
            seconds_pass(node, 99),
            seconds_pass(node, 1),
        ]
    )
    assert package_watts(rehearsal) == [65, 40, 40, 40, 30]


def test_waiting_for_a_dwell_is_no_polling(node: Machine) -> None:
    rehearsal = Rehearsal(node, longest_wait=3600.0)
    budget = seen([40, 30, 20], dwellSeconds=1000, stabilisationSeconds=3000)
    rehearsal.run([budget, nothing, seconds_pass(node, 900), nothing, seconds_pass(node, 60)])
    assert package_watts(rehearsal)[-3:] == [40, 40, 40]
    assert rehearsal.waits[-4:-1] == [100.0, 100.0, 40.0]


def test_an_agent_that_is_restarted_lowers_from_where_the_limit_is(node: Machine) -> None:
    node.enforcer().enforce(50 * WATT, BOUNDS)
    rehearsal = Rehearsal(node)
    rehearsal.run([seen([40], rampMicrowattsPerSecond=5 * WATT), nothing, seconds_pass(node, 1)])
    assert package_watts(rehearsal) == [50, 45, 40]
