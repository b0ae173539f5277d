"""The lines in which a status tells energy: read as they were written, short, and refused where they are not lines."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powercap_api.budget.energy import (
    HISTORY_STEPS,
    LINE_PATTERN,
    MAX_LINE,
    STEP_SECONDS,
    Quarter,
    line_of,
    read_line,
)

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECONDS = st.integers(0, STEP_SECONDS)
JOULES = st.integers(0, 10**9 - 1)
QUARTERS = st.builds(Quarter, JOULES, SECONDS, JOULES, st.integers(0, STEP_SECONDS), SECONDS)


def test_what_a_line_looks_like() -> None:
    quarters = [
        Quarter(163_111),
        Quarter(163_111, 450, 81_559),
        Quarter(163_111, lifts=2),
        Quarter(100, seconds=871),
        Quarter(),
    ]
    line = "default 2026-11-25T12:00Z 163111 163111/450/81559 163111///2 100////871 0"
    assert line_of("default", NOON, quarters) == line
    assert read_line(line) == ("default", NOON, quarters)


@given(st.lists(QUARTERS, min_size=1, max_size=HISTORY_STEPS))
def test_lines_are_read_as_they_were_written(quarters: list[Quarter]) -> None:
    line = line_of("p" * 253, NOON, quarters)
    assert read_line(line) == ("p" * 253, NOON, quarters)
    assert re.match(LINE_PATTERN, line)
    assert len(line) <= MAX_LINE


@pytest.mark.parametrize(
    "line",
    [
        "",
        "default",
        "default noon 163111",
        "default 2026-11-25T12:00Z 16x311",
        f"p {NOON:%FT%RZ} 1/2/3/4/5/6",
    ],
)
def test_what_is_no_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_line(line)
