"""The real driver gives the answers that the fake tree was made after."""

import os

import pytest

from tests.kernel import registers
from tests.kernel.registers import ZONES
from tests.support.driver_answers import ANSWERS, FAULT, Answer, check

PACKAGE = ZONES / "intel-rapl/intel-rapl:0"


@pytest.mark.machine("sockets")
@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.name)
def test_driver(answer: Answer, machine: str) -> None:
    if machine.split("-", maxsplit=1)[0] not in answer.series:
        assert answer.lock == FAULT, "the kernels differ in this only"
        return
    registers.load({"watts": 105, "fault": int(answer.lock == FAULT)})
    if answer.lock:
        registers.put("package-0/limit", registers.read("package-0/limit") | registers.LOCK)
    check(answer, _write, lambda file: (PACKAGE / file).read_text(encoding="ascii"))
    registers.unload()


def _write(file: str, text: str) -> int | None:
    descriptor = os.open(PACKAGE / file, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode("ascii"))
    except OSError as error:
        return error.errno
    finally:
        os.close(descriptor)
    return None
