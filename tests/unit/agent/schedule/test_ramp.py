"""Raised at once, lowered by the ramp, no more often than the dwell."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from powercap_agent.schedule.ramp import Ramp


def walk(
    targets: Sequence[tuple[float, int]], *, ramp: int | None, dwell: int = 0, standing: int = 100
) -> list[int]:
    """The cap in force at each (second, target)."""
    pace = Ramp()
    return [
        pace.step(target, at, ramp_uw=ramp, dwell_seconds=dwell, standing=lambda: standing)
        for at, target in targets
    ]


def test_without_ramp_and_dwell_the_cap_is_the_target() -> None:
    assert walk([(0, 50), (1, 20), (1, 80)], ramp=None) == [50, 20, 80]


def test_k_seconds_into_the_slot_the_cap_is_the_one_before_less_k_plus_one_ramps() -> None:
    assert walk([(0, 100), (10, 50), (10.9, 50), (11, 50), (13, 50), (14, 50), (99, 50)], ramp=10) == [
        100,
        90,
        90,
        80,
        60,
        50,
        50,
    ]


def test_an_edit_of_the_ramp_on_the_way_goes_on_from_there() -> None:
    ramp = Ramp()
    caps = [
        ramp.step(target, at, ramp_uw=speed, dwell_seconds=0, standing=lambda: 400)
        for at, target, speed in [
            (0, 400, 50),
            (1, 40, 50),
            (5, 40, 50),
            (6, 40, 1),
            (7, 40, 1),
            (8, 40, 100),
        ]
    ]
    assert caps == [400, 350, 150, 149, 148, 48]


def test_the_time_of_the_next_step_is_known() -> None:
    ramp = Ramp()
    steps = []
    for at, target in [(0.0, 100), (0.5, 80), (1.5, 80), (2.0, 60), (31.0, 60), (32.5, 60)]:
        ramp.step(target, at, ramp_uw=10, dwell_seconds=30, standing=lambda: 100)
        steps.append(ramp.next_step_at)
    assert steps == [None, 1.5, None, 30.5, 32.0, None], "a second apart, then when the dwell is over"


def test_a_raise_never_waits() -> None:
    assert walk([(0, 50), (1, 20), (2, 90)], ramp=1, dwell=1000, standing=50) == [50, 49, 90]


def test_the_first_lowering_begins_at_what_stands() -> None:
    assert walk([(0, 50), (1, 50)], ramp=10, standing=70) == [60, 50]
    assert walk([(0, 50)], ramp=10, standing=40) == [50]


def test_a_lower_cap_that_comes_within_the_dwell_waits() -> None:
    steps = [(0, 100), (10, 80), (20, 60), (309, 60), (310, 60)]
    assert walk(steps, ramp=None, dwell=300) == [100, 80, 80, 80, 60]


def test_a_new_target_on_the_way_down_is_a_lowering_of_its_own() -> None:
    assert walk([(0, 100), (1, 50), (2, 20), (6, 20), (10, 20), (11, 20)], ramp=10, dwell=10) == [
        100,
        90,
        80,
        50,
        50,
        40,
    ]


def test_after_a_reset_the_next_cap_starts_from_what_stands() -> None:
    pace = Ramp()
    pace.step(20, 0, ramp_uw=10, dwell_seconds=0, standing=lambda: 20)
    pace.reset()
    assert pace.step(20, 5, ramp_uw=10, dwell_seconds=0, standing=lambda: 100) == 90


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 1000)), min_size=1, max_size=30),
    st.none() | st.integers(1, 300),
    st.integers(0, 120),
    st.integers(1, 1000),
)
def test_never_below_the_target_never_faster_than_the_ramp_and_there_in_the_end(
    waits: list[tuple[int, int]], ramp: int | None, dwell: int, standing: int
) -> None:
    pace, now, before, target = Ramp(), 0.0, standing, standing
    for wait, target in waits:
        now += wait
        cap = pace.step(target, now, ramp_uw=ramp, dwell_seconds=dwell, standing=lambda: standing)
        assert cap >= min(target, before)
        assert cap <= max(target, before)
        if ramp is not None and cap < before:
            assert before - cap <= ramp * (wait + 1)
        before = cap
    now += dwell + 1000
    pace.step(target, now, ramp_uw=ramp, dwell_seconds=dwell, standing=lambda: standing)
    now += 1000
    assert pace.step(target, now, ramp_uw=ramp, dwell_seconds=dwell, standing=lambda: standing) == target
