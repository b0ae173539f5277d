"""The command behind ``make sight`` and the table of metrics.

``metrics`` writes docs/operations.md's table of metrics, ``metrics --check`` only says whether it is up to date;
``test`` installs the programs that the tests of sight need and runs them, with pytest's arguments after it.
"""

import sys

import pytest

from dev.sight.metrics_table import FILE, with_table
from dev.sight.packages import MissingProgramError, require_programs


def main(arguments: list[str]) -> int:
    """Do what the first argument says."""
    if arguments[:1] == ["metrics"]:
        text = FILE.read_text(encoding="utf-8")
        wanted = with_table(text)
        if arguments[1:] == ["--check"]:
            if text != wanted:
                print(f"{FILE.name}: the table of metrics is out of date: run make crds")
            return int(text != wanted)
        FILE.write_text(wanted, encoding="utf-8")
        return 0
    if arguments[:1] == ["test"]:
        try:
            require_programs(print)
        except MissingProgramError as error:
            print(error)
            return 2
        return pytest.main(["tests/sight", *arguments[1:]])
    print(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
