"""The command behind ``make sight``: installs what its tests need, and runs them with pytest's arguments."""

import sys
from typing import Final

from dev.cluster.progress import say
from dev.lab.debian import require_programs
from dev.lab.suite import run_tests

PROGRAMS: Final = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
}
"""Program, and the package of Debian that has it."""


if __name__ == "__main__":
    sys.exit(run_tests("sight", sys.argv[1:], lambda: require_programs(PROGRAMS, say)))
