"""What is in force of what the schedule asks for: caps that are kept, lowered step by step, or lifted."""

from datetime import timedelta
from typing import Any

from powercap_agent.schedule.budget import Budget, read_budget
from powercap_agent.schedule.cap_controller import CapController
from powercap_agent.schedule.directive import Action, Directive, Phase
from powercap_agent.schedule.pressure_valve import PressureValve
from tests.support.agent_parts import NOON, budget_body

MINUTE = timedelta(minutes=1)


class Node:
    """A controller, the node's standing limits and its pressure."""

    def __init__(self) -> None:
        self.pressure = 0.0
        self.standing_w = 100
        self.controller = CapController(
            PressureValve(lambda: self.pressure, lambda: True), lambda: self.standing_w * 1_000_000
        )

    def at(self, budget: Budget | None, minutes: float, moment: float) -> Directive:
        """The directive so many minutes after noon."""
        found = self.controller.directive(budget, NOON + minutes * MINUTE, moment)
        assert found is not None
        return found


def budget(*caps_w: float, **spec: Any) -> Budget:
    return read_budget(budget_body(caps_w, **spec))


def test_a_cap_is_in_force_at_once_where_there_is_no_ramp() -> None:
    directive = Node().at(budget(40, 30), 0, 0.0)
    assert (directive.action, directive.cap_uw, directive.now_uw) == (Action.CAP, 40_000_000, 40_000_000)


def test_a_cap_is_lowered_from_the_standing_limits_and_from_the_cap_before() -> None:
    node, ramped = Node(), budget(40, 30, rampMicrowattsPerSecond=10_000_000)
    assert [node.at(ramped, 0, second).now_uw for second in (0, 1, 2, 5, 6)] == [
        90_000_000,
        80_000_000,
        70_000_000,
        40_000_000,
        40_000_000,
    ]
    assert node.controller.next_step_at is None
    assert node.at(ramped, 15, 20.0).now_uw == 30_000_000


def test_the_next_step_of_a_ramp_is_due_a_second_after_the_last() -> None:
    node, ramped = Node(), budget(40, rampMicrowattsPerSecond=10_000_000)
    due = []
    for moment in (10.0, 11.0, 13.5):
        node.at(ramped, 0, moment)
        due.append(node.controller.next_step_at)
    assert due == [11.0, 12.0, 14.0]


def test_after_a_release_a_cap_is_lowered_from_the_standing_limits_again() -> None:
    node, ramped = Node(), budget(40, rampMicrowattsPerSecond=10_000_000)
    node.at(ramped, 0, 0.0)
    assert node.controller.directive(None, NOON, 1.0) is None
    assert node.at(ramped, 0, 60.0).now_uw == 90_000_000
    suspended = budget(40, suspend=True)
    assert node.at(suspended, 0, 61.0).action is Action.RELEASE
    assert node.at(ramped, 0, 120.0).now_uw == 90_000_000


def test_a_dry_run_says_the_cap_without_a_ramp_and_begins_anew_after_it() -> None:
    node, dry = Node(), budget(40, rampMicrowattsPerSecond=10_000_000, dryRun=True)
    assert node.at(dry, 0, 0.0).now_uw == 40_000_000
    assert node.at(budget(40, rampMicrowattsPerSecond=10_000_000), 0, 60.0).now_uw == 90_000_000


def test_hold_keeps_the_cap_that_was_in_force() -> None:
    node, held = Node(), budget(40, onExpiry="Hold")
    assert node.at(held, 0, 0.0).cap_uw == 40_000_000
    early = node.at(budget(70, onExpiry="Hold"), -5, 1.0)
    assert (early.action, early.phase, early.cap_uw, early.now_uw) == (
        Action.CAP,
        Phase.EARLY,
        40_000_000,
        40_000_000,
    )
    assert early.end == NOON


def test_without_a_cap_before_hold_keeps_what_is_there() -> None:
    node, held = Node(), budget(40, onExpiry="Hold")
    early = node.at(held, -5, 0.0)
    assert (early.action, early.cap_uw, early.now_uw, early.end) == (Action.KEEP, None, None, NOON)
    node.at(held, 0, 1.0)
    assert node.controller.directive(None, NOON, 2.0) is None
    assert node.at(held, -5, 3.0).action is Action.KEEP


def test_a_lift_lasts_until_its_end_or_the_slots() -> None:
    node = Node()
    for until, end in (("12:10", NOON + 10 * MINUTE), ("12:20", NOON + 15 * MINUTE)):
        lifted = node.at(budget(40, 30, liftUntil=f"2025-10-09T{until}:00Z"), 5, 0.0)
        assert (lifted.action, lifted.phase, lifted.end) == (Action.RELEASE, Phase.LIFTED, end)
        assert lifted.note == "the operator found the node not ready for long"
        assert lifted.now_uw is None
    over = node.at(budget(40, 30, liftUntil="2025-10-09T12:05:00Z"), 5, 0.0)
    assert over.phase is Phase.SLOT


def test_a_lift_after_the_last_slot_lasts_until_its_own_end() -> None:
    expired = budget(40, liftUntil="2025-10-09T13:00:00Z")
    lifted = Node().at(expired, 30, 0.0)
    assert (lifted.phase, lifted.end) == (Phase.LIFTED, NOON + 60 * MINUTE)


def test_pressure_lifts_a_cap_and_nothing_else() -> None:
    rule = {"somePercent": 80, "forSeconds": 60, "liftSeconds": 600}
    node, pressed = Node(), budget(40, pressure=rule)
    node.pressure = 80.0
    phases = [node.at(pressed, 0, second).phase for second in (0.0, 30.0, 60.0)]
    assert phases == [Phase.SLOT, Phase.SLOT, Phase.LIFTED]
    assert node.at(pressed, 0, 61.0).note == "tasks waited for a CPU 80 % of the time or more for 60 s"
    dry = budget(40, pressure=rule, dryRun=True)
    assert node.at(dry, 0, 62.0).phase is Phase.SLOT
    suspended = budget(40, pressure=rule, suspend=True)
    assert node.at(suspended, 0, 63.0).phase is Phase.SUSPENDED
