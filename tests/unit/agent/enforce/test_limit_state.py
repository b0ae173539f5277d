"""When a limit may be tried again, and when something else fights for it."""

from powercap_agent.enforce.limit_state import LimitState
from powercap_agent.hardware.zone import LimitError
from powercap_api.reasons import ZoneReason

FAILED = LimitError(ZoneReason.FAILED, "i/o")
LOCKED = LimitError(ZoneReason.FIRMWARE_LOCKED, "locked")


def pause(state: LimitState, power_uw: int, now: float) -> float:
    """Seconds until the value may be tried, to half a minute."""
    wait = 0.0
    while state.blocked(power_uw, now + wait) is not None:
        wait += 30.0
    return wait


def test_a_refused_value_waits_ever_longer() -> None:
    state, waits, now = LimitState(), [], 0.0
    for _ in range(9):
        state.refused(40, FAILED, now)
        waits.append(pause(state, 40, now))
        now += waits[-1]
    assert waits == [0, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert state.problem is FAILED


def test_another_value_may_be_tried_at_once() -> None:
    state = LimitState()
    for _ in range(5):
        state.refused(40, FAILED, 0.0)
    assert state.blocked(41, 0.0) is None
    state.refused(41, FAILED, 0.0)
    assert pause(state, 41, 0.0) == 0


def test_a_locked_limit_refuses_all_values_and_is_tried_slowly() -> None:
    state, waits = LimitState(), []
    for value in range(4):
        state.refused(value, LOCKED, 0.0)
        waits.append(pause(state, 99, 0.0))
    assert waits == [0, 60, 120, 240]


def test_a_write_that_succeeded_ends_what_stood_in_the_way() -> None:
    state = LimitState()
    for _ in range(5):
        state.refused(40, FAILED, 0.0)
    state.accepted(41, 40)
    assert (state.requested_uw, state.read_back_uw, state.problem) == (41, 40, None)
    assert state.blocked(40, 0.0) is None
    state.refused(40, FAILED, 0.0)
    assert pause(state, 40, 0.0) == 0


def test_more_than_five_changes_within_two_hours_are_a_fight() -> None:
    state, pauses = LimitState(), []
    for number in range(8):
        now = number * 300.0
        assert state.fought(now) is (number > 5)
        state.changed(now)
        state.changed(now + 1)
        pauses.append(state.retry_at - now)
        state.accepted(40, 40)
    assert pauses == [0, 0, 0, 0, 0, 60, 120, 240]
    assert state.fought(2100 + 3 * 1440 - 1)
    assert not state.fought(2100 + 3 * 1440)


def test_a_change_now_and_then_is_no_fight() -> None:
    state = LimitState()
    for number in range(100):
        now = number * 1440.0
        state.changed(now)
        state.accepted(40, 40)
        assert not state.fought(now)
        assert state.retry_at == now
