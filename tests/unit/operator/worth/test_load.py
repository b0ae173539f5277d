"""What a node draws uncapped, from traces and profiles."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from powercap_operator.worth.load import FullLoad, LoadError, read_load

PARIS = ZoneInfo("Europe/Paris")
NOON = datetime(2025, 10, 9, 12, tzinfo=UTC)
QUARTERS = [NOON + step * timedelta(minutes=15) for step in range(3)]


def test_a_full_node_draws_the_same_all_day() -> None:
    assert FullLoad(140).watts(QUARTERS, 15) == [140] * 3


def test_a_trace_gives_the_mean_of_each_period() -> None:
    trace = read_load(
        "time,watts\n2025-10-09T12:00:00Z,100\n2025-10-09T14:10:00+02:00,50\n2025-10-09T12:15Z,80\n2025-10-09T12:44Z,20\n",
        PARIS,
    )
    assert trace.watts(QUARTERS, 15) == [75, 80, 20]
    assert trace.watts(QUARTERS[:1], 60) == [62.5]
    assert trace.watts([*QUARTERS, NOON + timedelta(hours=1)], 15) is None


def test_a_profile_repeats_on_the_zones_clock() -> None:
    profile = read_load("time,watts\n07:30,130\n22:00,60\n", PARIS)
    midnight = datetime(2025, 10, 25, 22, tzinfo=UTC)
    hours = [midnight + step * timedelta(hours=1) for step in range(25)]
    watts = profile.watts(hours, 60)
    assert watts is not None
    assert watts[:8] == [60] * 8, "the hour that is there twice too"
    assert watts[8:10] == [95, 130]
    assert watts[23:] == [60, 60]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the first line must be time,watts"),
        ("when,watts\n", "the first line"),
        ("time,watts\n", "there are no lines"),
        ("time,watts\n00:00,x\n", "line 2: '00:00,x' is no time and power"),
        ("time,watts\n00:00\n", "line 2"),
        ("time,watts\n00:00,-1\n", "line 2: -1 W is no power of a node"),
        ("time,watts\n24:00,1\n", "line 2: '24:00' is no time of day"),
        ("time,watts\n2025-10-09T12:00:00,1\n", "has no zone: end it in Z"),
        ("time,watts\n2025-10-09T12:00:00Z,1\n12:00,1\n", "line 3: '12:00' is no time such as"),
        ("time,watts\n12:00,1\n2025-10-09T12:00:00Z,1\n", "line 3: .* is no time of day"),
    ],
)
def test_what_is_no_load_is_refused_with_the_line(text: str, why: str) -> None:
    with pytest.raises(LoadError, match=why):
        read_load(text, PARIS)
