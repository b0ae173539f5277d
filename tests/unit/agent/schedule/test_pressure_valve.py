"""The safety valve."""

from collections.abc import Sequence

from powercap_agent.schedule.budget import PressureRule
from powercap_agent.schedule.pressure_valve import PressureValve

RULE = PressureRule(some_percent=90, for_seconds=300, lift_seconds=900)


def open_seconds(percents: Sequence[float | None], step: float = 10.0) -> list[int]:
    """Seconds at which the valve is open, for one reading every ``step`` seconds."""
    readings = iter(percents)
    valve = PressureValve(lambda: next(readings, None))
    times = [round(index * step) for index in range(len(percents))]
    return [at for at in times if valve.is_open(RULE, float(at))]


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

    valve = PressureValve(percent)
    assert not any(valve.is_open(RULE, second / 2) for second in range(599))
    assert len(read) == 30
    assert valve.is_open(RULE, 300.0)
