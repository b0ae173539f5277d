"""The safety valve."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from powercap_agent.hardware.files import KernelFiles
from powercap_agent.schedule.budget import PressureRule
from powercap_agent.schedule.pressure_valve import Valve, read_cpu_pressure

RULE = PressureRule(some_percent=90, for_seconds=300, lift_seconds=900)


def open_seconds(percents: Sequence[float | None], step: float = 10.0) -> list[int]:
    """Seconds at which the valve is open, for one reading every ``step`` seconds."""
    readings = iter(percents)
    valve = Valve(lambda: next(readings, None))
    times = [round(index * step) for index in range(len(percents))]
    return [at for at in times if valve.left_open(RULE, float(at)) is not None]


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


def test_without_a_rule_it_is_closed() -> None:
    valve = Valve(lambda: 100.0)
    for at in range(0, 400, 10):
        valve.left_open(RULE, float(at))
    assert valve.left_open(RULE, 400.0) is not None
    assert valve.left_open(None, 410.0) is None
    assert valve.left_open(RULE, 420.0) is None


@pytest.mark.parametrize(
    ("text", "percent"),
    [
        ("some avg10=0.00 avg60=12.50 avg300=8.08 total=214264499\nfull avg10=0.00 avg60=99.00\n", 12.5),
        ("full avg10=0.00 avg60=99.00\n", None),
        ("some avg60=lots\n", None),
        ("", None),
    ],
)
def test_reading_the_kernels_figure(tmp_path: Path, text: str, percent: float | None) -> None:
    (tmp_path / "cpu").write_text(text, encoding="ascii")
    assert read_cpu_pressure(KernelFiles(), str(tmp_path / "cpu")) == percent


def test_no_file_no_figure(tmp_path: Path) -> None:
    assert read_cpu_pressure(KernelFiles(), str(tmp_path / "cpu")) is None
