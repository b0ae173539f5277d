"""The command behind ``make sight``: installs what its tests need, and runs them with pytest's arguments."""

import sys

import pytest

from dev.sight.packages import MissingProgramError, require_programs


def main(arguments: list[str]) -> int:
    """pytest's exit code; 2 where a program is missing."""
    try:
        require_programs(print)
    except MissingProgramError as error:
        print(error)
        return 2
    return pytest.main(["tests/sight", *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
