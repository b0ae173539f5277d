"""The command behind ``make sight``: installs what its tests need, and runs them with pytest's arguments."""

import sys
from typing import Final

import pytest

from dev.lab.debian import PreparationError, require_programs

PROGRAMS: Final = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
}
"""Program, and the package of Debian that has it."""


def main(arguments: list[str]) -> int:
    """pytest's exit code; 2 where a program is missing."""
    try:
        require_programs(PROGRAMS, print)
    except PreparationError as error:
        print(error)
        return 2
    return pytest.main(["tests/sight", *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
