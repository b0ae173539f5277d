"""When a limit may be tried again, and when something else fights for it."""

from powercap_agent.enforce.limit_state import (
    FIGHT_PAUSE_SECONDS,
    FIGHT_WINDOW_SECONDS,
    LOCKED_SECONDS,
    MAX_FIGHTS,
    LimitState,
)
from powercap_agent.hardware.zone import LimitError
from powercap_api.reasons import ZoneReason

FAILED = LimitError(ZoneReason.FAILED, "i/o")


def locked(message: str) -> LimitError:
    return LimitError(ZoneReason.FIRMWARE_LOCKED, message)


def test_a_refused_value_waits_ever_longer() -> None:
    state, waits, now = LimitState(), [], 0.0
    for _ in range(6):
        state.refused(40, FAILED, now)
        wait = 0.0
        while state.blocked(40, now + wait) is not None:
            wait += 30.0
        waits.append(wait)
        now += wait
    assert waits == [0.0, 60.0, 600.0, 3600.0, 3600.0, 3600.0]
    assert state.refusals[40].first_at == 0.0
    assert state.refusals[40].failures == 6
    assert state.last_problem is FAILED


def test_another_value_may_be_tried_unless_two_were_found_locked_lately() -> None:
    state = LimitState()
    state.refused(40, FAILED, 0.0)
    state.refused(41, FAILED, 0.0)
    assert state.blocked(42, 0.0) is None
    first, second = locked("first"), locked("second")
    state.refused(43, first, 100.0)
    assert state.blocked(44, 100.0) is None
    state.refused(45, second, 200.0)
    assert state.blocked(46, 200.0) is second
    assert state.blocked(46, 100.0 + LOCKED_SECONDS - 1) is second
    assert state.blocked(46, 100.0 + LOCKED_SECONDS) is None


def test_a_value_that_is_refused_again_counts_from_its_first_refusal() -> None:
    state = LimitState()
    state.refused(40, locked("a"), 0.0)
    state.refused(41, locked("b"), 0.0)
    state.refused(41, locked("b again"), LOCKED_SECONDS - 1)
    assert state.blocked(42, LOCKED_SECONDS) is None


def test_the_oldest_of_many_refusals_is_forgotten() -> None:
    state = LimitState()
    for value in range(20):
        state.refused(value, FAILED, float(value))
    assert list(state.refusals) == list(range(4, 20))
    state.refused(4, FAILED, 30.0)
    state.refused(99, FAILED, 31.0)
    assert list(state.refusals) == [*range(6, 20), 4, 99]


def test_a_write_that_succeeded_ends_all_refusals() -> None:
    state = LimitState()
    state.refused(40, FAILED, 0.0)
    state.accepted(41, 40, 7.0)
    assert (state.requested_uw, state.read_back_uw, state.written_at) == (41, 40, 7.0)
    assert (state.last_problem, state.refusals) == (None, {})


def test_five_changes_within_two_hours_are_a_fight_and_pause_writes() -> None:
    state = LimitState()
    for number in range(MAX_FIGHTS):
        at = 100.0 + number * 10
        assert not state.fought(at)
        state.changed(at)
        state.changed(at)
    last = 100.0 + (MAX_FIGHTS - 1) * 10
    assert not state.fought(last), "the change of this very check does not count yet"
    assert state.fought(last + 1)
    state.accepted(40, 40, last)
    assert state.pauses(last + FIGHT_PAUSE_SECONDS - 1)
    assert not state.pauses(last + FIGHT_PAUSE_SECONDS)
    assert state.fought(100.0 + FIGHT_WINDOW_SECONDS - 1)
    assert not state.fought(100.0 + FIGHT_WINDOW_SECONDS)


def test_no_more_than_the_last_changes_are_kept() -> None:
    state = LimitState()
    for number in range(100):
        state.changed(float(number))
    assert state.changes == [float(number) for number in range(36, 100)]
