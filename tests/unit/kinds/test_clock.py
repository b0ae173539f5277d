"""A clock that follows a file."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from powercap_api.clock import ClockFileError, OffsetClock, SystemClock, open_clock, write_offset


def shift(clock: OffsetClock) -> timedelta:
    return clock.now() - datetime.now(UTC)


def test_no_file_named_is_the_machines_clock() -> None:
    assert isinstance(open_clock(None), SystemClock)


def test_the_offset_is_followed_while_running(tmp_path: Path) -> None:
    path = tmp_path / "offset"
    clock = OffsetClock(path)
    assert abs(shift(clock)) < timedelta(seconds=1)
    for hours in (1, -30, 0):
        write_offset(path, timedelta(hours=hours))
        assert abs(shift(clock) - timedelta(hours=hours)) < timedelta(seconds=1)
    path.unlink()
    assert clock.offset() == timedelta()


@pytest.mark.parametrize("text", ["", "soon", "nan", "1e300"])
def test_no_number_is_an_error_and_not_a_guess(tmp_path: Path, text: str) -> None:
    path = tmp_path / "offset"
    path.write_text(text)
    with pytest.raises(ClockFileError, match="write a number of seconds"):
        OffsetClock(path).now()
