"""What the kernel's driver answers to writes on one package: one table, run on the fake tree and on the real driver.

The package is as after power-up for each answer: long_term 105 W, short_term 126 W, peak_power 210 W, enabled.
"""

import errno
from collections.abc import Callable
from dataclasses import dataclass

LONG = "constraint_0_power_limit_uw"
SHORT = "constraint_1_power_limit_uw"
PEAK = "constraint_2_power_limit_uw"
ENABLED = "enabled"
NEWER, OLDER = "6.12", "6.1"

IGNORED = "ignored"
"""Firmware locked the register after the driver was loaded; writes have no effect."""
FAULT = "fault"
"""The same, and writes fault."""


@dataclass(frozen=True)
class Answer:
    """One write, or only a read where ``written`` is None, and what the file then reads."""

    name: str
    file: str
    written: str | None
    reads: int
    error: int | None = None
    """Error number of ``write()``."""
    lock: str = ""
    series: tuple[str, ...] = (OLDER, NEWER)
    """The kernels that answer so."""


ANSWERS = (
    Answer("the name's limit", LONG, None, 105_000_000),
    Answer("what the package may draw", "constraint_0_max_power_uw", None, 105_000_000),
    Answer("every constraint has a max_power", "constraint_1_max_power_uw", None, 0),
    Answer("peak_power has one too", "constraint_2_max_power_uw", None, 0),
    Answer("on the unit", LONG, "80000000\n", 80_000_000),
    Answer("off the unit", LONG, "80120000\n", 80_000_000),
    Answer("zero", LONG, "0\n", 0),
    Answer("one microwatt", LONG, "1\n", 0),
    Answer("just under the unit", LONG, "124999\n", 0),
    Answer("above max_power", LONG, "200000000\n", 200_000_000),
    Answer("the field's top", LONG, "4095875000\n", 4_095_875_000),
    Answer("one above the field's top wraps", LONG, "4096000000\n", 0),
    Answer("1 W more", LONG, "4097000000\n", 1_000_000),
    Answer("negative", LONG, "-80000000\n", 105_000_000, errno.EINVAL),
    Answer("no number", LONG, "none\n", 105_000_000, errno.EINVAL),
    Answer("a float", LONG, "8e7\n", 105_000_000, errno.EINVAL),
    Answer("hexadecimal", LONG, "0x4C4B400\n", 105_000_000, errno.EINVAL),
    Answer("spaces", LONG, " 80000000\n", 105_000_000, errno.EINVAL),
    Answer("2^64", LONG, "18446744073709551616\n", 105_000_000, errno.EINVAL),
    Answer("without a newline", LONG, "80000000", 80_000_000),
    Answer("short_term below long_term", SHORT, "50000000\n", 50_000_000),
    Answer("disable", ENABLED, "0\n", 0),
    Answer("enable", ENABLED, "1\n", 1),
    Answer("locked", LONG, "80000000\n", 105_000_000, lock=IGNORED),
    Answer("locked, disable", ENABLED, "0\n", 1, lock=IGNORED),
    Answer("locked, older", LONG, "80000000\n", 105_000_000, lock=FAULT, series=(OLDER,)),
    Answer("locked, newer", LONG, "80000000\n", 105_000_000, errno.ENODATA, FAULT, (NEWER,)),
    Answer("locked, disable, older", ENABLED, "0\n", 1, lock=FAULT, series=(OLDER,)),
    Answer("locked, disable, newer", ENABLED, "0\n", 1, errno.ENOSYS, FAULT, (NEWER,)),
)


def check(answer: Answer, write: Callable[[str, str], int | None], read: Callable[[str], str]) -> None:
    """Hold a driver to the answer. ``write`` returns the error number, or None; both take a file of the zone."""
    error = None if answer.written is None else write(answer.file, answer.written)
    text = read(answer.file)
    assert (error, text) == (answer.error, f"{answer.reads}\n"), answer.name
