"""Power to work: the default curve, curves of one's own, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powercap_operator.worth.curve import (
    Curve,
    CurveError,
    Run,
    average,
    default_curve,
    read_runs,
    write_runs,
)
from tests.support import plain_backtest

MEASURED = {100: (8.48, 190.8), 80: (8.96, 179.4), 60: (10.49, 157.4), 40: (13.73, 140.0), 20: (30.23, 154.1)}


@pytest.mark.parametrize("cap", MEASURED)
def test_the_default_curve_gives_back_seconds_and_joules_of_the_measurement(cap: int) -> None:
    curve, (seconds, joules) = default_curve(), MEASURED[cap]
    work, power = curve.work(cap / 100), curve.power(cap / 100)
    assert MEASURED[100][0] / work == pytest.approx(seconds, rel=0.001)
    assert MEASURED[100][1] * power / work == pytest.approx(joules, rel=0.01)


@given(st.floats(0.2, 1.0))
def test_between_the_points_it_is_linear(share: float) -> None:
    works, powers = plain_backtest.curve()
    assert default_curve().work(share) == pytest.approx(plain_backtest.line(works, share))
    assert default_curve().power(share) == pytest.approx(plain_backtest.line(powers, share))


def test_below_the_lowest_point_the_last_line_goes_on_until_no_work_is_left() -> None:
    curve = default_curve()
    slope = (8.48 / 13.73 - 8.48 / 30.23) / 0.2
    assert curve.work(0.1) == pytest.approx(8.48 / 30.23 - 0.1 * slope)
    assert [curve.work(share) for share in (0.0, 0.02)] == [0.0, 0.0]
    assert [curve.power(share) for share in (0.0, 0.02)] == pytest.approx([curve.powers[0]] * 2)
    assert 0 < curve.powers[0] < 0.05


def test_a_straight_curve_needs_no_point_below() -> None:
    curve = Curve.of([Run(100, 10, 1000), Run(50, 20, 1000)], "straight")
    assert [curve.work(share) for share in (0.0, 0.25, 1.0)] == pytest.approx([0.0, 0.25, 1.0])
    assert [curve.power(share) for share in (0.0, 0.25, 1.0)] == pytest.approx([0.0, 0.25, 1.0])


def test_several_runs_under_a_cap_are_averaged_and_caps_may_be_watts() -> None:
    curve = Curve.of([Run(140, 10, 1000), Run(70, 18, 900), Run(70, 22, 1100), Run(140, 10, 1000)], "mine")
    assert curve.work(0.5) == pytest.approx(0.5)
    assert [run.cap for run in average([Run(140, 1, 1), Run(70, 1, 1), Run(70, 3, 3)])] == [70, 140]


def test_noise_between_two_caps_is_smoothed_and_more_than_noise_is_refused() -> None:
    curve = Curve.of([Run(100, 10.0, 1000), Run(80, 9.9, 900), Run(60, 12, 800)], "noisy")
    assert curve.work(0.8) == 1.0
    with pytest.raises(
        CurveError, match="under cap 80 the work took 9 s, and under the higher cap 100 it took 10"
    ):
        Curve.of([Run(100, 10, 1000), Run(80, 9, 900)], "wrong")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the first line must be cap,seconds,joules"),
        ("cap,time,joules\n1,2,3\n", "the first line must be"),
        ("cap,seconds,joules\n100,8,190\nfast,1,2\n", "line 3: 'fast,1,2' is not three numbers"),
        ("cap,seconds,joules\n100,8\n", "line 2"),
    ],
)
def test_what_is_no_list_of_runs_is_refused_with_the_line(text: str, why: str) -> None:
    with pytest.raises(CurveError, match=why):
        read_runs(text)


@pytest.mark.parametrize("runs", [[], [Run(100, 8, 190)], [Run(100, 8, 190), Run(100, 9, 190)]])
def test_one_cap_makes_no_curve(runs: list[Run]) -> None:
    with pytest.raises(CurveError, match="runs under two caps at least"):
        Curve.of(runs, "few")


@pytest.mark.parametrize("run", [Run(0, 8, 190), Run(100, 0, 190), Run(100, 8, 0), Run(100, float("nan"), 1)])
def test_a_run_without_time_energy_or_cap_is_refused(run: Run) -> None:
    with pytest.raises(CurveError, match="must be above 0"):
        Curve.of([run, Run(50, 20, 200)], "broken")


def test_what_is_written_is_read_again() -> None:
    runs = [Run(40, 13.73, 140), Run(112.5, 8.5, 190.8)]
    assert read_runs(write_runs(runs)) == runs
    assert read_runs(write_runs(runs) + write_runs(runs)) == runs * 2, "outputs put together"
