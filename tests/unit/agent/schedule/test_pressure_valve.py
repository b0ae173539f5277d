"""The safety valve."""

from collections.abc import Callable, Sequence

from powercap_agent.schedule.budget import PressureRule
from powercap_agent.schedule.pressure_valve import NO_DRAW, NO_PRESSURE, PressureValve

RULE = PressureRule(some_percent=90, for_seconds=300, lift_seconds=900)


def open_seconds(
    percents: Sequence[float | None],
    step: float = 10.0,
    binds: Callable[[float], bool | None] = lambda _: True,
) -> list[int]:
    """Seconds at which the valve is open, for one reading every ``step`` seconds; ``binds`` gets the second."""
    readings, now = iter(percents), 0.0
    valve = PressureValve(lambda: next(readings, None), lambda: binds(now))
    opened = []
    for index in range(len(percents)):
        now = index * step
        if valve.is_open(RULE, now):
            opened.append(round(now))
    return opened


def test_it_opens_after_so_long_without_a_break_and_closes_again() -> None:
    opened = open_seconds([95.0] * 130)
    assert opened[0] == 300
    assert [at for at in opened if at < 1300] == list(range(300, 1200, 10))


def test_a_break_starts_the_count_anew() -> None:
    assert open_seconds([95.0] * 29 + [10.0] + [95.0] * 30) == []


def test_a_busy_node_is_no_suffering_node() -> None:
    assert open_seconds([89.9] * 200) == []


def test_a_kernel_without_psi_never_opens_it() -> None:
    assert open_seconds([None] * 200) == []


def test_pressure_is_read_every_ten_seconds_and_its_limit_counts() -> None:
    read: list[float] = []

    def percent() -> float:
        read.append(90.0)
        return 90.0

    valve = PressureValve(percent, lambda: True)
    assert not any(valve.is_open(RULE, second / 2) for second in range(599))
    assert len(read) == 30
    assert valve.is_open(RULE, 300.0)


def test_load_alone_never_opens_it() -> None:
    assert open_seconds([99.0] * 200, binds=lambda _: False) == []


def test_a_limit_that_does_not_bind_for_a_moment_starts_the_count_anew() -> None:
    assert open_seconds([99.0] * 59, binds=lambda now: now != 290) == []


def test_a_draw_that_is_not_known_for_a_moment_is_no_break() -> None:
    assert open_seconds([99.0] * 32, binds=lambda now: None if now == 100 else True) == [300, 310]


def test_a_draw_that_is_not_known_opens_nothing() -> None:
    assert open_seconds([99.0] * 200, binds=lambda _: None) == []


def test_nothing_counts_from_before_a_stop() -> None:
    valve = PressureValve(lambda: 99.0, lambda: True)
    assert not any(valve.is_open(RULE, at) for at in (0.0, 10.0, 20.0))
    # The machine slept, or the process was stopped: nobody knows how it was meanwhile.
    assert not any(valve.is_open(RULE, at) for at in (400.0, 500.0, 510.0))


def test_nothing_counts_from_before_a_reset() -> None:
    valve = PressureValve(lambda: 99.0, lambda: True)
    opened = [at for at in range(0, 310, 10) if valve.is_open(RULE, float(at))]
    assert opened == [300]
    valve.reset()
    assert not valve.is_open(RULE, 310.0)


def test_it_says_why_it_cannot_open() -> None:
    percents = iter([None, 10.0, 10.0])
    valve = PressureValve(lambda: next(percents), lambda: None)
    troubles = [(valve.is_open(RULE, at), valve.trouble)[1] for at in (0.0, 10.0, 60.0)]
    assert troubles[0] == NO_PRESSURE
    assert troubles[1] is None  # the first samples of the draw take a while
    assert troubles[2] == NO_DRAW
