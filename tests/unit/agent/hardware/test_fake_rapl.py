"""The fake driver gives the answers that the real one gives (tests/kernel/test_driver.py runs the same table)."""

from pathlib import Path

import pytest

from dev.lab.fake_sysfs import TWO_SOCKETS, build_tree
from powercap_agent.hardware.files import DriverError
from tests.support.driver_answers import ANSWERS, NEWER, OLDER, Answer, check
from tests.support.fake_rapl import RaplKernel


@pytest.mark.parametrize(
    ("answer", "series"),
    [
        pytest.param(answer, series, id=f"{answer.name}, {series}")
        for answer in ANSWERS
        for series in (OLDER, NEWER)
        if series in answer.series
    ],
)
def test_the_fake_answers_as_the_driver_does(tmp_path: Path, answer: Answer, series: str) -> None:
    build_tree(tmp_path, TWO_SOCKETS)
    kernel = RaplKernel(series=series, lock=answer.lock)
    zone = tmp_path / "intel-rapl/intel-rapl:0"

    def write(file: str, text: str) -> int | None:
        try:
            kernel.write(str(zone / file), text)
        except DriverError as error:
            return error.errno
        return None

    check(answer, write, lambda file: kernel.read(str(zone / file)))
